"""Heartbeats that are refused, each with its code, and change nothing."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.coordinator.consumer.member import ConsumerMember
from pykbroker.errors import ErrorCode
from tests.coordinator.consumer.members import (
    Consumer,
    a_heartbeat,
    a_join,
    a_shard,
    group_of,
    members,
)
from tests.coordinator.consumer.partitions import a_topic, some
from tests.coordinator.driven import Driven, topics_of

INVALID = {
    "no member id": a_join("", "a"),
    "a blank member id": a_join(" \t", "a"),
    "no member id at a later epoch, from an old client": a_heartbeat("", 1, makes_member_id=False),
    "no member id of an old client that leaves": a_heartbeat("", -1, makes_member_id=False),
    "no group id": a_join("alice", "a", group_id=""),
    "an empty instance id": a_join("alice", "a", instance_id=""),
    "an empty rack id": a_join("alice", "a", rack_id=" "),
    "a join without rebalance timeout": a_join("alice", "a", rebalance_timeout_ms=-1),
    "a join that does not say what it has": a_join("alice", "a", topic_partitions=None),
    "a join with partitions": a_join("alice", "a", topic_partitions=some("a0")),
    "a join that subscribes to nothing at all": a_join("alice", subscribed_topic_names=None),
    "leaving for a while without an instance id": a_heartbeat("alice", -2),
    "epoch -3": a_heartbeat("alice", -3),
}


@pytest.mark.row(111)
@pytest.mark.parametrize("command", INVALID.values(), ids=INVALID.keys())
def test_what_makes_no_sense_is_an_invalid_request(command: Any) -> None:
    driven = a_shard()

    assert driven.refusal(command) is ErrorCode.INVALID_REQUEST
    assert driven.log == []


@pytest.mark.row(111)
@pytest.mark.parametrize(
    "fields",
    [
        {"subscribed_topic_names": ()},
        {"subscribed_topic_names": None, "subscribed_topic_regex": ""},
    ],
)
def test_a_join_may_subscribe_to_nothing_if_it_says_so(fields: dict[str, Any]) -> None:
    driven = a_shard()

    assert driven.ask(a_join("alice", **fields)).member_epoch == 1


@pytest.mark.row(112)
def test_an_assignor_that_is_not_served_is_unsupported() -> None:
    driven = a_shard(assignors="range")

    assert (
        driven.refusal(a_join("alice", "a", server_assignor="uniform"))
        is ErrorCode.UNSUPPORTED_ASSIGNOR
    )


@pytest.mark.row(112)
def test_consumer_groups_that_are_turned_off_are_an_unsupported_version() -> None:
    driven = Driven(
        properties={"group.coordinator.rebalance.protocols": "classic"},
        topics=topics_of([a_topic("a", 1)]),
    )

    assert driven.refusal(a_join("alice", "a")) is ErrorCode.UNSUPPORTED_VERSION


@pytest.mark.row(112)
@pytest.mark.parametrize("epoch", [1, 7, -1])
def test_who_is_not_joining_an_unknown_group_is_told_that_there_is_none(epoch: int) -> None:
    driven = a_shard()

    assert driven.refusal(a_heartbeat("alice", epoch)) is ErrorCode.GROUP_ID_NOT_FOUND


@pytest.mark.row(112)
@pytest.mark.parametrize("epoch", [1, 2, 7, -1])
def test_an_unknown_member_of_a_known_group_is_told_so(epoch: int) -> None:
    driven = a_shard()
    members(driven, "alice")

    assert driven.refusal(a_heartbeat("bob", epoch)) is ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.row(112)
def test_an_epoch_ahead_of_the_member_s_is_fenced() -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice")

    assert alice.refusal(member_epoch=3) is ErrorCode.FENCED_MEMBER_EPOCH


@pytest.mark.row(112)
@pytest.mark.parametrize(
    ("owned", "is_fenced"),
    [("a0 a1 a2", False), ("a1", False), ("", False), (None, True), ("b0", True), ("a0 b0", True)],
)
def test_the_epoch_before_is_let_pass_with_no_more_than_the_member_has(
    owned: str | None, is_fenced: bool
) -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice")
    driven.follow(a_topic("a", 4))
    assert alice.heartbeat().member_epoch == 3

    late = a_heartbeat("alice", 2, topic_partitions=None if owned is None else some(owned))

    if is_fenced:
        assert driven.refusal(late) is ErrorCode.FENCED_MEMBER_EPOCH
    else:
        assert driven.ask(late).member_epoch == 3


@pytest.mark.row(112)
def test_two_epochs_before_is_fenced() -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice")
    for partitions in (4, 5):
        driven.follow(a_topic("a", partitions))
        alice.heartbeat()

    assert alice.refusal(member_epoch=2, topic_partitions={}) is ErrorCode.FENCED_MEMBER_EPOCH


@pytest.mark.row(112)
def test_a_full_group_takes_no_new_member_and_keeps_those_it_has() -> None:
    driven = a_shard(max_size="2")
    alice, _ = members(driven, "alice", "bob")

    assert driven.refusal(a_join("carol", "a")) is ErrorCode.GROUP_MAX_SIZE_REACHED
    assert driven.refusal(a_heartbeat("carol", 2)) is ErrorCode.GROUP_MAX_SIZE_REACHED
    assert alice.join().member_epoch == 3


@pytest.mark.row(112)
def test_a_static_member_takes_its_place_in_a_full_group() -> None:
    driven = a_shard(max_size="1")
    alice = Consumer(driven, "alice", instance_id="one")
    alice.join()
    alice.leave(-2)

    assert Consumer(driven, "bob", instance_id="one").join().member_epoch == 2
    assert driven.refusal(a_join("carol", "a", instance_id="two")) is (
        ErrorCode.GROUP_MAX_SIZE_REACHED
    )


@pytest.mark.row(112)
def test_an_instance_id_that_is_in_use_is_unreleased() -> None:
    driven = a_shard()
    Consumer(driven, "alice", instance_id="one").join()

    refusal = driven.refusal(a_join("bob", "a", instance_id="one"))

    assert refusal is ErrorCode.UNRELEASED_INSTANCE_ID


@pytest.mark.row(112)
@pytest.mark.parametrize("epoch", [2, -1, -2])
def test_who_names_an_instance_id_of_another_member_is_fenced(epoch: int) -> None:
    driven = a_shard()
    Consumer(driven, "alice", instance_id="one").join()

    refusal = driven.refusal(a_heartbeat("bob", epoch, instance_id="one"))

    assert refusal is ErrorCode.FENCED_INSTANCE_ID


@pytest.mark.row(112)
@pytest.mark.parametrize("epoch", [2, -1, -2])
def test_an_instance_id_that_nobody_has_is_of_an_unknown_member(epoch: int) -> None:
    driven = a_shard()
    members(driven, "alice")

    refusal = driven.refusal(a_heartbeat("alice", epoch, instance_id="one"))

    assert refusal is ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.row(112)
@pytest.mark.parametrize("pattern", ["(", "[a", "a{2,1}", r"\C"])
def test_a_pattern_that_is_none_is_refused_and_nobody_joins(pattern: str) -> None:
    driven = a_shard()

    refusal = driven.refusal(a_join("alice", subscribed_topic_regex=pattern))

    assert refusal is ErrorCode.INVALID_REGULAR_EXPRESSION
    assert driven.log == []


def test_a_refused_heartbeat_changes_nothing_of_the_member() -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice")
    before = group_of(driven).members["alice"]
    due_ms = driven.machine.next_deadline_ms()
    driven.pass_time(10)

    alice.refusal(member_epoch=9, subscribed_topic_names=("b",))

    assert group_of(driven).members["alice"] == before
    assert isinstance(before, ConsumerMember)
    assert driven.machine.next_deadline_ms() == due_ms
