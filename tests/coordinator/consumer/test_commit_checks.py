"""Who may commit and fetch offsets of a consumer group, and at which epoch (KIP-1251)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pykbroker.coordinator.consumer.group import ConsumerGroup
from pykbroker.coordinator.consumer.member import NEW_SUBSCRIPTION, ConsumerMember
from pykbroker.coordinator.records import (
    ClassicMember,
    CommittedOffset,
    CurrentAssignment,
    MemberState,
)
from pykbroker.errors import ErrorCode, KafkaError
from tests.coordinator.consumer.partitions import held, topic_id


def a_group(*, is_classic: bool = False) -> ConsumerGroup:
    """A group of alice, at epoch 10: she has a0 since 8, and a1, to give up, since 9."""
    classic = ClassicMember(45_000, (("range", b""),)) if is_classic else None
    current = CurrentAssignment(
        member_epoch=10,
        previous_member_epoch=9,
        state=MemberState.UNREVOKED_PARTITIONS,
        assigned=held("a0@8"),
        revoking=held("a1@9"),
    )
    group = ConsumerGroup("group")
    subscription = replace(NEW_SUBSCRIPTION, subscribed_topic_names=("a",), classic=classic)
    group.put_member(ConsumerMember("alice", subscription, current))
    return group


def commit(
    group: ConsumerGroup,
    epoch: int,
    *,
    member_id: str = "alice",
    knows: bool = True,
    partition: int = 0,
    topic: str = "a",
) -> ErrorCode:
    """Commit one partition and give the code."""
    try:
        check = group.check_commit(member_id, None, epoch, knows_consumer_groups=knows)
        if check is not None:
            check(topic_id(topic), partition)
    except KafkaError as refusal:
        return refusal.code
    return ErrorCode.NONE


@pytest.mark.row(113)
def test_the_member_s_epoch_commits_whatever_it_is() -> None:
    assert commit(a_group(), 10, partition=7, topic="b") is ErrorCode.NONE


@pytest.mark.row(113)
@pytest.mark.parametrize(
    ("epoch", "partition", "code"),
    [
        (9, 0, ErrorCode.NONE),
        (8, 0, ErrorCode.NONE),
        (7, 0, ErrorCode.STALE_MEMBER_EPOCH),
        (-1, 0, ErrorCode.STALE_MEMBER_EPOCH),
        (9, 1, ErrorCode.NONE),
        (8, 1, ErrorCode.STALE_MEMBER_EPOCH),
        (9, 2, ErrorCode.STALE_MEMBER_EPOCH),
        (11, 0, ErrorCode.STALE_MEMBER_EPOCH),
    ],
)
def test_an_older_epoch_commits_partitions_that_the_member_had_by_then(
    epoch: int, partition: int, code: ErrorCode
) -> None:
    assert commit(a_group(), epoch, partition=partition) is code


@pytest.mark.row(113)
def test_an_epoch_ahead_is_refused_for_the_whole_request() -> None:
    with pytest.raises(KafkaError) as refused:
        a_group().check_commit("alice", None, 11, knows_consumer_groups=True)

    assert refused.value.code is ErrorCode.STALE_MEMBER_EPOCH


@pytest.mark.row(113)
@pytest.mark.parametrize(("epoch", "partition"), [(11, 0), (7, 0), (9, 2)])
def test_classic_members_are_told_of_an_illegal_generation_instead(
    epoch: int, partition: int
) -> None:
    group = a_group(is_classic=True)

    assert commit(group, epoch, partition=partition) is ErrorCode.ILLEGAL_GENERATION


@pytest.mark.row(113)
def test_clients_that_do_not_know_consumer_groups_commit_as_classic_members_only() -> None:
    assert commit(a_group(), 10, knows=False) is ErrorCode.UNSUPPORTED_VERSION
    assert commit(a_group(is_classic=True), 10, knows=False) is ErrorCode.NONE


@pytest.mark.row(113)
@pytest.mark.parametrize("epoch", [-1, 0, 10])
def test_only_members_commit_to_a_group_that_has_any(epoch: int) -> None:
    assert commit(a_group(), epoch, member_id="bob") is ErrorCode.UNKNOWN_MEMBER_ID
    assert commit(a_group(), epoch, member_id="") is ErrorCode.UNKNOWN_MEMBER_ID


def test_anybody_without_an_epoch_commits_to_a_group_without_members() -> None:
    group = ConsumerGroup("group")

    assert commit(group, -1, member_id="") is ErrorCode.NONE
    assert commit(group, 0, member_id="bob") is ErrorCode.UNKNOWN_MEMBER_ID


def fetch(group: ConsumerGroup, member_id: str | None, epoch: int) -> ErrorCode:
    """Ask for offsets and give the code."""
    try:
        group.check_fetch(member_id, epoch)
    except KafkaError as refusal:
        return refusal.code
    return ErrorCode.NONE


@pytest.mark.parametrize(
    ("member_id", "epoch", "code"),
    [
        (None, -1, ErrorCode.NONE),
        ("alice", 10, ErrorCode.NONE),
        ("alice", 9, ErrorCode.STALE_MEMBER_EPOCH),
        ("alice", -1, ErrorCode.STALE_MEMBER_EPOCH),
        ("bob", -1, ErrorCode.UNKNOWN_MEMBER_ID),
        (None, 10, ErrorCode.UNKNOWN_MEMBER_ID),
        ("", -1, ErrorCode.UNKNOWN_MEMBER_ID),
    ],
)
def test_who_fetches_names_its_own_epoch_or_nobody(
    member_id: str | None, epoch: int, code: ErrorCode
) -> None:
    assert fetch(a_group(), member_id, epoch) is code


def test_a_classic_member_that_fetches_at_another_generation_is_told_so() -> None:
    assert fetch(a_group(is_classic=True), "alice", 9) is ErrorCode.ILLEGAL_GENERATION


def test_offsets_expire_by_when_they_were_committed() -> None:
    expires_at = a_group().offsets_expire()

    assert expires_at is not None
    assert expires_at(CommittedOffset(5, commit_timestamp_ms=1_000), 50) == 1_050
    old = CommittedOffset(5, commit_timestamp_ms=1_000, expire_timestamp_ms=3_000)
    assert expires_at(old, 50) == 3_000
