"""Offsets that are deleted, by whom and of what."""

from __future__ import annotations

import pytest

from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.commands import DeleteOffsetsCommand, ForgetPartitionsCommand
from pykbroker.coordinator.offset_deletion import FORGOTTEN_AT_ONCE
from pykbroker.coordinator.records import NO_TOPIC_ID, OffsetRecord
from pykbroker.errors import ErrorCode
from tests.coordinator.driven import Driven, a_topic
from tests.coordinator.made_groups import (
    OTHER_ID,
    a_classic_group,
    a_consumer_group,
    committed,
    having,
    offset,
)

NONE, SUBSCRIBED = ErrorCode.NONE, ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC
OFFSETS = (offset("topic", 0), offset("topic", 1), offset("other", 0))


def a_deletion(*offsets: tuple[str, int], group_id: str = "group") -> DeleteOffsetsCommand:
    return DeleteOffsetsCommand(group_id, offsets)


@pytest.mark.row(109)
def test_offsets_of_a_simple_group_are_deleted() -> None:
    driven = having(Driven(), *OFFSETS)

    codes = driven.ask(a_deletion(("topic", 1), ("other", 0)))

    assert codes == (NONE, NONE)
    assert committed(driven) == {("topic", 0): 5}


@pytest.mark.row(109)
def test_nothing_is_written_of_offsets_that_were_never_committed() -> None:
    driven = having(Driven(), *OFFSETS)

    codes = driven.ask(a_deletion(("topic", 7), ("topic", 1), ("topic", 1), ("none", 0)))

    assert codes == (NONE, NONE, NONE, NONE)
    assert driven.log == [*OFFSETS, OffsetRecord("group", "topic", 1, None)]


@pytest.mark.row(109)
def test_a_group_whose_offsets_are_all_deleted_stays() -> None:
    driven = having(Driven(), offset("topic", 0))

    driven.ask(a_deletion(("topic", 0)))

    assert committed(driven) == {}
    assert driven.group().is_empty


@pytest.mark.row(109)
@pytest.mark.parametrize("offsets", [(), (("topic", 0),)], ids=str)
def test_an_unknown_group_has_no_offsets_to_delete(offsets: tuple[tuple[str, int], ...]) -> None:
    assert Driven().refusal(a_deletion(*offsets)) is ErrorCode.GROUP_ID_NOT_FOUND


@pytest.mark.row(87)
def test_no_offsets_are_deleted_of_the_group_with_an_empty_id() -> None:
    driven = having(Driven(), offset("topic", 0, group_id=""))

    refusal = driven.refusal(a_deletion(("topic", 0), group_id=""))

    assert refusal is ErrorCode.INVALID_GROUP_ID


@pytest.mark.row(109)
@pytest.mark.parametrize("state", [each for each in ClassicGroupState if each.value != "Dead"])
def test_topics_that_a_classic_group_reads_keep_their_offsets(state: ClassicGroupState) -> None:
    driven = having(Driven(), a_classic_group("alice"), *OFFSETS)
    driven.group().state = state

    codes = driven.ask(a_deletion(("topic", 0), ("other", 0), ("topic", 9)))

    assert codes == (SUBSCRIBED, NONE, SUBSCRIBED)
    assert committed(driven) == {("topic", 0): 5, ("topic", 1): 5}


@pytest.mark.row(109)
def test_consumers_of_whom_nobody_knows_what_they_read_keep_all_offsets() -> None:
    driven = having(Driven(), a_classic_group("alice", subscription=b"?"), *OFFSETS)

    assert driven.ask(a_deletion(("other", 0))) == (SUBSCRIBED,)


@pytest.mark.row(109)
def test_a_group_of_another_type_keeps_its_offsets_while_it_has_members() -> None:
    driven = having(Driven(), a_classic_group("alice", protocol_type="connect"), *OFFSETS)

    assert driven.refusal(a_deletion(("other", 0))) is ErrorCode.NON_EMPTY_GROUP

    having(driven, a_classic_group(protocol_type="connect"))
    assert driven.ask(a_deletion(("other", 0))) == (NONE,)


@pytest.mark.row(109)
def test_an_empty_group_of_consumers_keeps_none() -> None:
    driven = having(Driven(), a_classic_group(), *OFFSETS)

    assert driven.ask(a_deletion(("topic", 0))) == (NONE,)


@pytest.mark.row(109)
def test_topics_that_a_consumer_group_reads_keep_their_offsets() -> None:
    driven = having(Driven(), *a_consumer_group("alice"), *OFFSETS)

    codes = driven.ask(a_deletion(("topic", 0), ("other", 0)))

    assert codes == (SUBSCRIBED, NONE)
    assert committed(driven) == {("topic", 0): 5, ("topic", 1): 5}


@pytest.mark.row(109)
def test_a_group_that_is_given_up_is_not_found() -> None:
    driven = having(Driven(), a_classic_group("alice"), *OFFSETS)
    driven.group().state = ClassicGroupState.DEAD

    assert driven.refusal(a_deletion(("other", 0))) is ErrorCode.GROUP_ID_NOT_FOUND


# -- topics that are no more -------------------------------------------------------------------


def test_no_offset_outlives_its_topic_in_any_group() -> None:
    driven = having(
        Driven(),
        *a_consumer_group("alice"),
        *OFFSETS,
        a_classic_group("bob", group_id="classic"),
        offset("topic", 3, group_id="classic"),
        offset("topic", 0, group_id="simple", topic_id=NO_TOPIC_ID),
    )
    driven.follow(a_topic("other"))

    assert driven.ask(ForgetPartitionsCommand(frozenset({"topic", "unread"}))) is False

    assert [committed(driven, each) for each in ("group", "classic", "simple")] == [
        {("other", 0): 5},
        {},
        {},
    ]


def test_offsets_of_a_new_topic_of_the_same_name_stay() -> None:
    driven = having(
        Driven(),
        offset("topic", 0, topic_id=OTHER_ID),
        offset("topic", 1),
        offset("topic", 2, topic_id=NO_TOPIC_ID),
    )
    driven.follow(a_topic("topic"))

    driven.ask(ForgetPartitionsCommand(frozenset({"topic"})))

    assert committed(driven) == {("topic", 1): 5}


def test_offsets_of_deleted_topics_are_forgotten_some_at_a_time() -> None:
    count = 2 * FORGOTTEN_AT_ONCE + 1
    driven = having(Driven(), *(offset("topic", number) for number in range(count)))
    command = ForgetPartitionsCommand(frozenset({"topic"}))

    has_more, left = [], []
    for _ in range(3):
        has_more.append(driven.ask(command))
        left.append(len(committed(driven)))

    assert has_more == [True, True, False]
    assert left == [1 + FORGOTTEN_AT_ONCE, 1, 0]
