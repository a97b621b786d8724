"""Which data directories a broker has used: one that is missing has partitions that are not lost.

Kept beside the metadata, in `log-directories`: a line for each, its id and the path it had last.
Without it, the partitions of a disk that is not mounted would begin empty in the empty directory in
its place, and nobody would be told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pykbroker.storage.checkpoint import id_to_text
from pykbroker.storage.files import FileSystem
from pykbroker.storage.log_directory import LogDirectory

KNOWN_FILE = "log-directories"


def note_directories(
    fs: FileSystem, metadata_path: str, good: Iterable[LogDirectory], offline: Collection[str]
) -> list[str]:
    """Note the directories that are open; return the last paths of those that are missing.

    One that is in the place of a missing one is not noted: it must not be used. `offline` are the
    paths of directories that could not be opened: they are not missing. The one beside the
    metadata alone needs no list. Raises OSError.
    """
    path = f"{metadata_path}/{KNOWN_FILE}"
    known = _read(fs, path)
    present = {id_to_text(each.meta.directory_id): each.path for each in good}
    missing = [
        where
        for directory_id, where in sorted(known.items())
        if directory_id not in present and where not in offline
    ]
    noted = known | {key: where for key, where in present.items() if where not in missing}
    if noted != known and set(noted.values()) != {metadata_path}:
        fs.mkdirs(metadata_path)
        lines = sorted(f"{directory_id} {where}\n" for directory_id, where in noted.items())
        fs.write_atomic(path, "".join(lines).encode())
    return missing


def _read(fs: FileSystem, path: str) -> dict[str, str]:
    try:
        text = fs.read_bytes(path).decode()
    except FileNotFoundError:
        return {}
    rows = (line.partition(" ") for line in text.splitlines())
    return {directory_id: where for directory_id, _, where in rows if where}
