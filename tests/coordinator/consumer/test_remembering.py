"""What is remembered: records replayed in any state of the group, and deadlines after a start."""

from __future__ import annotations

from collections.abc import Sequence

from pykbroker.coordinator.consumer.group import ConsumerGroup
from pykbroker.coordinator.records import (
    CurrentAssignment,
    CurrentRecord,
    GroupEpoch,
    GroupEpochRecord,
    MemberRecord,
    MemberState,
    MemberSubscription,
    PartitionMetadataRecord,
    Record,
    RegexRecord,
    TargetEpoch,
    TargetEpochRecord,
    TargetRecord,
)
from pykbroker.errors import ErrorCode
from tests.coordinator.consumer.members import (
    GROUP,
    SESSION_MS,
    Consumer,
    a_heartbeat,
    a_join,
    a_shard,
    group_of,
    members,
    settle,
)
from tests.coordinator.consumer.partitions import held, some, topic_id
from tests.coordinator.driven import Driven

SUBSCRIPTION = MemberSubscription(
    instance_id="one",
    rack_id=None,
    client_id="client",
    client_host="/127.0.0.1",
    subscribed_topic_names=("a",),
    subscribed_topic_regex="",
    rebalance_timeout_ms=1000,
    server_assignor="range",
)


def a_group(*records: Record) -> ConsumerGroup:
    """Give the group that some records make."""
    driven = a_shard()
    for record in records:
        driven.machine.replay(record)
    return group_of(driven)


def has(assigned: str, revoking: str = "", epoch: int = 10) -> CurrentAssignment:
    """What a member has."""
    return CurrentAssignment(epoch, 9, MemberState.STABLE, held(assigned), held(revoking))


def owners(group: ConsumerGroup, numbers: Sequence[int] = range(4)) -> list[str | None]:
    """Tell who has each partition of topic a."""
    return [group.owner_of(topic_id("a"), number) for number in numbers]


def test_a_group_is_made_by_whichever_of_its_records_comes_first() -> None:
    records: list[Record] = [
        GroupEpochRecord(GROUP, GroupEpoch(5, 7)),
        MemberRecord(GROUP, "alice", SUBSCRIPTION),
        CurrentRecord(GROUP, "alice", has("a0")),
        TargetRecord(GROUP, "alice", some("a0 a1")),
    ]

    for _ in records:
        records.append(records.pop(0))
        group = a_group(*records)
        assert group.group_epoch == 5
        assert group.members["alice"].subscription == SUBSCRIPTION
        assert group.members["alice"].current == has("a0")
        assert group.targets == {"alice": some("a0 a1")}


def test_a_group_without_a_record_of_its_epoch_is_at_epoch_1() -> None:
    group = a_group(MemberRecord(GROUP, "alice", SUBSCRIPTION))

    assert (group.group_epoch, group.assignment_epoch) == (1, 1)


def test_members_own_what_they_have_and_what_they_have_not_given_up() -> None:
    group = a_group(CurrentRecord(GROUP, "alice", has("a0 a1", revoking="a2")))

    assert owners(group) == ["alice", "alice", "alice", None]


def test_what_a_member_no_longer_has_is_nobody_s() -> None:
    group = a_group(
        CurrentRecord(GROUP, "alice", has("a0 a1", revoking="a2")),
        CurrentRecord(GROUP, "alice", has("a1", epoch=11)),
    )

    assert owners(group) == [None, "alice", None, None]


def test_a_record_that_compaction_left_behind_takes_nothing_from_the_owner_after_it() -> None:
    group = a_group(
        CurrentRecord(GROUP, "alice", has("a0")),
        CurrentRecord(GROUP, "bob", has("a0", epoch=11)),
        CurrentRecord(GROUP, "alice", has("a1", epoch=12)),
    )

    assert owners(group) == ["bob", "alice", None, None]


def test_a_member_is_counted_once_however_often_it_is_written() -> None:
    record = MemberRecord(GROUP, "alice", SUBSCRIPTION)

    group = a_group(record, record, CurrentRecord(GROUP, "alice", has("a0")), record)

    assert group.topic_counts == {"a": 1}
    assert group.assignor_counts == {"range": 1}
    assert group.static_members == {"one": "alice"}


def test_a_member_s_tombstones_take_all_of_it_away() -> None:
    group = a_group(
        MemberRecord(GROUP, "alice", SUBSCRIPTION),
        TargetRecord(GROUP, "alice", some("a0")),
        CurrentRecord(GROUP, "alice", has("a0")),
        CurrentRecord(GROUP, "alice", None),
        TargetRecord(GROUP, "alice", None),
        MemberRecord(GROUP, "alice", None),
    )

    assert group.__dict__ == a_group(GroupEpochRecord(GROUP, GroupEpoch(1))).__dict__


def test_between_its_tombstones_a_member_has_left_with_nothing() -> None:
    group = a_group(
        MemberRecord(GROUP, "alice", SUBSCRIPTION),
        CurrentRecord(GROUP, "alice", has("a0")),
        CurrentRecord(GROUP, "alice", None),
    )

    assert group.members["alice"].member_epoch == -1
    assert owners(group) == [None] * 4


def test_tombstones_of_what_is_not_known_do_nothing() -> None:
    driven = a_shard()

    for record in (
        CurrentRecord(GROUP, "alice", None),
        TargetRecord(GROUP, "alice", None),
        TargetEpochRecord(GROUP, None),
        MemberRecord(GROUP, "alice", None),
        RegexRecord(GROUP, "a", None),
        PartitionMetadataRecord(GROUP),
        GroupEpochRecord(GROUP, None),
    ):
        driven.machine.replay(record)

    assert driven.shard.groups == {}


def test_a_target_that_was_deleted_is_at_epoch_minus_1() -> None:
    group = a_group(
        GroupEpochRecord(GROUP, GroupEpoch(5)),
        TargetEpochRecord(GROUP, TargetEpoch(5, 1_000)),
        TargetEpochRecord(GROUP, None),
    )

    assert (group.assignment_epoch, group.assignment_timestamp_ms) == (-1, 0)


def test_after_a_restart_every_member_has_its_session_timeout_anew() -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice")
    driven.pass_time(SESSION_MS - 1)
    driven.restart()

    driven.pass_time(SESSION_MS - 1)
    kept = list(group_of(driven).members)
    driven.pass_time(1)

    assert kept == ["alice"]
    assert alice.refusal() is ErrorCode.UNKNOWN_MEMBER_ID


def test_after_a_restart_who_is_to_give_up_has_its_rebalance_timeout_anew() -> None:
    driven = a_shard()
    alice, bob = Consumer(driven, "alice"), Consumer(driven, "bob")
    alice.join(rebalance_timeout_ms=10_000)
    bob.join()
    driven.ask(a_heartbeat("alice", 2))
    driven.pass_time(9_999)
    driven.restart()

    driven.pass_time(9_999)
    kept = set(group_of(driven).members)
    driven.pass_time(1)

    assert kept == {"alice", "bob"}
    assert set(group_of(driven).members) == {"bob"}


def test_members_go_on_where_they_were_after_a_restart() -> None:
    driven = a_shard()
    alice, bob = members(driven, "alice", "bob")
    shares = alice.share, bob.share
    written = len(driven.log)

    driven.restart()
    settle([alice, bob])

    assert (alice.share, bob.share) == shares
    assert driven.log[written:] == []


def test_a_restart_of_a_shard_with_other_groups_keeps_them_apart() -> None:
    driven: Driven = a_shard()
    driven.ask(a_join("alice", "a"))
    driven.ask(a_join("alice", "b", group_id="other"))

    driven.restart()

    assert set(driven.shard.groups) == {GROUP, "other"}
    assert driven.group("other").topic_counts == {"b": 1}
