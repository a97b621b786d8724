"""Produce: append record batches, byte for byte, and answer when they are as safe as asked.

acks=all waits for all in-sync replicas, of which this broker is one by `log.flush.before.ack`;
acks=1 only where `flush.messages` wants a sync first. A disk that fails meanwhile ends the wait.

acks=0 is never answered; when anything failed, its connection is closed, which is the only signal
such a producer gets. Follows `KafkaApis.handleProduceRequest` and `ReplicaManager.appendRecords`.

Not served: transactions (KIP-98, KIP-890).
"""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode, KafkaError, ProtocolError
from pykbroker.replication.partition import PartitionLeader
from pykbroker.replication.topic_names import is_internal
from pykbroker.replication.waiter import Waiter
from pykbroker.storage.append import RecordErrors, check_partition_records, check_request_records
from pykbroker.wire.messages.produce import Produce

TOPIC_IDS_SINCE = 13
"""KIP-516: from this version on a topic is named by its id only."""
LEADER_HINTS_SINCE = 10
"""KIP-951: the answer names the new leader."""
ADMIN_CLIENT_ID = "__admin_client"
"""The one client that may write to internal topics (`KafkaApis.handleProduceRequest`)."""

ACKS_NONE, ACKS_LEADER, ACKS_ALL = 0, 1, -1
LOG_START_UNTOLD = frozenset(
    {
        ErrorCode.CORRUPT_MESSAGE,
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.MESSAGE_TOO_LARGE,
        ErrorCode.RECORD_LIST_TOO_LARGE,
        ErrorCode.KAFKA_STORAGE_ERROR,
    }
)
"""Refusals of an append that leave the log start offset out (`ReplicaManager.appendRecords`)."""
EMPTY = memoryview(b"")

Answer = dict[str, Any]
Waiting = list[tuple[PartitionLeader, int, Answer]]
"""Who leads, the end offset that must be committed, and the answer in the making."""


@handles(Produce, versions="3-13", advertised_from=0)
async def produce(parts: Parts, request: Any, asker: Asker) -> Response | None:
    """Append each partition's batch; wait for all in-sync replicas where acks=all asks for it."""
    waiting: Waiting = []
    try:
        _check_whole_request(request)
    except KafkaError as refusal:
        topics = [
            _answer(topic, [_failed(p.index, refusal) for p in topic.partition_data])
            for topic in request.topic_data
        ]
    else:
        topics = [
            _append_topic(parts, request, topic, asker, waiting) for topic in request.topic_data
        ]
    if waiting:
        await _wait_for_all(parts, waiting, request, asker)
    if request.acks == ACKS_NONE:
        _close_if_any_failed(topics)
        return None
    hints = [
        partition["current_leader"]
        for topic in topics
        for partition in topic["partition_responses"]
        if "current_leader" in partition
    ]
    return {
        "responses": topics,
        "throttle_time_ms": 0,
        "node_endpoints": parts.node_endpoints(hints, asker) if hints else (),
    }


def _check_whole_request(request: Any) -> None:
    """Refuse what Kafka refuses before it looks at any partition.

    Raises CORRUPT_MESSAGE for a batch whose frame is impossible, and
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED for a transactional batch without a transactional id.
    """
    transactional = False
    for topic in request.topic_data:
        for partition in topic.partition_data:
            if partition.records is not None and check_request_records(partition.records):
                transactional = True
    if transactional and request.transactional_id is None:
        raise KafkaError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)


def _append_topic(
    parts: Parts, request: Any, topic: Any, asker: Asker, waiting: Waiting
) -> dict[str, Any]:
    if asker.api_version >= TOPIC_IDS_SINCE:
        name = parts.topic_name(topic.topic_id)
        unknown = ErrorCode.UNKNOWN_TOPIC_ID
    else:
        name, unknown = topic.name, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    answers = []
    for partition in topic.partition_data:
        try:
            if name is None:
                raise KafkaError(unknown)
            answers.append(_append(parts, request, name, partition, asker, waiting))
        except KafkaError as refusal:
            answers.append(_refused(parts, name, partition.index, refusal, asker))
    return _answer(topic, answers)


def _append(
    parts: Parts, request: Any, name: str, partition: Any, asker: Asker, waiting: Waiting
) -> Answer:
    if parts.image.partition(name, partition.index) is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    records = EMPTY if partition.records is None else partition.records
    check_partition_records(records, version=asker.api_version)
    if request.acks not in (ACKS_NONE, ACKS_LEADER, ACKS_ALL):
        raise KafkaError(ErrorCode.INVALID_REQUIRED_ACKS)
    if is_internal(name) and asker.client_id != ADMIN_CLIENT_ID:
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"{name} is written by the broker only")
    if request.transactional_id is not None and check_request_records(records):
        raise KafkaError(ErrorCode.INVALID_TXN_STATE, "transactions are not served")
    leader = parts.partitions.leader(name, partition.index)
    try:
        appended = leader.append(
            records, acks_all=request.acks == ACKS_ALL, now_ms=parts.clock.now_ms()
        )
    except KafkaError as refusal:
        answer = _refused(parts, name, partition.index, refusal, asker)
        if refusal.code not in LOG_START_UNTOLD:
            answer["log_start_offset"] = leader.log_start_offset
        return answer
    answer = {
        "index": partition.index,
        "error_code": ErrorCode.NONE,
        "base_offset": appended.first_offset,
        "log_append_time_ms": appended.log_append_time_ms,
        "log_start_offset": leader.log_start_offset,
        # Named although they are defaults: looking those up costs more than the rest of the reply.
        "record_errors": (),
        "error_message": None,
    }
    end_offset = appended.last_offset + 1
    if request.acks == ACKS_ALL:
        if not leader.is_committed(end_offset):
            waiting.append((leader, end_offset, answer))
    elif request.acks == ACKS_LEADER and leader.must_flush(end_offset):
        waiting.append((leader, end_offset, answer))
    return answer


async def _wait_for_all(parts: Parts, waiting: Waiting, request: Any, asker: Asker) -> None:
    """Wait until all is as safe as asked; what is not in time is told so, though it may be yet.

    Only acks=all has a time: as in Kafka, a sync is waited for as long as it takes.
    """
    is_all, waiter = request.acks == ACKS_ALL, Waiter()
    if is_all:
        parts.deadlines.add(waiter, request.timeout_ms)
    try:
        for leader, end_offset, answer in waiting:
            try:
                if is_all:
                    await leader.wait_committed(end_offset, waiter)
                else:
                    await leader.wait_durable(end_offset)
            except KafkaError as refusal:
                if refusal.code is ErrorCode.REQUEST_TIMED_OUT:
                    answer["error_code"] = refusal.code
                else:
                    topic = leader.partition_log.topic
                    answer |= _refused(parts, topic, answer["index"], refusal, asker)
    finally:
        parts.deadlines.remove(waiter)


def _answer(topic: Any, partitions: list[Answer]) -> dict[str, Any]:
    return {
        "name": topic.name,
        "topic_id": topic.topic_id,
        "partition_responses": partitions,
    }


def _failed(index: int, refusal: KafkaError) -> Answer:
    return {
        "index": index,
        "error_code": refusal.code,
        "base_offset": -1,
        "log_append_time_ms": -1,
        "log_start_offset": -1,
        "error_message": refusal.message,
    }


def _refused(
    parts: Parts, name: str | None, index: int, refusal: KafkaError, asker: Asker
) -> Answer:
    answer = _failed(index, refusal)
    if isinstance(refusal, RecordErrors):
        answer["record_errors"] = [
            {"batch_index": record, "batch_index_error_message": message}
            for record, message in refusal.record_errors
        ]
    moved = refusal.code is ErrorCode.NOT_LEADER_OR_FOLLOWER
    if moved and name is not None and asker.api_version >= LEADER_HINTS_SINCE:
        answer["current_leader"] = parts.current_leader(name, index)
    return answer


def _close_if_any_failed(topics: list[dict[str, Any]]) -> None:
    for topic in topics:
        for partition in topic["partition_responses"]:
            if partition["error_code"] != ErrorCode.NONE:
                raise ProtocolError(
                    f"produce with acks=0 failed: {partition['error_code'].name}"
                    f" topic={topic['name']} partition={partition['index']}"
                )
