"""One member of a group, as a process: `python -m interop.groups.member CLIENT PROTOCOL …`.

It writes a line for each assignment, revocation, batch and commit; SIGTERM lets it leave.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

POLL_SECONDS = 0.2
RECORDS_AT_ONCE = 200


class Diary:
    """Writes events, each reaching the file before the call returns."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a")

    def write(self, **event: Any) -> None:
        self._file.write(json.dumps({"at": time.monotonic(), **event}) + "\n")
        self._file.flush()


class Stop:
    """Whether SIGTERM has come."""

    def __init__(self) -> None:
        self.is_set = False
        signal.signal(signal.SIGTERM, self._set)

    def _set(self, *_: object) -> None:
        self.is_set = True


def run_confluent(servers: str, group: str, topic: str, diary: Diary, options: Any) -> None:
    from confluent_kafka import Consumer, KafkaException

    config = {
        "bootstrap.servers": servers,
        "group.id": group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "group.protocol": options["protocol"],
        "log_level": 0,
    }
    if options["protocol"] == "classic":
        config |= {"session.timeout.ms": options["session_timeout_ms"]}
        config |= {"heartbeat.interval.ms": options["session_timeout_ms"] // 5}
        config |= {"partition.assignment.strategy": options.get("strategy", "range")}
    consumer = Consumer(config)
    stop = Stop()

    def assigned(_: Any, partitions: Iterable[Any]) -> None:
        diary.write(assigned=[p.partition for p in partitions])

    def revoked(_: Any, partitions: Iterable[Any]) -> None:
        diary.write(revoked=[p.partition for p in partitions])

    consumer.subscribe([topic], on_assign=assigned, on_revoke=revoked, on_lost=revoked)
    while not stop.is_set:
        messages = consumer.consume(RECORDS_AT_ONCE, POLL_SECONDS)
        got = [(m.partition(), m.offset(), m.value().decode()) for m in messages if not m.error()]
        if not got:
            continue
        diary.write(got=got)
        try:
            committed = consumer.commit(asynchronous=False) or []
        except KafkaException as fault:
            diary.write(refused=str(fault))
        else:
            diary.write(committed={p.partition: p.offset for p in committed if p.error is None})
    consumer.close()
    diary.write(closed=True)


def _read(polled: Any) -> list[tuple[int, int, str]]:
    """Give partition, offset and value of all that the Python clients' poll brought."""
    return [
        (record.partition, record.offset, record.value.decode())
        for records in polled.values()
        for record in records
    ]


def run_kafka_python(servers: str, group: str, topic: str, diary: Diary, options: Any) -> None:
    from kafka import ConsumerRebalanceListener, KafkaConsumer
    from kafka.errors import KafkaError

    class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
        def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
            diary.write(assigned=sorted(p.partition for p in assigned))

        def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
            diary.write(revoked=sorted(p.partition for p in revoked))

    consumer = KafkaConsumer(
        bootstrap_servers=servers,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=options["session_timeout_ms"],
        heartbeat_interval_ms=options["session_timeout_ms"] // 5,
        max_poll_records=RECORDS_AT_ONCE,
    )
    stop = Stop()
    consumer.subscribe([topic], listener=Listener())
    while not stop.is_set:
        polled = consumer.poll(timeout_ms=int(POLL_SECONDS * 1000))
        if not (got := _read(polled)):
            continue
        diary.write(got=got)
        ends = {p.partition: records[-1].offset + 1 for p, records in polled.items()}
        try:
            consumer.commit()
        except KafkaError as fault:
            diary.write(refused=repr(fault))
        else:
            diary.write(committed=ends)
    consumer.close()
    diary.write(closed=True)


def run_aiokafka(servers: str, group: str, topic: str, diary: Diary, options: Any) -> None:
    asyncio.run(_aiokafka(servers, group, topic, diary, options))


async def _aiokafka(servers: str, group: str, topic: str, diary: Diary, options: Any) -> None:
    from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
    from aiokafka.errors import KafkaError

    class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
        def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
            diary.write(assigned=sorted(p.partition for p in assigned))

        def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
            diary.write(revoked=sorted(p.partition for p in revoked))

    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=options["session_timeout_ms"],
        heartbeat_interval_ms=options["session_timeout_ms"] // 5,
    )
    stop = Stop()
    consumer.subscribe([topic], listener=Listener())
    await consumer.start()
    while not stop.is_set:
        polled = await consumer.getmany(
            timeout_ms=int(POLL_SECONDS * 1000), max_records=RECORDS_AT_ONCE
        )
        if not (got := _read(polled)):
            continue
        diary.write(got=got)
        ends = {p: records[-1].offset + 1 for p, records in polled.items()}
        try:
            await consumer.commit(ends)
        except KafkaError as fault:
            diary.write(refused=repr(fault))
        else:
            diary.write(committed={p.partition: offset for p, offset in ends.items()})
    await consumer.stop()
    diary.write(closed=True)


CLIENTS = {
    "confluent": run_confluent,
    "kafka-python": run_kafka_python,
    "aiokafka": run_aiokafka,
}


def main() -> None:
    options = json.loads(sys.argv[1])
    diary = Diary(Path(options["diary"]))
    CLIENTS[options["client"]](
        options["servers"], options["group"], options["topic"], diary, options
    )


if __name__ == "__main__":
    main()
