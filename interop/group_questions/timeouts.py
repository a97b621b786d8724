"""Members of the consumer protocol and of mixed groups that are too late with something."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.classic import (
    enter,
    heartbeat,
    join,
    joined,
    new_member_id,
    send_join,
    stable_group,
    sync,
)
from interop.group_questions.consumer import (
    LEAVE_FOR_A_WHILE,
    a_consumer,
    describe,
    joined_by,
    topic_for_members,
    until_next_assignment,
)
from interop.group_questions.consumer_bytes import subscription
from interop.group_questions.questions import Questions

TIMEOUTS = Questions("timeouts")
CONSUMER_SESSION_TIMEOUT_MS = 45_000
CLASSIC_SESSION_TIMEOUT_MS = 6_000
LATE_MS = 3_000


def members_of(asker: Asker, group: str) -> list[tuple[str, int]]:
    """Give the ids and the epochs of a group's members."""
    members = describe(asker, group)["groups"][0]["members"]
    return sorted((each["member_id"], each["member_epoch"]) for each in members)


@TIMEOUTS.about(112, slow=True)
def a_consumer_is_silent(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker))
    two, _ = joined_by(one)
    asker.sleep_ms(CONSUMER_SESSION_TIMEOUT_MS - LATE_MS)
    before = two.own()
    asker.sleep_ms(2 * LATE_MS)
    out = one.beat()
    return before, out, two.owns_all_of(two.epoch + 1), members_of(asker, one.group)


@TIMEOUTS.about(115, slow=True)
def an_instance_stays_away(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    one = a_consumer(asker, topic, instance_id="one")
    two, _ = joined_by(one, instance_id="two")
    one.own()
    one.leave(LEAVE_FOR_A_WHILE)
    asker.sleep_ms(CONSUMER_SESSION_TIMEOUT_MS - LATE_MS)
    before = two.own()["error_code"], members_of(asker, one.group)
    asker.sleep_ms(2 * LATE_MS)
    return before, members_of(asker, one.group), two.owns_all_of(two.epoch + 1)


@TIMEOUTS.about(114, slow=True)
def a_classic_member_of_a_mixed_group_is_silent(asker: Asker) -> Any:
    alice = a_consumer(asker, topic_for_members(asker))
    until_next_assignment(asker)
    wanted = {"protocols": {"range": subscription(*alice.topics)}}
    fields = wanted | {"session_timeout_ms": CLASSIC_SESSION_TIMEOUT_MS}
    entered = enter(asker, alice.group, **fields)
    member, epoch = entered["member_id"], entered["generation_id"]
    sync(asker, alice.group, member, epoch)
    asker.sleep_ms(CLASSIC_SESSION_TIMEOUT_MS - LATE_MS)
    before = heartbeat(asker, alice.group, member, epoch)
    asker.sleep_ms(CLASSIC_SESSION_TIMEOUT_MS + LATE_MS)
    return before, heartbeat(asker, alice.group, member, epoch), members_of(asker, alice.group)


@TIMEOUTS.about(114, slow=True)
def a_classic_member_of_a_mixed_group_does_not_sync(asker: Asker) -> Any:
    alice = a_consumer(asker, topic_for_members(asker))
    until_next_assignment(asker)
    wanted = {"protocols": {"range": subscription(*alice.topics)}}
    entered = enter(asker, alice.group, rebalance_timeout_ms=2_000, **wanted)
    member, epoch = entered["member_id"], entered["generation_id"]
    before = heartbeat(asker, alice.group, member, epoch)
    asker.sleep_ms(2_000 + LATE_MS)
    return before, sync(asker, alice.group, member, epoch), members_of(asker, alice.group)


@TIMEOUTS.about(114, slow=True)
def a_classic_member_of_a_mixed_group_does_not_join_again(asker: Asker) -> Any:
    alice = a_consumer(asker, topic_for_members(asker))
    until_next_assignment(asker)
    wanted = {"protocols": {"range": subscription(*alice.topics)}}
    entered = enter(asker, alice.group, rebalance_timeout_ms=2_000, **wanted)
    member, epoch = entered["member_id"], entered["generation_id"]
    sync(asker, alice.group, member, epoch)
    alice.own()
    alice.own()
    told = heartbeat(asker, alice.group, member, epoch)
    asker.sleep_ms(2_000 + LATE_MS)
    return told, heartbeat(asker, alice.group, member, epoch), members_of(asker, alice.group)


@TIMEOUTS.about(90, slow=True)
def a_pending_member_holds_up_a_rebalance(asker: Asker) -> Any:
    group, second = asker.group(), asker.another()
    first = stable_group(asker, group)["member_id"]
    pending = new_member_id(second, group, session_timeout_ms=CLASSIC_SESSION_TIMEOUT_MS)
    send_join(asker, group, first)
    second.wait_for_state(group, "PreparingRebalance")
    again = joined(asker)
    return again, join(second, group, pending)


@TIMEOUTS.about(93, slow=True)
def a_static_classic_member_stays_away(asker: Asker) -> Any:
    group = asker.group()
    fields = {"group_instance_id": "one", "session_timeout_ms": CLASSIC_SESSION_TIMEOUT_MS}
    first = stable_group(asker, group, **fields)
    asker.sleep_ms(CLASSIC_SESSION_TIMEOUT_MS + LATE_MS)
    told = heartbeat(asker, group, first["member_id"], 1, group_instance_id="one")
    return told, asker.state(group), join(asker, group, **fields)
