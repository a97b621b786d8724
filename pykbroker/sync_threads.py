"""Threads that wait for the disk, handed work by the event loop and heard of again there.

Made for one short sync after the other: a thread of its own woken by a queue, which answers through
a descriptor that the loop waits for, costs half of what `trio.to_thread.run_sync` does. Work that
was begun is waited for, whatever happens to who asked.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

import trio

Work = Callable[[], object]
Done = Callable[[OSError | None], object]
"""Called on the event loop with what the disk failed with, or None."""


class SyncThreads:
    """Up to `threads_max` threads, of which `run` starts one.

    The others are started when there is work and no idle one; where the system gives no more
    threads, work waits for those there are.
    """

    def __init__(self, threads_max: int) -> None:
        self.is_running = False
        """Whether work may be started: while `run` does, until it is cancelled."""
        self._threads_max = threads_max
        self._threads: list[threading.Thread] = []
        self._under_way = 0
        self._works: SimpleQueue[tuple[Work, Done] | None] = SimpleQueue()
        self._ended: deque[tuple[Done, BaseException | None]] = deque()
        self._bell: Bell | None = None

    def start(self, work: Work, done: Done) -> None:
        """Have a thread do `work`, and `done` called when it ended. Only while `is_running`."""
        assert self.is_running, "nobody would hear of the end of it"
        self._under_way += 1
        if self._under_way > len(self._threads) < self._threads_max:
            with suppress(RuntimeError):  # too many threads, in this process or in the system
                self._start_thread()
        self._works.put((work, done))

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name="pykbroker-sync", daemon=True)
        thread.start()
        self._threads.append(thread)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Tell of the end of each work.

        Ends when: cancelled, and all that was started has ended and been told of. On error: what
        `done` raises, and what is no OSError of a `work`, rises here.
        """
        bell = self._bell = Bell()
        try:
            self._start_thread()
            self.is_running = True
            task_status.started()
            while True:
                await bell.heard()
                self._tell()
        finally:
            self.is_running = False
            try:
                with trio.CancelScope(shield=True):
                    await self._tell_the_rest(bell)
            finally:
                self._end_threads()
                bell.close()

    def _end_threads(self) -> None:
        for _ in self._threads:
            self._works.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    async def _tell_the_rest(self, bell: Bell) -> None:
        """Wait for the end of all works, whatever some of them raise; the last of that rises."""
        try:
            self._tell()  # first: a fault may have kept from it what the bell has rung for
            while self._under_way:
                await bell.heard()
                self._tell()
        finally:
            if self._under_way:
                await self._tell_the_rest(bell)

    def _tell(self) -> None:
        while self._ended:
            done, failure = self._ended.popleft()
            self._under_way -= 1
            if failure is not None and not isinstance(failure, OSError):
                raise failure
            done(failure)

    def _work(self) -> None:
        bell = self._bell
        assert bell is not None
        while (given := self._works.get()) is not None:
            work, done = given
            try:
                work()
            except BaseException as failure:  # noqa: BLE001 - told of on the event loop
                self._ended.append((done, failure))
            else:
                self._ended.append((done, None))
            bell.ring()


class Bell:
    """Wakes one task from any thread; rings do not add up.

    By an eventfd, which costs half of what a pair of sockets does, where the system has them.
    """

    def __init__(self) -> None:
        self._sockets: tuple[socket.socket, socket.socket] | None = None
        if hasattr(os, "eventfd"):
            self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self._sockets = ours, theirs = socket.socketpair()
            ours.setblocking(False)
            theirs.setblocking(False)

    def ring(self) -> None:
        """Wake the task, or let its next `heard` return at once; from any thread."""
        with suppress(BlockingIOError):  # as many rings as fit are not heard yet
            if self._sockets is None:
                os.eventfd_write(self._fd, 1)
            else:
                self._sockets[1].send(b"\0")

    async def heard(self) -> None:
        """Return when it rang since the last time."""
        if self._sockets is None:
            await trio.lowlevel.wait_readable(self._fd)
            os.eventfd_read(self._fd)
        else:
            await trio.lowlevel.wait_readable(self._sockets[0])
            self._sockets[0].recv(4096)

    def close(self) -> None:
        """Give up the descriptors."""
        if self._sockets is None:
            os.close(self._fd)
        else:
            for each in self._sockets:
                each.close()
