"""Up to where logs are clean, as Kafka writes it."""

from __future__ import annotations

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

    checkpoint.write(checkpoint.contents())

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


def test_without_a_readable_file_nothing_is_clean() -> None:
    for text in (None, "", "0\n1\nx 0 5\ny 1 7\n", "1\n0\n"):
        assert a_checkpoint(MemoryFileSystem(), text).offset(("x", 0), ONE) is None
