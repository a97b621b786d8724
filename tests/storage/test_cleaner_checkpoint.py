"""Up to where logs are clean, as Kafka writes it."""

from __future__ import annotations

import errno

import pytest

from pykbroker.storage.checkpoint import CLEANER_FILE
from pykbroker.storage.cleaning.cleaner_checkpoint import CleanerCheckpoint
from pykbroker.storage.memory_fs import MemoryFileSystem

PATH = f"data/{CLEANER_FILE}"
ONE, OTHER = b"1" * 16, b"2" * 16


def a_checkpoint(
    fs: MemoryFileSystem, text: str | None = "0\n2\nx 0 5\ny 1 7\n"
) -> CleanerCheckpoint:
    fs.mkdirs("data")
    if text is not None:
        fs.write_atomic(PATH, text.encode())
    return CleanerCheckpoint(fs, "data")


def test_what_was_written_is_what_is_read() -> None:
    fs = MemoryFileSystem()
    checkpoint = a_checkpoint(fs)
    assert checkpoint.offset(("x", 0), ONE) == 5
    checkpoint.note(("z", 3), ONE, 9)

    checkpoint.write()

    assert fs.read_bytes(PATH) == b"0\n3\nx 0 5\ny 1 7\nz 3 9\n"


def test_a_topic_made_anew_is_not_clean_where_the_one_before_was() -> None:
    checkpoint = a_checkpoint(MemoryFileSystem())
    assert checkpoint.offset(("x", 0), ONE) == 5

    assert checkpoint.offset(("x", 0), OTHER) is None
    assert checkpoint.offset(("x", 0), ONE) == 5


def test_logs_that_are_gone_are_forgotten() -> None:
    checkpoint = a_checkpoint(MemoryFileSystem())
    assert checkpoint.offset(("x", 0), ONE) == 5

    assert not checkpoint.keep_only({("x", 0): ONE, ("y", 1): ONE})
    assert checkpoint.keep_only({("x", 0): OTHER})

    assert checkpoint.contents() == {}


def test_logs_that_are_there_and_not_served_are_remembered() -> None:
    fs = MemoryFileSystem()
    checkpoint = a_checkpoint(fs)
    assert checkpoint.offset(("x", 0), ONE) == 5
    for directory in ("data/x-0", "data/y-1"):
        fs.mkdirs(directory)

    assert not checkpoint.keep_only({})

    assert checkpoint.contents() == {("x", 0): 5, ("y", 1): 7}


def test_a_log_that_is_forgotten_is_so_at_once() -> None:
    fs = MemoryFileSystem()
    checkpoint = a_checkpoint(fs)
    assert checkpoint.offset(("x", 0), ONE) == 5

    checkpoint.forget(("x", 0))
    assert fs.read_bytes(PATH) == b"0\n1\ny 1 7\n"
    checkpoint.forget(("y", 1))
    assert fs.read_bytes(PATH) == b"0\n0\n"


def test_what_is_cut_off_is_not_clean() -> None:
    fs = MemoryFileSystem()
    checkpoint = a_checkpoint(fs)

    checkpoint.lower(("x", 0), 6)
    checkpoint.lower(("y", 1), 6)

    assert fs.read_bytes(PATH) == b"0\n2\nx 0 5\ny 1 6\n"


class FullFileSystem(MemoryFileSystem):
    """Has no room while it is full."""

    is_full = False

    def write_atomic(self, path: str, data: bytes) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write_atomic(path, data)


def test_what_could_not_be_written_is_asked_for_again() -> None:
    fs = FullFileSystem()
    checkpoint = a_checkpoint(fs)
    served = {("x", 0): ONE, ("y", 1): ONE}
    checkpoint.note(("x", 0), ONE, 9)
    fs.is_full = True

    with pytest.raises(OSError, match="No space"):
        checkpoint.write()
    assert checkpoint.keep_only(served)

    fs.is_full = False
    checkpoint.write()
    assert not checkpoint.keep_only(served)


def test_without_a_readable_file_nothing_is_clean() -> None:
    for text in (None, "", "0\n1\nx 0 5\ny 1 7\n", "1\n0\n"):
        assert a_checkpoint(MemoryFileSystem(), text).offset(("x", 0), ONE) is None
