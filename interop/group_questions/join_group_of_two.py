"""JoinGroup where two members are concerned: waiting, leaders and followers."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.classic import (
    Pair,
    enter,
    heartbeat,
    join,
    joined,
    leave,
    new_member_id,
    send_join,
    stable_group,
    sync,
)
from interop.group_questions.consumer_bytes import OTHERWISE, SUBSCRIBED
from interop.group_questions.questions import Questions

JOIN_GROUP_OF_TWO = Questions("join_group_of_two")


@JOIN_GROUP_OF_TWO.about(95, version=[4, 5, 7, 9])
def the_second_member_waits_for_the_first(asker: Asker, version: int) -> Any:
    group, second = asker.group(), asker.another()
    first = stable_group(asker, group, version=version)["member_id"]
    send_join(second, group, new_member_id(second, group, version=version), version=version)
    asker.wait_for_state(group, "PreparingRebalance")
    told = heartbeat(asker, group, first, 1)
    return told, join(asker, group, first, version=version), joined(second, version)


@JOIN_GROUP_OF_TWO.about(95, version=[0, 3])
def old_versions_wait_as_well(asker: Asker, version: int) -> Any:
    group, second = asker.group(), asker.another()
    alone = join(asker, group, version=version)
    sync(asker, group, alone["member_id"], 1, {alone["member_id"]: b"all"}, version=0)
    send_join(second, group, version=version)
    asker.wait_for_state(group, "PreparingRebalance")
    return join(asker, group, alone["member_id"], version=version), joined(second, version)


@JOIN_GROUP_OF_TWO.about(95)
def a_follower_joins_again_in_a_stable_group(asker: Asker) -> Any:
    pair = Pair(asker)
    again = join(pair.follower, pair.group, pair.follower_id)
    return again, asker.state(pair.group), pair.generation


@JOIN_GROUP_OF_TWO.about(95, version=[0, 5, 9])
def a_follower_joins_again_with_each_version(asker: Asker, version: int) -> Any:
    pair = Pair(asker)
    return join(pair.follower, pair.group, pair.follower_id, version=version)


@JOIN_GROUP_OF_TWO.about(95)
def a_follower_joins_again_with_other_metadata(asker: Asker) -> Any:
    pair = Pair(asker)
    send_join(pair.follower, pair.group, pair.follower_id, protocols={"range": OTHERWISE})
    asker.wait_for_state(pair.group, "PreparingRebalance")
    return join(pair.leader, pair.group, pair.leader_id), joined(pair.follower)


@JOIN_GROUP_OF_TWO.about(95)
def a_follower_joins_again_before_the_leader_syncs(asker: Asker) -> Any:
    pair = Pair(asker, synced=False)
    again = join(pair.follower, pair.group, pair.follower_id)
    return again, asker.state(pair.group), pair.sync()


@JOIN_GROUP_OF_TWO.about(95)
def a_follower_changes_before_the_leader_syncs(asker: Asker) -> Any:
    pair = Pair(asker, synced=False)
    send_join(pair.follower, pair.group, pair.follower_id, protocols={"range": OTHERWISE})
    asker.wait_for_state(pair.group, "PreparingRebalance")
    late = sync(pair.leader, pair.group, pair.leader_id, pair.generation)
    return late, join(pair.leader, pair.group, pair.leader_id), joined(pair.follower)


@JOIN_GROUP_OF_TWO.about(95)
def the_leader_joins_again_and_the_follower_is_told(asker: Asker) -> Any:
    pair = Pair(asker)
    send_join(pair.leader, pair.group, pair.leader_id)
    pair.follower.wait_for_state(pair.group, "PreparingRebalance")
    told = heartbeat(pair.follower, pair.group, pair.follower_id, pair.generation)
    again = join(pair.follower, pair.group, pair.follower_id)
    return told, again, joined(pair.leader)


@JOIN_GROUP_OF_TWO.about(95, 100)
def the_leader_leaves_and_the_follower_leads(asker: Asker) -> Any:
    pair = Pair(asker)
    left = leave(pair.leader, pair.group, pair.leader_id)
    state = asker.state(pair.group)
    again = join(pair.follower, pair.group, pair.follower_id)
    return left, state, again


@JOIN_GROUP_OF_TWO.about(95, 100)
def a_waiting_member_is_let_in_when_the_other_leaves(asker: Asker) -> Any:
    group, second, third = asker.group(), asker.another(), asker.another()
    first = stable_group(asker, group)["member_id"]
    send_join(second, group, new_member_id(second, group))
    third.wait_for_state(group, "PreparingRebalance")
    return leave(asker, group, first), joined(second)


@JOIN_GROUP_OF_TWO.about(91, 100)
def a_waiting_member_is_taken_out(asker: Asker) -> Any:
    group, second = asker.group(), asker.another()
    stable_group(asker, group)
    member = new_member_id(second, group)
    send_join(second, group, member)
    asker.wait_for_state(group, "PreparingRebalance")
    return leave(asker, group, member), joined(second), asker.state(group)


@JOIN_GROUP_OF_TWO.about(90)
def a_rebalance_waits_for_a_pending_member(asker: Asker) -> Any:
    group, second = asker.group(), asker.another()
    first = stable_group(asker, group)["member_id"]
    pending = new_member_id(second, group)
    send_join(asker, group, first)
    second.wait_for_state(group, "PreparingRebalance")
    return join(second, group, pending), joined(asker)


@JOIN_GROUP_OF_TWO.about(90)
def a_rebalance_ends_when_the_pending_member_leaves(asker: Asker) -> Any:
    group, second = asker.group(), asker.another()
    first = stable_group(asker, group)["member_id"]
    pending = new_member_id(second, group)
    send_join(asker, group, first)
    second.wait_for_state(group, "PreparingRebalance")
    return leave(second, group, pending), joined(asker)


@JOIN_GROUP_OF_TWO.about(89)
def the_protocol_with_most_votes_that_all_know_wins(asker: Asker) -> Any:
    group, second = asker.group(), asker.another()
    mine = dict.fromkeys(("one", "both", "also both"), SUBSCRIBED)
    other = dict.fromkeys(("also both", "two", "both"), SUBSCRIBED)
    first = enter(asker, group, protocols=mine)["member_id"]
    send_join(second, group, new_member_id(second, group, protocols=other), protocols=other)
    asker.another().wait_for_state(group, "PreparingRebalance")
    again = join(asker, group, first, protocols=mine)
    return again["protocol_name"] in ("both", "also both"), joined(second)["error_code"]


@JOIN_GROUP_OF_TWO.about(95)
def a_member_joins_twice_while_it_waits(asker: Asker) -> Any:
    group, second, third = asker.group(), asker.another(), asker.another()
    first = stable_group(asker, group)["member_id"]
    member = new_member_id(second, group)
    send_join(second, group, member)
    asker.wait_for_state(group, "PreparingRebalance")
    send_join(third, group, member)
    asker.sleep_ms(100)
    again = join(asker, group, first)
    third_answer = joined(third)
    second.socket.settimeout(1)
    try:
        second_answer = joined(second)
    except TimeoutError:
        second_answer = "none"
    return again["generation_id"], second_answer, third_answer


@JOIN_GROUP_OF_TWO.about(95, slow=True)
def who_does_not_join_again_is_out_after_the_rebalance_timeout(asker: Asker) -> Any:
    pair = Pair(asker, rebalance_timeout_ms=2_000)
    again = join(pair.leader, pair.group, pair.leader_id, rebalance_timeout_ms=2_000)
    return again, heartbeat(pair.follower, pair.group, pair.follower_id, pair.generation)


@JOIN_GROUP_OF_TWO.about(98, slow=True)
def who_does_not_sync_is_out_after_the_rebalance_timeout(asker: Asker) -> Any:
    pair = Pair(asker, synced=False, rebalance_timeout_ms=2_000)
    shares = {pair.leader_id: b"one", pair.follower_id: b"two"}
    mine = sync(pair.leader, pair.group, pair.leader_id, pair.generation, shares)
    asker.wait_for_state(pair.group, "PreparingRebalance")
    return (
        mine,
        heartbeat(pair.leader, pair.group, pair.leader_id, pair.generation),
        heartbeat(pair.follower, pair.group, pair.follower_id, pair.generation),
        join(pair.leader, pair.group, pair.leader_id),
    )


@JOIN_GROUP_OF_TWO.about(98, slow=True)
def a_leader_that_does_not_sync_is_out_too(asker: Asker) -> Any:
    pair = Pair(asker, synced=False, rebalance_timeout_ms=2_000)
    asker.wait_for_state(pair.group, "Empty")
    return (
        heartbeat(pair.leader, pair.group, pair.leader_id, pair.generation),
        join(pair.leader, pair.group, pair.leader_id),
    )


@JOIN_GROUP_OF_TWO.about(99, slow=True)
def a_silent_member_is_out_after_its_session_timeout(asker: Asker) -> Any:
    group = asker.group()
    member = stable_group(asker, group, session_timeout_ms=6_000)["member_id"]
    asker.sleep_ms(2_000)
    before = heartbeat(asker, group, member, 1), asker.state(group)
    asker.sleep_ms(3_000)
    between = asker.state(group)
    asker.wait_for_state(group, "Empty")
    return before, between, heartbeat(asker, group, member, 1), enter(asker, group)
