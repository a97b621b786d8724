"""The brokers that are measured, each a process of its own, and how each is started.

A peer is started with as many partitions per topic as the mock cluster makes, and with its own
defaults otherwise.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.client import Address
from benchmarks.processes import Process, running
from benchmarks.requests import PARTITIONS

OURS = "pykbroker"
OURS_IN_MEMORY = "pykbroker --memory"
MOCK = "librdkafka mock"
KAFKA = "Apache Kafka"
MOCK_PARTITION_BYTES = 4 << 20
"""The mock cluster keeps 5 MB of a partition."""


@dataclass(frozen=True, slots=True)
class Started:
    """A broker that answers."""

    process: Process
    address: Address
    partition_bytes_max: int = sys.maxsize
    """What a partition keeps at least before its oldest records go."""


class Peer(Protocol):
    """A kind of broker; every `start` starts a fresh one."""

    @property
    def name(self) -> str: ...

    @property
    def is_kept(self) -> bool:
        """Whether one is started for the whole run, because starting it takes seconds."""
        ...

    def start(self) -> AbstractContextManager[Started]:
        """Run a fresh broker while the block lasts; its data are gone then."""
        ...


class OurBroker:
    """The broker of this project, by its command line.

    `before_ack` is its `log.flush.before.ack`: no peer syncs before it acknowledges.
    """

    is_kept = False

    def __init__(
        self,
        directory: Path,
        *,
        in_memory: bool = False,
        before_ack: str = "none",
        profile: Path | None = None,
    ):
        self._directory = directory
        self._in_memory = in_memory
        self._before_ack = before_ack
        self._profile = profile
        self.name = OURS_IN_MEMORY if in_memory else OURS

    @contextmanager
    def start(self) -> Iterator[Started]:
        """Run a fresh broker on a free port, its data in a new directory or in memory."""
        data_dir = Path(tempfile.mkdtemp(prefix="ours-", dir=self._directory))
        place = ["--memory"] if self._in_memory else ["--data-dir", str(data_dir / "data")]
        module = ["pykbroker"]
        if self._profile is not None:
            module = ["benchmarks.profiled", str(self._profile)]
        command = [
            sys.executable, "-m", *module, "serve", "--profile", "test", "--port", "0", *place,
            "--override", f"num.partitions={PARTITIONS}", "--log-level", "warning",
            "--override", f"log.flush.before.ack={self._before_ack}",
        ]  # fmt: skip
        try:
            with running(
                command,
                environment=clean_environment(),
                errors=self._directory / "ours.stderr",
                gently=self._profile is not None,
            ) as process:
                yield Started(process, told_address(process, "pykbroker ready: "))
        finally:
            shutil.rmtree(data_dir, ignore_errors=True)


class MockCluster:
    """librdkafka's mock cluster of one broker: C, in memory, no durability, few APIs."""

    name = MOCK
    is_kept = False

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def start(self) -> Iterator[Started]:
        """Run a fresh mock cluster in a process that does nothing else."""
        with running(
            [sys.executable, "-m", "benchmarks.mock_cluster"],
            environment=clean_environment(),
            errors=self._directory / "mock.stderr",
        ) as process:
            yield Started(process, told_address(process, "mock ready: "), MOCK_PARTITION_BYTES)


def clean_environment() -> dict[str, str]:
    """Give this process's environment without what would change properties or slow the start."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("KAFKA_") and name != "PYTHONDONTWRITEBYTECODE"
    }


def told_address(process: Process, prefix: str) -> Address:
    """Read the line that tells the address, which is printed when the broker answers."""
    assert process.popen.stdout is not None
    line = process.popen.stdout.readline()
    if not line.startswith(prefix):
        raise RuntimeError(f"a broker did not start: {line!r}")
    host, _, port = line.removeprefix(prefix).strip().partition(",")[0].rpartition(":")
    return host, int(port)
