"""Where a broker keeps things, and the sentences for directories it must not use."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from pykbroker.config import DataDirectories
from pykbroker.disk import METADATA_FILE, Disk, StartError


def a_disk(*data: object, metadata: object = None) -> Disk:
    log_dirs = tuple(map(str, data))
    return Disk.of(DataDirectories(log_dirs, log_dirs[0] if metadata is None else str(metadata)))


async def open_directory(data: Path) -> None:
    """Open a data directory as a broker does, and close it."""
    disk = a_disk(data)
    try:
        opened = await disk.open_directories(node_id=1, cluster_id="c", random=Random(1))
        for directory in opened.good:
            directory.close()
    finally:
        disk.store.close()


async def test_a_directory_is_made_where_there_is_none(tmp_path: Path) -> None:
    await open_directory(tmp_path / "new" / "data")

    assert sorted(path.name for path in (tmp_path / "new" / "data").iterdir()) == [
        ".kafka_cleanshutdown",
        ".lock",
        "log-start-offset-checkpoint",
        "meta.properties",
        METADATA_FILE,
        "recovery-point-offset-checkpoint",
    ]


async def test_a_relative_directory_stays_the_same_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    disk = a_disk("data")

    disk.store.close()
    assert disk.paths == (str(tmp_path / "data"),)


async def test_a_directory_that_was_used_is_opened_again(tmp_path: Path) -> None:
    await open_directory(tmp_path / "data")
    await open_directory(tmp_path / "data")


def _a_file_in_its_place(data: Path) -> None:
    data.rmdir()
    data.touch()


def _another_node(data: Path) -> None:
    (data / "meta.properties").write_text("version=1\nnode.id=7\ncluster.id=c\n")


def _another_cluster(data: Path) -> None:
    (data / "meta.properties").write_text("version=1\nnode.id=1\ncluster.id=d\n")


def _damaged_meta(data: Path) -> None:
    (data / "meta.properties").write_text("what?\n")


def _no_database(data: Path) -> None:
    (data / METADATA_FILE).write_bytes(b"no database" * 1000)


def _newer_metadata(data: Path) -> None:
    connection = sqlite3.connect(data / METADATA_FILE)
    connection.execute("PRAGMA user_version=99")
    connection.close()


def _a_directory_as_lock(data: Path) -> None:
    (data / ".lock").mkdir()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            _a_file_in_its_place,
            "DATA cannot be a data directory (File exists); choose another log.dirs",
        ),
        (
            _another_node,
            (
                "DATA belongs to node.id 7, this broker is node.id 1: choose another log.dirs or"
                " set node.id to that"
            ),
        ),
        (
            _another_cluster,
            (
                "DATA belongs to cluster d, this is cluster c: choose another log.dirs or join"
                " that cluster"
            ),
        ),
        (
            _damaged_meta,
            (
                "DATA/meta.properties is of version None, only 1 is known; mend it or choose"
                " another log.dirs"
            ),
        ),
        (
            _no_database,
            (
                "DATA/metadata.sqlite cannot be used (file is not a database); put it back from a"
                " copy or choose another log.dirs"
            ),
        ),
        (
            _newer_metadata,
            (
                "DATA/metadata.sqlite has metadata format 99; this broker reads format 1;"
                " choose another log.dirs"
            ),
        ),
        (
            _a_directory_as_lock,
            "DATA cannot be a data directory (Is a directory); choose another log.dirs",
        ),
    ],
)
async def test_a_directory_that_cannot_be_used_is_refused_in_a_sentence(
    tmp_path: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    spoil(data)

    with pytest.raises(StartError) as refused:
        await open_directory(data)

    assert str(refused.value) == sentence.replace("DATA", str(data))


async def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    first = a_disk(tmp_path)
    try:
        with pytest.raises(StartError, match="is in use by another process; stop that one or"):
            a_disk(tmp_path)
    finally:
        first.store.close()


def test_memory_knows_one_thread_only(tmp_path: Path) -> None:
    assert Disk.of(None).sync_threads == 1
    on_disk = a_disk(tmp_path)
    on_disk.store.close()
    assert on_disk.sync_threads > 1
