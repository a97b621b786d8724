"""What recovery and repair take out of a log, kept in files that neither they nor Kafka look at.

`OFFSET.log.torn` holds what a crash had left unfinished; there are at most those of one cut, as the
next removes them. `OFFSET.log.POSITION.corrupt` holds what a repair gave up; nobody removes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pykbroker.storage.files import File, FileSystem
from pykbroker.storage.names import LOG_SUFFIX, file_name, offset_in_name
from pykbroker.storage.segment import Segment

TORN_SUFFIX, CORRUPT_SUFFIX = ".torn", ".corrupt"
_COPY_BYTES = 1 << 20

NameAside = Callable[[Segment, int], str]
"""Gives the path for what a segment holds from a position on."""


def torn_path(segment: Segment, position: int) -> str:
    """Return where to keep what a crash left unfinished, in place of what is kept there."""
    del position
    return segment.path(LOG_SUFFIX) + TORN_SUFFIX


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def corrupt_path(segment: Segment, position: int, number: int = 0) -> str:
    """Return where to keep what a repair gives up; a `number` for each time it did so there."""
    again = f".{number}" if number else ""
    return f"{segment.path(LOG_SUFFIX)}.{position}{again}{CORRUPT_SUFFIX}"


def cut_off(
    fs: FileSystem,
    directory: str,
    segments: list[Segment],
    number: int,
    *,
    aside: NameAside,
) -> list[str]:
    """Cut a log, durably, at the end of segment `number`; give the names of what is kept.

    What is not zero is kept. Later segments go first, from the end: a crash in between must leave
    no hole, behind which records that were cut off would be back. A cut that was interrupted is
    completed by the next.
    """
    kept = []
    last = segments[number]
    if (path := _copy_tail(fs, last, aside)) is not None:
        kept.append(_name(path))
    kept += put_aside(fs, segments[number + 1 :], aside)
    del segments[number + 1 :]
    fs.sync_directory(directory)
    if last.file.size > last.size:
        last.file.truncate(last.size)
        last.file.sync()
    return sorted(kept)


def put_aside(fs: FileSystem, segments: Sequence[Segment], aside: NameAside) -> list[str]:
    """Take segments out of a log, from the end on; give the names of what is kept.

    Their directory is not synced.
    """
    kept = []
    for segment in reversed(segments):
        if not _is_zero(segment.file, 0):
            path = aside(segment, 0)
            segment.close()
            fs.rename(segment.path(LOG_SUFFIX), path)
            kept.append(_name(path))
        segment.remove()
    return kept


def forget_torn(fs: FileSystem, directory: str, segment: Segment) -> None:
    """Remove what an earlier crash left unfinished, before what `segment` holds is kept.

    Files of later segments stay: they are of the same cut, which was interrupted.
    """
    for name in fs.listdir(directory):
        offset = offset_in_name(name)
        if (
            offset is not None
            and offset <= segment.base_offset
            and name == file_name(offset, LOG_SUFFIX + TORN_SUFFIX)
        ):
            fs.remove(f"{directory}/{name}")


def _copy_tail(fs: FileSystem, segment: Segment, aside: NameAside) -> str | None:
    position = segment.size
    if _is_zero(segment.file, position):
        return None
    path = aside(segment, position)
    copy, at = fs.create(path), 0
    while data := segment.file.pread(_COPY_BYTES, position + at):
        copy.pwrite(data, at)
        at += len(data)
    copy.sync()
    copy.close()
    return path


def _is_zero(file: File, position: int) -> bool:
    """Tell whether a file holds nothing but zeros from `position` on."""
    while data := file.pread(_COPY_BYTES, position):
        if bytes(data).strip(b"\0"):
            return False
        position += len(data)
    return True
