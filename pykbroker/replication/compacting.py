"""Who does the work of a compaction: a process beside the broker, or the event loop in small steps.

A thread would do it at the cost of the clients, as it would share the interpreter with them.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from subprocess import PIPE
from typing import Protocol

import trio

from pykbroker.errors import ProtocolError
from pykbroker.storage.cleaning.compaction import (
    Cleaned,
    CleanedGroup,
    Compaction,
    CompactionTask,
    Moved,
)
from pykbroker.storage.cleaning.compaction_messages import (
    UncleanableError,
    decode_step,
    encode_task,
    pause_seconds,
)
from pykbroker.storage.files import FileSystem
from pykbroker.storage.segment import DamagedLogError

OnGroup = Callable[[CleanedGroup], Awaitable[None]]
_LINE_BYTES_MAX = 1 << 20


class Compactor(Protocol):
    """Does compactions."""

    async def compact(
        self, task: CompactionTask, *, bytes_per_second: float, on_group: OnGroup
    ) -> Cleaned:
        """Compact one log, calling `on_group` with every segment written.

        Raises UncleanableError for batches that cannot be read, and OSError: FileNotFoundError
        when the log was deleted or shortened meanwhile.
        """
        ...


class CompactionInSteps:
    """Works between the other tasks of the event loop: for files in memory."""

    def __init__(self, fs: FileSystem) -> None:
        self._fs = fs

    async def compact(
        self, task: CompactionTask, *, bytes_per_second: float, on_group: OnGroup
    ) -> Cleaned:
        """Compact one log; see `Compactor`."""
        began, moved = trio.current_time(), 0
        try:
            for step in Compaction(self._fs, task).steps():
                match step:
                    case Moved():
                        moved += step.bytes
                        elapsed = trio.current_time() - began
                        await trio.sleep(pause_seconds(moved, elapsed, bytes_per_second))
                    case CleanedGroup():
                        await on_group(step)
                    case Cleaned():
                        return step
        except (DamagedLogError, ProtocolError) as failure:
            raise UncleanableError(str(failure)) from failure
        raise AssertionError("a compaction ends with its end")


class CompactionProcess:
    """Has a process of its own do it, at a low priority: for files of the operating system."""

    def __init__(self, fs: FileSystem) -> None:
        del fs  # that process has its own

    async def compact(
        self, task: CompactionTask, *, bytes_per_second: float, on_group: OnGroup
    ) -> Cleaned:
        """Compact one log; see `Compactor`. Cancelled, it ends the process and waits for that."""
        # The parent's path, so that it finds the same package however that one was started.
        program = (
            f"import sys; sys.path[:] = {sys.path!r};"
            "from pykbroker.storage.cleaning.cleaner_process import main; main()"
        )
        process = await trio.lowlevel.open_process(
            [sys.executable, "-c", program], stdin=PIPE, stdout=PIPE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            await process.stdin.send_all(encode_task(task, bytes_per_second=bytes_per_second))
            return await _follow(process.stdout, on_group)
        except trio.BrokenResourceError as failure:
            raise OSError(f"the process that compacts ended: {failure}") from failure
        finally:
            with trio.CancelScope(shield=True):
                process.kill()
                await process.wait()
                await process.stdin.aclose()
                await process.stdout.aclose()


async def _follow(answers: trio.abc.ReceiveStream, on_group: OnGroup) -> Cleaned:
    rest = b""
    while data := await answers.receive_some():
        *lines, rest = (rest + data).split(b"\n")
        assert len(rest) < _LINE_BYTES_MAX
        for line in lines:
            step = decode_step(line)
            if isinstance(step, Cleaned):
                return step
            await on_group(step)
    raise OSError("the process that compacts ended before its work did")
