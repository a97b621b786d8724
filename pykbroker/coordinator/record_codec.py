"""Records of __consumer_offsets as bytes, in the formats of Kafka 4.3.

A key is the record's type (int16) and its key message; a value is a version (int16) and its value
message (GroupCoordinatorRecordHelpers, CoordinatorRecordSerde). What older brokers wrote is read;
what is not a record of a group or an offset reads as None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any

from pykbroker.coordinator import records as r
from pykbroker.errors import ProtocolError
from pykbroker.wire.messages.group_records import GROUP_RECORDS
from pykbroker.wire.messages.offsets_records import OFFSETS_RECORDS
from pykbroker.wire.schema import Message

_INT16 = Struct(">h")
MESSAGES: Mapping[int, tuple[Message, Message]] = {**OFFSETS_RECORDS, **GROUP_RECORDS}
LEGACY_OFFSET, OFFSET, CLASSIC, EPOCH, PARTITION_METADATA, MEMBER = 0, 1, 2, 3, 4, 5
TARGET_EPOCH, TARGET, CURRENT, REGEX = 6, 7, 8, 16
OFFSET_VERSION = 4
OFFSET_VERSION_WITH_EXPIRY = 1
"""The one version that can tell when an offset expires."""
CLASSIC_VERSION = 3


def encode(record: r.Record) -> tuple[bytes, bytes | None]:
    """Give the record's key and value; the value is None for a tombstone."""
    kind, names, fields = _WRITERS[type(record)]
    key = _INT16.pack(kind) + MESSAGES[kind][0].version(0).build(names(record))
    if record.value is None:
        return key, None
    version = _version_written(record)
    return key, _INT16.pack(version) + MESSAGES[kind][1].version(version).build(
        fields(record.value)
    )


def decode(key: bytes, value: bytes | None) -> r.Record | None:
    """Give the record of key and value; None for a type that no group coordinator here knows.

    Raises ProtocolError for bytes that are no such record.
    """
    kind = _int16(key)
    if kind not in MESSAGES:
        return None
    key_message, value_message = MESSAGES[kind]
    names, _ = key_message.version(0).parse_from(key, _INT16.size)
    if value is None:
        return _record(kind, names, None)
    version = _int16(value)
    if not value_message.min_version <= version <= value_message.max_version:
        raise ProtocolError(f"{value_message!r} has no version {version}")
    return _record(kind, names, value_message.version(version).parse_from(value, _INT16.size)[0])


def _int16(data: bytes) -> int:
    if len(data) < _INT16.size:
        raise ProtocolError("a coordinator record is cut in its version")
    version: int = _INT16.unpack_from(data)[0]
    return version


def _version_written(record: r.Record) -> int:
    if isinstance(record, r.OffsetRecord):
        expires = record.value is not None and record.value.expire_timestamp_ms is not None
        return OFFSET_VERSION_WITH_EXPIRY if expires else OFFSET_VERSION
    return CLASSIC_VERSION if isinstance(record, r.ClassicGroupRecord) else 0


def _offset_names(record: r.OffsetRecord) -> dict[str, Any]:
    return {"group": record.group_id, "topic": record.topic, "partition": record.partition}


def _classic_names(record: r.ClassicGroupRecord) -> dict[str, Any]:
    return {"group": record.group_id}


def _group_names(record: Any) -> dict[str, Any]:
    return {"group_id": record.group_id}


def _member_names(record: Any) -> dict[str, Any]:
    return {"group_id": record.group_id, "member_id": record.member_id}


def _regex_names(record: r.RegexRecord) -> dict[str, Any]:
    return {"group_id": record.group_id, "regular_expression": record.regex}


def _offset(value: r.CommittedOffset) -> dict[str, Any]:
    return {
        "offset": value.offset,
        "leader_epoch": value.leader_epoch,
        "metadata": value.metadata,
        "commit_timestamp": value.commit_timestamp_ms,
        "expire_timestamp": -1 if value.expire_timestamp_ms is None else value.expire_timestamp_ms,
        "topic_id": value.topic_id,
    }


def _classic(value: r.StoredGroup) -> dict[str, Any]:
    return {
        "protocol_type": value.protocol_type,
        "generation": value.generation,
        "protocol": value.protocol,
        "leader": value.leader,
        "current_state_timestamp": value.state_timestamp_ms,
        "members": [
            {
                "member_id": member.member_id,
                "group_instance_id": member.group_instance_id,
                "client_id": member.client_id,
                "client_host": member.client_host,
                "rebalance_timeout": member.rebalance_timeout_ms,
                "session_timeout": member.session_timeout_ms,
                "subscription": member.subscription,
                "assignment": member.assignment,
            }
            for member in value.members
        ],
    }


def _epoch(value: r.GroupEpoch) -> dict[str, Any]:
    return {"epoch": value.epoch, "metadata_hash": value.metadata_hash}


def _member(value: r.MemberSubscription) -> dict[str, Any]:
    classic = value.classic
    return {
        "instance_id": value.instance_id,
        "rack_id": value.rack_id,
        "client_id": value.client_id,
        "client_host": value.client_host,
        "subscribed_topic_names": value.subscribed_topic_names,
        "subscribed_topic_regex": value.subscribed_topic_regex,
        "rebalance_timeout_ms": value.rebalance_timeout_ms,
        "server_assignor": value.server_assignor,
        "classic_member_metadata": None
        if classic is None
        else {
            "session_timeout_ms": classic.session_timeout_ms,
            "supported_protocols": [
                {"name": name, "metadata": metadata} for name, metadata in classic.protocols
            ],
        },
    }


def _target_epoch(value: r.TargetEpoch) -> dict[str, Any]:
    return {"assignment_epoch": value.epoch, "assignment_timestamp": value.timestamp_ms}


def _target(value: r.Partitions) -> dict[str, Any]:
    return {
        "topic_partitions": [
            {"topic_id": topic_id, "partitions": sorted(partitions)}
            for topic_id, partitions in sorted(value.items())
        ]
    }


def _current(value: r.CurrentAssignment) -> dict[str, Any]:
    return {
        "member_epoch": value.member_epoch,
        "previous_member_epoch": value.previous_member_epoch,
        "state": value.state,
        "assigned_partitions": _with_epochs(value.assigned),
        "partitions_pending_revocation": _with_epochs(value.revoking),
    }


def _with_epochs(held: Mapping[bytes, Mapping[int, int]]) -> list[dict[str, Any]]:
    return [
        {
            "topic_id": topic_id,
            "partitions": sorted(epochs),
            "assignment_epochs": [epochs[partition] for partition in sorted(epochs)],
        }
        for topic_id, epochs in sorted(held.items())
    ]


def _regex(value: r.ResolvedRegex) -> dict[str, Any]:
    return {
        "topics": sorted(value.topics),
        "version": value.version,
        "timestamp": value.timestamp_ms,
    }


_WRITERS: Mapping[
    type, tuple[int, Callable[[Any], dict[str, Any]], Callable[[Any], dict[str, Any]]]
] = {
    r.OffsetRecord: (OFFSET, _offset_names, _offset),
    r.ClassicGroupRecord: (CLASSIC, _classic_names, _classic),
    r.GroupEpochRecord: (EPOCH, _group_names, _epoch),
    r.PartitionMetadataRecord: (PARTITION_METADATA, _group_names, dict),
    r.MemberRecord: (MEMBER, _member_names, _member),
    r.TargetEpochRecord: (TARGET_EPOCH, _group_names, _target_epoch),
    r.TargetRecord: (TARGET, _member_names, _target),
    r.CurrentRecord: (CURRENT, _member_names, _current),
    r.RegexRecord: (REGEX, _regex_names, _regex),
}
"""By kind of record: its type in the log, the fields of its key and those of its value."""


def _record(kind: int, key: Any, value: Any) -> r.Record | None:
    if kind == OFFSET:
        return r.OffsetRecord(key.group, key.topic, key.partition, value and _read_offset(value))
    if kind == CLASSIC:
        return r.ClassicGroupRecord(key.group, value and _read_classic(value))
    if kind == EPOCH:
        epoch = value and r.GroupEpoch(value.epoch, value.metadata_hash)
        return r.GroupEpochRecord(key.group_id, epoch)
    if kind == MEMBER:
        return r.MemberRecord(key.group_id, key.member_id, value and _read_member(value))
    if kind == TARGET_EPOCH:
        target = value and r.TargetEpoch(value.assignment_epoch, value.assignment_timestamp)
        return r.TargetEpochRecord(key.group_id, target)
    if kind == TARGET:
        return r.TargetRecord(key.group_id, key.member_id, _read_target(value))
    if kind == CURRENT:
        return r.CurrentRecord(key.group_id, key.member_id, value and _read_current(value))
    if kind == REGEX:
        regex = value and r.ResolvedRegex(frozenset(value.topics), value.version, value.timestamp)
        return r.RegexRecord(key.group_id, key.regular_expression, regex)
    if kind == LEGACY_OFFSET:
        offset = value and _read_legacy_offset(value)
        return r.OffsetRecord(key.group, key.topic, key.partition, offset)
    return None if value is not None else r.PartitionMetadataRecord(key.group_id)


def _read_offset(value: Any) -> r.CommittedOffset:
    expire_timestamp_ms = value.expire_timestamp
    return r.CommittedOffset(
        offset=value.offset,
        leader_epoch=value.leader_epoch,
        metadata=value.metadata,
        commit_timestamp_ms=value.commit_timestamp,
        expire_timestamp_ms=None if expire_timestamp_ms == -1 else expire_timestamp_ms,
        topic_id=value.topic_id,
    )


def _read_legacy_offset(value: Any) -> r.CommittedOffset:
    return r.CommittedOffset(
        offset=value.offset,
        metadata=value.metadata,
        commit_timestamp_ms=value.commit_timestamp,
    )


def _read_classic(value: Any) -> r.StoredGroup:
    return r.StoredGroup(
        protocol_type=value.protocol_type,
        generation=value.generation,
        protocol=value.protocol,
        leader=value.leader,
        state_timestamp_ms=value.current_state_timestamp,
        members=tuple(
            r.StoredMember(
                member_id=member.member_id,
                group_instance_id=member.group_instance_id,
                client_id=member.client_id,
                client_host=member.client_host,
                # Version 0 has none: the session timeout counts (KIP-62).
                rebalance_timeout_ms=member.session_timeout
                if member.rebalance_timeout == -1
                else member.rebalance_timeout,
                session_timeout_ms=member.session_timeout,
                subscription=bytes(member.subscription),
                assignment=bytes(member.assignment),
            )
            for member in value.members
        ),
    )


def _read_member(value: Any) -> r.MemberSubscription:
    classic = value.classic_member_metadata
    return r.MemberSubscription(
        instance_id=value.instance_id,
        rack_id=value.rack_id,
        client_id=value.client_id,
        client_host=value.client_host,
        subscribed_topic_names=tuple(sorted(set(value.subscribed_topic_names))),
        subscribed_topic_regex=value.subscribed_topic_regex,
        rebalance_timeout_ms=value.rebalance_timeout_ms,
        server_assignor=value.server_assignor,
        classic=classic
        and r.ClassicMember(
            classic.session_timeout_ms,
            tuple((each.name, bytes(each.metadata)) for each in classic.supported_protocols),
        ),
    )


def _read_target(value: Any) -> r.Partitions | None:
    if value is None:
        return None
    return {
        topic.topic_id: frozenset(topic.partitions)
        for topic in value.topic_partitions
        if topic.partitions
    }


def _read_current(value: Any) -> r.CurrentAssignment:
    known = [state.value for state in r.MemberState]
    state = r.MemberState(value.state) if value.state in known else r.MemberState.UNKNOWN
    epoch = value.member_epoch
    return r.CurrentAssignment(
        member_epoch=epoch,
        previous_member_epoch=value.previous_member_epoch,
        state=state,
        assigned=_read_epochs(value.assigned_partitions, epoch),
        revoking=_read_epochs(value.partitions_pending_revocation, epoch),
    )


def _read_epochs(topics: Any, member_epoch: int) -> dict[bytes, dict[int, int]]:
    """Read partitions with the epochs at which they were assigned.

    Before KIP-1251 there are none: the member's counts then, and 0 for a static member that was
    away (group.Utils.assignmentFromTopicPartitions); and where their number is wrong.
    """
    held: dict[bytes, dict[int, int]] = {}
    for topic in topics:
        partitions, epochs = topic.partitions, topic.assignment_epochs
        if epochs is None or len(epochs) != len(partitions):
            epochs = [max(member_epoch, 0)] * len(partitions)
        if partitions:
            held[topic.topic_id] = dict(zip(partitions, epochs, strict=True))
    return held
