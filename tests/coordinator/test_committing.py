"""Who may commit offsets, and what is remembered of them."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.records import ClassicMember, CommittedOffset, OffsetRecord
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode
from tests.coordinator.driven import START_MS, Driven, a_topic
from tests.coordinator.made_groups import (
    OK,
    a_classic_group,
    a_commit,
    a_consumer_group,
    committed,
    having,
    to_commit,
)

OF_ALICE = {"member_id": "alice", "generation_id_or_member_epoch": 3}
TOO_LARGE = ErrorCode.OFFSET_METADATA_TOO_LARGE


# -- what is remembered ------------------------------------------------------------------------


def test_an_offset_is_remembered_with_all_that_was_said_of_it() -> None:
    driven = Driven()

    codes = driven.ask(
        a_commit(
            to_commit("topic", 1, 50, committed_leader_epoch=7, committed_metadata="note"),
            to_commit("other", 0, 60, committed_metadata=None),
        )
    )

    assert codes == (ErrorCode.NONE, ErrorCode.NONE)
    noted = CommittedOffset(50, 7, "note", START_MS, topic_id=a_topic("topic").topic_id)
    plain = CommittedOffset(60, -1, "", START_MS, topic_id=a_topic("other").topic_id)
    assert driven.log == [
        OffsetRecord("group", "topic", 1, noted),
        OffsetRecord("group", "other", 0, plain),
    ]


def test_offsets_outlive_the_coordinator() -> None:
    driven = Driven()
    driven.ask(a_commit(to_commit(partition=0, value=5), to_commit(partition=1, value=6)))
    driven.ask(a_commit(to_commit(partition=0, value=7)))

    driven.restart()

    assert committed(driven) == {("topic", 0): 7, ("topic", 1): 6}


def test_an_offset_may_go_back() -> None:
    driven = Driven()
    driven.ask(a_commit(to_commit(value=50)))

    driven.ask(a_commit(to_commit(value=5)))

    assert committed(driven) == {("topic", 0): 5}


def test_of_a_partition_committed_twice_at_once_the_last_offset_counts() -> None:
    driven = Driven()

    codes = driven.ask(a_commit(to_commit(value=50), to_commit(value=5)))

    assert codes == (ErrorCode.NONE, ErrorCode.NONE)
    assert committed(driven) == {("topic", 0): 5}


@pytest.mark.bad_input(39)
@pytest.mark.parametrize("value", [-1, -5, -(2**63), 2**63 - 1])
def test_no_offset_is_too_low_or_too_high(value: int) -> None:
    driven = Driven()

    assert driven.ask(a_commit(to_commit(value=value))) == OK

    driven.restart()
    assert committed(driven) == {("topic", 0): value}


@pytest.mark.row(104)
@pytest.mark.bad_input(39)
@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ("x" * 4096, ErrorCode.NONE),
        ("x" * 4097, TOO_LARGE),
        ("é" * 4096, ErrorCode.NONE),
        ("\N{GRINNING FACE}" * 2048, ErrorCode.NONE),
        ("\N{GRINNING FACE}" * 2048 + "x", TOO_LARGE),
        ("\N{GRINNING FACE}" * 4097, TOO_LARGE),
        ("x" * 2**20, TOO_LARGE),
    ],
    ids=str,
)
def test_metadata_has_4096_units_of_utf_16_at_most(metadata: str, code: ErrorCode) -> None:
    driven = Driven()

    codes = driven.ask(a_commit(to_commit(committed_metadata=metadata)))

    assert codes == (code,)
    assert committed(driven) == ({} if code else {("topic", 0): 5})


@pytest.mark.row(104)
def test_metadata_that_is_too_long_spoils_only_its_partition() -> None:
    driven = Driven({"offset.metadata.max.bytes": "3"})

    codes = driven.ask(
        a_commit(
            to_commit(partition=0, committed_metadata="abc"),
            to_commit(partition=1, committed_metadata="abcd"),
            to_commit(partition=2, committed_metadata=None),
        )
    )

    assert codes == (ErrorCode.NONE, TOO_LARGE, ErrorCode.NONE)
    assert committed(driven) == {("topic", 0): 5, ("topic", 2): 5}


# -- by nobody's member ------------------------------------------------------------------------


@pytest.mark.row(102)
@pytest.mark.parametrize("generation", [-1, -2])
@pytest.mark.parametrize("member_id", ["", "somebody"])
def test_a_commit_without_a_generation_makes_a_simple_group(
    generation: int, member_id: str
) -> None:
    driven = Driven()

    codes = driven.ask(a_commit(generation_id_or_member_epoch=generation, member_id=member_id))

    group = driven.group()
    assert codes == OK
    assert (group.state_name, group.listed_protocol_type, group.is_empty) == ("Empty", "", True)


@pytest.mark.row(102)
@pytest.mark.parametrize("generation", [0, 1])
@pytest.mark.parametrize(
    ("knows_consumer_groups", "code"),
    [(False, ErrorCode.ILLEGAL_GENERATION), (True, ErrorCode.GROUP_ID_NOT_FOUND)],
)
def test_a_member_of_no_group_is_refused_in_the_words_it_knows(
    generation: int, knows_consumer_groups: bool, code: ErrorCode
) -> None:
    driven = Driven()
    command = a_commit(
        generation_id_or_member_epoch=generation, knows_consumer_groups=knows_consumer_groups
    )

    assert driven.refusal(command) is code
    assert driven.shard.groups == {}


@pytest.mark.row(87)
def test_the_group_with_an_empty_id_may_have_offsets() -> None:
    driven = Driven()

    assert driven.ask(a_commit(group_id="")) == OK
    assert committed(driven, "") == {("topic", 0): 5}


def test_forgetting_an_offset_makes_no_group() -> None:
    driven = having(Driven(), OffsetRecord("group", "topic", 0, None))

    assert driven.shard.groups == {}


# -- to classic groups -------------------------------------------------------------------------


@pytest.mark.row(103)
def test_a_member_commits_for_its_group() -> None:
    driven = having(Driven(), a_classic_group("alice"))

    assert driven.ask(a_commit(**OF_ALICE)) == OK
    assert committed(driven) == {("topic", 0): 5}


@pytest.mark.row(103)
@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ({}, ErrorCode.UNKNOWN_MEMBER_ID),
        ({"generation_id_or_member_epoch": 3}, ErrorCode.UNKNOWN_MEMBER_ID),
        ({"member_id": "mallory"}, ErrorCode.UNKNOWN_MEMBER_ID),
        (OF_ALICE | {"group_instance_id": "one"}, ErrorCode.UNKNOWN_MEMBER_ID),
        (OF_ALICE | {"generation_id_or_member_epoch": 2}, ErrorCode.ILLEGAL_GENERATION),
        (OF_ALICE | {"generation_id_or_member_epoch": 4}, ErrorCode.ILLEGAL_GENERATION),
        (OF_ALICE | {"generation_id_or_member_epoch": -1}, ErrorCode.ILLEGAL_GENERATION),
    ],
    ids=str,
)
def test_a_group_with_members_takes_commits_of_its_members_and_its_generation_only(
    claim: dict[str, Any], code: ErrorCode
) -> None:
    driven = having(Driven(), a_classic_group("alice"))

    assert driven.refusal(a_commit(**claim)) is code
    assert committed(driven) == {}


@pytest.mark.row(103)
@pytest.mark.parametrize(
    ("state", "answer"),
    [
        (ClassicGroupState.PREPARING_REBALANCE, OK),
        (ClassicGroupState.STABLE, OK),
        (ClassicGroupState.COMPLETING_REBALANCE, ErrorCode.REBALANCE_IN_PROGRESS),
        (ClassicGroupState.DEAD, ErrorCode.COORDINATOR_NOT_AVAILABLE),
    ],
)
def test_members_may_commit_until_the_rebalance_has_a_new_generation(
    state: ClassicGroupState, answer: Any
) -> None:
    driven = having(Driven(), a_classic_group("alice"))
    driven.group().state = state

    command = a_commit(**OF_ALICE)

    assert (driven.ask(command) if answer is OK else driven.refusal(command)) == answer


@pytest.mark.row(103)
def test_a_group_that_its_members_have_left_takes_commits_without_a_generation() -> None:
    driven = having(Driven(), a_classic_group())

    assert driven.ask(a_commit(member_id="alice")) == OK
    assert driven.refusal(a_commit(**OF_ALICE)) is ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.parametrize(
    ("state", "expires_after_ms"),
    [(ClassicGroupState.STABLE, 10_000), (ClassicGroupState.PREPARING_REBALANCE, 10_000)],
)
def test_a_commit_is_a_sign_of_life(state: ClassicGroupState, expires_after_ms: int) -> None:
    driven = having(Driven(), a_classic_group("alice", "bob"))
    driven.group().state = state
    driven.pass_time(4_000)

    driven.ask(a_commit(**OF_ALICE))

    due_ms = driven.shard.timers.due_ms(TimerKey(TimerKind.CLASSIC_SESSION, "group", "alice"))
    assert due_ms == driven.elapsed_ms + expires_after_ms


def test_a_commit_that_is_refused_is_no_sign_of_life() -> None:
    driven = having(Driven(), a_classic_group("alice"))

    driven.refusal(a_commit(**OF_ALICE | {"generation_id_or_member_epoch": 2}))

    alice = TimerKey(TimerKind.CLASSIC_SESSION, "group", "alice")
    assert driven.shard.timers.due_ms(alice) is None


# -- to consumer groups ------------------------------------------------------------------------


def at_epoch(epoch: int, **fields: Any) -> Any:
    """Give a commit by alice, a member of the consumer protocol at epoch 5."""
    return a_commit(member_id="alice", generation_id_or_member_epoch=epoch, **fields)


@pytest.mark.row(113)
@pytest.mark.parametrize("epoch", [5, 4, 3])
def test_a_member_may_commit_with_any_epoch_since_it_was_given_the_partition(epoch: int) -> None:
    driven = having(Driven(), *a_consumer_group("alice", assigned_at=3))

    assert driven.ask(at_epoch(epoch)) == OK


@pytest.mark.row(113)
@pytest.mark.parametrize(
    ("epoch", "partition"), [(6, 0), (2, 0), (4, 1)], ids=["future", "before", "not its own"]
)
def test_a_commit_with_another_epoch_is_stale(epoch: int, partition: int) -> None:
    driven = having(Driven(), *a_consumer_group("alice", assigned_at=3))

    command = at_epoch(epoch, offsets=(to_commit(partition=partition),))

    assert driven.refusal(command) is ErrorCode.STALE_MEMBER_EPOCH


@pytest.mark.row(113)
def test_one_stale_partition_refuses_the_whole_commit() -> None:
    driven = having(Driven(), *a_consumer_group("alice", assigned_at=3))

    command = at_epoch(4, offsets=(to_commit(partition=0), to_commit(partition=1)))

    assert driven.refusal(command) is ErrorCode.STALE_MEMBER_EPOCH
    assert committed(driven) == {}


@pytest.mark.row(113)
def test_a_member_of_the_consumer_protocol_must_know_its_errors() -> None:
    driven = having(Driven(), *a_consumer_group("alice"))

    refusal = driven.refusal(at_epoch(5, knows_consumer_groups=False))

    assert refusal is ErrorCode.UNSUPPORTED_VERSION


@pytest.mark.row(113)
def test_a_classic_member_of_a_consumer_group_commits_in_any_version() -> None:
    classic = ClassicMember(10_000, (("range", b""),))
    driven = having(Driven(), *a_consumer_group("alice", classic=classic))

    assert driven.ask(at_epoch(5, knows_consumer_groups=False)) == OK
    assert driven.refusal(at_epoch(6)) is ErrorCode.ILLEGAL_GENERATION


def test_a_consumer_group_without_members_takes_commits_of_nobody() -> None:
    driven = having(Driven(), *a_consumer_group())

    assert driven.ask(a_commit()) == OK
    assert driven.refusal(at_epoch(5)) is ErrorCode.UNKNOWN_MEMBER_ID


# -- how long they are kept --------------------------------------------------------------------


@pytest.mark.row(110)
@pytest.mark.parametrize(
    ("retention_time_ms", "expires_ms"),
    [
        (100_000, START_MS + 100_000),
        (0, START_MS),
        (-2, START_MS - 2),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), 0),
    ],
)
def test_an_old_client_says_how_long_its_offsets_are_kept(
    retention_time_ms: int, expires_ms: int
) -> None:
    driven = Driven()

    driven.ask(a_commit(retention_time_ms=retention_time_ms))

    value = CommittedOffset(5, commit_timestamp_ms=START_MS, expire_timestamp_ms=expires_ms)
    assert driven.log == [OffsetRecord("group", "topic", 0, value)]
    driven.restart()  # the record is read as it was replayed
