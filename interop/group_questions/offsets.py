"""Words for questions about offsets: requests with ordinary values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interop.group_questions.asker import Asker
from pykbroker.wire.messages.offset_commit import OffsetCommit
from pykbroker.wire.messages.offset_delete import OffsetDelete
from pykbroker.wire.messages.offset_fetch import OffsetFetch

NEWEST_COMMIT, NEWEST_FETCH = 10, 10
BATCHED_FETCH = 8


def topic_id_of(topic: str) -> bytes:
    """Give the id of a topic made by an asker, and no id of any other name."""
    return getattr(topic, "topic_id", bytes(16))


def commit(
    asker: Asker, group: str, offsets: Mapping[str, Mapping[int, Any]], **fields: Any
) -> Any:
    """Commit offsets by topic and partition: an offset, or a dict of the partition's fields."""
    version = fields.pop("version", NEWEST_COMMIT)
    topics = [
        {
            "name": topic,
            "topic_id": topic_id_of(topic),
            "partitions": [
                {"partition_index": index, "committed_offset": 0, "committed_metadata": "said"}
                | (told if isinstance(told, dict) else {"committed_offset": told})
                for index, told in partitions.items()
            ],
        }
        for topic, partitions in offsets.items()
    ]
    request = {"group_id": group, "member_id": "", "topics": topics} | fields
    return asker.ask(OffsetCommit, request, version=version)


def wanted(topics: Mapping[str, Iterable[int]] | None) -> list[dict[str, Any]] | None:
    """Give the topics of an OffsetFetch request; None stands for all."""
    if topics is None:
        return None
    return [
        {"name": topic, "topic_id": topic_id_of(topic), "partition_indexes": list(partitions)}
        for topic, partitions in topics.items()
    ]


def fetch(
    asker: Asker,
    group: str,
    topics: Mapping[str, Iterable[int]] | None = None,
    *,
    version: int = NEWEST_FETCH,
    require_stable: bool = False,
    **member: Any,
) -> Any:
    """Fetch offsets of one group; `member` has `member_id` and `member_epoch`."""
    if version >= BATCHED_FETCH:
        told = {"group_id": group, "topics": _of_version(topics, version)} | member
        return fetch_all(asker, told, version=version, require_stable=require_stable)
    request = {
        "group_id": group,
        "topics": _of_version(topics, version),
        "require_stable": require_stable,
    }
    return asker.ask(OffsetFetch, request, version=version)


def fetch_all(
    asker: Asker, *groups: Mapping[str, Any], version: int, require_stable: bool = False
) -> Any:
    """Fetch offsets of several groups at once."""
    request = {"groups": groups, "require_stable": require_stable}
    return asker.ask(OffsetFetch, request, version=version)


def delete(asker: Asker, group: str, topics: Mapping[str, Iterable[int]]) -> Any:
    """Delete offsets."""
    told = [
        {"name": topic, "partitions": [{"partition_index": index} for index in partitions]}
        for topic, partitions in topics.items()
    ]
    return asker.ask(OffsetDelete, {"group_id": group, "topics": told}, version=0)


def _of_version(
    topics: Mapping[str, Iterable[int]] | None, version: int
) -> list[dict[str, Any]] | None:
    told = wanted(topics)
    if told and version < BATCHED_FETCH:
        for each in told:
            del each["topic_id"]
    return told
