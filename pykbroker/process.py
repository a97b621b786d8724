"""The broker as a process: it tells when it is ready, stops on a signal, ends with a status.

The first SIGTERM or SIGINT stops it in order. The second ends the process at once, by the signal
itself: what was acknowledged is kept as after any kill.
"""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import trio

from pykbroker.broker import cause_of, serve
from pykbroker.config import Settings
from pykbroker.disk import StartError
from pykbroker.listening import address_text

log = logging.getLogger("pykbroker")

EXIT_FAULT = 1
"""The exit status of a broker that could not start or that ended by itself."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(settings: Settings) -> int:
    """Run a broker until a signal stops it; give the exit status.

    What keeps it from starting, and what the system refuses it later, is told on stderr in one
    sentence; any other fault is a bug and rises.
    """
    _open_all_files_allowed()
    try:
        trio.run(_run, settings)
    except BaseExceptionGroup as faults:
        cause = cause_of(faults)
        log.debug("ended by a fault", exc_info=faults)
        match cause:
            case StartError():
                print(f"pykbroker: cannot start: {cause}", file=sys.stderr)
            case OSError():
                print(f"pykbroker: ended by a fault of the system: {cause}", file=sys.stderr)
            case _:
                raise
        return EXIT_FAULT
    return 0


def _open_all_files_allowed() -> None:
    """Raise the soft limit of open files to the hard one: logs and connections each hold some."""
    try:
        import resource
    except ImportError:  # pragma: no cover
        return  # Windows has no such limit
    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS refuses what it calls no limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))


async def _run(settings: Settings) -> None:
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_stop_on_signal, stop)
        await serve(settings, stop=stop, ready=partial(_tell, settings.ready_file))
        nursery.cancel_scope.cancel()


async def _stop_on_signal(
    stop: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Set `stop` at the first signal, and leave the second to the system."""
    with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
        task_status.started()
        number = await anext(signals)
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    log.info("stopping signal=%s", signal.Signals(number).name)
    stop.set()


def _tell(ready_file: str | None, addresses: Sequence[tuple[str, int]]) -> None:
    # What there is now stays; only what requests make is worth collecting.
    gc.freeze()
    gc.enable()
    text = ",".join(map(address_text, addresses))
    if ready_file is not None:
        _write_whole(Path(ready_file), text + "\n")
    print(f"pykbroker ready: {text}", flush=True)


def _write_whole(path: Path, text: str) -> None:
    """Put `text` in a file that others may be watching: they see all of it or nothing."""
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as fault:
        raise StartError(
            f"--ready-file {path} cannot be written ({fault.strerror}); write a path in a"
            " directory that exists"
        ) from fault
