"""Opening a partition's directory: what a crash left is scanned, cut to whole batches, completed.

As Kafka's LogLoader. First everything is looked at (`scan`), then the files are changed; a second
recovery finds nothing to do. Indexes, producer state and leader epochs are rebuilt from batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random

from pykbroker.storage.files import File, FileSystem
from pykbroker.storage.leader_epochs import EpochEntry, LeaderEpochs
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.names import (
    CLEANED_SUFFIX,
    DELETED_SUFFIX,
    LEADER_EPOCH_FILE,
    LOG_SUFFIX,
    SEGMENT_SUFFIXES,
    SNAPSHOT_SUFFIX,
    SWAP_SUFFIX,
    TEMPORARY_SUFFIX,
    file_name,
    offset_in_name,
    offsets_of_files,
)
from pykbroker.storage.producer_state import ProducerStates
from pykbroker.storage.scan import Cut, scan
from pykbroker.storage.segment import DamagedLogError, Segment
from pykbroker.wire.records import BatchHeader


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What opening a log had to do."""

    scanned_bytes: int = 0
    cut: Cut | None = None
    """What was not whole; `cut.batches_follow` tells damage inside the log from a torn tail."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """Where a log was found to end, how much of it is durable, what was done to get there."""

    end_offset: int
    recovery_point: int
    report: RecoveryReport = RecoveryReport()
    passing_files: tuple[File, ...] = ()
    """Written but unsynced."""


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


def load(
    fs: FileSystem,
    directory: str,
    *,
    config: LogConfig,
    clean: bool,
    recovery_point: int,
    log_start_offset: int,
    now_ms: int,
    random: Random | None = None,
) -> LoadedLog:
    """Open all segments; scan those from `recovery_point` on unless `clean`.

    A clean log whose last segment is not whole is scanned from there all the same.
    """
    finish_swaps(fs, directory)
    segment = partial(_segment, fs, directory, config=config, now_ms=now_ms, random=random)
    segments = [segment(offset) for offset in offsets_of_files(fs, directory, LOG_SUFFIX)]
    epochs, stored_epochs = _load_epochs(fs, directory, segments)
    recovered = Recovered(log_start_offset, log_start_offset)
    if segments and clean:
        try:
            end_offset = segments[-1].load_end()
            recovered = Recovered(end_offset, end_offset)
        except DamagedLogError:
            clean, recovery_point = False, min(recovery_point, segments[-1].base_offset)
    if segments and not clean:
        recovered = _recover(fs, directory, segments, recovery_point, epochs=epochs, config=config)
    created = not segments or recovered.end_offset < log_start_offset
    if created:
        # Segment files vanished: Kafka too goes on at the log start it had promised.
        remove_segments(fs, directory, segments, 0)
        segments.append(segment(log_start_offset, create=True))
        recovered = Recovered(log_start_offset, log_start_offset, recovered.report)
        epochs.truncate_from_end(0)
    log_start_offset = max(log_start_offset, segments[0].base_offset)
    epochs.truncate_from_end(recovered.end_offset)
    epochs.truncate_from_start(log_start_offset)
    if epochs.entries != stored_epochs:
        # At once: an entry of records that are gone would outlive the next ones' way to disk.
        write_epochs(fs, directory, epochs)
    return LoadedLog(
        segments,
        log_start_offset,
        recovered,
        *load_producers(fs, directory, segments, recovered.end_offset, replay_all=not clean),
        epochs,
        names_changed=created or not clean,
    )


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


def _recover(
    fs: FileSystem,
    directory: str,
    segments: list[Segment],
    recovery_point: int,
    *,
    epochs: LeaderEpochs,
    config: LogConfig,
) -> Recovered:
    below = [n for n, segment in enumerate(segments) if segment.base_offset <= recovery_point]
    first = below[-1] if below else 0
    # What is scanned says its epochs itself; an entry at its very start is kept, as in Kafka.
    epochs.truncate_from_end(segments[first].base_offset + 1)
    scanned = scan(segments[first:], epochs, gaps_allowed=config.is_compacted)
    if scanned.cut is not None:
        last = first + scanned.whole_segments
        remove_segments(fs, directory, segments, last + 1)
        segments[last].file.truncate(segments[last].size)
        segments[last].file.sync()
    return Recovered(
        scanned.next_offset,
        # What a scan has found may still be in the page cache alone: only a flush moves this.
        min(recovery_point, scanned.next_offset),
        RecoveryReport(scanned.scanned_bytes, scanned.cut),
        tuple(file for segment in segments[first:-1] for file in segment.store_indexes()),
    )


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


# -- names left by an interrupted change


def finish_swaps(fs: FileSystem, directory: str) -> None:
    """Complete or undo what was being renamed, and remove what belongs to no segment.

    `.deleted` and `.cleaned` go, and so do `.swap` files not below the first `.cleaned` one (their
    set was never complete); the other `.swap` files replace the segments whose offsets they cover.
    """
    names = fs.listdir(directory)
    cleaned = [_offset(name) for name in names if name.endswith(CLEANED_SUFFIX)]
    undone_from = min(cleaned, default=None)
    swaps = []
    for name in names:
        if name.endswith(SWAP_SUFFIX) and (undone_from is None or _offset(name) < undone_from):
            swaps.append(name)
        elif name.endswith((DELETED_SUFFIX, CLEANED_SUFFIX, SWAP_SUFFIX, TEMPORARY_SUFFIX)):
            fs.remove(f"{directory}/{name}")
    if swaps:
        _swap_in(fs, directory, swaps)
        names = fs.listdir(directory)
    bases = {name.removesuffix(LOG_SUFFIX) for name in names if name.endswith(LOG_SUFFIX)}
    for name in names:
        stem, dot, suffix = name.partition(".")
        if dot + suffix in SEGMENT_SUFFIXES and stem not in bases:
            fs.remove(f"{directory}/{name}")


def _swap_in(fs: FileSystem, directory: str, swaps: list[str]) -> None:
    logs = [name for name in swaps if name.endswith(LOG_SUFFIX + SWAP_SUFFIX)]
    if logs:
        first = min(map(_offset, logs))
        end = max(_end_offset(fs, directory, name) for name in logs)
        for name in fs.listdir(directory):
            offset = offset_in_name(name)
            if name not in swaps and offset is not None and first <= offset < end:
                fs.remove(f"{directory}/{name}")
    for name in swaps:
        fs.rename(f"{directory}/{name}", f"{directory}/{name.removesuffix(SWAP_SUFFIX)}")
    fs.sync_directory(directory)


def _end_offset(fs: FileSystem, directory: str, name: str) -> int:
    segment = Segment(
        fs,
        directory,
        _offset(name),
        file=fs.open(f"{directory}/{name}"),
        config=LogConfig(),
        now_ms=0,
    )
    end_offset = segment.base_offset
    for _, header in segment.headers():
        end_offset = header.next_offset
    return end_offset


def _offset(name: str) -> int:
    """The offset in the name of a file, or one above all where there is none."""
    offset = offset_in_name(name)
    return 1 << 63 if offset is None else offset


# -- what is derived from batches


def write_epochs(fs: FileSystem, directory: str, epochs: LeaderEpochs) -> None:
    """Store the leader epochs, durably."""
    fs.write_atomic(f"{directory}/{LEADER_EPOCH_FILE}", epochs.to_checkpoint().encode())


def _load_epochs(
    fs: FileSystem, directory: str, segments: list[Segment]
) -> tuple[LeaderEpochs, tuple[EpochEntry, ...]]:
    """Return the leader epochs and what their file says; without it, they come from all batches."""
    try:
        text = fs.read_bytes(f"{directory}/{LEADER_EPOCH_FILE}").decode()
        epochs = LeaderEpochs.from_checkpoint(text)
    except (FileNotFoundError, ValueError):
        epochs = LeaderEpochs()
        for segment in segments:
            _collect_epochs(segment, epochs)
        return epochs, ()
    return epochs, epochs.entries


def _collect_epochs(segment: Segment, epochs: LeaderEpochs) -> None:
    try:
        for _, header in segment.headers():
            if header.partition_leader_epoch > epochs.latest:
                epochs.assign(header.partition_leader_epoch, header.base_offset)
    except DamagedLogError:
        return  # the scan that follows decides what this means


def load_producers(
    fs: FileSystem,
    directory: str,
    segments: list[Segment],
    end_offset: int,
    *,
    replay_all: bool = True,
) -> tuple[ProducerStates, list[int]]:
    """Rebuild the producers' state at `end_offset` from the newest snapshot and batches above it.

    Snapshots above the end or damaged are removed; the offsets of those left are returned too.
    Without any snapshot, `replay_all` replays the whole log; otherwise there were no producers.
    """
    offsets = offsets_of_files(fs, directory, SNAPSHOT_SUFFIX)
    producers, replay_from = ProducerStates(), segments[0].base_offset if replay_all else end_offset
    while offsets:
        path = f"{directory}/{file_name(offsets[-1], SNAPSHOT_SUFFIX)}"
        if offsets[-1] <= end_offset:
            try:
                producers = ProducerStates.from_snapshot(fs.read_bytes(path))
            except ValueError:
                replay_from = segments[0].base_offset
            else:
                replay_from = offsets[-1]
                break
        fs.remove(path)
        del offsets[-1]
    producers.apply(_headers_from(segments, replay_from))
    return producers, offsets


def _headers_from(segments: Iterable[Segment], offset: int) -> Iterator[BatchHeader]:
    """Yield the headers of all batches that begin at or after `offset`."""
    ordered = list(segments)
    for number, segment in enumerate(ordered):
        if number + 1 < len(ordered) and ordered[number + 1].base_offset <= offset:
            continue
        located = segment.locate(offset)
        if located is not None:
            for _, header in segment.headers(located[0]):
                yield header
