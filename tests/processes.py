"""A broker as its users run it: a process of its own, stopped by signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

READY = "pykbroker ready: "
END_SECONDS = 10
"""A process that has not ended by then is stuck."""


class BrokerProcess:
    """One broker process; `start` may be called again after it ended, on the same options."""

    def __init__(self, *options: str, log: Path) -> None:
        self.options = options
        self.log = log
        """What it writes to stderr, of all its runs."""
        self.addresses: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self.kill()

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(self.addresses)

    @property
    def running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "the broker process was not started"
        return self._process

    def start(self) -> None:
        """Start the process and wait until it says that it is ready."""
        self._process = popen(*self.options, log=self.log)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith(READY), f"{line!r}; {self.log.read_text()}"
        self.addresses = line.removeprefix(READY).strip().split(",")

    def send(self, number: signal.Signals) -> None:
        self.running.send_signal(number)

    def wait(self) -> tuple[int, str]:
        """Wait for the end; give the exit status and what else was written to stdout."""
        process, self._process = self.running, None
        try:
            written, _ = process.communicate(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return process.returncode, written

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        self.send(number)
        return self.wait()

    def kill(self) -> None:
        self.stop(signal.SIGKILL)


def popen(*options: str, log: Path) -> subprocess.Popen[str]:
    """Start `pykbroker serve`, without the environment's KAFKA_* properties."""
    environment = {name: value for name, value in os.environ.items() if not _is_property(name)}
    with log.open("a") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "pykbroker", "serve", *options],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment,
        )


def _is_property(name: str) -> bool:
    return name.startswith("KAFKA_") or name == "CLUSTER_ID"
