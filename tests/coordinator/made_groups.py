"""Groups in any state for tests of offsets and administration, made of what a log would say."""

from __future__ import annotations

from struct import pack
from typing import Any

from pykbroker.coordinator import records as r
from pykbroker.coordinator.commands import CommitCommand, FetchOffsetsCommand, OffsetToCommit
from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.consumer_protocol import ConsumerProtocolSubscription
from tests.coordinator.driven import START_MS, Driven, a_topic

OTHER_ID = bytes(15) + b"\7"


def having(driven: Driven, *records: r.Record) -> Driven:
    """Let a machine's log have these records too."""
    for record in records:
        driven.log.append(record)
        driven.machine.replay(record)
    return driven


def offset(
    topic: str, partition: int = 0, value: int = 5, *, group_id: str = "group", **fields: Any
) -> r.OffsetRecord:
    """Give a committed offset, of now unless `commit_timestamp_ms` is told."""
    told: dict[str, Any] = {"commit_timestamp_ms": START_MS, "topic_id": a_topic(topic).topic_id}
    return r.OffsetRecord(group_id, topic, partition, r.CommittedOffset(value, **told | fields))


def reads(*topics: str) -> bytes:
    """Give the metadata of a consumer that reads topics."""
    wants = {"topics": topics, "user_data": None}
    return pack(">h", 0) + ConsumerProtocolSubscription.version(0).build(wants)


def a_classic_group(
    *member_ids: str,
    group_id: str = "group",
    protocol_type: str = "consumer",
    subscription: bytes | None = None,
    state_timestamp_ms: int = START_MS,
) -> r.ClassicGroupRecord:
    """Give a classic group at generation 3: stable, or empty without members."""
    members = tuple(
        r.StoredMember(
            member_id=member_id,
            group_instance_id=None,
            client_id="client",
            client_host="/127.0.0.1",
            rebalance_timeout_ms=60_000,
            session_timeout_ms=10_000,
            subscription=reads("topic") if subscription is None else subscription,
            assignment=b"for " + member_id.encode(),
        )
        for member_id in member_ids
    )
    value = r.StoredGroup(
        protocol_type=protocol_type,
        generation=3,
        protocol="range" if members else None,
        leader=member_ids[0] if members else None,
        state_timestamp_ms=state_timestamp_ms,
        members=members,
    )
    return r.ClassicGroupRecord(group_id, value)


def a_consumer_group(
    *member_ids: str,
    group_id: str = "group",
    topics: tuple[str, ...] = ("topic",),
    assigned_at: int = 3,
    classic: r.ClassicMember | None = None,
) -> tuple[r.Record, ...]:
    """Give a consumer group at epoch 5; each member has partition 0 of the first topic."""
    held = {a_topic(topic).topic_id: {0: assigned_at} for topic in topics[:1]}
    target = {topic_id: frozenset(epochs) for topic_id, epochs in held.items()}
    records: list[r.Record] = [r.GroupEpochRecord(group_id, r.GroupEpoch(5))]
    for member_id in member_ids:
        subscription = r.MemberSubscription(
            instance_id=None,
            rack_id=None,
            client_id="client",
            client_host="/127.0.0.1",
            subscribed_topic_names=topics,
            subscribed_topic_regex="",
            rebalance_timeout_ms=60_000,
            server_assignor=None,
            classic=classic,
        )
        current = r.CurrentAssignment(5, 4, r.MemberState.STABLE, held, {})
        records += [
            r.MemberRecord(group_id, member_id, subscription),
            r.TargetRecord(group_id, member_id, target),
            r.CurrentRecord(group_id, member_id, current),
        ]
    return (*records, r.TargetEpochRecord(group_id, r.TargetEpoch(5)))


def to_commit(topic: str = "topic", partition: int = 0, value: int = 5, **fields: Any) -> Any:
    """Give one partition of a commit."""
    told: dict[str, Any] = {"committed_leader_epoch": -1, "committed_metadata": ""}
    return OffsetToCommit(topic, partition, a_topic(topic).topic_id, value, **told | fields)


def a_commit(*offsets: OffsetToCommit, **fields: Any) -> CommitCommand:
    """Give a commit by nobody's member, of one offset unless told."""
    told = {
        "group_id": "group",
        "member_id": "",
        "group_instance_id": None,
        "generation_id_or_member_epoch": -1,
        "knows_consumer_groups": True,
    }
    return CommitCommand(**told | {"offsets": offsets or (to_commit(),)} | fields)


def committed(driven: Driven, group_id: str = "group") -> dict[tuple[str, int], int]:
    """Ask for all that a group has committed."""
    reply = driven.ask(FetchOffsetsCommand(group_id, None, -1, None))
    return {
        (topic, each.partition): each.value.offset
        for topic, partitions in reply.topics
        for each in partitions
    }


OK = (ErrorCode.NONE,)
"""What a commit of one offset is answered."""
