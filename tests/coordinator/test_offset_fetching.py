"""What a group is told of the offsets it has committed."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.commands import FetchedOffset, FetchOffsetsCommand, FetchOffsetsReply
from pykbroker.coordinator.offsets import Offsets
from pykbroker.coordinator.records import ClassicMember
from pykbroker.errors import ErrorCode
from tests.coordinator.driven import Driven
from tests.coordinator.made_groups import a_classic_group, a_consumer_group, having, offset

FIVE, SIX = offset("topic", 0, 5, metadata="note", leader_epoch=2), offset("topic", 2, 6)
OF_OTHER = offset("other", 1, 7)


def a_fetch(
    topics: dict[str, tuple[int, ...]] | None = None, *, group_id: str = "group", **fields: Any
) -> FetchOffsetsCommand:
    """Give a fetch by nobody's member; of all topics unless told."""
    told = {"member_id": None, "member_epoch": -1} | fields
    wanted = None if topics is None else tuple(topics.items())
    return FetchOffsetsCommand(group_id, topics=wanted, **told)


def a_reply(**topics: tuple[FetchedOffset, ...]) -> FetchOffsetsReply:
    """Give what is told by topic."""
    return FetchOffsetsReply(tuple(topics.items()))


@pytest.mark.row(105)
def test_what_was_committed_is_told_and_of_the_rest_that_it_was_not() -> None:
    driven = having(Driven(), FIVE, SIX)

    reply = driven.ask(a_fetch({"topic": (2, 1, 0), "other": (0,)}))

    assert reply == a_reply(
        topic=(FetchedOffset(2, SIX.value), FetchedOffset(1, None), FetchedOffset(0, FIVE.value)),
        other=(FetchedOffset(0, None),),
    )


@pytest.mark.row(105)
def test_all_that_was_committed_is_told() -> None:
    driven = having(Driven(), FIVE, OF_OTHER, SIX)

    reply = driven.ask(a_fetch())

    assert reply == a_reply(
        topic=(FetchedOffset(0, FIVE.value), FetchedOffset(2, SIX.value)),
        other=(FetchedOffset(1, OF_OTHER.value),),
    )


@pytest.mark.row(105)
def test_a_partition_asked_for_twice_is_told_twice() -> None:
    driven = having(Driven(), FIVE)

    twice = (FetchedOffset(0, FIVE.value), FetchedOffset(0, FIVE.value))
    assert driven.ask(a_fetch({"topic": (0, 0)})) == a_reply(topic=twice)


@pytest.mark.row(105)
@pytest.mark.parametrize("member", [{}, {"member_id": "alice", "member_epoch": 5}], ids=str)
def test_an_unknown_group_has_committed_nothing(member: dict[str, Any]) -> None:
    driven = Driven()

    assert driven.ask(a_fetch(**member)) == a_reply()
    assert driven.ask(a_fetch({"topic": (0,)}, **member)) == a_reply(
        topic=(FetchedOffset(0, None),)
    )
    assert driven.ask(a_fetch({}, **member)) == a_reply()


@pytest.mark.row(105)
def test_a_group_that_is_given_up_has_committed_nothing() -> None:
    driven = having(Driven(), a_classic_group("alice"), FIVE)
    driven.group().state = ClassicGroupState.DEAD

    assert driven.ask(a_fetch()) == a_reply()
    assert driven.ask(a_fetch({"topic": (0,)})) == a_reply(topic=(FetchedOffset(0, None),))


@pytest.mark.row(87)
def test_the_group_with_an_empty_id_is_one_like_others() -> None:
    driven = having(Driven(), offset("topic", 0, 5, group_id=""))

    reply = driven.ask(a_fetch({"topic": (1,)}, group_id=""))

    assert reply == a_reply(topic=(FetchedOffset(1, None),))


@pytest.mark.parametrize("state", [each for each in ClassicGroupState if each.value != "Dead"])
@pytest.mark.parametrize("member", [{}, {"member_id": "nobody", "member_epoch": 1}], ids=str)
def test_a_classic_group_tells_everybody_at_any_time(
    state: ClassicGroupState, member: dict[str, Any]
) -> None:
    driven = having(Driven(), a_classic_group("alice"), FIVE)
    driven.group().state = state

    reply = driven.ask(a_fetch({"topic": (0,)}, **member))

    assert reply == a_reply(topic=(FetchedOffset(0, FIVE.value),))


@pytest.mark.row(113)
@pytest.mark.parametrize("epoch", [-1, 0, 4, 6])
def test_a_member_of_a_consumer_group_must_name_its_epoch(epoch: int) -> None:
    driven = having(Driven(), *a_consumer_group("alice"), FIVE)

    refusal = driven.refusal(a_fetch(member_id="alice", member_epoch=epoch))

    assert refusal is ErrorCode.STALE_MEMBER_EPOCH
    assert driven.ask(a_fetch(member_id="alice", member_epoch=5)) == a_reply(
        topic=(FetchedOffset(0, FIVE.value),)
    )


@pytest.mark.row(113)
def test_a_classic_member_of_a_consumer_group_must_name_its_generation() -> None:
    classic = ClassicMember(10_000, (("range", b""),))
    driven = having(Driven(), *a_consumer_group("alice", classic=classic), FIVE)

    refusal = driven.refusal(a_fetch(member_id="alice", member_epoch=4))

    assert refusal is ErrorCode.ILLEGAL_GENERATION


@pytest.mark.row(113)
def test_a_stranger_to_a_consumer_group_is_refused_and_nobody_is_not() -> None:
    driven = having(Driven(), *a_consumer_group("alice"), FIVE)

    refusals = [
        driven.refusal(a_fetch(member_id=member_id, member_epoch=epoch))
        for member_id, epoch in (("mallory", 5), ("", -1), (None, 0))
    ]

    assert refusals == [ErrorCode.UNKNOWN_MEMBER_ID] * 3
    assert driven.ask(a_fetch()) == a_reply(topic=(FetchedOffset(0, FIVE.value),))


class InTransaction(Offsets):
    """Offsets of which one, partition 2 of `topic`, may yet change."""

    def has_pending(self, group_id: str, topic: str, partition: int) -> bool:
        return (group_id, topic, partition) == ("group", "topic", 2)


@pytest.mark.row(106)
def test_who_asks_for_stable_offsets_is_not_told_one_that_a_transaction_may_change() -> None:
    driven = Driven()
    driven.shard.offsets = InTransaction()
    having(driven, FIVE, SIX)
    unstable = FetchedOffset(2, None, ErrorCode.UNSTABLE_OFFSET_COMMIT)
    five = FetchedOffset(0, FIVE.value)

    some = driven.ask(a_fetch({"topic": (0, 2)}, require_stable=True))
    every = driven.ask(a_fetch(require_stable=True))
    whatever = driven.ask(a_fetch({"topic": (0, 2)}))

    assert some == every == a_reply(topic=(five, unstable))
    assert whatever == a_reply(topic=(five, FetchedOffset(2, SIX.value)))
