"""Classic members that leave a consumer group, and what is left to the others."""

from __future__ import annotations

from pykbroker.coordinator.commands import (
    LeaveReply,
    LeftMember,
)
from pykbroker.errors import ErrorCode
from tests.coordinator.consumer.mixed_groups import (
    a_broker,
    a_consumer,
    a_leave,
    a_mixed_group,
    a_newcomer,
    beat,
    consumed,
    joined,
)
from tests.coordinator.consumer.partitions import some


def test_members_leave_by_id_and_by_instance_and_each_hears_for_itself() -> None:
    driven, reply = a_mixed_group(group_instance_id="i")
    other = a_newcomer(driven)
    consumed(driven, "static", instance_id="j", subscribed="x")
    epoch = driven.group().group_epoch

    answer = driven.ask(
        a_leave(
            other.member_id, "nobody", ("", "i"), ("nobody", "j"), ("", "k"), ("static", "j"), ""
        )
    )

    gone, fenced = ErrorCode.NONE, ErrorCode.FENCED_INSTANCE_ID
    unknown = ErrorCode.UNKNOWN_MEMBER_ID
    assert answer == LeaveReply(
        (
            LeftMember(other.member_id, None, gone),
            LeftMember("nobody", None, unknown),
            LeftMember("", "i", gone),
            LeftMember("nobody", "j", fenced),
            LeftMember("", "k", unknown),
            LeftMember("static", "j", gone),
            LeftMember("", None, unknown),
        )
    )
    assert driven.group().members.keys() == {"consumer"}
    assert driven.group().group_epoch == epoch + 1
    assert reply.member_id not in driven.group().targets


def test_a_departure_of_nobody_changes_nothing() -> None:
    driven, _ = a_mixed_group()
    before = len(driven.log)

    answer = driven.ask(a_leave("nobody"))

    assert answer.members[0].error_code is ErrorCode.UNKNOWN_MEMBER_ID
    assert len(driven.log) == before


def test_what_a_classic_member_leaves_goes_to_the_others() -> None:
    driven = a_broker()
    consumed(driven, "consumer")
    reply = joined(driven)
    consumed(driven, "consumer", 2, topic_partitions=some("a0 a1"))
    driven.ask(a_leave(reply.member_id))

    assert consumed(driven, "consumer", 3) == (4, some("a0 a1 a2 a3"))
    assert driven.refusal(a_consumer(reply.member_id, 3)) is ErrorCode.UNKNOWN_MEMBER_ID


def test_a_classic_member_may_heartbeat_as_a_consumer_from_then_on() -> None:
    driven, reply = a_mixed_group()

    assert consumed(driven, reply.member_id) == (3, some("a0 a1 a2 a3"))

    assert driven.group().classic_count == 0
    assert beat(driven, reply.member_id, 3) is ErrorCode.UNKNOWN_MEMBER_ID
