"""Kafka's names of files and directories."""

from __future__ import annotations

import pytest

from pykbroker.storage import names
from pykbroker.storage.memory_fs import MemoryFileSystem


def test_a_file_is_named_by_twenty_digits_of_offset() -> None:
    assert names.file_name(42, ".log") == "00000000000000000042.log"
    assert names.offset_in_name("00000000000000000042.log.swap") == 42
    assert names.offset_in_name("partition.metadata") is None


@pytest.mark.parametrize("stem", ["42", "\u0663" * 20, "9" * 20, "-" + "0" * 18 + "1"])
def test_files_with_other_names_are_no_segments(stem: str) -> None:
    fs = MemoryFileSystem()
    fs.mkdirs("d")
    fs.create(f"d/{stem}.log")
    fs.create("d/00000000000000000042.log")

    assert names.offsets_of_files(fs, "d", ".log") == [42]


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("topic-0", ("topic", 0)),
        ("a-b.c-12", ("a-b.c", 12)),
        ("-1", None),
        ("topic", None),
        ("topic-", None),
        ("topic-x", None),
        ("topic-\u0663", None),
        ("topic-00", None),
        ("topic-0.1f-delete", None),
        ("topic-0.1f-future", None),
    ],
)
def test_a_directory_name_is_topic_and_partition(name: str, parsed: tuple[str, int] | None) -> None:
    assert names.parse_directory_name(name) == parsed
    if parsed is not None:
        assert names.directory_name(*parsed) == name


def test_a_long_topics_directory_marked_for_removal_fits_a_file_system() -> None:
    assert names.former_directory_name("t", 3, "1f", "-delete") == "t-3.1f-delete"

    name = names.former_directory_name("t" * 249, 3, "f" * 32, "-delete")

    assert len(name) == 255
    assert name.endswith("t-3.ffffffffffffffffffffffffffffffff-delete")
