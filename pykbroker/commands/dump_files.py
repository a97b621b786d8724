"""What `dump-log` is given: which kind of file a name means, and its contents.

Opens for reading only, so it works on what belongs to a running broker or to somebody else.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from pykbroker.config.property import ConfigError
from pykbroker.storage.dump.indexes import (
    Contents,
    IndexCheck,
    IndexEntry,
    Row,
    TimeEntry,
    read_aborted,
    read_leader_epochs,
    read_offset_checkpoint,
    read_offset_index,
    read_snapshot,
    read_time_index,
)
from pykbroker.storage.names import LEADER_EPOCH_FILE, parse_directory_name

_OF_A_SEGMENT = re.compile(r"([0-9]{20})\.(log|index|timeindex|txnindex|snapshot)(\..*)?")
_OFFSETS = "-offset-checkpoint"
_OF_BATCHES = (".log", ".checkpoint")
"""Also the snapshots of a KRaft controller are batches."""


class Target(NamedTuple):
    """A file to show. `kind` is log, index, timeindex, txnindex, snapshot, epochs or offsets."""

    path: Path
    kind: str
    base_offset: int | None
    """What the name says; None for a log that was renamed, and for files of no segment."""

    def beside(self, kind: str) -> Target:
        """Give another file of the same segment; it may not exist."""
        name = self.path.name.replace(f".{self.kind}", f".{kind}", 1)
        return self._replace(path=self.path.with_name(name), kind=kind)


def target_of(path: Path) -> Target:
    """Tell by its name what a file is.

    Raises ConfigError for one that cannot be shown, OSError where there is none.
    """
    of_a_segment = _OF_A_SEGMENT.fullmatch(path.name)
    if of_a_segment is not None:
        return Target(path, of_a_segment[2], int(of_a_segment[1]))
    if path.name == LEADER_EPOCH_FILE:
        return Target(path, "epochs", None)
    if path.name.endswith(_OFFSETS):
        return Target(path, "offsets", None)
    if path.suffix in _OF_BATCHES:
        return Target(path, "log", None)
    path.lstat()  # of what is not there, its name is not what is wrong
    raise ConfigError(
        f"{path} has a name that dump-log does not know; name a .log, .index, .timeindex,"
        " .txnindex, .snapshot, leader-epoch-checkpoint or offset checkpoint as brokers call them,"
        " or a partition's directory"
    )


def targets_in(directory: Path) -> list[Target]:
    """List the files of segments, and of leader epochs, that are in use, in order of names."""
    targets = []
    for path in sorted(directory.iterdir()):
        found = _OF_A_SEGMENT.fullmatch(path.name)
        if (found is not None and found[3] is None) or path.name == LEADER_EPOCH_FILE:
            targets.append(target_of(path))
    return targets


def topic_of(path: Path) -> str:
    """Tell whose records a file holds by its directory's name; "" when that is no partition's."""
    found = parse_directory_name(path.absolute().parent.name)
    return "" if found is None else found[0]


def contents_of(target: Target) -> Contents[Row]:
    """Read one of the small files. Raises OSError."""
    data, base_offset = target.path.read_bytes(), target.base_offset or 0
    match target.kind:
        case "index":
            return read_offset_index(data, base_offset)
        case "timeindex":
            return read_time_index(data, base_offset)
        case "txnindex":
            return read_aborted(data)
        case "snapshot":
            return read_snapshot(data)
        case "epochs":
            return read_leader_epochs(data)
    return read_offset_checkpoint(data)


def check_of(*contents: Contents[Row]) -> IndexCheck:
    """Make a check of one or both indexes of a segment."""
    rows = [row for each in contents for row in each.rows]
    return IndexCheck(
        [row for row in rows if isinstance(row, IndexEntry)],
        [row for row in rows if isinstance(row, TimeEntry)],
    )


class ReadOnlyFile:
    """A file that is only read, as it was when it was opened."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self.size = self._file.seek(0, 2)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def pread(self, length: int, position: int) -> bytes:
        """Return up to `length` bytes from `position`; fewer only at the end of the file."""
        self._file.seek(position)
        data = self._file.read(length) or b""
        while 0 < len(data) < length and (more := self._file.read(length - len(data))):
            data += more
        return data
