"""Static members of classic groups (KIP-345): instances that come back, and fenced ones."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.classic import (
    NEWEST_SYNC,
    PROTOCOLS,
    heartbeat,
    join,
    joined,
    leave,
    send_join,
    stable_group,
    sync,
    sync_request,
)
from interop.group_questions.consumer_bytes import OTHERWISE
from interop.group_questions.questions import Questions
from pykbroker.wire.messages.sync_group import SyncGroup

STATIC_MEMBERS = Questions("static_members")


def static_group(asker: Asker, **fields: Any) -> tuple[str, str]:
    """Make a stable group of the instance "one"; give the group and the member id."""
    group = asker.group()
    member = stable_group(asker, group, group_instance_id="one", **fields)["member_id"]
    return group, member


@STATIC_MEMBERS.about(90, version=range(5, 10))
def a_static_member_joins_at_once(asker: Asker, version: int) -> Any:
    return join(asker, asker.group(), version=version, group_instance_id="one")


@STATIC_MEMBERS.about(90)
def an_empty_instance_id(asker: Asker) -> Any:
    return join(asker, asker.group(), group_instance_id="")


@STATIC_MEMBERS.about(90, instance=["one two", "../one", "."])
def an_odd_instance_id(asker: Asker, instance: str) -> Any:
    return join(asker, asker.group(), group_instance_id=instance)


@STATIC_MEMBERS.about(90)
def a_long_instance_id(asker: Asker) -> Any:
    return join(asker, asker.group(), group_instance_id="a" * 1_000)["error_code"]


@STATIC_MEMBERS.about(91)
def a_static_member_with_a_member_id_in_an_unknown_group(asker: Asker) -> Any:
    return join(asker, asker.group(), "somebody", group_instance_id="one")


@STATIC_MEMBERS.about(91)
def an_unknown_instance_with_a_member_id(asker: Asker) -> Any:
    group, _ = static_group(asker)
    return join(asker, group, "somebody", group_instance_id="two")


@STATIC_MEMBERS.about(93, version=[5, 7, 9])
def the_leader_comes_back_without_its_member_id(asker: Asker, version: int) -> Any:
    group, old = static_group(asker)
    back = join(asker, group, version=version, group_instance_id="one")
    return (
        back,
        asker.state(group),
        heartbeat(asker, group, old, 1, group_instance_id="one"),
        heartbeat(asker, group, old, 1),
        heartbeat(asker, group, back["member_id"], 1, group_instance_id="one"),
        sync(asker, group, back["member_id"], 1, group_instance_id="one"),
    )


@STATIC_MEMBERS.about(93)
def the_leader_comes_back_with_other_metadata(asker: Asker) -> Any:
    group, _ = static_group(asker)
    back = join(asker, group, group_instance_id="one", protocols={"range": OTHERWISE})
    return back, asker.state(group)


@STATIC_MEMBERS.about(93)
def the_leader_comes_back_with_one_more_protocol(asker: Asker) -> Any:
    group, _ = static_group(asker)
    back = join(asker, group, group_instance_id="one", protocols=PROTOCOLS | {"more": OTHERWISE})
    return back, asker.state(group)


@STATIC_MEMBERS.about(93)
def the_leader_comes_back_with_another_favourite_protocol(asker: Asker) -> Any:
    group, _ = static_group(asker)
    back = join(asker, group, group_instance_id="one", protocols={"more": OTHERWISE} | PROTOCOLS)
    return back, asker.state(group)


@STATIC_MEMBERS.about(93)
def a_member_comes_back_before_it_has_synced(asker: Asker) -> Any:
    group = asker.group()
    old = join(asker, group, group_instance_id="one")
    back = join(asker, group, group_instance_id="one")
    late = sync(asker, group, old["member_id"], 1, {}, group_instance_id="one")
    return old, back, late, asker.state(group)


@STATIC_MEMBERS.about(93)
def the_leader_joins_again_with_its_member_id(asker: Asker) -> Any:
    group, member = static_group(asker)
    return join(asker, group, member, group_instance_id="one"), asker.state(group)


@STATIC_MEMBERS.about(93)
def an_instance_with_another_member_id_is_fenced(asker: Asker) -> Any:
    group, _ = static_group(asker)
    return (
        join(asker, group, "somebody", group_instance_id="one"),
        sync(asker, group, "somebody", 1, group_instance_id="one"),
        heartbeat(asker, group, "somebody", 1, group_instance_id="one"),
        leave(asker, group, ("somebody", "one")),
    )


@STATIC_MEMBERS.about(91)
def an_unknown_instance(asker: Asker) -> Any:
    group, member = static_group(asker)
    return (
        sync(asker, group, member, 1, group_instance_id="two"),
        heartbeat(asker, group, member, 1, group_instance_id="two"),
        leave(asker, group, (member, "two")),
    )


@STATIC_MEMBERS.about(93)
def a_static_member_need_not_name_its_instance(asker: Asker) -> Any:
    group, member = static_group(asker)
    return sync(asker, group, member, 1), heartbeat(asker, group, member, 1)


@STATIC_MEMBERS.about(93)
def a_static_member_joins_again_without_naming_its_instance(asker: Asker) -> Any:
    group, member = static_group(asker)
    return join(asker, group, member), asker.state(group)


@STATIC_MEMBERS.about(93)
def instances_come_first_whatever_the_generation(asker: Asker) -> Any:
    group, member = static_group(asker)
    return (
        heartbeat(asker, group, "somebody", 7, group_instance_id="one"),
        heartbeat(asker, group, member, 7, group_instance_id="one"),
    )


class StaticPair:
    """A stable group of the instances "one", which leads, and "two"."""

    def __init__(self, asker: Asker) -> None:
        self.leader, self.follower = asker, asker.another()
        self.group, self.leader_id = static_group(asker)
        send_join(self.follower, self.group, group_instance_id="two")
        asker.another().wait_for_state(self.group, "PreparingRebalance")
        self.joined_leader = join(asker, self.group, self.leader_id, group_instance_id="one")
        self.joined_follower = joined(self.follower)
        self.follower_id: str = self.joined_follower["member_id"]
        shares = {self.leader_id: b"one", self.follower_id: b"two"}
        sync(asker, self.group, self.leader_id, 2, shares, group_instance_id="one")
        sync(self.follower, self.group, self.follower_id, 2, group_instance_id="two")


@STATIC_MEMBERS.about(90, 95)
def two_instances(asker: Asker) -> Any:
    pair = StaticPair(asker)
    return pair.joined_leader, pair.joined_follower


@STATIC_MEMBERS.about(93, version=[5, 9])
def a_follower_comes_back_without_its_member_id(asker: Asker, version: int) -> Any:
    pair = StaticPair(asker)
    back = join(pair.follower, pair.group, version=version, group_instance_id="two")
    return (
        back,
        asker.state(pair.group),
        sync(pair.follower, pair.group, back["member_id"], 2, group_instance_id="two"),
        heartbeat(pair.follower, pair.group, pair.follower_id, 2, group_instance_id="two"),
        heartbeat(pair.leader, pair.group, pair.leader_id, 2, group_instance_id="one"),
    )


@STATIC_MEMBERS.about(93)
def a_leader_of_two_comes_back_without_its_member_id(asker: Asker) -> Any:
    pair = StaticPair(asker)
    back = join(pair.leader, pair.group, group_instance_id="one")
    return (
        back,
        asker.state(pair.group),
        join(pair.leader, pair.group, version=8, group_instance_id="one"),
    )


@STATIC_MEMBERS.about(93)
def a_follower_comes_back_with_other_metadata(asker: Asker) -> Any:
    pair = StaticPair(asker)
    back = join(pair.follower, pair.group, group_instance_id="two", protocols={"range": OTHERWISE})
    return back, asker.state(pair.group)


@STATIC_MEMBERS.about(93)
def a_follower_with_its_member_id_has_other_metadata(asker: Asker) -> Any:
    pair = StaticPair(asker)
    send_join(
        pair.follower,
        pair.group,
        pair.follower_id,
        group_instance_id="two",
        protocols={"range": OTHERWISE},
    )
    asker.wait_for_state(pair.group, "PreparingRebalance")
    again = join(pair.leader, pair.group, pair.leader_id, group_instance_id="one")
    return again, joined(pair.follower)


@STATIC_MEMBERS.about(93)
def a_waiting_instance_is_replaced(asker: Asker) -> Any:
    group, leader_id = static_group(asker)
    old, new = asker.another(), asker.another()
    send_join(old, group, group_instance_id="two")
    asker.wait_for_state(group, "PreparingRebalance")
    send_join(new, group, group_instance_id="two")
    fenced = joined(old)
    again = join(asker, group, leader_id, group_instance_id="one")
    return fenced, again, joined(new)


@STATIC_MEMBERS.about(93)
def an_instance_waiting_for_its_share_is_replaced(asker: Asker) -> Any:
    pair = StaticPair(asker)
    send_join(pair.leader, pair.group, pair.leader_id, group_instance_id="one")
    pair.follower.wait_for_state(pair.group, "PreparingRebalance")
    join(pair.follower, pair.group, pair.follower_id, group_instance_id="two")
    joined(pair.leader)
    send_sync(pair)
    new = asker.another()
    send_join(new, pair.group, group_instance_id="two")
    late = synced(pair)
    state = asker.state(pair.group)
    again = join(pair.leader, pair.group, pair.leader_id, group_instance_id="one")
    return late, state, again, joined(new)


def send_sync(pair: StaticPair) -> None:
    """Let the follower wait for its share of generation 3."""
    request = sync_request(pair.group, pair.follower_id, 3, group_instance_id="two")
    pair.follower.send(SyncGroup, request, version=NEWEST_SYNC)
    pair.leader.sleep_ms(100)


def synced(pair: StaticPair) -> Any:
    """Give the answer to the follower's sync."""
    return pair.follower.answer(SyncGroup, version=NEWEST_SYNC)
