"""Opening a partition's directory: what a crash left is scanned, cut to whole batches, completed.

As Kafka's LogLoader, save that nothing is cut which a crash does not explain: that is damage
(`damage.judge`), and the files stay as they are. First everything is looked at, then the files are
changed; a second recovery finds nothing to do.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from pykbroker.storage.files import File, FileSystem
from pykbroker.storage.index import RELATIVE_OFFSET_MAX
from pykbroker.storage.leader_epochs import LeaderEpochs
from pykbroker.storage.log_config import LONG_MAX, LogConfig
from pykbroker.storage.names import LOG_SUFFIX, file_name, offsets_of_files
from pykbroker.storage.producer_state import ProducerStates
from pykbroker.storage.recovery.damage import Cut, Finding, FoundDamageError, judge
from pykbroker.storage.recovery.kept_aside import cut_off, forget_torn, put_aside, torn_path
from pykbroker.storage.recovery.rebuilt import (
    drop_snapshots,
    load_epochs,
    load_producers,
    producers_before,
    write_epochs,
)
from pykbroker.storage.recovery.scan import Scan, Scanned, Watch, unwatched
from pykbroker.storage.recovery.swaps import finish_swaps
from pykbroker.storage.segment import DamagedLogError, Segment


@dataclass(frozen=True, slots=True)
class Promise:
    """What the checkpoints of a data directory say of a log."""

    recovery_point: int = 0
    """Everything below it had been synced."""
    log_start_offset: int = 0
    """Nothing below it is to be read any more."""
    gaps_below: int = 0
    """Below it compaction may have left gaps."""

    @property
    def durable_end(self) -> int:
        """Records below it must be there; 0 where those that had to are deleted."""
        return self.recovery_point if self.recovery_point > self.log_start_offset else 0

    def may_skip(self, segment: Segment, later: Segment) -> bool:
        """Tell whether `later` may begin above the end of `segment`, the one before it.

        It may where compaction took what lay between, where retention did and a crash brought back
        what is older, and where an offset was too far for one segment.
        """
        return (
            later.base_offset <= max(self.gaps_below, self.log_start_offset)
            or later.base_offset - segment.base_offset > RELATIVE_OFFSET_MAX
        )


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What opening a log had to do."""

    scanned_bytes: int = 0
    cut: Cut | None = None
    """What was not whole, and is cut off."""
    finding: Finding | None = None
    """What that was."""
    kept: tuple[str, ...] = ()
    """The names of the files, beside the segments, that keep what was cut off and is not zero."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """Where a log was found to end, how much of it is durable, what was done to get there."""

    end_offset: int
    recovery_point: int
    report: RecoveryReport = RecoveryReport()
    passing_files: tuple[File, ...] = ()
    """Written but unsynced."""
    producers: ProducerStates | None = None
    """As they are at the end, where the scan has told."""


@dataclass(slots=True)
class LoadedLog:
    """A log as it was found, ready to be appended to."""

    segments: list[Segment]
    log_start_offset: int
    recovered: Recovered
    producers: ProducerStates
    snapshot_offsets: list[int]
    leader_epochs: LeaderEpochs
    names_changed: bool
    """Whether files were made or removed since the directory was synced."""
    leftovers: list[str]
    """Paths of files that are no part of it any more."""


def load(
    fs: FileSystem,
    directory: str,
    *,
    config: LogConfig,
    clean: bool,
    recovery_point: int,
    log_start_offset: int,
    cleaned_offset: int | None = None,
    now_ms: int,
    random: Random | None = None,
    watch: Watch = unwatched,
) -> LoadedLog:
    """Open all segments; scan those from `recovery_point` on, unless the log is `clean`.

    A clean log ends at its recovery point; one that does not is scanned all the same.
    `cleaned_offset` is where the last cleaning ended; None where nobody knows, and then offsets may
    be missing anywhere in a compacted log. `watch` hears of what is scanned. Raises
    FoundDamageError, and has changed no segment then.
    """
    leftovers = finish_swaps(fs, directory)
    open_segment = partial(_segment, fs, directory, config=config, now_ms=now_ms, random=random)
    segments = [open_segment(offset) for offset in offsets_of_files(fs, directory, LOG_SUFFIX)]
    gaps_below = _gaps_below(config, cleaned_offset, recovery_point)
    promise = Promise(recovery_point, log_start_offset, gaps_below)
    check_below(directory, segments, promise)
    end_offset = _end_if_clean(directory, segments, promise) if clean else None
    recovered = Recovered(log_start_offset, log_start_offset)
    scanned = bool(segments) and end_offset is None
    unscanned = segments[: first_to_scan(segments, recovery_point)] if scanned else segments
    epochs, stored_epochs = load_epochs(fs, directory, unscanned, watch)
    if scanned:
        recovered = _recover(fs, directory, segments, promise, epochs=epochs, watch=watch)
    elif end_offset is not None:
        recovered = Recovered(end_offset, end_offset)
    begins_anew = not segments or recovered.end_offset < log_start_offset
    if begins_anew:
        report = _clear(fs, directory, segments, recovered)
        segments = [open_segment(log_start_offset, create=True)]
        recovered = Recovered(log_start_offset, log_start_offset, report)
        epochs.truncate_from_end(0)
    log_start_offset = max(log_start_offset, segments[0].base_offset)
    epochs.truncate_from_start(log_start_offset)
    epochs.truncate_from_end(recovered.end_offset)
    if epochs.entries != stored_epochs:
        # At once: an entry of records that are gone would outlive the next ones' way to disk.
        write_epochs(fs, directory, epochs)
    return LoadedLog(
        segments,
        log_start_offset,
        recovered,
        *_producers(fs, directory, segments, recovered, replay_all=begins_anew, watch=watch),
        epochs,
        names_changed=begins_anew or scanned,
        leftovers=leftovers,
    )


def _gaps_below(config: LogConfig, cleaned_offset: int | None, recovery_point: int) -> int:
    """Tell below which offset cleaning may have left gaps."""
    if cleaned_offset is None:
        return LONG_MAX if config.is_compacted else 0
    # Only what is synced is cleaned, and the checkpoint of that may be older.
    return max(cleaned_offset, recovery_point) if config.is_compacted else cleaned_offset


def _producers(
    fs: FileSystem,
    directory: str,
    segments: Sequence[Segment],
    recovered: Recovered,
    *,
    replay_all: bool,
    watch: Watch,
) -> tuple[ProducerStates, list[int]]:
    """Return the producers at the end, and the offsets of the snapshots that are left."""
    if recovered.producers is not None:
        return recovered.producers, drop_snapshots(fs, directory, recovered.end_offset)
    return load_producers(
        fs, directory, segments, recovered.end_offset, replay_all=replay_all, watch=watch
    )


def bytes_to_scan(fs: FileSystem, directory: str, recovery_point: int) -> int:
    """Count the bytes of the segments from the recovery point on; 0 where there is no log."""
    if not fs.exists(directory):
        return 0
    offsets = offsets_of_files(fs, directory, LOG_SUFFIX)
    first = max(bisect_right(offsets, recovery_point) - 1, 0)
    paths = [f"{directory}/{file_name(offset, LOG_SUFFIX)}" for offset in offsets[first:]]
    return sum(fs.open(path).size for path in paths)


def _segment(
    fs: FileSystem,
    directory: str,
    base_offset: int,
    *,
    create: bool = False,
    config: LogConfig,
    now_ms: int,
    random: Random | None,
) -> Segment:
    path = f"{directory}/{file_name(base_offset, LOG_SUFFIX)}"
    file = fs.create(path) if create else fs.open(path)
    return Segment(
        fs, directory, base_offset, file=file, config=config, now_ms=now_ms, random=random
    )


# -- looking


def first_to_scan(segments: Sequence[Segment], recovery_point: int) -> int:
    """Return the number of the segment that the recovery point lies in; 0 below all of them."""
    below = [n for n, segment in enumerate(segments) if segment.base_offset <= recovery_point]
    return below[-1] if below else 0


def check_below(directory: str, segments: Sequence[Segment], promise: Promise) -> None:
    """Look, without reading them, whether the segments below the recovery point are all there.

    Each must end where the next one begins. Raises FoundDamageError.
    """
    if not segments and promise.durable_end:
        cut = Cut(promise.log_start_offset, 0, 0, promise.log_start_offset, 0)
        reason = f"its files are gone, records up to offset {promise.durable_end} had been synced"
        raise FoundDamageError(directory, directory, cut, reason)
    for number in range(first_to_scan(segments, promise.recovery_point)):
        segment, later = segments[number], segments[number + 1 :]
        if promise.may_skip(segment, later[0]):
            continue
        try:
            end_offset = _end_of(segment)
            reason = (
                f"it ends at offset {end_offset}, the next one begins at {later[0].base_offset}"
            )
        except DamagedLogError as damage:
            end_offset, reason = -1, str(damage.strerror)
        if end_offset != later[0].base_offset:
            both = segments[number : number + 2]
            scanned = _plain_scan(promise).run(both)
            # An index may lie; what is told is what a scan finds.
            if scanned.cut is not None and scanned.whole_segments == 0:
                lost = sum(one.file.size for one in later)
                cut = replace(scanned.cut, later_segments=len(later), later_bytes=lost)
                raise FoundDamageError(directory, segment.path(LOG_SUFFIX), cut, reason)


def _plain_scan(promise: Promise, watch: Watch = unwatched) -> Scan:
    return Scan(LeaderEpochs(), ProducerStates(), may_skip=promise.may_skip, watch=watch)


def _end_of(segment: Segment) -> int:
    """Find the next offset after a segment by its last batches. Raises DamagedLogError."""
    end_offset = segment.base_offset
    if segment.size:
        for _, header in segment.headers(segment.offset_index.last_position):
            end_offset = header.next_offset
        segment.unload_indexes()
    return end_offset


def _end_if_clean(directory: str, segments: Sequence[Segment], promise: Promise) -> int | None:
    """Find where a log ends that was closed in order; None when it does not look like one."""
    if not segments:
        return None
    try:
        end_offset = segments[-1].load_end()
    except DamagedLogError:
        return None
    if end_offset != promise.recovery_point:
        return None
    if end_offset < promise.log_start_offset:
        cut = Cut(segments[0].base_offset, 0, 0, end_offset, len(segments) - 1)
        reason = f"it ends at offset {end_offset}, below its start {promise.log_start_offset}"
        raise FoundDamageError(directory, segments[-1].path(LOG_SUFFIX), cut, reason)
    return end_offset


def look(
    directory: str,
    segments: Sequence[Segment],
    promise: Promise,
    *,
    first: int,
    scan: Scan,
) -> tuple[Scanned, Finding | None]:
    """Scan the segments from number `first` on, and tell what a cut means that is no damage.

    Changes no file. Raises FoundDamageError.
    """
    scanned = scan.run(segments[first:])
    number, cut, reason = first + scanned.whole_segments, scanned.cut, ""
    last, finding = segments[number], None
    if cut is not None:
        finding, reason = judge(last.file, cut, promise.durable_end)
    elif scanned.next_offset < promise.durable_end:
        finding = Finding.DAMAGE
        cut = Cut(last.base_offset, last.size, 0, scanned.next_offset, 0)
        reason = (
            f"the log ends at offset {scanned.next_offset}, records up to offset"
            f" {promise.durable_end} had been synced"
        )
    if cut is not None and finding is Finding.DAMAGE:
        raise FoundDamageError(directory, last.path(LOG_SUFFIX), cut, reason)
    return scanned, finding


# -- changing


def _recover(
    fs: FileSystem,
    directory: str,
    segments: list[Segment],
    promise: Promise,
    *,
    epochs: LeaderEpochs,
    watch: Watch,
) -> Recovered:
    first = first_to_scan(segments, promise.recovery_point)
    # What is scanned says its epochs itself; an entry at its very start is kept, as in Kafka.
    epochs.truncate_from_end(segments[first].base_offset + 1)
    producers = producers_before(fs, directory, segments, first, watch)
    scan = Scan(epochs, producers, may_skip=promise.may_skip, watch=watch)
    scanned, finding = look(directory, segments, promise, first=first, scan=scan)
    kept: list[str] = []
    for segment in scanned.leftovers:
        segment.file.truncate(segment.size)
        segment.file.sync()
    if scanned.cut is not None:
        last = first + scanned.whole_segments
        forget_torn(fs, directory, segments[last])
        kept = cut_off(fs, directory, segments, last, aside=torn_path)
    return Recovered(
        scanned.next_offset,
        # What a scan has found may still be in the page cache alone: only a flush moves this.
        min(promise.recovery_point, scanned.next_offset),
        RecoveryReport(scanned.scanned_bytes, scanned.cut, finding, tuple(kept)),
        tuple(file for segment in segments[first:-1] for file in segment.store_indexes()),
        producers=producers,
    )


def _clear(
    fs: FileSystem, directory: str, segments: list[Segment], recovered: Recovered
) -> RecoveryReport:
    """Put all segments aside; the log goes on at the log start it had promised, as in Kafka."""
    report = recovered.report
    if not segments:
        return report
    lost = sum(segment.file.size for segment in segments)
    cut = Cut(segments[0].base_offset, 0, 0, recovered.end_offset, len(segments), later_bytes=lost)
    forget_torn(fs, directory, segments[0])
    kept = put_aside(fs, segments, torn_path)
    fs.sync_directory(directory)
    return RecoveryReport(report.scanned_bytes, cut, Finding.TORN_TAIL, tuple(sorted(kept)))


def remove_segments(fs: FileSystem, directory: str, segments: list[Segment], first: int) -> None:
    """Remove the segments from number `first` on, durably.

    From the end, and before anything below is cut: a crash in between must leave no hole, behind
    which records that were cut off would be back.
    """
    if first < len(segments):
        for segment in reversed(segments[first:]):
            segment.remove()
        del segments[first:]
        fs.sync_directory(directory)
