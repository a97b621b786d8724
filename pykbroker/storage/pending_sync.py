"""What stands between a log and its durability: files, directories, a checkpoint.

Collected where the log is written, synced where waiting is allowed.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field

from pykbroker.storage.files import File, FileSystem

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class PendingSync:
    """What must be synced for everything below `end_offset` to be durable.

    `run` may be called on another thread while the log grows; `Log.synced` takes the result over.
    """

    fs: FileSystem
    end_offset: int
    truncations: int
    """How often the log had been truncated: what is cut off and written again is not in `files`."""
    files: tuple[File, ...]
    passing_files: tuple[File, ...]
    """Files written once and closed, which are opened again only to be synced."""
    leader_epochs: tuple[str, bytes] | None
    """Path and contents of the leader epoch checkpoint, if it changed."""
    directories: tuple[str, ...]
    refused: list[OSError] = field(default_factory=list, compare=False)
    """Why the leader epochs could not be stored: the disk is full."""

    def run(self) -> None:
        """Sync it. After an OSError nothing may be assumed durable, nor be tried again.

        A full disk that cannot take the leader epochs is no error: batches tell them too, and the
        next sync stores them.
        """
        for file in self.files:
            file.sync()
        for file in self.passing_files:
            file.sync()
            file.close()
        directories = set(self.directories)
        if self.leader_epochs is not None:
            try:
                self.fs.write_atomic(*self.leader_epochs)
            except OSError as failure:
                if failure.errno not in NO_SPACE:
                    raise
                self.refused.append(failure)
            else:
                directory = self.leader_epochs[0].rpartition("/")[0]
                directories.discard(directory)  # synced with the file
        for directory in sorted(directories):
            self.fs.sync_directory(directory)
