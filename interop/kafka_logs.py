"""`python -m interop.kafka_logs`: log directories go from this broker to Apache Kafka and back.

Both ways, for every codec: what one broker wrote, the other opens, and a consumer reads equal
records; Kafka's DumpLogSegments complains of nothing, and `pykbroker dump-log` says the same of
every batch and record. Needs Java and the jars that `INTEROP_KAFKA_CLASSPATH` names. Exits with 1
where a check failed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from interop.apache_kafka import (
    CLASSPATH_VARIABLE,
    ApacheKafka,
    Dumped,
    DumpedRecord,
    DumpLogSegments,
    classpath,
)
from interop.kafka_topics import (
    KAFKA_TOPICS,
    PLAIN_TOPICS,
    RECORDS,
    Written,
    commit_offsets,
    create_topics,
    produce_compacted,
    produce_overwritten,
    produce_plain,
    produce_transactions,
    read_topics,
)
from interop.process import BrokerProcess

CLEANED_WITHIN_SECONDS = 60
INTERNAL = ("__consumer_offsets", "__transaction_state")
_CACHES = (".index", ".timeindex", ".snapshot")
_RECOVERY_POINTS = "recovery-point-offset-checkpoint"
_CLEANED = "cleaner-offset-checkpoint"
_CLEAN = ".kafka_cleanshutdown"


class Broker(Protocol):
    """Either of the two."""

    data: Path

    @property
    def bootstrap_servers(self) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


class Ours(BrokerProcess):
    """This broker, its data directory known."""

    def __init__(self, directory: Path) -> None:
        self.data = directory / "data"
        super().__init__(self.data)


class Exchange:
    """The checks of one run, and how they went."""

    def __init__(self, directory: Path, jars: str) -> None:
        self._directory = directory
        self._jars = jars
        self._tool = DumpLogSegments(directory, jars)
        self.failed = 0

    def run(self, writers: Iterable[str], count: int) -> None:
        """Make all checks of what these brokers write."""
        ours, kafka = self._directory / "ours", self._directory / "kafka"
        if "ours" in writers:
            self._check("this broker writes", lambda: self._ours_write(ours, count))
        if "kafka" in writers:
            self._check("Kafka writes", lambda: self._kafka_writes(kafka, count))

    def _ours_write(self, directory: Path, count: int) -> str:
        broker = Ours(directory)
        broker.start()
        try:
            servers, compacted = broker.bootstrap_servers, "compacted"
            topics = {topic: KAFKA_TOPICS[topic] for topic in (*PLAIN_TOPICS, compacted)}
            create_topics(servers, topics)
            written = produce_plain(servers, count)
            produce_overwritten(servers, compacted, keys=25)
            produce_compacted(servers, compacted, count)
            _wait_until_cleaned(broker.data, [compacted])
            written |= read_topics(servers, [compacted])
            broker.stop()
            closed = Path(shutil.copytree(broker.data, directory / "closed"))
            broker.start()
            more = produce_plain(broker.bootstrap_servers, count // 3, later=count)
            broker.stop(signal.SIGKILL)
        finally:
            broker.stop(signal.SIGKILL)
        both = {topic: written[topic] + more.get(topic, []) for topic in written}
        killed = Path(shutil.copytree(broker.data, directory / "killed"))
        for data, expected in ((closed, written), (killed, both)):
            kind = data.name
            self._check(f"{kind}: DumpLogSegments", lambda d=data, e=expected: self._dump(d, e))
            self._check(f"{kind}: its caches", lambda d=data: self._caches(d, topics))
            self._check(
                f"{kind}: Kafka reads",
                lambda d=data, e=expected, k=kind: self._adopted(
                    ApacheKafka(directory / f"kafka-{k}", self._jars), d, e, clean=k == "closed"
                ),
            )
        return f"{sum(map(len, both.values()))} records"

    def _kafka_writes(self, directory: Path, count: int) -> str:
        broker = ApacheKafka(directory, self._jars)
        broker.start()
        try:
            servers = broker.bootstrap_servers
            create_topics(servers, KAFKA_TOPICS)
            produce_plain(servers, count)
            produce_transactions(servers, "transactions", rounds=30, keys=1000)
            compacted = ("compacted", "compacted-transactions")
            for topic in compacted:
                produce_overwritten(servers, topic, keys=25)
            for _ in range(2):  # the second pass marks the markers of emptied transactions
                produce_transactions(servers, "compacted-transactions", rounds=50, keys=25)
                produce_compacted(servers, "compacted", count // 2)
                _wait_until_cleaned(broker.data, compacted)
            commit_offsets(servers, "plain-none")
            written = read_topics(servers, KAFKA_TOPICS)
        finally:
            broker.stop()
        self._check("DumpLogSegments", lambda: self._dump(broker.data, written))
        self._check("its internal topics", lambda: self._dump_internal(broker.data))
        self._check("its caches", lambda: self._caches(broker.data, [*KAFKA_TOPICS, *INTERNAL]))
        for clean in (True, False):
            name = "closed" if clean else "killed"
            self._check(
                f"this broker reads it as if {name}",
                lambda c=clean, n=name: self._adopted(
                    Ours(directory / f"ours-{n}"), broker.data, written, clean=c
                ),
            )
        return f"{sum(map(len, written.values()))} records"

    def _dump(self, data: Path, written: Written) -> str:
        """Compare what both tools say of every segment with one another and with the records."""
        logs = _files(data, written, (".log",))
        by_kafka = self._tool.segments(logs, values=True)
        assert set(by_kafka) == set(logs)
        batches = 0
        for topic, expected in written.items():
            records: list[DumpedRecord] = []
            for log in _files(data, [topic], (".log",)):
                ours = _dumped_by_us(log)
                _compare(log, ours, by_kafka[log])
                records += ours.records
                batches += len(ours.batches)
            stored = [record for record in records if not record.marker]
            assert [_as_dumped(record) for record in expected] == stored, topic
        _verify(data, written)
        return f"{batches} batches in {len(logs)} segments"

    def _dump_internal(self, data: Path) -> str:
        logs = _files(data, INTERNAL, (".log",))
        by_kafka = self._tool.segments(logs, values=False)
        for log in logs:
            ours = _dumped_by_us(log)
            records = [record._replace(key="", value="") for record in ours.records]
            _compare(log, ours._replace(records=records), by_kafka[log])
        _verify(data, INTERNAL)
        return f"{sum(len(each.records) for each in by_kafka.values())} records"

    def _caches(self, data: Path, topics: Iterable[str]) -> str:
        files = _files(data, topics, _CACHES)
        return f"{self._tool.check_caches([path for path in files if path.stat().st_size])} files"

    def _adopted(self, broker: Broker, data: Path, written: Written, *, clean: bool) -> str:
        """Let a broker open copies of the directories, and compare what a consumer reads."""
        topics = {topic: KAFKA_TOPICS[topic] for topic in written}
        broker.start()
        create_topics(broker.bootstrap_servers, topics)
        while not all((broker.data / f"{topic}-0").is_dir() for topic in topics):
            time.sleep(0.05)
        time.sleep(1)  # Kafka writes partition.metadata later than it makes the directory
        broker.stop()
        _replace_logs(broker.data, data, topics, clean=clean)
        broker.start()
        try:
            found = read_topics(broker.bootstrap_servers, topics)
        finally:
            broker.stop()
        for topic, expected in written.items():
            assert found[topic] == expected, f"{topic} differs"
        if isinstance(broker, ApacheKafka):
            complaints = broker.complaints(topics)
            assert not complaints, complaints
        return f"{sum(map(len, found.values()))} records"

    def _check(self, name: str, check: Callable[[], str]) -> None:
        began = time.monotonic()
        try:
            found = f"ok, {check()}"
        except Exception as fault:  # noqa: BLE001 - the other checks go on
            traceback.print_exc()
            found = f"FAILED: {str(fault)[:200]}"
            self.failed += 1
        print(f"{name:40} {found} ({time.monotonic() - began:.0f} s)", flush=True)


def _wait_until_cleaned(data: Path, topics: Iterable[str]) -> None:
    """Wait until the cleaner has come as far as it goes: to the active segments."""
    path = data / _CLEANED
    deadline = time.monotonic() + CLEANED_WITHIN_SECONDS
    wanted = {f"{topic} 0 {int(_files(data, [topic], ['.log'])[-1].stem)}" for topic in topics}
    while not (path.exists() and wanted <= set(path.read_text().splitlines())):
        assert time.monotonic() < deadline, f"not cleaned: {wanted}"
        time.sleep(0.2)


def _files(data: Path, topics: Iterable[str], suffixes: Iterable[str]) -> list[Path]:
    return sorted(
        path
        for topic in topics
        for path in (data / f"{topic}-0").iterdir()
        if path.suffix in suffixes
    )


def _replace_logs(data: Path, source: Path, topics: Mapping[str, object], *, clean: bool) -> None:
    """Put copies of logs in the place of those a broker made for the same topics."""
    points = {}
    for topic in topics:
        directory = data / f"{topic}-0"
        metadata = (directory / "partition.metadata").read_bytes()
        shutil.rmtree(directory)
        shutil.copytree(source / f"{topic}-0", directory)
        (directory / "partition.metadata").write_bytes(metadata)
        points[topic] = int(_files(data, [topic], (".log",))[-1].stem) if clean else 0
    rows = [f"{topic} 0 {offset}" for topic, offset in points.items()]
    (data / _RECOVERY_POINTS).write_text("\n".join(("0", str(len(rows)), *rows, "")))
    if (source / _CLEANED).exists():  # how far offsets may be missing
        shutil.copy(source / _CLEANED, data / _CLEANED)
    if not clean:
        (data / _CLEAN).unlink(missing_ok=True)


def _dumped_by_us(log: Path) -> Dumped:
    command = [sys.executable, "-m", "pykbroker", "dump-log", "--json", "--records", str(log)]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    dumped = Dumped([], [])
    for line in printed.splitlines():
        fields = json.loads(line)
        match fields.pop("type"):
            case "batch":
                assert "fault" not in fields, line
                dumped.batches.append(fields)
            case "record":
                assert "fault" not in fields, line
                dumped.records.append(_dumped_record(fields))
            case "segment":
                assert fields["size_bytes"] == log.stat().st_size
            case _:
                raise AssertionError(line)
    return dumped


def _verify(data: Path, topics: Iterable[str]) -> None:
    paths = [str(data / f"{topic}-0") for topic in topics]
    command = [sys.executable, "-m", "pykbroker", "dump-log", "--batches", "--verify", *paths]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _dumped_record(fields: dict[str, Any]) -> DumpedRecord:
    control = fields.get("control")
    marker = f"{control['name']} {control['value']['coordinator_epoch']}" if control else ""
    texts = [each if isinstance(each, str) else "" for each in (fields["key"], fields["value"])]
    return DumpedRecord(
        offset=fields["offset"],
        timestamp=fields["timestamp"],
        key_bytes=-1 if fields["key_bytes"] is None else fields["key_bytes"],
        value_bytes=-1 if fields["value_bytes"] is None else fields["value_bytes"],
        header_names=",".join(name for name, _ in fields["headers"]),
        marker=marker,
        key="" if control else texts[0],
        value="" if control else texts[1],
    )


def _as_dumped(record: Any) -> DumpedRecord:
    return DumpedRecord(
        offset=record.offset,
        timestamp=record.timestamp_ms,
        key_bytes=-1 if record.key is None else len(record.key),
        value_bytes=-1 if record.value is None else len(record.value),
        header_names=",".join(name for name, _ in record.headers),
        marker="",
        key=(record.key or b"").decode(),
        value=(record.value or b"").decode(),
    )


def _compare(log: Path, ours: Dumped, by_kafka: Dumped) -> None:
    assert ours.records == by_kafka.records, f"{log}: records differ"
    assert len(ours.batches) == len(by_kafka.batches), log
    for batch, other in zip(ours.batches, by_kafka.batches, strict=True):
        assert _in_kafkas_words(batch) == {**other, "isvalid": "true"}, (log, batch, other)


def _in_kafkas_words(batch: dict[str, Any]) -> dict[str, str]:
    words = {
        "baseOffset": batch["base_offset"],
        "lastOffset": batch["last_offset"],
        "count": batch["records"],
        "baseSequence": batch["base_sequence"],
        "lastSequence": batch["last_sequence"],
        "producerId": batch["producer_id"],
        "producerEpoch": batch["producer_epoch"],
        "partitionLeaderEpoch": batch["leader_epoch"],
        "isTransactional": str(batch["transactional"]).lower(),
        "isControl": str(batch["control"]).lower(),
        "position": batch["position"],
        batch["timestamp_type"]: batch["max_timestamp"],
        "size": batch["size_bytes"],
        "magic": 2,
        "compresscodec": batch["codec"],
        "crc": batch["crc"],
        "isvalid": "true",
    }
    horizon = batch["delete_horizon"]
    words["deleteHorizonMs"] = (
        "OptionalLong.empty" if horizon is None else f"OptionalLong[{horizon}]"
    )
    return {name: str(value) for name, value in words.items()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m interop.kafka_logs", description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS, help="per topic")
    writers = ("ours", "kafka")
    parser.add_argument("--writers", nargs="+", default=writers, choices=writers)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the directories there")
    options = parser.parse_args()
    jars = classpath()
    if jars is None:
        print(f"Java is missing, or {CLASSPATH_VARIABLE} does not name Kafka's jars")
        return 2
    with tempfile.TemporaryDirectory() as temporary:
        exchange = Exchange(Path(options.keep or temporary), jars)
        exchange.run(options.writers, options.records)
    return int(exchange.failed > 0)


if __name__ == "__main__":
    os.environ.pop("KAFKA_OPTS", None)
    sys.exit(main())
