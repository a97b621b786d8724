"""Apache Kafka as a peer: one KRaft node with Kafka's defaults, where Java and jars are at hand.

`BENCH_KAFKA_CLASSPATH` names them: a directory of jars (a distribution's `libs`), a file that holds
a class path, or a class path itself.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.client import Address, Client
from benchmarks.peers import KAFKA, Started, clean_environment
from benchmarks.processes import Process, running
from benchmarks.requests import METADATA_VERSION, PARTITIONS
from pykbroker.wire.messages.metadata import Metadata

CLASSPATH_VARIABLE = "BENCH_KAFKA_CLASSPATH"
STARTS_WITHIN_SECONDS = 90
CLUSTER_ID = "YmVuY2htYXJrcy1iZW5jaA"
JVM_OPTIONS = (
    "-Xms1g", "-Xmx1g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
)  # fmt: skip
"""What Kafka's own start script gives the JVM."""
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={directory}/data
num.partitions={partitions}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.segment.delete.delay.ms=1000
"""


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
    """Apache Kafka on the JVM."""

    name = KAFKA
    is_kept = True

    def __init__(self, directory: Path, jars: str) -> None:
        self._directory = directory
        self._java = ["java", "-cp", jars, f"-Dlog4j2.configurationFile={_quiet(directory)}"]

    @contextmanager
    def start(self) -> Iterator[Started]:
        """Format a new directory, then run a broker on it while the block lasts."""
        directory = Path(tempfile.mkdtemp(prefix="kafka-", dir=self._directory))
        address = ("127.0.0.1", _free_port())
        properties = directory / "server.properties"
        properties.write_text(
            PROPERTIES.format(
                port=address[1],
                controller_port=_free_port(),
                directory=directory,
                partitions=PARTITIONS,
            )
        )
        java, *options = self._java
        tool = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties)]
        environment = clean_environment()
        try:
            subprocess.run(
                [java, "-Xmx128m", *options, *tool],
                env=environment, check=True, capture_output=True,
            )  # fmt: skip
            command = [java, *JVM_OPTIONS, *options, "kafka.Kafka", str(properties)]
            errors = self._directory / "kafka.stderr"
            with running(command, environment=environment, errors=errors) as process:
                _wait_until_it_answers(address, process)
                yield Started(process, address)
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _wait_until_it_answers(address: Address, process: Process) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline and process.popen.poll() is None:
        with suppress(OSError, EOFError), Client(address) as client:
            if client.ask(Metadata, METADATA_VERSION, {"topics": []}).brokers:
                return
        time.sleep(0.005)
    raise RuntimeError("Apache Kafka did not start; see kafka.stderr")


def _free_port() -> int:
    """Let the kernel choose: Kafka cannot tell which port it got for port 0."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _quiet(directory: Path) -> Path:
    path = directory / "log4j2.properties"
    path.write_text(
        "rootLogger.level=error\nrootLogger.appenderRef.err.ref=err\n"
        "appender.err.type=Console\nappender.err.name=err\nappender.err.target=SYSTEM_ERR\n"
        "appender.err.layout.type=PatternLayout\n"
    )
    return path
