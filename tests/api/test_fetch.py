"""Fetch through a real socket: what comes back, when, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.delete_topics import DeleteTopics
from pykbroker.wire.messages.fetch import Fetch
from pykbroker.wire.records import iterate_records, parse_batch_header
from tests.api.requests import NOW_MS, a_batch, create_topic, fetch, fetch_one, produce
from tests.kafka_client import Client

LONG_MS = 30_000
"""A wait that no test sits out."""
Connect = Callable[..., Client]


def values(records: bytes) -> list[bytes | None]:
    """Give the values of all batches in a run of bytes."""
    found, position = [], 0
    while position < len(records):
        size = parse_batch_header(records, position).size_bytes
        found += [record.value for record in iterate_records(records[position : position + size])]
        position += size
    return found


def seconds_of(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


@pytest.mark.row(68)
@pytest.mark.parametrize("offset", [3, -1, 2**62])
def test_an_offset_outside_of_the_log_is_refused_at_once(
    client: Client, topic: str, offset: int
) -> None:
    create_topic(client, topic)
    produce(client, topic, timestamps=[NOW_MS, NOW_MS])

    began = time.monotonic()
    answer = fetch_one(client, topic, offset, max_wait_ms=LONG_MS)

    assert answer.error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    assert (answer.high_watermark, answer.records) == (-1, b"")
    assert time.monotonic() - began < 5


@pytest.mark.row(68)
def test_the_end_of_the_log_waits_for_max_wait(client: Client, topic: str) -> None:
    create_topic(client, topic)

    began = time.monotonic()
    answer = fetch_one(client, topic, 0, max_wait_ms=60)

    assert (answer.error_code, answer.records) == (ErrorCode.NONE, b"")
    assert time.monotonic() - began >= 0.06


@pytest.mark.row(72)
def test_a_waiting_fetch_is_answered_when_records_come(
    client: Client, connect: Connect, topic: str
) -> None:
    create_topic(client, topic)
    answers: list[Any] = []
    consumer = connect()
    waiting = Thread(target=lambda: answers.append(fetch_one(consumer, topic, max_wait_ms=LONG_MS)))
    waiting.start()

    produce(client, topic, values=[b"news"])
    waiting.join(timeout=10)

    assert values(answers[0].records) == [b"news"]


@pytest.mark.row(72)
def test_min_bytes_counts_over_all_partitions(client: Client, connect: Connect, topic: str) -> None:
    create_topic(client, topic, partitions=2)
    size = len(a_batch())
    produce(client, topic, partition=0)
    answers: list[Any] = []
    consumer = connect()
    waiting = Thread(
        target=lambda: answers.append(
            fetch(consumer, {topic: {0: 0, 1: 0}}, max_wait_ms=LONG_MS, min_bytes=2 * size)
        )
    )
    waiting.start()

    produce(client, topic, partition=1)
    waiting.join(timeout=10)

    assert [len(p.records) for p in answers[0].responses[0].partitions] == [size, size]


@pytest.mark.row(72)
def test_a_deleted_topic_ends_the_wait(client: Client, connect: Connect, topic: str) -> None:
    create_topic(client, topic)
    answers: list[Any] = []
    consumer = connect()
    waiting = Thread(target=lambda: answers.append(fetch_one(consumer, topic, max_wait_ms=LONG_MS)))
    waiting.start()

    client.call(DeleteTopics, {"topic_names": [topic], "timeout_ms": 5_000}, version=5)
    waiting.join(timeout=10)

    assert answers[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.row(69)
def test_only_unknown_topics_are_answered_at_once(client: Client, topic: str) -> None:
    def by_name() -> None:
        answer = fetch_one(client, topic, max_wait_ms=LONG_MS)
        assert answer.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert answer.records == b""

    def by_id() -> None:
        answer = fetch_one(client, bytes(15) + b"\x07", max_wait_ms=LONG_MS, version=13)
        assert answer.error_code == ErrorCode.UNKNOWN_TOPIC_ID

    assert seconds_of(by_name) < 5
    assert seconds_of(by_id) < 5


@pytest.mark.row(69)
def test_unknown_topics_among_known_ones_still_wait(client: Client, topic: str) -> None:
    create_topic(client, topic)

    began = time.monotonic()
    response = fetch(client, {topic: {0: 0}, topic + "-no": {0: 0}}, max_wait_ms=60)

    assert time.monotonic() - began >= 0.06
    codes = {t.topic: t.partitions[0].error_code for t in response.responses}
    assert codes == {topic: 0, topic + "-no": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}


@pytest.mark.row(70)
def test_the_whole_batch_that_holds_the_offset_comes_back(client: Client, topic: str) -> None:
    create_topic(client, topic)
    produce(client, topic, timestamps=[NOW_MS] * 3, values=[b"a", b"b", b"c"])

    assert values(fetch_one(client, topic, 2).records) == [b"a", b"b", b"c"]


@pytest.mark.row(71)
@pytest.mark.parametrize("limit", [1, 0, -1])
def test_the_first_batch_comes_at_once_whatever_the_limits(
    client: Client, topic: str, limit: int
) -> None:
    create_topic(client, topic)
    produce(client, topic, values=[bytes(5_000)])
    produce(client, topic)

    limits: dict[str, Any] = {"max_bytes": limit, "partition": {"partition_max_bytes": limit}}
    began = time.monotonic()
    answer = fetch_one(client, topic, max_wait_ms=LONG_MS, **limits)

    assert values(answer.records) == [bytes(5_000)]
    assert time.monotonic() - began < 5


@pytest.mark.row(71)
@pytest.mark.bad_input(35)
@pytest.mark.parametrize("limit", [0, -1, -(2**31)])
def test_a_limit_below_one_returns_one_batch_wherever_it_lies(
    client: Client, topic: str, limit: int
) -> None:
    create_topic(client, topic)
    for value in (b"a", b"b", b"c", b"d"):
        produce(client, topic, values=[value])

    began = time.monotonic()
    one = fetch_one(client, topic, 1, max_bytes=limit, max_wait_ms=LONG_MS)
    of_partition = {"partition_max_bytes": limit}
    other = fetch_one(client, topic, 2, partition=of_partition, max_wait_ms=LONG_MS)

    assert (values(one.records), values(other.records)) == ([b"b"], [b"c"])
    assert time.monotonic() - began < 5


@pytest.mark.row(71)
def test_limits_hold_in_the_order_of_the_request(client: Client, topic: str) -> None:
    create_topic(client, topic, partitions=3)
    size = len(a_batch())
    for partition in (0, 1, 2):
        produce(client, topic, partition=partition)
        produce(client, topic, partition=partition)

    response = fetch(client, {topic: {2: 0, 0: 0, 1: 0}}, max_bytes=3 * size)

    sizes = [(p.partition_index, len(p.records)) for p in response.responses[0].partitions]
    assert sizes == [(2, 2 * size), (0, size), (1, 0)]


@pytest.mark.row(71)
@pytest.mark.bad_input(35)
def test_boundless_limits_are_bounded(client: Client, topic: str) -> None:
    create_topic(client, topic)
    produce(client, topic, values=[b"v"])
    boundless = 2**31 - 1

    answer = fetch_one(
        client,
        topic,
        min_bytes=1,
        max_bytes=boundless,
        max_wait_ms=boundless,
        partition={"partition_max_bytes": boundless},
    )

    assert values(answer.records) == [b"v"]


@pytest.mark.bad_input(35)
def test_a_boundless_wait_ends_with_its_client(
    client: Client, connect: Connect, topic: str
) -> None:
    create_topic(client, topic)
    request = {
        "max_wait_ms": 2**31 - 1,
        "min_bytes": 2**31 - 1,
        "max_bytes": 2**31 - 1,
        "session_epoch": -1,
        "topics": [
            {"topic": topic, "partitions": [{"partition": p} for p in range(10_000)]},
        ],
    }
    gone = connect()
    gone.send(Fetch, request, version=12)
    gone.socket.close()

    assert produce(client, topic) == 0


@pytest.mark.row(73)
def test_error_partitions_carry_empty_records(client: Client, topic: str) -> None:
    unknown = fetch_one(client, topic, version=11)
    create_topic(client, topic)
    out_of_range = fetch_one(client, topic, 7, version=11)

    # Kafka's list of aborted transactions is null only where a log was asked.
    assert (unknown.records, unknown.aborted_transactions) == (b"", [])
    assert (out_of_range.records, out_of_range.aborted_transactions) == (b"", None)


@pytest.mark.row(74)
def test_an_older_leader_epoch_is_fenced_and_a_newer_one_unknown(
    client: Client, topic: str
) -> None:
    topic_id = create_topic(client, topic)

    def answered(epoch: int) -> Any:
        return fetch_one(client, topic_id, version=16, partition={"current_leader_epoch": epoch})

    assert answered(0).error_code == ErrorCode.NONE
    assert answered(1).error_code == ErrorCode.UNKNOWN_LEADER_EPOCH
    assert answered(-1).error_code == ErrorCode.NONE
    assert answered(-2).error_code == ErrorCode.NONE


@pytest.mark.row(75)
def test_a_session_lives_from_its_full_fetch_to_its_end(client: Client, topic: str) -> None:
    create_topic(client, topic)
    full = fetch(client, {topic: {0: 0}}, session=(0, 0))

    assert full.session_id > 0
    incremental = fetch(client, {}, session=(full.session_id, 1))
    assert (incremental.session_id, incremental.responses) == (full.session_id, [])
    assert fetch(client, {}, session=(full.session_id, -1)).session_id == 0
    gone = fetch(client, {}, session=(full.session_id, 2))
    assert gone.error_code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND


@pytest.mark.row(75)
def test_session_mistakes_are_told_at_the_top(client: Client, topic: str) -> None:
    create_topic(client, topic)
    session_id = fetch(client, {topic: {0: 0}}, session=(0, 0)).session_id

    unknown = fetch(client, {}, session=(session_id ^ 1, 1))
    jumped = fetch(client, {}, session=(session_id, 2))
    by_id = fetch(client, {}, session=(session_id, 1), version=13)

    assert [answer.error_code for answer in (unknown, jumped, by_id)] == [
        ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
        ErrorCode.INVALID_FETCH_SESSION_EPOCH,
        ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR,
    ]
    assert [answer.session_id for answer in (unknown, jumped, by_id)] == [0, 0, 0]


@pytest.mark.row(76)
def test_an_incremental_answer_tells_what_changed_and_serves_others_first_next_time(
    client: Client, topic: str
) -> None:
    create_topic(client, topic, partitions=3)
    session_id = fetch(client, {topic: {0: 0, 1: 0, 2: 0}}, session=(0, 0)).session_id
    produce(client, topic, partition=0)

    def told(epoch: int, wanted: dict[int, int]) -> Sequence[int]:
        response = fetch(client, {topic: wanted} if wanted else {}, session=(session_id, epoch))
        return [p.partition_index for t in response.responses for p in t.partitions]

    assert told(1, {}) == [0]
    for partition in (1, 2):
        produce(client, topic, partition=partition)
    assert told(2, {0: 0}) == [1, 2, 0]


@pytest.mark.row(77)
def test_a_topic_made_again_is_not_the_topic_of_the_session(client: Client, topic: str) -> None:
    topic_id = create_topic(client, topic)
    session_id = fetch(client, {topic_id: {0: 0}}, session=(0, 0), version=13).session_id
    client.call(DeleteTopics, {"topic_names": [topic], "timeout_ms": 5_000}, version=5)
    create_topic(client, topic)

    in_session = fetch(client, {}, session=(session_id, 1), version=13)
    without = fetch_one(client, topic_id, version=13)

    assert in_session.responses[0].topic_id == topic_id
    code = in_session.responses[0].partitions[0].error_code
    assert code == ErrorCode.INCONSISTENT_TOPIC_ID
    assert without.error_code == ErrorCode.UNKNOWN_TOPIC_ID


@pytest.mark.row(78)
def test_the_list_of_aborted_transactions_is_null_unless_asked_for(
    client: Client, topic: str
) -> None:
    create_topic(client, topic)
    produce(client, topic)

    uncommitted = fetch_one(client, topic, isolation_level=0)
    committed = fetch_one(client, topic, isolation_level=1)

    assert (uncommitted.aborted_transactions, committed.aborted_transactions) == (None, [])
    assert committed.last_stable_offset == 1
    assert len(committed.records) == len(uncommitted.records) > 0


@pytest.mark.row(81)
@pytest.mark.bad_input(36)
@pytest.mark.parametrize(
    "follower",
    [{"version": 12, "replica_id": 1}, {"version": 17, "replica_state": {"replica_id": 1}}],
    ids=["replica_id", "replica_state"],
)
def test_nobody_fetches_as_a_follower_without_proof(
    client: Client, topic: str, follower: dict[str, Any]
) -> None:
    topic_id = create_topic(client, topic)
    produce(client, topic)
    named: str | bytes = topic_id if follower["version"] >= 13 else topic

    answer = fetch_one(client, named, **follower)

    assert answer.error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED
    assert answer.records == b""
    assert fetch_one(client, topic).high_watermark == 1


@pytest.mark.row(74)
def test_a_consumer_whose_log_parts_from_ours_is_told_where(client: Client, topic: str) -> None:
    create_topic(client, topic)
    produce(client, topic)

    same = fetch_one(client, topic, 1, partition={"last_fetched_epoch": 0})
    unknown = fetch_one(client, topic, 1, partition={"last_fetched_epoch": 5})

    assert (same.error_code, same.diverging_epoch.epoch) == (ErrorCode.NONE, -1)
    assert unknown.error_code == ErrorCode.OFFSET_OUT_OF_RANGE
