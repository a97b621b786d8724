"""Offsets of groups and of partitions: what is committed, and where logs begin and end.

Committed offsets are asked for by topic name, so that those of topics that are gone show as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pykbroker.commands.admin.cluster import COORDINATOR_PASSING, Answered, Cluster
from pykbroker.commands.admin.failure import CommandFailedError, refusal
from pykbroker.commands.admin.topic import NO_LEADER, TopicPartition
from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.list_offsets import ListOffsets
from pykbroker.wire.messages.offset_commit import OffsetCommit
from pykbroker.wire.messages.offset_fetch import OffsetFetch

EARLIEST, LATEST = -2, -1
"""Timestamps that stand for the start and the end of a log."""

_NOT_A_MEMBER = -1
_NAMES_UNTIL = 9
"""The last versions of OffsetFetch and OffsetCommit that name topics, not their ids."""

_SEVERAL_GROUPS_SINCE = 8
_ALL_TOPICS_SINCE = 2
_FROM_LEADERS_PASSING = frozenset(
    {
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.OFFSET_NOT_AVAILABLE,
        ErrorCode.FENCED_LEADER_EPOCH,
        ErrorCode.UNKNOWN_LEADER_EPOCH,
    }
)
_GONE = (
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.LEADER_NOT_AVAILABLE,
    ErrorCode.KAFKA_STORAGE_ERROR,
)


@dataclass(frozen=True, slots=True)
class Committed:
    """How far a group has read a partition: the offset of the next record, and what it noted."""

    offset: int
    leader_epoch: int | None
    metadata: str


CommittedOffsets = dict[TopicPartition, Committed]


def committed_offsets(cluster: Cluster, groups: Iterable[str]) -> dict[str, CommittedOffsets]:
    """Ask for all that groups have committed. Raises CommandFailedError."""
    answers = cluster.ask_coordinators(
        groups, lambda node_id, some: _fetched(cluster, node_id, some)
    )
    for group, (code, _) in answers.items():
        if code:
            raise CommandFailedError(refusal(f"the offsets of group {group} were not told", code))
    return {group: found for group, (_, found) in answers.items()}


def commit(
    cluster: Cluster, group: str, offsets: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """Commit offsets from outside the group; give each partition's error code.

    Raises CommandFailedError.
    """
    request = {
        "group_id": group,
        "generation_id_or_member_epoch": _NOT_A_MEMBER,
        "member_id": "",
        "topics": by_topic(
            offsets,
            lambda key: {
                "partition_index": key.partition,
                "committed_offset": offsets[key],
                "committed_metadata": "",
            },
        ),
    }

    def ask(node_id: int, _: list[str]) -> dict[str, Answered]:
        answer = cluster.call(OffsetCommit, request, node_id=node_id, most=_NAMES_UNTIL)
        codes = codes_of(answer.topics)
        return {group: (_first_passing(codes.values()), codes)}

    code, codes = cluster.ask_coordinators((group,), ask)[group]
    if code:
        raise CommandFailedError(refusal(f"group {group} was not changed", code))
    return dict(codes)


def log_offsets(
    cluster: Cluster, partitions: Iterable[TopicPartition], timestamp: int
) -> dict[TopicPartition, int | None]:
    """Ask leaders for EARLIEST, LATEST, or the first offset at or after a timestamp, in ms.

    None where there is none: no such partition, no leader, or no record so late. Raises
    CommandFailedError.
    """
    found: dict[TopicPartition, int | None] = {}
    left = list(dict.fromkeys(partitions))
    code = int(ErrorCode.NONE)
    for _ in cluster.attempts():
        for node_id, some in _by_leader(cluster, left).items():
            if node_id == NO_LEADER:
                found |= dict.fromkeys(some)
                continue
            for key, (code, offset) in _listed(cluster, node_id, some, timestamp).items():
                if code not in _FROM_LEADERS_PASSING:
                    found[key] = _told(key, code, offset)
        left = [key for key in left if key not in found]
        if not left:
            return found
    raise CommandFailedError(refusal(f"the offsets of {left[0]} were not told", code))


def by_topic(
    keys: Iterable[TopicPartition], partition_of: Callable[[TopicPartition], Any]
) -> list[dict[str, Any]]:
    """Give the `topics` field that many requests have; `partition_of` fills each partition."""
    topics: dict[str, list[Any]] = {}
    for key in keys:
        topics.setdefault(key.topic, []).append(partition_of(key))
    return [{"name": name, "partitions": some} for name, some in topics.items()]


def codes_of(topics: Iterable[Any]) -> dict[TopicPartition, int]:
    """Read the `topics` field that many responses have: the code of each partition."""
    return {
        TopicPartition(topic.name, each.partition_index): each.error_code
        for topic in topics
        for each in topic.partitions
    }


def _fetched(cluster: Cluster, node_id: int, groups: list[str]) -> dict[str, Answered]:
    version = cluster.broker(node_id).version(
        OffsetFetch, least=_ALL_TOPICS_SINCE, most=_NAMES_UNTIL
    )
    if version >= _SEVERAL_GROUPS_SINCE:
        request = {"groups": [{"group_id": group, "topics": None} for group in groups]}
        answer = cluster.call(OffsetFetch, request, node_id=node_id, most=_NAMES_UNTIL)
        return {each.group_id: (each.error_code, _committed(each.topics)) for each in answer.groups}
    fetched: dict[str, Answered] = {}
    for group in groups:
        one = {"group_id": group, "topics": None}
        answer = cluster.call(OffsetFetch, one, node_id=node_id, most=_NAMES_UNTIL)
        fetched[group] = (answer.error_code, _committed(answer.topics))
    return fetched


def _committed(topics: Iterable[Any]) -> CommittedOffsets:
    found = {
        TopicPartition(topic.name, each.partition_index): Committed(
            each.committed_offset,
            None if each.committed_leader_epoch < 0 else each.committed_leader_epoch,
            each.metadata or "",
        )
        for topic in topics
        for each in topic.partitions
        if not each.error_code and each.committed_offset >= 0
    }
    return dict(sorted(found.items()))


def _by_leader(cluster: Cluster, keys: Iterable[TopicPartition]) -> dict[int, list[TopicPartition]]:
    """Group partitions by their leaders' ids; NO_LEADER for those without, or not there."""
    keys = list(keys)
    if not keys:
        return {}
    topics = cluster.topics(key.topic for key in keys)
    leaders = {
        TopicPartition(topic.name, partition.index): partition.leader
        for topic in topics.values()
        for partition in topic.partitions
    }
    grouped: dict[int, list[TopicPartition]] = {}
    for key in keys:
        grouped.setdefault(leaders.get(key, NO_LEADER), []).append(key)
    return grouped


def _listed(
    cluster: Cluster, node_id: int, keys: list[TopicPartition], timestamp: int
) -> dict[TopicPartition, tuple[int, int]]:
    request = {
        "replica_id": _NOT_A_MEMBER,
        "topics": by_topic(
            keys, lambda key: {"partition_index": key.partition, "timestamp": timestamp}
        ),
        "timeout_ms": cluster.ms_left(),
    }
    answer = cluster.call(ListOffsets, request, node_id=node_id)
    return {
        TopicPartition(topic.name, each.partition_index): (each.error_code, each.offset)
        for topic in answer.topics
        for each in topic.partitions
    }


def _told(key: TopicPartition, code: int, offset: int) -> int | None:
    if code in _GONE:
        return None
    if code:
        raise CommandFailedError(refusal(f"the offsets of {key} were not told", code))
    return offset if offset >= 0 else None


def _first_passing(codes: Iterable[int]) -> int:
    return next((code for code in codes if code in COORDINATOR_PASSING), ErrorCode.NONE)
