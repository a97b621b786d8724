"""What the SQLite store adds to a MemoryStore: it lasts, it is one process's, it never guesses."""

from __future__ import annotations

import multiprocessing
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trio

from pykbroker.metadata.sqlite_store import SqliteStore
from pykbroker.metadata.store import KV, Compacted, Delete, Put, StoreInUse


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metadata.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(path)
    yield opened
    opened.close()


async def test_what_was_written_is_there_after_a_restart(path: Path) -> None:
    first = SqliteStore(path)
    await first.txn([], [Put(b"a", b"1"), Put(b"b", b"2")])
    await first.txn([], [Put(b"a", b"3"), Delete(b"b")])
    first.close()

    with closing(SqliteStore(path)) as second:
        snapshot = await second.load(b"")
        assert (snapshot.rev, snapshot.kvs) == (3, {b"a": KV(b"3", 2, 3, 2)})


async def test_what_was_acknowledged_is_in_the_files_before_close(
    store: SqliteStore, path: Path, tmp_path: Path
) -> None:
    await store.txn([], [Put(b"a", b"1")])
    copy = _copied(path, tmp_path / "copy")

    with closing(SqliteStore(copy)) as survivor:
        assert (await survivor.load(b"")).kvs == {b"a": KV(b"1", 2, 2, 1)}


async def test_leased_keys_are_deleted_at_open_as_one_revision(path: Path) -> None:
    first = SqliteStore(path)
    lease = await first.lease_grant(5.0)
    await first.txn([], [Put(b"a", b"", lease), Put(b"b", b"")])
    first.close()

    second = SqliteStore(path)
    assert await second.lease_keepalive(lease) is None
    assert ((await second.load(b"")).rev, set((await second.load(b"")).kvs)) == (3, {b"b"})
    await second.txn([], [Put(b"c", b"")])
    second.close()

    with closing(SqliteStore(path)) as third:
        assert ((await third.load(b"")).rev, set((await third.load(b"")).kvs)) == (4, {b"b", b"c"})


async def test_a_watch_from_before_the_restart_is_told_to_load_again(path: Path) -> None:
    first = SqliteStore(path)
    await first.txn([], [Put(b"a", b"")])
    first.close()

    with closing(SqliteStore(path)) as second:
        watch = second.watch(b"", 1)
        with pytest.raises(Compacted):
            await anext(watch)


@pytest.mark.usefixtures("store")
async def test_a_store_that_is_open_cannot_be_opened_again(path: Path) -> None:
    with pytest.raises(StoreInUse, match=r"metadata\.sqlite"):
        SqliteStore(path)


@pytest.mark.usefixtures("store")
def test_a_store_that_is_open_cannot_be_opened_by_another_process(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        assert pool.apply(_open_elsewhere, (path,)) == "StoreInUse"


def _copied(path: Path, directory: Path) -> Path:
    directory.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, directory)
    return directory / path.name


def _open_elsewhere(path: Path) -> str:
    try:
        SqliteStore(path).close()
    except StoreInUse as refusal:
        return type(refusal).__name__
    return "opened"


def test_a_file_of_another_format_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version=7")

    with pytest.raises(ValueError, match="format 7"):
        SqliteStore(path)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (7,)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"no database at all " * 100)

    with pytest.raises(sqlite3.DatabaseError):
        SqliteStore(path)


def test_a_directory_that_is_missing_is_a_fault_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        SqliteStore(tmp_path / "missing" / "metadata.sqlite")


def test_a_damaged_table_is_refused_and_the_file_let_go(path: Path) -> None:
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE kv")

    with pytest.raises(sqlite3.OperationalError):
        SqliteStore(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE free (x)")


async def test_after_a_failed_commit_every_change_is_refused_and_nothing_shows(
    store: SqliteStore,
) -> None:
    await store.txn([], [Put(b"a", b"1")])
    store._connection.execute("DROP TABLE meta")  # the nearest thing to a broken disk

    with pytest.raises(OSError, match="the metadata cannot be written") as first:
        await store.txn([], [Put(b"a", b"2")])
    with pytest.raises(OSError, match="the metadata cannot be written") as second:
        await store.txn([], [Put(b"b", b"")])

    assert second.value.__cause__ is first.value.__cause__
    assert (await store.load(b"")).kvs == {b"a": KV(b"1", 2, 2, 1)}


async def test_a_full_disk_refuses_changes_until_there_is_space_again(store: SqliteStore) -> None:
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count={pages}")

    with pytest.raises(OSError, match="the metadata cannot be written: database or disk is full"):
        await store.txn([], [Put(b"a", bytes(100_000))])
    assert (await store.load(b"")).kvs == {}
    store._connection.execute("PRAGMA max_page_count=1000000")
    await store.txn([], [Put(b"b", b"2")])

    assert (await store.load(b"")).kvs == {b"b": KV(b"2", 2, 2, 1)}


async def test_a_commit_whose_asker_goes_away_is_seen_all_the_same(store: SqliteStore) -> None:
    writing, go_on = threading.Event(), threading.Event()

    def linger(statement: str) -> None:
        if statement == "COMMIT":
            writing.set()
            go_on.wait(5)

    store._connection.set_trace_callback(linger)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.txn, [], [Put(b"a", b"1")])
        await trio.to_thread.run_sync(writing.wait)
        nursery.cancel_scope.cancel()
        go_on.set()
    store._connection.set_trace_callback(None)

    assert (await store.load(b"")).kvs == {b"a": KV(b"1", 2, 2, 1)}
    assert (await store.txn([], [Put(b"b", b"")])).rev == 3
