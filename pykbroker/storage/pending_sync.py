"""What stands between a log and its durability: files, directories, a checkpoint.

Collected where the log is written, synced where waiting is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass

from pykbroker.storage.files import File, FileSystem


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

    def run(self) -> None:
        """Sync it. After an OSError nothing may be assumed durable, nor be tried again."""
        for file in self.files:
            file.sync()
        for file in self.passing_files:
            file.sync()
            file.close()
        directories = set(self.directories)
        if self.leader_epochs is not None:
            self.fs.write_atomic(*self.leader_epochs)
            directories.discard(self.leader_epochs[0].rpartition("/")[0])  # synced with the file
        for directory in sorted(directories):
            self.fs.sync_directory(directory)
