"""SyncGroup: collecting shares, and what is refused."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.classic import (
    NEWEST_SYNC,
    Pair,
    enter,
    join,
    joined,
    leave,
    new_member_id,
    pending_member,
    send_join,
    stable_group,
    sync,
    sync_request,
)
from interop.group_questions.questions import Questions
from pykbroker.wire.messages.sync_group import SyncGroup

SYNC_GROUP = Questions("sync_group")
VERSIONS = range(NEWEST_SYNC + 1)


@SYNC_GROUP.about(87, version=VERSIONS)
def an_empty_group_id(asker: Asker, version: int) -> Any:
    return sync(asker, "", "nobody", 1, version=version)


@SYNC_GROUP.about(96, version=VERSIONS)
def an_unknown_group(asker: Asker, version: int) -> Any:
    return sync(asker, asker.group(), "nobody", 1, version=version)


@SYNC_GROUP.about(96)
def an_unknown_group_without_protocol(asker: Asker) -> Any:
    return sync(asker, asker.group(), "nobody", 1, protocol_type=None, protocol_name=None)


@SYNC_GROUP.about(96)
def only_one_of_protocol_type_and_name(asker: Asker) -> Any:
    group = asker.group()
    member = enter(asker, group)["member_id"]
    return (
        sync(asker, group, member, 1, protocol_name=None),
        sync(asker, group, member, 1, protocol_type=None),
        sync(asker, group, member, 1, protocol_type=None, protocol_name=None),
    )


@SYNC_GROUP.about(96)
def a_group_of_a_pending_member(asker: Asker) -> Any:
    group = asker.group()
    return sync(asker, group, pending_member(asker, group), 0)


@SYNC_GROUP.about(96)
def an_empty_group(asker: Asker) -> Any:
    group = asker.group()
    member = stable_group(asker, group)["member_id"]
    leave(asker, group, member)
    return sync(asker, group, member, 1), sync(asker, group, member, 2)


@SYNC_GROUP.about(96, version=[0, 3, 5])
def an_unknown_member(asker: Asker, version: int) -> Any:
    group = asker.group()
    stable_group(asker, group)
    return sync(asker, group, "nobody", 1, version=version), sync(asker, group, "", 1)


@SYNC_GROUP.about(96, generation=[0, 2, -1])
def another_generation(asker: Asker, generation: int) -> Any:
    group = asker.group()
    member = stable_group(asker, group)["member_id"]
    return sync(asker, group, member, generation)


@SYNC_GROUP.about(96)
def another_protocol(asker: Asker) -> Any:
    group = asker.group()
    member = stable_group(asker, group)["member_id"]
    return (
        sync(asker, group, member, 1, protocol_type="connect"),
        sync(asker, group, member, 1, protocol_name="sticky"),
        sync(asker, group, member, 2, protocol_name="sticky"),
        sync(asker, group, member, 1, protocol_type="connect", version=4),
    )


@SYNC_GROUP.about(97, version=VERSIONS)
def a_member_alone(asker: Asker, version: int) -> Any:
    group = asker.group()
    member = enter(asker, group)["member_id"]
    before = asker.state(group)
    answer = sync(asker, group, member, 1, {member: b"all"}, version=version)
    return before, answer, asker.state(group)


@SYNC_GROUP.about(97)
def the_leader_hands_in_again_in_a_stable_group(asker: Asker) -> Any:
    group = asker.group()
    member = stable_group(asker, group)["member_id"]
    return sync(asker, group, member, 1, {member: b"other"}), sync(asker, group, member, 1)


@SYNC_GROUP.about(97)
def a_leader_without_assignments(asker: Asker) -> Any:
    pair = Pair(asker, synced=False)
    mine = sync(pair.leader, pair.group, pair.leader_id, pair.generation)
    return mine, sync(pair.follower, pair.group, pair.follower_id, pair.generation)


@SYNC_GROUP.about(97)
def a_share_for_the_follower_only(asker: Asker) -> Any:
    pair = Pair(asker, synced=False)
    shares = {pair.follower_id: b"two"}
    mine = sync(pair.leader, pair.group, pair.leader_id, pair.generation, shares)
    return mine, sync(pair.follower, pair.group, pair.follower_id, pair.generation)


@SYNC_GROUP.about(97)
def a_share_for_a_stranger(asker: Asker) -> Any:
    group = asker.group()
    member = enter(asker, group)["member_id"]
    return sync(asker, group, member, 1, {"stranger": b"x", member: b"all"}), asker.state(group)


@SYNC_GROUP.about(97)
def a_follower_hands_in_shares_that_count_for_nothing(asker: Asker) -> Any:
    pair = Pair(asker, synced=False)
    shares = {pair.leader_id: b"mine", pair.follower_id: b"mine too"}
    request = sync_request(pair.group, pair.follower_id, pair.generation, shares)
    pair.follower.send(SyncGroup, request, version=NEWEST_SYNC)
    asker.sleep_ms(100)
    state = asker.state(pair.group)
    mine = sync(pair.leader, pair.group, pair.leader_id, pair.generation, {pair.follower_id: b"x"})
    return state, mine, pair.follower.answer(SyncGroup, version=NEWEST_SYNC)


@SYNC_GROUP.about(97)
def a_follower_waits_for_the_leader(asker: Asker) -> Any:
    pair = Pair(asker, synced=False)
    request = sync_request(pair.group, pair.follower_id, pair.generation)
    pair.follower.send(SyncGroup, request, version=NEWEST_SYNC)
    asker.sleep_ms(100)
    shares = {pair.leader_id: b"one", pair.follower_id: b"two"}
    mine = sync(pair.leader, pair.group, pair.leader_id, pair.generation, shares)
    return mine, pair.follower.answer(SyncGroup, version=NEWEST_SYNC)


@SYNC_GROUP.about(97)
def a_follower_comes_when_all_is_stable(asker: Asker) -> Any:
    pair = Pair(asker, synced=False)
    shares = {pair.leader_id: b"one", pair.follower_id: b"two"}
    mine = sync(pair.leader, pair.group, pair.leader_id, pair.generation, shares)
    state = asker.state(pair.group)
    theirs = sync(pair.follower, pair.group, pair.follower_id, pair.generation)
    return mine, state, theirs, sync(pair.follower, pair.group, pair.follower_id, pair.generation)


@SYNC_GROUP.about(96)
def a_rebalance_has_begun(asker: Asker) -> Any:
    pair = Pair(asker)
    send_join(pair.leader, pair.group, pair.leader_id)
    pair.follower.wait_for_state(pair.group, "PreparingRebalance")
    refused = sync(pair.follower, pair.group, pair.follower_id, pair.generation)
    return refused, sync(pair.follower, pair.group, pair.follower_id, pair.generation + 1)


@SYNC_GROUP.about(96)
def a_waiting_follower_hears_of_a_new_rebalance(asker: Asker) -> Any:
    pair = Pair(asker, synced=False)
    request = sync_request(pair.group, pair.follower_id, pair.generation)
    pair.follower.send(SyncGroup, request, version=NEWEST_SYNC)
    asker.sleep_ms(100)
    third = asker.another()
    send_join(third, pair.group, new_member_id(third, pair.group))
    refused = pair.follower.answer(SyncGroup, version=NEWEST_SYNC)
    send_join(pair.leader, pair.group, pair.leader_id)
    again = join(pair.follower, pair.group, pair.follower_id)
    return refused, again["generation_id"], joined(third)["generation_id"]


@SYNC_GROUP.about(96, 100)
def the_leader_leaves_before_it_syncs(asker: Asker) -> Any:
    pair = Pair(asker, synced=False)
    request = sync_request(pair.group, pair.follower_id, pair.generation)
    pair.follower.send(SyncGroup, request, version=NEWEST_SYNC)
    asker.sleep_ms(100)
    leave(pair.leader, pair.group, pair.leader_id)
    return pair.follower.answer(SyncGroup, version=NEWEST_SYNC), asker.state(pair.group)


@SYNC_GROUP.about(97, kind=["connect", "made-up"])
def a_group_of_another_kind(asker: Asker, kind: str) -> Any:
    group = asker.group()
    fields = {"protocol_type": kind, "protocols": {"sessioned": b"\xff\xff"}}
    entered = enter(asker, group, **fields)
    member = entered["member_id"]
    names = {"protocol_type": kind, "protocol_name": "sessioned"}
    return entered, sync(asker, group, member, 1, {member: b"\x00\xff"}, **names)


@SYNC_GROUP.about(97)
def a_large_share(asker: Asker) -> Any:
    group = asker.group()
    member = enter(asker, group)["member_id"]
    share = bytes(500_000)
    answer = sync(asker, group, member, 1, {member: share})
    return answer["error_code"], len(answer["assignment"])


@SYNC_GROUP.about(97, alone=True)
def a_share_that_no_record_can_hold(asker: Asker) -> Any:
    group = asker.group()
    member = enter(asker, group)["member_id"]
    answer = sync(asker, group, member, 1, {member: bytes(1_100_000)})
    return answer["error_code"], len(answer["assignment"]), asker.state(group)
