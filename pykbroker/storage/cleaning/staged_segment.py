"""A segment that a cleaning writes: no part of a log yet, as a suffix of its files' names says.

Whatever a cleaning leaves behind, the next start removes it, or finishes what was announced.
"""

from __future__ import annotations

from contextlib import suppress

from pykbroker.storage.files import File, FileSystem
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.names import (
    CLEANED_SUFFIX,
    LOG_SUFFIX,
    SEGMENT_SUFFIXES,
    SWAP_SUFFIX,
    file_name,
)
from pykbroker.storage.segment import Segment


class StagedSegment(Segment):
    """A segment on its way into a log: a suffix behind the names of all of its files says how far.

    Once it is there the suffix is empty, and it is a segment as any other.
    """

    __slots__ = ("name_suffix",)

    def __init__(
        self, fs: FileSystem, directory: str, base_offset: int, *, file: File, config: LogConfig
    ) -> None:
        self.name_suffix = CLEANED_SUFFIX
        super().__init__(fs, directory, base_offset, file=file, config=config, now_ms=0)

    @classmethod
    def create(
        cls, fs: FileSystem, directory: str, base_offset: int, config: LogConfig
    ) -> StagedSegment:
        """Begin an empty one, in place of what a cleaning may have left there."""
        remove_staged(fs, directory, base_offset)
        file = fs.create(_cleaned_path(directory, base_offset))
        return cls(fs, directory, base_offset, file=file, config=config)

    @classmethod
    def open(
        cls, fs: FileSystem, directory: str, base_offset: int, config: LogConfig
    ) -> StagedSegment:
        """Open one that is written to the end. Raises FileNotFoundError."""
        file = fs.open(_cleaned_path(directory, base_offset))
        return cls(fs, directory, base_offset, file=file, config=config)

    def path(self, suffix: str) -> str:
        """Return the path of one of the segment's files, as it is named now."""
        return super().path(suffix) + self.name_suffix

    def stage(self, name_suffix: str) -> None:
        """Rename the files, the log last. The names are not durable."""
        for suffix in reversed(SEGMENT_SUFFIXES):
            old = self.path(suffix)
            with suppress(FileNotFoundError):
                self._fs.rename(old, old.removesuffix(self.name_suffix) + name_suffix)
        self.name_suffix = name_suffix
        self.file.moved(self.path(LOG_SUFFIX))

    def finish(self) -> None:
        """Make the segment durable under its present names; their directory is not synced."""
        for file in (*self.store_indexes(), self.file):
            file.sync()
            file.close()


def _cleaned_path(directory: str, base_offset: int) -> str:
    return f"{directory}/{file_name(base_offset, LOG_SUFFIX)}{CLEANED_SUFFIX}"


def remove_staged(fs: FileSystem, directory: str, base_offset: int) -> None:
    """Remove what a cleaning that came to nothing has left of a segment."""
    for suffix in SEGMENT_SUFFIXES:
        for staged in (CLEANED_SUFFIX, SWAP_SUFFIX):
            with suppress(FileNotFoundError):
                fs.remove(f"{directory}/{file_name(base_offset, suffix)}{staged}")
