"""Failing disks under a broker process: nothing is acknowledged that is not durable, reads go on.

strace lets calls of the running broker fail. A directory whose sync failed takes nothing until the
broker was started anew; what a full disk refused is taken again when there is space.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.api.requests import create_topic, delete_topic
from tests.crash import figures, full_disk, strace
from tests.crash.site import STORAGE_ERROR, Site
from tests.crash.strace import injected
from tests.crash.workers import working
from tests.kafka_client import Client

NAME = "disk faults"
CLEAN_MARKER = ".kafka_cleanshutdown"
_WRITES = ("write", "pwrite64", "pwritev", "pwritev2")
_SYNCS = ("fdatasync", "fsync")
_RENAMES = ("rename", "renameat", "renameat2")
_LARGE_BYTES = 300_000
_SLOW_SECONDS = 0.4
_LOAD_SECONDS = 0.6
_NEVER_FULL_BYTES = 1 << 30
"""Of segments whose files are named beforehand as those that fail."""

Trigger = Callable[[Site, Client], bool]
"""Does what meets the fault; tells whether the broker refused it with KAFKA_STORAGE_ERROR."""

Run = Callable[[Path, Random], Site]


def produce_one(site: Site, client: Client) -> bool:
    """Produce a record."""
    return site.produce(client) is STORAGE_ERROR


def produce_until_rolled(site: Site, client: Client) -> bool:
    """Produce more than a segment holds."""
    return any(site.produce(client, padding=_LARGE_BYTES) is STORAGE_ERROR for _ in range(8))


def delete_a_topic(site: Site, client: Client) -> bool:
    """Delete a topic, whose directories cannot be renamed; then produce."""
    delete_topic(client, "deleted")
    time.sleep(0.5)
    return produce_one(site, client)


def wait_for_checkpoints(site: Site, client: Client) -> bool:
    """Produce, and again when checkpoints have been due."""
    produce_one(site, client)
    time.sleep(1)
    return produce_one(site, client)


@dataclass(frozen=True, slots=True)
class Fault:
    """Calls that fail while something is done that needs them."""

    name: str
    calls: tuple[str, ...]
    what: str
    trigger: Trigger
    paths: tuple[str, ...]
    """Globs in the data directory of what is meant."""
    fails_directory: bool | None
    """Whether every partition refuses records from then on; None: it may."""


FAULTS = (
    Fault("sync of a segment fails", _SYNCS, "error=EIO", produce_one, ("kept-0/*.log",), True),
    Fault(
        "sync of a segment finds no space",
        _SYNCS,
        "error=ENOSPC",
        produce_one,
        ("kept-0/*.log",),
        fails_directory=True,
    ),
    Fault(
        "sync of a directory fails", _SYNCS, "error=EIO", produce_until_rolled, ("kept-0",), True
    ),
    Fault("write fails", _WRITES, "error=EIO", produce_one, ("kept-0/*.log",), True),
    Fault("write finds no space", _WRITES, "error=ENOSPC", produce_one, ("*-[0-9]/*.log",), False),
    Fault("write exceeds a quota", _WRITES, "error=EDQUOT", produce_one, ("*-[0-9]/*.log",), False),
    Fault(
        "rename of a checkpoint fails", _RENAMES, "error=EIO", wait_for_checkpoints, (), None
    ),
    Fault("rename of a deleted topic fails", _RENAMES, "error=EIO", delete_a_topic, (), None),
)  # fmt: skip


def meet(fault: Fault, directory: Path, random: Random) -> Site:
    """Run a broker into a fault, out of it and through a restart."""
    site = Site(directory / "data", directory / "log", random)
    with site.broker:
        try:
            _meet(fault, site)
        except (AssertionError, EOFError, OSError, RuntimeError) as unforeseen:
            site.wrong.append(f"{type(unforeseen).__name__}: {unforeseen}")
    return site


def _meet(fault: Fault, site: Site) -> None:
    site.begin()
    with site.connect() as client:
        create_topic(client, "deleted")
        paths = [path for pattern in fault.paths for path in site.data.glob(pattern)]
        process_id = site.broker.running.pid
        with injected(process_id, fault.calls, fault.what, paths=paths) as injection:
            refused = fault.trigger(site, client)
            site.expect(injection.count > 0, "no call was made that could fail")
            site.expect(refused or fault.fails_directory is None, "the producer was not refused")
            site.read_all(client)
        _judge_after(fault, site, client)
        site.read_all(client)
    status, _ = site.broker.stop()
    site.expect(status == 0, f"it ended with {status} when told to stop")
    marked = (site.data / CLEAN_MARKER).exists()
    site.expect(not (marked and fault.fails_directory), "it says that it was closed in order")
    _judge_restart(site)


def _judge_after(fault: Fault, site: Site, client: Client) -> None:
    """Judge a broker whose disk works again."""
    if fault.fails_directory:
        left = len(site.load.partitions) - site.refusing(client)
        site.expect(not left, f"{left} partitions of a failed directory take records")
        site.expect_log(str(site.data), "restart")
    elif fault.fails_directory is False:
        site.expect(site.takes_all_again(client), "it takes no records though there is space")
        site.expect_log("space")
    else:
        site.expect_log("")


def _judge_restart(site: Site) -> None:
    site.broker.start()
    with site.connect() as client:
        site.read_all(client)
        site.expect(not site.refusing(client), "it refuses records after a restart")
        site.work(client)
        site.read_all(client)
    site.broker.stop()


def slow_disk(directory: Path, random: Random) -> Site:
    """Let every sync of a segment take long: who waits for it and who must not."""
    site = Site(directory / "data", directory / "log", random)
    with site.broker:
        site.begin()
        paths = list(site.data.glob("*-[0-9]/*.log"))
        delay = f"delay_enter={int(_SLOW_SECONDS * 1e6)}"
        with (
            site.connect() as client,
            injected(site.broker.running.pid, _SYNCS, delay, paths=paths),
        ):
            before = time.monotonic()
            site.produce(client)
            site.expect(
                time.monotonic() - before >= _SLOW_SECONDS, "acks=all does not wait for the disk"
            )
            before = time.monotonic()
            site.produce(client, acks=1)
            site.expect(time.monotonic() - before < _SLOW_SECONDS, "acks=1 waits for the disk")
            site.read_all(client)
    return site


def syncs_fail_under_load(directory: Path, random: Random) -> Site:
    """Let syncs fail while many producers are at work, then kill the broker."""
    site = Site(directory / "data", directory / "log", random, segment_bytes=_NEVER_FULL_BYTES)
    with site.broker:
        site.begin()
        paths = list(site.data.glob("*-[0-9]/*.log"))
        site.load.churn.power_is_off.set()
        with working(site.load.tasks, site.broker.addresses[0]):
            time.sleep(_LOAD_SECONDS)
            process_id = site.broker.running.pid
            with injected(process_id, _SYNCS, "error=EIO", paths=paths) as injection:
                injection.wait()
                time.sleep(_LOAD_SECONDS / 2)
                at_failure = site.load.acknowledged
                time.sleep(_LOAD_SECONDS)
                later = site.load.acknowledged - at_failure
            site.expect(not later, f"{later} records acknowledged after a sync failed")
            site.broker.kill()
        refused = sum(pipeline.refused[STORAGE_ERROR] for pipeline in site.load.pipelines)
        site.expect(refused > 0, "no producer was refused")
        _judge_load(site)
    return site


def space_comes_and_goes_under_load(directory: Path, random: Random) -> Site:
    """Let writes find no space for a while, again and again, while many producers are at work."""
    site = Site(directory / "data", directory / "log", random, segment_bytes=_NEVER_FULL_BYTES)
    with site.broker:
        site.begin()
        paths = list(site.data.glob("*-[0-9]/*.log"))
        site.load.churn.power_is_off.set()
        with working(site.load.tasks, site.broker.addresses[0]) as workers:
            for _ in range(3):
                before = site.load.acknowledged
                with injected(
                    site.broker.running.pid, _WRITES, "error=ENOSPC:when=2+5", paths=paths
                ) as injection:
                    injection.wait()
                    time.sleep(_LOAD_SECONDS)
                time.sleep(_LOAD_SECONDS)
                site.expect(site.load.acknowledged > before, "nothing is acknowledged any more")
            at_work = sum(worker.is_alive() for worker in workers)
            site.expect(at_work >= len(site.load.pipelines), "clients were cut off")
            site.broker.kill()
        _judge_load(site)
    return site


def _judge_load(site: Site) -> None:
    """Start the broker again and compare everything."""
    site.broker.start()
    with site.connect() as client:
        for task in site.load.tasks:
            task.settle(client)
        site.read_all(client)
        site.load.churn.check(client)
        site.expect(not site.refusing(client), "it refuses records after a restart")
    site.expect_log("")


def main(arguments: Sequence[str] | None = None) -> int:
    """Meet every fault once; tell what was wrong."""
    given = figures.parser("tests.crash.disk_faults", "failing disks under a broker")
    given.add_argument("--only", default="", help="faults whose names contain this")
    options = given.parse_args(arguments)
    random, status = Random(options.seed), 0
    missing, no_volume = strace.what_is_missing(), full_disk.what_is_missing()
    runs: list[tuple[str, str | None, Run]] = [
        *((fault.name, missing, partial(meet, fault)) for fault in FAULTS),
        ("sync is slow", missing, slow_disk),
        ("syncs fail under load", missing, syncs_fail_under_load),
        ("space comes and goes under load", missing, space_comes_and_goes_under_load),
        *((name, no_volume, run) for name, run in full_disk.RUNS),
    ]
    for name, lack, run in runs:
        if options.only not in name:
            continue
        if lack is not None:
            figures.lacking(f"{NAME}, {name}", lack)
            continue
        with TemporaryDirectory(prefix="disk-faults-") as directory:
            try:
                status = max(status, _tell(name, run(Path(directory), Random(random.random()))))
            except (AssertionError, EOFError, OSError, RuntimeError) as unforeseen:
                figures.say(f"{NAME}, {name}: {type(unforeseen).__name__}: {unforeseen}")
                status = figures.EXIT_FOUND
    return status


def _tell(name: str, site: Site) -> int:
    wrong = site.all_wrong
    acknowledged = f"{site.load.acknowledged:,} records acknowledged, {site.findings.read:,} read"
    figures.say(f"{NAME}, {name}: {acknowledged}, {len(wrong)} things wrong")
    for line in wrong:
        figures.say(f"  {line}")
    return figures.EXIT_FOUND if wrong else 0


if __name__ == "__main__":
    figures.end_in_order()
    sys.exit(main())
