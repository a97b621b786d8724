"""Requests about the offsets of groups that tests of several APIs begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pykbroker.wire.messages.offset_commit import OffsetCommit
from pykbroker.wire.messages.offset_fetch import OffsetFetch
from tests.api.group_requests import find_coordinator
from tests.api.requests import create_topic
from tests.kafka_client import Client

Offsets = Mapping["Topic", Mapping[int, int | Mapping[str, Any]]]


class Topic(NamedTuple):
    """A topic as requests of any version name it."""

    name: str
    topic_id: bytes


NO_TOPIC = Topic("no-such-topic", b"\xee" * 16)


def a_topic(client: Client, name: str, *, partitions: int = 3) -> Topic:
    """Create a topic, and the groups' topic too where there is none."""
    find_coordinator(client)
    return Topic(name, create_topic(client, name, partitions=partitions))


def commit_raw(
    client: Client, group: str, offsets: Offsets, *, version: int = 10, **fields: Any
) -> Any:
    """Commit offsets, or dicts of fields, by topic and partition; give the reply."""
    topics = [
        {
            ("topic_id" if version >= 10 else "name"): topic[version >= 10],
            "partitions": [
                {"partition_index": index, "committed_offset": told}
                if isinstance(told, int)
                else {"partition_index": index, **told}
                for index, told in partitions.items()
            ],
        }
        for topic, partitions in offsets.items()
    ]
    return client.call(
        OffsetCommit, {"group_id": group, "topics": topics} | fields, version=version
    )


def commit(client: Client, group: str, offsets: Offsets, **fields: Any) -> list[list[int]]:
    """Commit; give the codes by topic."""
    reply = commit_raw(client, group, offsets, **fields)
    return [[each.error_code for each in topic.partitions] for topic in reply.topics]


def fetch_group(
    client: Client,
    group: str,
    topics: Mapping[Topic, Sequence[int]] | None,
    *,
    version: int = 10,
    **fields: Any,
) -> Any:
    """Fetch offsets of one group, None: of all topics; give what is told of the group."""
    wanted = topics and [
        {
            ("topic_id" if version >= 10 else "name"): topic[version >= 10],
            "partition_indexes": partitions,
        }
        for topic, partitions in topics.items()
    ]
    asked = {"group_id": group, "topics": wanted}
    if version < 8:
        return client.call(OffsetFetch, asked | fields, version=version)
    stable = {"require_stable": fields.pop("require_stable", False)}
    reply = client.call(OffsetFetch, {"groups": [asked | fields]} | stable, version=version)
    assert reply.groups[0].group_id == group
    return reply.groups[0]


def committed(client: Client, group: str, topic: Topic) -> dict[int, int]:
    """Give what a group has committed of a topic, by partition."""
    told = fetch_group(client, group, None)
    assert told.error_code == 0, told
    return {
        each.partition_index: each.committed_offset
        for found in told.topics
        if found.topic_id == topic.topic_id
        for each in found.partitions
    }
