"""What the system's cache shows after a failed sync may be on no disk: then it is read anew.

Linux takes pages that it could not write for written, tells of it once, and shows them to every
later process until the machine or the file system starts anew. A mark is left in the directory
whose disk failed, unsynced: it lasts as long as the cache it warns of. A start that finds it reads
the logs from the disk.
"""

from __future__ import annotations

from contextlib import suppress

from pykbroker.storage.files import FileSystem
from pykbroker.storage.names import LOG_SUFFIX, file_name, offsets_of_files

DISTRUST_FILE = ".pykbroker-reread"


def distrust(fs: FileSystem, directory: str) -> None:
    """Mark a data directory whose disk failed, as far as that is possible."""
    with suppress(OSError):
        fs.create(f"{directory}/{DISTRUST_FILE}").close()


def is_distrusted(fs: FileSystem, directory: str) -> bool:
    """Tell whether a data directory was marked."""
    return fs.exists(f"{directory}/{DISTRUST_FILE}")


def trust(fs: FileSystem, directory: str) -> None:
    """Take the mark away: all that was read anew has been synced since."""
    if is_distrusted(fs, directory):
        fs.remove(f"{directory}/{DISTRUST_FILE}")


def reread(fs: FileSystem, log_directory: str) -> None:
    """Have the batches of a log read from the disk; OSError when it still cannot be written to."""
    if not fs.exists(log_directory):
        return
    for offset in offsets_of_files(fs, log_directory, LOG_SUFFIX):
        file = fs.open(f"{log_directory}/{file_name(offset, LOG_SUFFIX)}")
        # Only what is written can be dropped.
        file.sync()
        file.drop_cached()
        file.close()
