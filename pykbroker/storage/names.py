"""The names of files in a partition's directory, and of such directories, as Kafka makes them."""

from __future__ import annotations

from pykbroker.storage.files import FileSystem

LOG_SUFFIX = ".log"
INDEX_SUFFIX = ".index"
TIME_INDEX_SUFFIX = ".timeindex"
TRANSACTION_INDEX_SUFFIX = ".txnindex"
SEGMENT_SUFFIXES = (LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX)
SNAPSHOT_SUFFIX = ".snapshot"
LEADER_EPOCH_FILE = "leader-epoch-checkpoint"
DELETED_SUFFIX, CLEANED_SUFFIX, SWAP_SUFFIX = ".deleted", ".cleaned", ".swap"
TEMPORARY_SUFFIX = ".tmp"
DELETED_DIRECTORY_SUFFIX = "-delete"
STRAY_DIRECTORY_SUFFIX = "-stray"

_NAME_BYTES_MAX = 255
_OFFSET_DIGITS = 20
_OFFSET_MAX = 2**63 - 1


def file_name(offset: int, suffix: str) -> str:
    """Return a file's name: 20 digits of offset, then the suffix."""
    return f"{offset:0{_OFFSET_DIGITS}d}{suffix}"


def offset_in_name(name: str) -> int | None:
    """Return the offset that a file's name begins with; None for a name we would not write."""
    stem = name.partition(".")[0]
    if len(stem) != _OFFSET_DIGITS or not (stem.isascii() and stem.isdecimal()):
        return None
    offset = int(stem)
    return offset if offset <= _OFFSET_MAX else None


def offsets_of_files(fs: FileSystem, directory: str, suffix: str) -> list[int]:
    """Return the offsets in the names that consist of an offset and `suffix`, in order."""
    offsets = []
    for name in fs.listdir(directory):
        offset = offset_in_name(name)
        if offset is not None and name == file_name(offset, suffix):
            offsets.append(offset)
    return offsets


def directory_name(topic: str, partition: int) -> str:
    """Return the name of a partition's directory."""
    return f"{topic}-{partition}"


def former_directory_name(topic: str, partition: int, unique: str, kind: str) -> str:
    """Return the name of what was a partition's directory; `kind` is one of the suffixes.

    A long topic is cut so that the name fits a file system; `unique` keeps it from clashing.
    """
    suffix = f"-{partition}.{unique}{kind}"
    return topic[: _NAME_BYTES_MAX - len(suffix)] + suffix


def parse_directory_name(name: str) -> tuple[str, int] | None:
    """Return topic and partition of a directory's name; None for any other directory.

    Those marked for removal, moved (`-future`) or unknown to the cluster (`-stray`) are others.
    """
    topic, _, partition = name.rpartition("-")
    if not (topic and partition.isascii() and partition.isdecimal()):
        return None
    index = int(partition)
    return (topic, index) if directory_name(topic, index) == name else None
