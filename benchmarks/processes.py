"""Processes that are measured: what they cost, how they begin and end.

Every process is ended by its own id, and none outlives the context that started it.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ENDS_WITHIN_SECONDS = 10
_PROC = Path("/proc")
_SCHED_CLOCK = 2
"""Of the kernel's clocks of a process: time on a core, in ns, with all threads that ever ran."""


class Process:
    """A running process, by its id."""

    def __init__(self, popen: subprocess.Popen[str], *, began: float) -> None:
        self.popen = popen
        self.pid = popen.pid
        self.began = began
        """When it was spawned, by `time.perf_counter`."""
        self.ready = began
        """When it was seen to be ready, where that is measured."""

    def cpu_seconds(self) -> float | None:
        """Return what it has used so far, exact to ns; None where the platform does not say."""
        try:
            return time.clock_gettime_ns((~self.pid << 3) | _SCHED_CLOCK) / 1e9
        except (AttributeError, OSError):
            return None

    def cpu_split(self) -> tuple[float, float] | None:
        """Return seconds in user and in system mode, exact to 10 ms; None where not known."""
        try:
            fields = (_PROC / str(self.pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        ticks = os.sysconf("SC_CLK_TCK")
        return int(fields[11]) / ticks, int(fields[12]) / ticks

    def resident_bytes(self) -> int | None:
        """Return its resident memory now; None where not known."""
        return self._status("VmRSS:")

    def resident_bytes_max(self) -> int | None:
        """Return the most resident memory it ever had; None where not known."""
        return self._status("VmHWM:")

    def _status(self, name: str) -> int | None:
        try:
            lines = (_PROC / str(self.pid) / "status").read_text().splitlines()
        except OSError:
            return None
        found = (line.split()[1] for line in lines if line.startswith(name))
        kibibytes = next(found, None)
        return None if kibibytes is None else int(kibibytes) * 1024


@contextmanager
def running(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    errors: Path | None = None,
    gently: bool = False,
) -> Iterator[Process]:
    """Run `command` while the block lasts, its stdout a pipe, its stderr in `errors`.

    It is killed: what it wrote is thrown away anyway. `gently` asks with SIGTERM first.
    """
    with (errors or Path(os.devnull)).open("ab") as sink:
        began = time.perf_counter()
        popen = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=sink, text=True,
        )  # fmt: skip
    try:
        yield Process(popen, began=began)
    finally:
        if gently:
            popen.terminate()
            try:
                popen.wait(ENDS_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                popen.kill()
        else:
            popen.kill()
        popen.wait()
        assert popen.stdout is not None
        popen.stdout.close()


class Stretch:
    """What a stretch of load took: as a context manager, from its begin to its end."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.seconds = 0.0
        self.client_cpu = 0.0
        self.broker_cpu: float | None = None
        self.split: tuple[float, float] | None = None

    def __enter__(self) -> Stretch:
        self._split = self._process.cpu_split()
        self._broker = self._process.cpu_seconds()
        self._client = time.process_time()
        self._begin = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._begin
        self.client_cpu = time.process_time() - self._client
        after = self._process.cpu_seconds()
        if after is not None and self._broker is not None:
            self.broker_cpu = after - self._broker
        split = self._process.cpu_split()
        if split is not None and self._split is not None:
            self.split = (split[0] - self._split[0], split[1] - self._split[1])

    def cpu_per(self, amount: float) -> float | None:
        """Return the broker's CPU seconds per unit of `amount`; None where not known."""
        return None if self.broker_cpu is None else self.broker_cpu / amount
