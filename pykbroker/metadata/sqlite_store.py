"""A MetadataStore in one SQLite file: a MemoryStore whose revisions are on disk before they show.

Write-ahead log, synchronous=FULL, one process, one writer. Everything is read once, when the file
is opened; afterwards SQLite is only written. Keys that a lease held are deleted at open, because
the process that kept the lease alive is gone.
"""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import trio

from pykbroker.metadata.history import HISTORY_EVENTS_MAX
from pykbroker.metadata.keyspace import Keyspace
from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.metadata.store import FIRST_REVISION, KV, Batch, StoreInUse

FORMAT = 1
"""SQLite's user_version of our files."""

_TABLES = """
CREATE TABLE kv (
    key BLOB PRIMARY KEY, value BLOB NOT NULL, create_rev INTEGER NOT NULL,
    mod_rev INTEGER NOT NULL, version INTEGER NOT NULL, lease INTEGER NOT NULL
);
CREATE TABLE meta (rev INTEGER NOT NULL);
"""


class SqliteStore(MemoryStore):
    """The embedded default: durable, for one process.

    A failed commit leaves the file's state in doubt, so the store refuses every later change with
    the same error until it is opened again. Only a full disk leaves none: a commit for which there
    was no room is not in the file, and the next one is tried.
    """

    def __init__(self, path: Path, *, history_events_max: int = HISTORY_EVENTS_MAX) -> None:
        """Open or make the file; blocks on the disk.

        Raises StoreInUse when another connection holds the file, ValueError for a file of another
        format, sqlite3.Error when the disk or the file is broken.
        """
        self._connection = _connected(path)
        self._failure: sqlite3.Error | None = None
        self._thread = trio.CapacityLimiter(1)
        try:
            keyspace = _read(self._connection)
            leased = keyspace.without(keyspace.leases_held())
            if leased is not None:
                self._write(leased)
                keyspace.apply(leased)
        except BaseException:  # whatever it was, the file is not kept locked
            self._connection.close()
            raise
        super().__init__(keyspace, history_events_max=history_events_max)

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        self._connection.close()

    async def _keep(self, batch: Batch) -> None:
        # In a thread, for the fsync: 0.3-0.5 ms on a VM's SSD but 10 ms and more on a busy disk.
        # Not abandoned on cancellation: what is on disk must be seen by the keyspace too.
        try:
            await trio.to_thread.run_sync(self._write, batch, limiter=self._thread)
        except sqlite3.Error as failure:
            code = errno.ENOSPC if _is_full(failure) else errno.EIO
            raise OSError(code, f"the metadata cannot be written: {failure}") from failure

    def _write(self, batch: Batch) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            with closing(self._connection.cursor()) as cursor:
                cursor.execute("BEGIN IMMEDIATE")
                cursor.executemany(
                    "INSERT OR REPLACE INTO kv VALUES (?, ?, ?, ?, ?, ?)",
                    [
                        (key, kv.value, kv.create_rev, kv.mod_rev, kv.version, kv.lease)
                        for key, kv in ((event.key, event.kv) for event in batch.events)
                        if kv is not None
                    ],
                )
                cursor.executemany(
                    "DELETE FROM kv WHERE key = ?",
                    [(event.key,) for event in batch.events if event.kv is None],
                )
                cursor.execute("UPDATE meta SET rev = ?", (batch.rev,))
                cursor.execute("COMMIT")
        except sqlite3.Error as failure:
            if not _is_full(failure):
                self._failure = failure
            elif self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def _is_full(failure: sqlite3.Error) -> bool:
    return getattr(failure, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN EXCLUSIVE")  # takes the lock, which is then kept until close
        _check_format(connection, path)
        connection.execute("COMMIT")
    except sqlite3.OperationalError as failure:
        connection.close()
        if getattr(failure, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise StoreInUse(f"{path} is open in another process") from failure
        raise
    except BaseException:  # as above
        connection.close()
        raise
    return connection


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found == 0:
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES (?)", (FIRST_REVISION,))
        connection.execute(f"PRAGMA user_version={FORMAT}")
    elif found != FORMAT:
        raise ValueError(f"{path} has metadata format {found}; this broker reads format {FORMAT}")


def _read(connection: sqlite3.Connection) -> Keyspace:
    (rev,) = connection.execute("SELECT rev FROM meta").fetchone()
    rows = connection.execute("SELECT key, value, create_rev, mod_rev, version, lease FROM kv")
    return Keyspace({key: KV(*columns) for key, *columns in rows}, rev)
