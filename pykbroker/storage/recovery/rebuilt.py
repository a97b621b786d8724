"""What a log remembers beside its batches, made from them again: leader epochs and producers.

`leader-epoch-checkpoint` and the snapshots are caches: missing or not readable, the batches tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from pykbroker.storage.files import FileSystem
from pykbroker.storage.leader_epochs import EpochEntry, LeaderEpochs
from pykbroker.storage.names import (
    LEADER_EPOCH_FILE,
    LOG_SUFFIX,
    SNAPSHOT_SUFFIX,
    file_name,
    offsets_of_files,
)
from pykbroker.storage.producer_state import ProducerStates
from pykbroker.storage.recovery.scan import READ_BYTES, Watch, unwatched
from pykbroker.storage.segment import DamagedLogError, Segment
from pykbroker.wire.records import BatchHeader


def write_epochs(fs: FileSystem, directory: str, epochs: LeaderEpochs) -> None:
    """Store the leader epochs, durably."""
    fs.write_atomic(f"{directory}/{LEADER_EPOCH_FILE}", epochs.to_checkpoint().encode())


def load_epochs(
    fs: FileSystem, directory: str, segments: Sequence[Segment], watch: Watch = unwatched
) -> tuple[LeaderEpochs, tuple[EpochEntry, ...]]:
    """Return the leader epochs and what their file says; without it they come from `segments`."""
    try:
        text = fs.read_bytes(f"{directory}/{LEADER_EPOCH_FILE}").decode()
        epochs = LeaderEpochs.from_checkpoint(text)
    except (FileNotFoundError, ValueError):
        epochs = LeaderEpochs()
        for segment in segments:
            _collect_epochs(segment, epochs, watch)
        return epochs, ()
    return epochs, epochs.entries


def _collect_epochs(segment: Segment, epochs: LeaderEpochs, watch: Watch) -> None:
    try:
        for header in _headers_from([segment], segment.base_offset, watch):
            if header.partition_leader_epoch > epochs.latest:
                epochs.assign(header.partition_leader_epoch, header.base_offset)
    except DamagedLogError:
        return  # the scan that follows decides what this means


def load_producers(
    fs: FileSystem,
    directory: str,
    segments: Sequence[Segment],
    end_offset: int,
    *,
    replay_all: bool = True,
    watch: Watch = unwatched,
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
    producers.apply(_headers_from(segments, replay_from, watch))
    return producers, offsets


def producers_before(
    fs: FileSystem, directory: str, segments: Sequence[Segment], number: int, watch: Watch
) -> ProducerStates:
    """Rebuild the producers' state where segment `number` begins; changes no file."""
    end_offset = segments[number].base_offset
    for offset in reversed(offsets_of_files(fs, directory, SNAPSHOT_SUFFIX)):
        if offset <= end_offset:
            path = f"{directory}/{file_name(offset, SNAPSHOT_SUFFIX)}"
            with suppress(ValueError):
                producers = ProducerStates.from_snapshot(fs.read_bytes(path))
                producers.apply(_headers_from(segments[:number], offset, watch))
                return producers
    producers = ProducerStates()
    producers.apply(_headers_from(segments[:number], segments[0].base_offset, watch))
    return producers


def drop_snapshots(fs: FileSystem, directory: str, end_offset: int) -> list[int]:
    """Remove the snapshots above the end; return the offsets of those left."""
    offsets = offsets_of_files(fs, directory, SNAPSHOT_SUFFIX)
    for offset in offsets:
        if offset > end_offset:
            fs.remove(f"{directory}/{file_name(offset, SNAPSHOT_SUFFIX)}")
    return [offset for offset in offsets if offset <= end_offset]


def _headers_from(segments: Sequence[Segment], offset: int, watch: Watch) -> Iterator[BatchHeader]:
    """Yield the headers of all batches that begin at or after `offset`."""
    for number, segment in enumerate(segments):
        if number + 1 < len(segments) and segments[number + 1].base_offset <= offset:
            continue
        located = segment.locate(offset)
        if located is None:
            continue
        path, watched = segment.path(LOG_SUFFIX), 0
        for position, header in segment.headers(located[0]):
            if position >= watched:
                watch(path, 0)
                watched = position + READ_BYTES
            yield header
