"""Failing system calls in a process that knows nothing of it, by strace.

strace attaches to the running process and lets the calls fail until it is told to go: what the
process sees is what a dying or full disk shows it.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_ATTACH_SECONDS = 10


def what_is_missing() -> str | None:
    """Say what this machine lacks to let system calls fail; None when nothing."""
    if shutil.which("strace") is None:
        return "strace"
    if not _can_attach():
        return "permission to trace processes"
    return None


def _can_attach() -> bool:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        try:
            with injected(other.pid, ("fdatasync",), "error=EIO"):
                return True
        except RuntimeError:
            return False
        finally:
            other.kill()


class Injected:
    """What strace has done so far."""

    def __init__(self, written: Path) -> None:
        self._written = written

    @property
    def count(self) -> int:
        """How many calls failed or were delayed."""
        return self._written.read_text().count("(INJECTED)") + self._written.read_text().count(
            "(DELAYED)"
        )

    def wait(self, seconds: float = 10) -> None:
        """Return once a call was tampered with; TimeoutError when none is in time."""
        deadline = time.monotonic() + seconds
        while not self.count:
            if time.monotonic() > deadline:
                raise TimeoutError("no system call was there to fail")
            time.sleep(0.01)


@contextmanager
def injected(
    process_id: int, calls: Sequence[str], what: str, *, paths: Sequence[Path] = ()
) -> Iterator[Injected]:
    """Let calls of a process, of all its threads, fail or wait as long as the block lasts.

    `what` is strace's, such as "error=EIO" or "delay_enter=200000" (in µs); `paths` are the only
    files and directories that are meant, where given. RuntimeError when strace cannot attach.
    """
    names = ",".join(calls)
    with TemporaryDirectory() as directory:
        written = Path(directory) / "calls"
        command = ["strace", "-f", "-p", str(process_id), "-o", str(written)]
        command += ["-e", f"trace={names}", "-e", f"inject={names}:{what}", "-e", "signal=none"]
        for path in paths:
            command += ["-P", str(path)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            try:
                _wait_attached(strace)
                yield Injected(written)
            finally:
                strace.send_signal(signal.SIGINT)
                strace.wait()


def _wait_attached(strace: subprocess.Popen[str]) -> None:
    giving_up = threading.Timer(_ATTACH_SECONDS, strace.kill)
    giving_up.start()
    assert strace.stderr is not None
    told = []
    try:
        for line in strace.stderr:
            told.append(line)
            if " attached" in line:
                break
        else:
            raise RuntimeError(f"strace did not attach: {''.join(told)}")
    finally:
        giving_up.cancel()
    # What it says later must not fill the pipe.
    threading.Thread(target=strace.stderr.read, daemon=True).start()
