"""Compaction in a process of its own, which leaves the broker's interpreter to its clients.

One line on its input says what to do, lines on its output what came of it (`compaction_messages`).
It ends when its input does: with its parent at last.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from pykbroker.errors import ProtocolError
from pykbroker.storage.cleaning.compaction import Compaction, Moved
from pykbroker.storage.cleaning.compaction_messages import (
    decode_task,
    encode_failure,
    encode_step,
    pause_seconds,
)
from pykbroker.storage.fs import OsFileSystem

NICENESS = 5
"""What is left of the processors is enough; at 19 nothing is left beside busy producers."""


def main() -> None:
    """Do what one line of the input asks for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's; the broker ends this itself
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    asked = sys.stdin.buffer.readline()
    if not asked.endswith(b"\n"):
        return  # the broker was gone before it had said what to do
    task, bytes_per_second = decode_task(asked)
    threading.Thread(target=_end_with_input, args=(sys.stdin.fileno(),), daemon=True).start()
    began, moved = time.monotonic(), 0
    try:
        for step in Compaction(OsFileSystem(), task).steps():
            if isinstance(step, Moved):
                moved += step.bytes
                time.sleep(pause_seconds(moved, time.monotonic() - began, bytes_per_second))
            else:
                _tell(encode_step(step))
    except (OSError, ProtocolError) as failure:
        _tell(encode_failure(failure))


def _tell(line: bytes) -> None:
    try:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os._exit(1)  # the broker is gone, and with it whoever would read of that


def _end_with_input(descriptor: int) -> None:
    os.read(descriptor, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
