"""Fetch: whole record batches from an offset on, now or when enough has come (KIP-227, KIP-516).

Follows `KafkaApis.handleFetchRequest`; error partitions carry empty, never null, records.

Not served: followers (KIP-903), reading from the closest replica (KIP-392), quotas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.fetch_sessions import CachedPartition, FetchContext, Key, Wanted
from pykbroker.replication.reading import Limits, Reading, read_when_enough
from pykbroker.wire.messages.fetch import Fetch

TOPIC_IDS_SINCE = 13
"""KIP-516: from this version on a topic is named by its id only."""
LEADER_HINTS_SINCE = 16
"""KIP-951: the answer names the new leader."""
STORAGE_ERROR_SINCE = 6
"""Older clients do not know KAFKA_STORAGE_ERROR; NOT_LEADER_OR_FOLLOWER makes them retry."""
MAX_WAIT_MS = 300_000
"""The longest a fetch is parked, whatever it asks."""
READ_COMMITTED = 1
LEADER = -1
"""As the preferred read replica: this broker (KIP-392)."""

Answers = list[tuple[Key, dict[str, Any]]]


@handles(Fetch, versions="4-18")
async def fetch(parts: Parts, request: Any, asker: Asker) -> Response:
    """Answer with what changed in the session, or with everything asked when there is none."""
    by_id = asker.api_version >= TOPIC_IDS_SINCE
    sessions = parts.fetch_sessions
    try:
        context = sessions.begin(
            session_id=request.session_id,
            session_epoch=request.session_epoch,
            wanted=_wanted(request, by_id),
            forgotten=_forgotten(request, by_id),
            uses_topic_ids=by_id,
            from_follower=_replica_id(request) >= 0,
            now_ms=parts.clock.now_ms(),
        )
        answers = await _answers(parts, request, context, asker)
        session_id, told = sessions.finish(context, answers, parts.clock.now_ms())
    except KafkaError as refusal:
        return {"error_code": refusal.code}
    hints = [answer["current_leader"] for _, answer in told if "current_leader" in answer]
    # Defaults are named, here and below: looking them up costs more than the rest of the reply.
    return {
        "throttle_time_ms": 0,
        "error_code": ErrorCode.NONE,
        "session_id": session_id,
        "responses": _by_topic(told, by_id),
        "node_endpoints": parts.node_endpoints(hints, asker) if hints else (),
    }


def _wanted(request: Any, by_id: bool) -> dict[Key, Wanted]:
    return {
        (topic.topic_id if by_id else topic.topic, partition.partition): Wanted(
            partition.fetch_offset,
            partition.partition_max_bytes,
            partition.current_leader_epoch,
            partition.last_fetched_epoch,
            partition.log_start_offset,
        )
        for topic in request.topics
        for partition in topic.partitions
    }


def _forgotten(request: Any, by_id: bool) -> list[Key]:
    return [
        (topic.topic_id if by_id else topic.topic, index)
        for topic in request.forgotten_topics_data
        for index in topic.partitions
    ]


def _replica_id(request: Any) -> int:
    """Return the follower's id, -1 for a consumer; KIP-903 moved it in version 15."""
    replica_id: int = max(request.replica_id, request.replica_state.replica_id)
    return replica_id


async def _answers(parts: Parts, request: Any, context: FetchContext, asker: Asker) -> Answers:
    if _replica_id(request) >= 0:
        # Followers prove who they are before they may move a watermark (CVE-2018-1288).
        code = ErrorCode.TOPIC_AUTHORIZATION_FAILED
        return [(key, _never_read(key, code)) for key in context.partitions]
    readings: list[Reading] = []
    unknown: Answers = []
    for key, cached in context.partitions.items():
        try:
            topic = _topic_name(parts, key, cached)
        except KafkaError as refusal:
            unknown.append((key, _never_read(key, refusal.code)))
        else:
            readings.append(_reading(parts, topic, key, cached.wanted))
    max_bytes = min(request.max_bytes, parts.config.integer("fetch.max.bytes"))
    limits = Limits(
        min_bytes=min(request.min_bytes, max_bytes),
        max_bytes=max_bytes,
        max_wait_ms=min(request.max_wait_ms, MAX_WAIT_MS),
        committed_only=request.isolation_level == READ_COMMITTED,
    )
    await read_when_enough(readings, limits)
    known = [(reading.key, _answer(parts, reading, limits, asker)) for reading in readings]
    return known + unknown


def _topic_name(parts: Parts, key: Key, cached: CachedPartition) -> str:
    """Find the topic's name, once per session; refuse what the cluster does not have."""
    topic, index = key
    if cached.topic is None:
        if isinstance(topic, bytes):
            cached.topic = parts.topic_name(topic)
            if cached.topic is None:
                raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID)
        else:
            cached.topic = topic
    if parts.image.partition(cached.topic, index) is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    return cached.topic


def _reading(parts: Parts, topic: str, key: Key, wanted: Wanted) -> Reading:
    try:
        leader = parts.partitions.leader(topic, key[1])
    except KafkaError as refusal:
        return Reading(key, topic, wanted, refusal=refusal)
    if isinstance(key[0], bytes) and leader.partition_log.topic_id != key[0]:
        # The session knew the topic before it was deleted and made again.
        return Reading(key, topic, wanted, refusal=KafkaError(ErrorCode.INCONSISTENT_TOPIC_ID))
    return Reading(key, topic, wanted, leader=leader)


def _answer(parts: Parts, reading: Reading, limits: Limits, asker: Asker) -> dict[str, Any]:
    leader, found = reading.leader, reading.found
    if reading.refusal is not None or leader is None:
        return _refused(parts, reading, asker)
    answer: dict[str, Any] = {
        "partition_index": reading.key[1],
        "error_code": ErrorCode.NONE,
        "high_watermark": leader.high_watermark,
        "last_stable_offset": leader.last_stable_offset,
        "log_start_offset": leader.log_start_offset,
        "aborted_transactions": [] if limits.committed_only else None,
        "preferred_read_replica": LEADER,
        "records": (found.records if found is not None else None) or b"",
    }
    if reading.diverging is not None:
        epoch, end_offset = reading.diverging
        answer["diverging_epoch"] = {"epoch": epoch, "end_offset": end_offset}
    return answer


def _refused(parts: Parts, reading: Reading, asker: Asker) -> dict[str, Any]:
    code = ErrorCode.NONE if reading.refusal is None else reading.refusal.code
    if code is ErrorCode.KAFKA_STORAGE_ERROR and asker.api_version < STORAGE_ERROR_SINCE:
        code = ErrorCode.NOT_LEADER_OR_FOLLOWER
    answer = _failed(reading.key, code)
    moved = code in (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH)
    if moved and asker.api_version >= LEADER_HINTS_SINCE:
        answer["current_leader"] = parts.current_leader(reading.topic, reading.key[1])
    return answer


def _failed(key: Key, code: ErrorCode) -> dict[str, Any]:
    return {
        "partition_index": key[1],
        "error_code": code,
        "high_watermark": -1,
        "last_stable_offset": -1,
        "log_start_offset": -1,
        "aborted_transactions": None,
        "records": b"",
    }


def _never_read(key: Key, code: ErrorCode) -> dict[str, Any]:
    """Answer for a partition whose log was not asked; Kafka's list is empty then, not null."""
    answer = _failed(key, code)
    answer["aborted_transactions"] = []
    return answer


def _by_topic(told: Sequence[tuple[Key, dict[str, Any]]], by_id: bool) -> list[dict[str, Any]]:
    """Group neighbours of one topic, keeping the order in which partitions were served."""
    topics: list[dict[str, Any]] = []
    last: str | bytes | None = None
    for (topic, _), answer in told:
        if topic != last:
            topics.append({"topic_id" if by_id else "topic": topic, "partitions": []})
            last = topic
        topics[-1]["partitions"].append(answer)
    return topics
