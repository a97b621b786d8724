"""Apache Kafka on the JVM, where Java and jars are at hand: a broker, and its DumpLogSegments.

`INTEROP_KAFKA_CLASSPATH` names the jars: a directory of them (a distribution's `libs`), a file that
holds a class path, or a class path itself.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from confluent_kafka.admin import AdminClient

CLASSPATH_VARIABLE = "INTEROP_KAFKA_CLASSPATH"
STARTS_WITHIN_SECONDS = 90
STOPS_WITHIN_SECONDS = 30
LARGEST_BATCH = 100 << 20
CLUSTER_ID = "aW50ZXJvcC1jbHVzdGVyLQ"
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={directory}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
log.retention.ms=-1
log.initial.task.delay.ms=500
log.cleaner.backoff.ms=500
"""

_FIELD = re.compile(r"(\w+): (\S+)")
_RECORD = re.compile(
    r"\| offset: (?P<offset>-?\d+) (?:\w+): (?P<timestamp>-?\d+) keySize: (?P<key_bytes>-?\d+)"
    r" valueSize: (?P<value_bytes>-?\d+) sequence: -?\d+ headerKeys: \[(?P<headers>.*?)\]"
    r"(?: endTxnMarker: (?P<marker>\w+) coordinatorEpoch: (?P<coordinator_epoch>\d+))?"
    r"(?: key: (?P<key>\S*))?(?: payload: (?P<value>\S*))?"
)
_HARMLESS = re.compile(
    r"Found timestamp mismatch in :.*\n(?:  Index timestamp: \d+, log timestamp: -1\n)+(?!  )"
)
"""What DumpLogSegments says, of Kafka's own files too, of an entry for a batch that a cleaner left
without records. Where offsets are missing it also lists, but that is no complaint."""


class DumpedRecord(NamedTuple):
    """What both tools show of a record; -1 bytes stand for null."""

    offset: int
    timestamp: int
    key_bytes: int
    value_bytes: int
    header_names: str
    marker: str
    key: str
    value: str


class Dumped(NamedTuple):
    """What a tool shows of a segment."""

    batches: list[dict[str, str]]
    records: list[DumpedRecord]


def classpath() -> str | None:
    """Return the class path, or None where Java or the jars are missing."""
    named = os.environ.get(CLASSPATH_VARIABLE, "")
    if not named or shutil.which("java") is None:
        return None
    if ":" in named:
        return named
    path = Path(named)
    return f"{path}/*" if path.is_dir() else path.read_text().strip()


class ApacheKafka:
    """One data directory and the broker process on it."""

    def __init__(self, directory: Path, jars: str) -> None:
        directory.mkdir(parents=True)
        self.data = directory / "data"
        self._properties = directory / "server.properties"
        self._output = directory / "kafka.out"
        self._java = java(directory, jars)
        self._process: subprocess.Popen[bytes] | None = None
        self._port = _free_port()
        self._properties.write_text(
            PROPERTIES.format(port=self._port, controller_port=_free_port(), directory=self.data)
        )
        tool = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self._properties)]
        subprocess.run([*self._java, *tool], check=True, capture_output=True)

    @property
    def bootstrap_servers(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the broker and wait until it answers."""
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [*self._java, "kafka.Kafka", str(self._properties)], stdout=output, stderr=output
            )
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if admin.list_topics(timeout=1).brokers:
                    return
            except Exception:  # noqa: BLE001 - whatever it is, it is asked again
                time.sleep(0.2)
        self.stop()
        raise RuntimeError(f"Apache Kafka did not start; see {self._output}")

    def stop(self) -> None:
        """Stop the broker in order."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOPS_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def complaints(self, topics: Iterable[str]) -> list[str]:
        """Return what it logged about these topics at WARN or above."""
        names = re.compile("|".join(map(re.escape, topics)))
        lines = self._output.read_text(errors="replace").splitlines()
        return [line for line in lines if names.search(line)]


def java(directory: Path, jars: str) -> list[str]:
    """Return the command that runs a class of Kafka's, logging from WARN on to stderr."""
    quiet = directory / "log4j2.properties"
    quiet.write_text(
        "rootLogger.level=warn\nrootLogger.appenderRef.err.ref=err\n"
        "appender.err.type=Console\nappender.err.name=err\nappender.err.target=SYSTEM_ERR\n"
        "appender.err.layout.type=PatternLayout\nappender.err.layout.pattern=%p %m (%c)%n\n"
    )
    options = ["-Xmx512m", "-XX:+UseSerialGC", "-cp", jars, f"-Dlog4j2.configurationFile={quiet}"]
    return ["java", *options]


class DumpLogSegments:
    """Kafka's own tool."""

    def __init__(self, directory: Path, jars: str) -> None:
        self._java = java(directory, jars)

    def segments(self, logs: Sequence[Path], *, values: bool) -> dict[Path, Dumped]:
        """Dump segments with their records. Raises AssertionError for whatever it complains of."""
        options = ["--deep-iteration", "--max-message-size", str(LARGEST_BATCH)]
        if values:
            options.append("--print-data-log")
        found: dict[Path, Dumped] = {}
        for line in self._run(options, logs).splitlines():
            if line.startswith("Dumping "):
                dumped = found[Path(line[len("Dumping ") :])] = Dumped([], [])
            elif line.startswith("baseOffset: "):
                fields = dict(_FIELD.findall(line))
                assert fields["isvalid"] == "true", line
                dumped.batches.append(fields)
            elif line.startswith("| "):
                matched = _RECORD.fullmatch(line)
                assert matched is not None, line
                dumped.records.append(_record(matched.groupdict()))
            else:
                assert not re.search("invalid|Exception|corrupt", line), line
        return found

    def check_caches(self, files: Sequence[Path]) -> int:
        """Have indexes and snapshots checked. Raises AssertionError for any complaint."""
        indexes = [path for path in files if path.suffix in (".index", ".timeindex")]
        printed = self._run(["--index-sanity-check"], indexes)
        for each in ("--verify-index-only", None):
            printed += self._run([each] if each else [], files if each is None else indexes)
        wrong = re.search(r"Mismatches|mismatch|not found|out of order|Exception|corrupt", printed)
        assert wrong is None, printed
        return len(files)

    def _run(self, options: Sequence[str], files: Sequence[Path]) -> str:
        tool = "org.apache.kafka.tools.DumpLogSegments"
        command = [*self._java, tool, *options, "--files", ",".join(map(str, files))]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, errors="replace"
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        complaints = _HARMLESS.sub("", done.stderr)
        wrong = re.search("Exception|[Mm]ismatch|invalid|Index |found|order|corrupt", complaints)
        assert wrong is None, complaints
        return done.stdout


def _record(fields: dict[str, str | None]) -> DumpedRecord:
    marker = fields["marker"]
    return DumpedRecord(
        offset=int(fields["offset"] or 0),
        timestamp=int(fields["timestamp"] or 0),
        key_bytes=int(fields["key_bytes"] or 0),
        value_bytes=int(fields["value_bytes"] or 0),
        header_names=fields["headers"] or "",
        marker=f"{marker} {fields['coordinator_epoch']}" if marker else "",
        key=fields["key"] or "",
        value=fields["value"] or "",
    )


def _free_port() -> int:
    """Let the kernel choose: Kafka cannot tell which port it got for port 0."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
