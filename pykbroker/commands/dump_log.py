"""The command `dump-log`: show what a segment, a file beside it or a partition's directory holds.

Files are opened for reading only, so a running broker does not notice; what it appends or removes
meanwhile is not shown. Damage is shown where it is and never ends the output.
"""

from __future__ import annotations

import argparse
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

from pykbroker.commands.dump_files import (
    ReadOnlyFile,
    Target,
    check_of,
    contents_of,
    target_of,
    targets_in,
    topic_of,
)
from pykbroker.commands.dump_lines import JsonLines, Lines, Shown, TextLines
from pykbroker.commands.dump_options import VALUE_BYTES
from pykbroker.config.property import ConfigError
from pykbroker.errors import ProtocolError
from pykbroker.storage.dump.batches import Batch, Damage, records_of, walk
from pykbroker.storage.dump.decoding import decode_control, decoder_of
from pykbroker.storage.dump.indexes import IndexCheck, IndexEntry, Row, named
from pykbroker.wire.records import Record

_INDEXES = ("index", "timeindex")
_REPAIR = "keep a copy of the directory and see `pykbroker repair --help`"
_TAIL = "a broker cuts off a torn tail when it starts"
_REMOVE = "stop the broker and remove the file, it is made again when the broker starts"


class Dump:
    """One run of the command. Take all its lines, then ask for the verdict."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._left: int | None = options.max
        self._batches = 0
        self._faults = 0
        self._first_fault = ""
        limit = options.value_bytes
        if limit is None:
            limit = 0 if options.json else VALUE_BYTES
        make = JsonLines if options.json else TextLines
        self._lines: Lines = make(values=options.records, value_bytes=limit or None)

    @property
    def verdict(self) -> str | None:
        """What `--verify` found wrong, as a sentence for a person; None: nothing, or not asked."""
        if not (self._options.verify and self._faults):
            return None
        more = "" if self._faults == 1 else f" ({self._faults} faults in all)"
        return self._first_fault + more

    def lines(self) -> Iterator[str]:
        """Yield the output, line by line. Raises ConfigError for a FILE that cannot be shown."""
        for path in self._options.files:
            self._batches, faults_before = 0, self._faults
            try:
                yield from self._directory(path) if path.is_dir() else self._file(path)
            except OSError as fault:
                raise ConfigError(
                    f"{fault.filename or path} cannot be read ({fault.strerror}); name a file or a"
                    " directory that can be"
                ) from fault
            if self._options.verify:
                faults = self._faults - faults_before
                yield from self._lines.verified(str(path), self._batches, faults)

    def _directory(self, path: Path) -> Iterator[str]:
        targets = targets_in(path)
        logs = [target for target in targets if target.kind == "log"]
        if not logs:
            raise ConfigError(
                f"{path} holds no segments; name the directory of a partition, such as"
                f" {path / 'TOPIC-0'}"
            )
        next_offset = 0
        for target, after in zip(logs, [*logs[1:], None], strict=True):
            base_offset = target.base_offset or 0
            if self._is_done(base_offset):
                return
            if self._is_below(after):
                continue
            if base_offset < next_offset:
                what = f"it begins below offset {next_offset}, where the segment before it ends"
                yield from self._fault(target.path, what, _REPAIR)
            try:
                next_offset = yield from self._segment(target)
            except FileNotFoundError:
                continue  # its broker removed it meanwhile
        if self._options.verify:
            for target in targets:
                if target.kind in ("snapshot", "txnindex", "epochs"):
                    yield from self._faults_in(target)

    def _is_done(self, base_offset: int) -> bool:
        """Tell whether nothing from this offset on needs to be looked at."""
        if self._options.verify:
            return False
        return self._left == 0 or base_offset > self._options.to_offset

    def _is_below(self, after: Target | None) -> bool:
        """Tell whether all that is asked for lies in the segment `after` or behind it."""
        if self._options.verify or after is None:
            return False
        return (after.base_offset or 0) <= int(self._options.from_offset)

    def _file(self, path: Path) -> Iterator[str]:
        target = target_of(path)
        if target.kind == "log":
            yield from self._segment(target)
            return
        yield from self._lines.file(str(path), target.kind, contents_of(target))
        yield from self._faults_in(target)
        if self._options.verify and target.kind in _INDEXES:
            check = check_of(contents_of(target))
            with ReadOnlyFile(target.beside("log").path) as file:
                for found in walk(file, target.base_offset):
                    if isinstance(found, Batch):
                        self._batches += 1
                        misfits = check.batch(found.position, found.header)
                        yield from self._misfits(target, misfits)
            yield from self._misfits(target, check.rest())

    def _segment(self, target: Target) -> Generator[str, None, int]:
        """Yield the lines of a segment; return the offset after its last batch."""
        check: IndexCheck | None = None
        if self._options.verify:
            check = yield from self._checked_indexes(target)
        next_offset = 0
        with ReadOnlyFile(target.path) as file:
            yield from self._lines.segment(str(target.path), target.base_offset, file.size)
            records = None if self._options.batches else _Records(file, self._topic(target))
            for found in walk(file, target.base_offset):
                if isinstance(found, Damage):
                    yield from self._lines.damage(found)
                    advice = _REPAIR if found.batches_follow else _TAIL
                    self._count(target.path, f"position {found.position}: {found.what}", advice)
                    continue
                self._batches += 1
                next_offset = found.header.next_offset
                if found.fault is not None:
                    what = f"the batch at position {found.position}: {found.fault}"
                    self._count(target.path, what, _REPAIR)
                if check is not None:
                    misfits = check.batch(found.position, found.header)
                    yield from self._misfits(target, misfits)
                yield from self._batch(target.path, found, records)
                if self._is_done(found.header.base_offset):
                    return next_offset
        if check is not None:
            yield from self._misfits(target, check.rest())
        return next_offset

    def _batch(self, path: Path, batch: Batch, records: _Records | None) -> Iterator[str]:
        first, last = self._options.from_offset, self._options.to_offset
        header = batch.header
        if self._left == 0 or header.last_offset < first or header.base_offset > last:
            return
        yield from self._lines.batch(batch)
        if records is None:
            self._left = None if self._left is None else self._left - 1
            return
        try:
            for shown in records.of(batch):
                if first <= shown.record.offset <= last and self._left != 0:
                    yield from self._lines.record(shown)
                    self._left = None if self._left is None else self._left - 1
        except ProtocolError as fault:
            what = f"the records of the batch at position {batch.position}: {fault}"
            yield from self._fault(path, what, _REPAIR)

    def _topic(self, target: Target) -> str:
        return "" if self._options.no_decode else topic_of(target.path)

    def _checked_indexes(self, log: Target) -> Generator[str, None, IndexCheck]:
        """Yield what is wrong with the indexes of a segment in themselves; return their check."""
        indexes = [log.beside(kind) for kind in _INDEXES]
        found = [index for index in indexes if index.path != log.path and index.path.exists()]
        for index in found:
            yield from self._faults_in(index)
        return check_of(*map(contents_of, found))

    def _faults_in(self, target: Target) -> Iterator[str]:
        try:
            faults = contents_of(target).faults
        except FileNotFoundError:
            return  # its broker removed it meanwhile
        for what in faults:
            yield from self._fault(target.path, what, _REMOVE)

    def _misfits(self, segment: Target, misfits: Iterable[tuple[Row, str]]) -> Iterator[str]:
        for row, why in misfits:
            kind = "index" if isinstance(row, IndexEntry) else "timeindex"
            yield from self._fault(segment.beside(kind).path, f"{named(row)}: {why}", _REMOVE)

    def _fault(self, path: Path, what: str, advice: str) -> Iterator[str]:
        yield from self._lines.fault(str(path), what)
        self._count(path, what, advice)

    def _count(self, path: Path, what: str, advice: str) -> None:
        self._faults += 1
        if not self._first_fault:
            self._first_fault = f"{path}: {what}; {advice}"


class _Records:
    """The records of a segment's batches, those of brokers decoded."""

    def __init__(self, file: ReadOnlyFile, topic: str) -> None:
        self._file = file
        self._decode = decoder_of(topic)

    def of(self, batch: Batch) -> Iterator[Shown]:
        """Yield the records of one batch. Raises ProtocolError, also in the middle."""
        is_control = batch.header.is_control
        for record in records_of(self._file, batch):
            if is_control or self._decode is not None:
                yield self._decoded(record, is_control=is_control)
            else:
                yield Shown(record, None, None, None)

    def _decoded(self, record: Record, *, is_control: bool) -> Shown:
        try:
            if is_control:
                return Shown(record, decode_control(record), None, None)
            return Shown(record, None, self._decode(record) if self._decode else None, None)
        except ProtocolError as fault:
            return Shown(record, None, None, str(fault))
