"""A consumer group as anybody sees it: states, descriptions, and its end."""

from __future__ import annotations

import pytest

from pykbroker.coordinator.commands import ConsumerDescription, DescribedConsumer
from pykbroker.coordinator.consumer.group import ConsumerGroup, ConsumerGroupState
from pykbroker.coordinator.consumer.member import NEW_SUBSCRIPTION, ConsumerMember
from pykbroker.coordinator.group import GroupKind
from pykbroker.coordinator.records import (
    CurrentAssignment,
    CurrentRecord,
    GroupEpochRecord,
    MemberRecord,
    MemberState,
    PartitionMetadataRecord,
    RegexRecord,
    TargetEpochRecord,
    TargetRecord,
)
from pykbroker.errors import ErrorCode, KafkaError
from tests.coordinator.consumer.members import (
    GROUP,
    Consumer,
    a_heartbeat,
    a_join,
    a_shard,
    group_of,
    members,
)
from tests.coordinator.consumer.partitions import held, some


def a_member(epoch: int, state: MemberState = MemberState.STABLE) -> ConsumerMember:
    """A member with nothing."""
    return ConsumerMember(
        "alice", NEW_SUBSCRIPTION, CurrentAssignment(epoch, epoch, state, held(""), held(""))
    )


S = ConsumerGroupState


@pytest.mark.parametrize(
    ("group_epoch", "target_epoch", "member", "state"),
    [
        (1, 1, None, S.EMPTY),
        (2, 1, None, S.EMPTY),
        (2, 1, a_member(1), S.ASSIGNING),
        (2, 1, a_member(1, MemberState.UNREVOKED_PARTITIONS), S.ASSIGNING),
        (2, 2, a_member(1), S.RECONCILING),
        (2, 2, a_member(-2), S.RECONCILING),
        (2, 2, a_member(2, MemberState.UNRELEASED_PARTITIONS), S.RECONCILING),
        (2, 2, a_member(1, MemberState.UNREVOKED_PARTITIONS), S.RECONCILING),
        (2, 2, a_member(2), S.STABLE),
    ],
)
def test_the_state_follows_from_epochs_and_members(
    group_epoch: int, target_epoch: int, member: ConsumerMember | None, state: ConsumerGroupState
) -> None:
    group = ConsumerGroup("group")
    group.group_epoch, group.assignment_epoch = group_epoch, target_epoch
    if member is not None:
        group.put_member(member)

    assert group.state is state
    assert group.state_name == state.value
    assert group.is_empty is (state is S.EMPTY)


def test_states_are_spelled_as_kafka_spells_them() -> None:
    assert [s.value for s in S] == ["Empty", "Assigning", "Reconciling", "Stable", "Dead"]


def test_a_group_goes_through_its_states_as_members_come_and_go() -> None:
    driven = a_shard(assignment_interval_ms="1000")
    states = []

    def note() -> None:
        states.append(group_of(driven).state)

    alice, bob = Consumer(driven, "alice"), Consumer(driven, "bob")
    alice.join()
    note()
    bob.join()
    note()
    driven.pass_time(1000)
    alice.heartbeat()
    note()
    alice.heartbeat()
    bob.heartbeat()
    note()
    alice.leave()
    bob.leave()
    note()

    assert states == [S.STABLE, S.ASSIGNING, S.RECONCILING, S.STABLE, S.EMPTY]


def test_a_group_is_listed_as_a_consumer_group() -> None:
    group = ConsumerGroup("group")

    assert (group.kind, group.listed_protocol_type) == (GroupKind.CONSUMER, "consumer")


def test_a_description_tells_what_members_have_and_are_to_have() -> None:
    driven = a_shard(assignors="range")
    members(driven, "alice")
    driven.ask(a_join("bob", "a", instance_id="one", rack_id="r", client_id="b"))
    driven.ask(a_heartbeat("alice", 2))

    described = group_of(driven).description("range")

    # What alice has not given up yet is hers.
    alice = DescribedConsumer(
        member_id="alice",
        instance_id=None,
        rack_id=None,
        member_epoch=2,
        client_id="client",
        client_host="/127.0.0.1",
        subscribed_topic_names=("a",),
        subscribed_topic_regex="",
        assignment=some("a0 a1 a2"),
        target_assignment=some("a2"),
        is_classic=False,
    )
    bob = DescribedConsumer(
        member_id="bob",
        instance_id="one",
        rack_id="r",
        member_epoch=3,
        client_id="b",
        client_host="/127.0.0.1",
        subscribed_topic_names=("a",),
        subscribed_topic_regex="",
        assignment={},
        target_assignment=some("a0 a1"),
        is_classic=False,
    )
    assert described == ConsumerDescription(
        group_state="Reconciling",
        group_epoch=3,
        assignment_epoch=3,
        assignor_name="range",
        members=(alice, bob),
    )


def test_only_a_group_without_members_may_be_deleted() -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice")

    with pytest.raises(KafkaError) as refused:
        group_of(driven).check_delete()

    assert refused.value.code is ErrorCode.NON_EMPTY_GROUP
    alice.leave()
    group_of(driven).check_delete()


def test_a_group_is_subscribed_to_what_members_name_and_patterns_match() -> None:
    driven = a_shard()
    driven.ask(a_join("alice", "a", subscribed_topic_regex="b"))
    before = group_of(driven).is_subscribed_to("b")

    driven.pass_time(0)

    assert not before
    assert [group_of(driven).is_subscribed_to(name) for name in "abc"] == [True, True, False]
    group_of(driven).check_delete_offsets()


def test_tombstones_end_everything_a_group_has_in_an_order_that_replays() -> None:
    driven = a_shard()
    driven.ask(a_join("alice", "a", subscribed_topic_regex="b"))
    driven.pass_time(0)

    tombstones = list(group_of(driven).tombstones())

    assert tombstones == [
        CurrentRecord(GROUP, "alice", None),
        TargetRecord(GROUP, "alice", None),
        TargetEpochRecord(GROUP, None),
        MemberRecord(GROUP, "alice", None),
        RegexRecord(GROUP, "b", None),
        PartitionMetadataRecord(GROUP),
        GroupEpochRecord(GROUP, None),
    ]
    for tombstone in tombstones:
        driven.machine.replay(tombstone)
    assert driven.shard.groups == {}
