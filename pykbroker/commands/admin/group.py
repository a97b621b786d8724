"""What coordinators tell of groups, as values that no longer know the protocol.

A group is asked for with ConsumerGroupDescribe first and, where that knows none of this name,
with DescribeGroups, as Kafka's Admin does: classic groups and those that only keep offsets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pykbroker.commands.admin.address import Address
from pykbroker.commands.admin.cluster import Answered, Cluster
from pykbroker.commands.admin.failure import refusal
from pykbroker.commands.admin.topic import TopicPartition
from pykbroker.errors import ErrorCode, ProtocolError
from pykbroker.wire.messages.consumer_group_describe import ConsumerGroupDescribe
from pykbroker.wire.messages.consumer_protocol import ConsumerProtocolAssignment
from pykbroker.wire.messages.describe_groups import DescribeGroups

DEAD = "Dead"
WITHOUT_MEMBERS = frozenset({"Empty", DEAD})
"""The states of groups that nobody is in."""

REBALANCING = frozenset({"PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling"})
"""The states in which members' partitions are about to change."""

_CONSUMERS = "consumer"
_MEMBER_TYPES = {0: "classic", 1: "consumer"}


@dataclass(frozen=True, slots=True)
class Member:
    """One member: what it owns, and (consumer protocol) what it shall own."""

    member_id: str
    instance_id: str | None
    client_id: str
    host: str
    assignment: tuple[TopicPartition, ...]
    target_assignment: tuple[TopicPartition, ...] | None = None
    epoch: int | None = None
    protocol: str | None = None
    """What a member of a consumer group speaks, "classic" or "consumer"; None: not told."""


@dataclass(frozen=True, slots=True)
class Group:
    """One group as its coordinator describes it."""

    group_id: str
    type: str
    """"classic" or "consumer", the protocol of KIP-848."""
    protocol_type: str
    """What a classic group's members are, "consumer" mostly; "" of one that only has offsets."""
    state: str
    assignor: str
    coordinator_id: int
    coordinator: Address | None
    members: tuple[Member, ...]
    group_epoch: int | None = None
    assignment_epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Undescribed:
    """A group that was not described; `sentence` says why."""

    group_id: str
    is_missing: bool
    sentence: str


def describe_groups(cluster: Cluster, groups: Iterable[str]) -> dict[str, Group | Undescribed]:
    """Ask for groups, in the order they are given. Raises CommandFailedError."""
    names = list(dict.fromkeys(groups))
    answers = cluster.ask_coordinators(
        names, lambda node_id, some: _as_consumer_groups(cluster, node_id, some)
    )
    others = [name for name, (code, _) in answers.items() if code in _NOT_OF_CONSUMER_PROTOCOL]
    classic = cluster.ask_coordinators(
        others, lambda node_id, some: _as_classic_groups(cluster, node_id, some)
    )
    described: dict[str, Group | Undescribed] = {}
    for name in names:
        code, found = classic.get(name, answers[name])
        if isinstance(found, Group) and found.state != DEAD:
            described[name] = found
        else:
            # the first answer tells of another kind of group, the second only of none
            message = answers[name][1] if isinstance(answers[name][1], str) else found
            described[name] = _undescribed(name, code, message)
    return described


_NOT_OF_CONSUMER_PROTOCOL = (ErrorCode.GROUP_ID_NOT_FOUND, ErrorCode.UNSUPPORTED_VERSION)


def _undescribed(name: str, code: int, message: object) -> Undescribed:
    words = message.rstrip(".") if isinstance(message, str) else None
    if code in (ErrorCode.NONE, ErrorCode.GROUP_ID_NOT_FOUND):
        sentence = (
            f"there is no consumer group {name}{f' ({words})' if words else ''}; `pykbroker groups"
            " list` shows what groups there are"
        )
        return Undescribed(name, is_missing=True, sentence=sentence)
    sentence = refusal(f"group {name} was not described", code, words)
    return Undescribed(name, is_missing=False, sentence=sentence)


def _as_consumer_groups(cluster: Cluster, node_id: int, names: list[str]) -> dict[str, Answered]:
    if not cluster.broker(node_id).serves(ConsumerGroupDescribe):
        return dict.fromkeys(names, (ErrorCode.UNSUPPORTED_VERSION, None))
    answer = cluster.call(ConsumerGroupDescribe, {"group_ids": names}, node_id=node_id)
    return {
        each.group_id: (
            each.error_code,
            each.error_message if each.error_code else _consumer_group(cluster, node_id, each),
        )
        for each in answer.groups
    }


def _as_classic_groups(cluster: Cluster, node_id: int, names: list[str]) -> dict[str, Answered]:
    answer = cluster.call(DescribeGroups, {"groups": names}, node_id=node_id)
    return {
        each.group_id: (
            each.error_code,
            each.error_message if each.error_code else _classic_group(cluster, node_id, each),
        )
        for each in answer.groups
    }


def _consumer_group(cluster: Cluster, node_id: int, answered: Any) -> Group:
    members = (
        Member(
            member_id=each.member_id,
            instance_id=each.instance_id,
            client_id=each.client_id,
            host=each.client_host,
            assignment=_named(each.assignment),
            target_assignment=_named(each.target_assignment),
            epoch=each.member_epoch,
            protocol=_MEMBER_TYPES.get(each.member_type),
        )
        for each in answered.members
    )
    return Group(
        group_id=answered.group_id,
        type="consumer",
        protocol_type=_CONSUMERS,
        state=answered.group_state,
        assignor=answered.assignor_name,
        coordinator_id=node_id,
        coordinator=cluster.address(node_id),
        members=_in_order(members),
        group_epoch=answered.group_epoch,
        assignment_epoch=answered.assignment_epoch,
    )


def _classic_group(cluster: Cluster, node_id: int, answered: Any) -> Group:
    of_consumers = answered.protocol_type == _CONSUMERS
    members = (
        Member(
            member_id=each.member_id,
            instance_id=each.group_instance_id,
            client_id=each.client_id,
            host=each.client_host,
            assignment=_assigned(each.member_assignment) if of_consumers else (),
        )
        for each in answered.members
    )
    return Group(
        group_id=answered.group_id,
        type="classic",
        protocol_type=answered.protocol_type,
        state=answered.group_state,
        assignor=answered.protocol_data,
        coordinator_id=node_id,
        coordinator=cluster.address(node_id),
        members=_in_order(members),
    )


def _in_order(members: Iterable[Member]) -> tuple[Member, ...]:
    return tuple(sorted(members, key=lambda member: (member.client_id, member.member_id)))


def _named(assignment: Any) -> tuple[TopicPartition, ...]:
    return tuple(
        sorted(
            TopicPartition(topic.topic_name, partition)
            for topic in assignment.topic_partitions
            for partition in topic.partitions
        )
    )


def _assigned(data: bytes) -> tuple[TopicPartition, ...]:
    """Read what the leader of a classic group wrote; nothing where there is nothing to read."""
    message = ConsumerProtocolAssignment
    version = min(int.from_bytes(data[:2], "big"), message.max_version)
    try:
        assignment = message.version(version).parse(data[2:])
    except ProtocolError:  # before the first assignment, or by a leader with ways of its own
        return ()
    return tuple(
        sorted(
            TopicPartition(topic.topic, partition)
            for topic in assignment.assigned_partitions
            for partition in topic.partitions
        )
    )
