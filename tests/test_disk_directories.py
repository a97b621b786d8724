"""Several data directories: what is refused, what is left out, what is found and given back."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pykbroker.config import DataDirectories
from pykbroker.disk import METADATA_FILE, Disk, OpenedDirectories, StartError
from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.storage.checkpoint import read_meta_properties
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.storage.memory_fs import MemoryFileSystem


class Refusing(MemoryFileSystem):
    """Refuses to make the directories it is told of, with an errno each."""

    def __init__(self, **refused: int) -> None:
        super().__init__()
        self.refused = refused

    def mkdirs(self, path: str) -> None:
        code = self.refused.get(path)
        if code is not None:
            raise OSError(code, "no such luck", path)
        super().mkdirs(path)


async def at_once(work: Callable[[], Any]) -> Any:
    return work()


def in_memory(fs: MemoryFileSystem, *paths: str, metadata: str = "elsewhere") -> Disk:
    return Disk(fs, MemoryStore(), paths, at_once, sync_threads=1, metadata_path=metadata)


async def opened(disk: Disk, *, node_id: int = 1) -> OpenedDirectories:
    return await disk.open_directories(node_id=node_id, cluster_id="c", random=Random(1))


async def test_each_directory_has_its_own_lock_owner_and_id() -> None:
    fs = MemoryFileSystem()

    directories = await opened(in_memory(fs, "a", "b"))

    assert [directory.path for directory in directories.good] == ["a", "b"]
    assert [fs.listdir(path) for path in "ab"] == [[".lock", "meta.properties"]] * 2
    ids = [directory.meta.directory_id for directory in directories.good]
    assert len(set(ids)) == 2
    stored = [read_meta_properties(fs, path) for path in "ab"]
    assert [meta and meta.directory_id for meta in stored] == ids


def test_the_metadata_is_in_a_directory_of_its_own_if_there_is_one(tmp_path: Path) -> None:
    data = DataDirectories((str(tmp_path / "a"),), str(tmp_path / "m"))

    disk = Disk.of(data)

    disk.store.close()
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "m",
        "m/.lock",
        f"m/{METADATA_FILE}",
    ]


@pytest.mark.parametrize(
    ("log_dirs", "sentence"),
    [
        (["a", "a/../a"], "DATA/a is in log.dirs twice; name it once"),
        (["a", "link"], "DATA/a is in log.dirs twice; name it once"),
        (
            ["a", "a/b"],
            (
                "DATA/a/b lies in DATA/a, which is a data directory too; choose directories that"
                " do not lie in one another"
            ),
        ),
    ],
)
def test_directories_that_overlap_are_refused(
    tmp_path: Path, log_dirs: list[str], sentence: str
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a")
    paths = tuple(str(tmp_path / name) for name in log_dirs)

    with pytest.raises(StartError) as refused:
        Disk.of(DataDirectories(paths, paths[0]))

    assert str(refused.value) == sentence.replace("DATA", str(tmp_path))


def test_metadata_that_is_in_another_directory_is_not_begun_anew(tmp_path: Path) -> None:
    paths = str(tmp_path / "a"), str(tmp_path / "b")
    Disk.of(DataDirectories(paths, paths[0])).store.close()

    with pytest.raises(StartError) as refused:
        Disk.of(DataDirectories(paths[::-1], paths[1]))

    assert str(refused.value) == (
        f"the metadata is in {paths[0]}, not in {paths[1]}; write metadata.log.dir={paths[0]}"
    )


async def test_one_whose_disk_fails_is_told_of_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        directories = await opened(in_memory(Refusing(b=errno.EROFS), "a", "b", "c"))

    assert [directory.path for directory in directories.good] == ["a", "c"]
    assert [directory.path for directory in directories.offline] == ["b"]
    assert caplog.messages == [
        (
            "data directory offline path=b: [Errno 30] no such luck: 'b'; its partitions are not"
            " served: mount it for writing and restart the broker"
        )
    ]


@pytest.mark.parametrize(
    ("paths", "refused", "sentence"),
    [
        (
            ["a"],
            {"a": errno.EACCES},
            (
                "a cannot be a data directory (no such luck); let this user read and write it or"
                " choose another log.dirs"
            ),
        ),
        (
            ["a", "b"],
            {"a": errno.ENOSPC, "b": errno.EIO},
            (
                "a cannot be a data directory (no such luck); free some space or choose another"
                " log.dirs"
            ),
        ),
        (
            ["b", "a"],
            {"a": errno.EIO},
            (
                "a cannot be a data directory (no such luck); mend the disk or choose another"
                " log.dirs"
            ),
        ),
    ],
    ids=["the only one", "all of them", "that of the metadata"],
)
async def test_without_a_directory_to_go_on_with_the_start_is_refused(
    paths: list[str], refused: dict[str, int], sentence: str
) -> None:
    fs = Refusing(**refused)

    with pytest.raises(StartError) as refusal:
        await opened(in_memory(fs, *paths, metadata="a"))

    assert str(refusal.value) == sentence
    fs.refused = {}
    await opened(in_memory(fs, *paths))


async def test_one_of_another_broker_refuses_the_start_and_the_others_are_as_they_were() -> None:
    fs = MemoryFileSystem()
    for path, node_id in (("a", 1), ("b", 2)):
        for directory in (await opened(in_memory(fs, path), node_id=node_id)).good:
            directory.close(broker_epoch=7)

    with pytest.raises(StartError, match=r"^b belongs to node.id 2, this broker is node.id 1: "):
        await opened(in_memory(fs, "a", "b"))

    assert (await opened(in_memory(fs, "a"))).clean_broker_epoch == 7


async def test_one_in_use_refuses_the_start() -> None:
    fs = MemoryFileSystem()
    await opened(in_memory(fs, "b"))

    with pytest.raises(StartError, match=r"^b is in use by another process; stop that one or"):
        await opened(in_memory(fs, "a", "b"))

    await opened(in_memory(fs, "a"))


def test_one_in_use_gets_no_metadata_of_the_broker_that_was_refused(tmp_path: Path) -> None:
    fs, path = OsFileSystem(), str(tmp_path)
    in_use = LogDirectory.open(fs, path, node_id=1, cluster_id="c", directory_id=bytes(16))
    files = fs.listdir(path)

    with pytest.raises(StartError, match="is in use by another process; stop that one or"):
        Disk.of(DataDirectories((path,), path))

    assert fs.listdir(path) == files
    in_use.close()


async def test_a_partition_in_two_directories_refuses_the_start() -> None:
    fs = MemoryFileSystem()
    for path in ("a/words-0", "a/words-1", "b/words-1"):
        fs.mkdirs(path)

    with pytest.raises(StartError) as refused:
        await opened(in_memory(fs, "a", "b"))

    assert str(refused.value) == (
        "words-1 is in a and in b; move the one that is out of date out of its directory"
    )


@pytest.mark.parametrize(
    ("closed", "told"),
    [
        ({"a": 7, "b": 7}, 7),
        ({"a": 7, "b": 8}, -1),
        ({"a": 7, "b": None}, -1),
        ({"a": None, "b": None}, -1),
    ],
)
async def test_the_broker_was_clean_if_all_directories_were_by_the_same_epoch(
    closed: dict[str, int | None], told: int
) -> None:
    fs = MemoryFileSystem()
    for directory in (await opened(in_memory(fs, *closed))).good:
        epoch = closed[directory.path]
        directory.close(clean=epoch is not None, broker_epoch=epoch or 0)

    assert (await opened(in_memory(fs, *closed))).clean_broker_epoch == told


async def test_a_broker_was_not_clean_while_a_directory_is_offline() -> None:
    fs = Refusing()
    for directory in (await opened(in_memory(fs, "a", "b"))).good:
        directory.close(broker_epoch=7)
    fs.refused = {"b": errno.EIO}

    assert (await opened(in_memory(fs, "a", "b"))).clean_broker_epoch == -1
