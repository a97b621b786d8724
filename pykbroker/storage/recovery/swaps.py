"""Renames of segment files that a crash interrupted: completed or undone when a log is opened.

As Kafka's LogLoader. A set of `.swap` files that was complete takes its place; what was on its way
there or away is removed.
"""

from __future__ import annotations

from pykbroker.storage.files import FileSystem
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.names import (
    CLEANED_SUFFIX,
    DELETED_SUFFIX,
    LOG_SUFFIX,
    SEGMENT_SUFFIXES,
    SNAPSHOT_SUFFIX,
    SWAP_SUFFIX,
    TEMPORARY_SUFFIX,
    offset_in_name,
)
from pykbroker.storage.segment import Segment

_REPLACED_SUFFIXES = (*SEGMENT_SUFFIXES, SNAPSHOT_SUFFIX)


def has_unfinished_swap(fs: FileSystem, directory: str) -> bool:
    """Tell whether segments are being replaced, and which ones is not known from the names."""
    return any(name.endswith(SWAP_SUFFIX) for name in fs.listdir(directory))


def finish_swaps(fs: FileSystem, directory: str) -> list[str]:
    """Complete or undo what was being renamed, and remove what belongs to no segment.

    `.cleaned` files go, and so do `.swap` files not below the first `.cleaned` one (their set was
    never complete); the other `.swap` files replace the segments whose offsets they cover. The
    paths of `.deleted` files, which may be large, are returned: they go when there is time.
    """
    names = fs.listdir(directory)
    cleaned = [_offset(name) for name in names if name.endswith(CLEANED_SUFFIX)]
    undone_from = min(cleaned, default=None)
    swaps = []
    for name in names:
        if name.endswith(SWAP_SUFFIX) and (undone_from is None or _offset(name) < undone_from):
            swaps.append(name)
        elif name.endswith((CLEANED_SUFFIX, SWAP_SUFFIX, TEMPORARY_SUFFIX)):
            fs.remove(f"{directory}/{name}")
    if swaps:
        _swap_in(fs, directory, swaps)
        names = fs.listdir(directory)
    bases = {name.removesuffix(LOG_SUFFIX) for name in names if name.endswith(LOG_SUFFIX)}
    for name in names:
        stem, dot, suffix = name.partition(".")
        if dot + suffix in SEGMENT_SUFFIXES and stem not in bases:
            fs.remove(f"{directory}/{name}")
    return [f"{directory}/{name}" for name in names if name.endswith(DELETED_SUFFIX)]


def _swap_in(fs: FileSystem, directory: str, swaps: list[str]) -> None:
    logs = [name for name in swaps if name.endswith(LOG_SUFFIX + SWAP_SUFFIX)]
    if logs:
        first = min(map(_offset, logs))
        end = max(_end_offset(fs, directory, name) for name in logs)
        for name in fs.listdir(directory):
            if name.endswith(_REPLACED_SUFFIXES) and first <= _offset(name) < end:
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
