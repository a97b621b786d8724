"""Heartbeat and LeaveGroup in groups of every state."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.classic import (
    NEWEST_HEARTBEAT,
    NEWEST_LEAVE,
    Pair,
    enter,
    heartbeat,
    joined,
    leave,
    new_member_id,
    send_join,
    stable_group,
)
from interop.group_questions.questions import Questions
from pykbroker.wire.messages.leave_group import LeaveGroup

HEARTBEAT = Questions("heartbeat")
LEAVE_GROUP = Questions("leave_group")


@HEARTBEAT.about(87, version=range(NEWEST_HEARTBEAT + 1))
def an_empty_group_id(asker: Asker, version: int) -> Any:
    return heartbeat(asker, "", "nobody", 1, version=version)


@HEARTBEAT.about(99, version=range(NEWEST_HEARTBEAT + 1))
def an_unknown_group(asker: Asker, version: int) -> Any:
    return heartbeat(asker, asker.group(), "nobody", 1, version=version)


@HEARTBEAT.about(99, version=range(NEWEST_HEARTBEAT + 1))
def a_stable_group(asker: Asker, version: int) -> Any:
    group = asker.group()
    member = stable_group(asker, group)["member_id"]
    return heartbeat(asker, group, member, 1, version=version)


@HEARTBEAT.about(99, generation=[0, 2, -1])
def another_generation(asker: Asker, generation: int) -> Any:
    group = asker.group()
    member = stable_group(asker, group)["member_id"]
    return heartbeat(asker, group, member, generation)


@HEARTBEAT.about(99)
def an_unknown_member(asker: Asker) -> Any:
    group = asker.group()
    stable_group(asker, group)
    return heartbeat(asker, group, "nobody", 1), heartbeat(asker, group, "", 1)


@HEARTBEAT.about(99)
def before_the_leader_has_synced(asker: Asker) -> Any:
    pair = Pair(asker, synced=False)
    return (
        asker.state(pair.group),
        heartbeat(pair.leader, pair.group, pair.leader_id, pair.generation),
        heartbeat(pair.follower, pair.group, pair.follower_id, pair.generation),
        heartbeat(pair.follower, pair.group, pair.follower_id, pair.generation - 1),
    )


@HEARTBEAT.about(99)
def while_a_rebalance_waits_for_members(asker: Asker) -> Any:
    pair = Pair(asker)
    send_join(pair.leader, pair.group, pair.leader_id)
    pair.follower.wait_for_state(pair.group, "PreparingRebalance")
    return (
        heartbeat(pair.follower, pair.group, pair.follower_id, pair.generation),
        heartbeat(pair.follower, pair.group, pair.follower_id, pair.generation + 1),
        heartbeat(pair.follower, pair.group, "nobody", pair.generation),
    )


@HEARTBEAT.about(99)
def an_empty_group(asker: Asker) -> Any:
    group = asker.group()
    member = stable_group(asker, group)["member_id"]
    leave(asker, group, member)
    return heartbeat(asker, group, member, 1), heartbeat(asker, group, member, 2)


@LEAVE_GROUP.about(87, version=range(NEWEST_LEAVE + 1))
def with_an_empty_group_id(asker: Asker, version: int) -> Any:
    return leave(asker, "", "nobody", version=version)


@LEAVE_GROUP.about(100, version=range(NEWEST_LEAVE + 1))
def from_an_unknown_group(asker: Asker, version: int) -> Any:
    return leave(asker, asker.group(), "nobody", version=version)


@LEAVE_GROUP.about(100, version=range(NEWEST_LEAVE + 1))
def as_an_unknown_member(asker: Asker, version: int) -> Any:
    group = asker.group()
    stable_group(asker, group)
    return leave(asker, group, "nobody", version=version), leave(asker, group, "", version=version)


@LEAVE_GROUP.about(100, version=range(NEWEST_LEAVE + 1))
def as_the_last_member(asker: Asker, version: int) -> Any:
    group = asker.group()
    member = stable_group(asker, group)["member_id"]
    left = leave(asker, group, member, version=version)
    return left, asker.state(group), leave(asker, group, member, version=version)


@LEAVE_GROUP.about(100)
def and_enter_again(asker: Asker) -> Any:
    group = asker.group()
    leave(asker, group, stable_group(asker, group)["member_id"])
    return enter(asker, group)


@LEAVE_GROUP.about(100)
def before_the_leader_has_synced_and_enter_again(asker: Asker) -> Any:
    group = asker.group()
    leave(asker, group, enter(asker, group)["member_id"])
    return asker.state(group), enter(asker, group)


@LEAVE_GROUP.about(100, version=[3, 5])
def of_several_members_at_once(asker: Asker, version: int) -> Any:
    pair = Pair(asker)
    members = (pair.follower_id, "nobody", pair.leader_id)
    return leave(asker, pair.group, *members, version=version), asker.state(pair.group)


@LEAVE_GROUP.about(100)
def of_the_same_member_twice(asker: Asker) -> Any:
    pair = Pair(asker)
    members = (pair.follower_id, pair.follower_id)
    return leave(asker, pair.group, *members), asker.state(pair.group)


@LEAVE_GROUP.about(100)
def of_strangers_only(asker: Asker) -> Any:
    pair = Pair(asker)
    return leave(asker, pair.group, "nobody", "no one"), asker.state(pair.group)


@LEAVE_GROUP.about(100)
def of_nobody(asker: Asker) -> Any:
    group = asker.group()
    stable_group(asker, group)
    empty = asker.ask(LeaveGroup, {"group_id": group, "members": []}, version=NEWEST_LEAVE)
    unknown = {"group_id": asker.group(), "members": []}
    return empty, asker.state(group), asker.ask(LeaveGroup, unknown, version=NEWEST_LEAVE)


@LEAVE_GROUP.about(100, version=[3, 5])
def of_an_instance_without_its_member_id(asker: Asker, version: int) -> Any:
    group = asker.group()
    member = stable_group(asker, group, group_instance_id="one")["member_id"]
    left = leave(asker, group, ("", "one"), version=version)
    told = heartbeat(asker, group, member, 1, group_instance_id="one")
    return left, asker.state(group), told


@LEAVE_GROUP.about(100)
def of_an_instance_with_its_member_id(asker: Asker) -> Any:
    group = asker.group()
    member = stable_group(asker, group, group_instance_id="one")["member_id"]
    return leave(asker, group, (member, "one")), asker.state(group)


@LEAVE_GROUP.about(100)
def of_a_static_member_by_its_member_id_alone(asker: Asker) -> Any:
    group = asker.group()
    member = stable_group(asker, group, group_instance_id="one")["member_id"]
    return leave(asker, group, member), asker.state(group)


@LEAVE_GROUP.about(93, 100)
def of_instances_unknown_and_fenced(asker: Asker) -> Any:
    group = asker.group()
    stable_group(asker, group, group_instance_id="one")
    return leave(asker, group, ("", "two"), ("somebody", "one"), ("somebody", "two"))


@LEAVE_GROUP.about(100)
def while_a_rebalance_waits_for_one(asker: Asker) -> Any:
    pair = Pair(asker)
    send_join(pair.leader, pair.group, pair.leader_id)
    pair.follower.wait_for_state(pair.group, "PreparingRebalance")
    left = leave(pair.follower, pair.group, pair.follower_id)
    return left, joined(pair.leader)


@LEAVE_GROUP.about(90, 100)
def of_a_pending_member_beside_a_stable_one(asker: Asker) -> Any:
    group = asker.group()
    stable_group(asker, group)
    pending = new_member_id(asker.another(), group)
    return leave(asker, group, pending), asker.state(group)
