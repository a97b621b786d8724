"""Random operations on each MetadataStore, held against a dictionary with revisions."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.metadata.sqlite_store import SqliteStore
from pykbroker.metadata.store import (
    FIRST_REVISION,
    KV,
    NO_LEASE,
    Batch,
    Compacted,
    CreateRev,
    Delete,
    Event,
    Guard,
    LeaseId,
    MetadataStore,
    ModRev,
    Put,
    TxnResult,
)

_T = TypeVar("_T")


async def batches(store: MetadataStore, after_rev: int, count: int) -> list[Batch]:
    with trio.fail_after(1):
        watch = store.watch(b"", after_rev)
        return [await anext(watch) for _ in range(count)]


KEYS = st.sampled_from([b"a", b"b", b"c/1", b"c/2", b"\x00\xff"])
VALUES = st.binary(max_size=4)


class StoreMachine(RuleBasedStateMachine):
    """Random operations on a store and on a dictionary with revisions, which must agree."""

    def open(self) -> MemoryStore:
        return MemoryStore()

    def run(self, operation: Callable[..., Awaitable[_T]], *arguments: Any) -> _T:
        async def once() -> _T:
            with trio.fail_after(5):
                return await operation(*arguments)

        return trio.run(once)

    @initialize()
    def start(self) -> None:
        self.store = self.open()
        self.rev = FIRST_REVISION
        self.model: dict[bytes, KV] = {}
        self.log: list[Batch] = []
        self.compacted = FIRST_REVISION
        self.leases: list[LeaseId] = []

    def commit(self, events: list[Event]) -> None:
        if not events:
            return
        self.rev += 1
        for event in events:
            if event.kv is None:
                del self.model[event.key]
            else:
                self.model[event.key] = event.kv
        self.log.append(Batch(self.rev, tuple(events)))

    def event(self, op: Put | Delete) -> Event | None:
        before, rev = self.model.get(op.key), self.rev + 1
        if isinstance(op, Delete):
            return Event(op.key, None) if before else None
        if before is None:
            return Event(op.key, KV(op.value, rev, rev, 1, op.lease))
        return Event(op.key, KV(op.value, before.create_rev, rev, before.version + 1, op.lease))

    @rule(
        puts=st.dictionaries(KEYS, st.none() | VALUES, max_size=4),
        guards=st.lists(st.tuples(KEYS, st.sampled_from(["create", ">", "mod"]), st.booleans())),
        leased=st.booleans(),
    )
    def txn(
        self, puts: dict[bytes, bytes | None], guards: list[tuple[bytes, str, bool]], leased: bool
    ) -> None:
        lease = self.leases[-1] if leased and self.leases else NO_LEASE
        ops = [Delete(k) if v is None else Put(k, v, lease) for k, v in puts.items()]
        held = all(truth for _, _, truth in guards)
        asked: list[Guard] = []
        for key, kind, truth in guards:
            kv = self.model.get(key)
            created, modified = (kv.create_rev, kv.mod_rev) if kv else (0, 0)
            if kind == "create":
                asked.append(CreateRev(key, created if truth else created + 1))
            elif kind == ">":
                asked.append(CreateRev(key, created - 1 if truth else created, ">"))
            else:
                asked.append(ModRev(key, modified if truth else modified + 1))

        result = self.run(self.store.txn, asked, ops)

        if held:
            self.commit([event for op in ops if (event := self.event(op))])
            assert result == TxnResult(True, self.rev)
        else:
            shown = {g.key: self.model[g.key] for g in asked if g.key in self.model}
            assert result == TxnResult(False, self.rev, shown)

    @rule()
    def grant(self) -> None:
        self.leases.append(self.run(self.store.lease_grant, 5.0))

    @rule()
    def revoke(self) -> None:
        if self.leases:
            lease = self.leases.pop(0)
            self.run(self.store.lease_revoke, lease)
            self.commit(
                [Event(key, None) for key in sorted(self.model) if self.model[key].lease == lease]
            )

    @rule(rev=st.integers(1, 20))
    def compact(self, rev: int) -> None:
        self.run(self.store.compact, min(rev, self.rev))
        self.compacted = max(self.compacted, min(rev, self.rev))

    @rule(after=st.integers(0, 20), prefix=st.sampled_from([b"", b"c/", b"a"]))
    def watch(self, after: int, prefix: bytes) -> None:
        after = min(after, self.rev)
        expected = [
            Batch(batch.rev, events)
            for batch in self.log
            if batch.rev > after
            and (events := tuple(e for e in batch.events if e.key.startswith(prefix)))
        ]
        if after < self.compacted:
            if self.rev > after:
                with pytest.raises(Compacted):
                    self.run(batches, self.store, after, 1)
            return

        async def follow() -> list[Batch]:
            watch = self.store.watch(prefix, after)
            return [await anext(watch) for _ in expected]

        assert self.run(follow) == expected

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "store"):
            snapshot = self.run(self.store.load, b"")
            assert (snapshot.rev, list(snapshot.kvs.items())) == (
                self.rev,
                sorted(self.model.items()),
            )


class SqliteStoreMachine(StoreMachine):
    """The same on disk, with the process dying and starting again now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())

    def open(self) -> SqliteStore:
        return SqliteStore(self.directory / "metadata.sqlite")

    @rule()
    def reopen(self) -> None:
        assert isinstance(self.store, SqliteStore)
        self.store.close()
        self.store = self.open()
        self.leases.clear()
        self.commit(
            [Event(key, None) for key in sorted(self.model) if self.model[key].lease != NO_LEASE]
        )
        self.compacted = self.rev

    def teardown(self) -> None:
        if hasattr(self, "store"):
            assert isinstance(self.store, SqliteStore)
            self.store.close()
        shutil.rmtree(self.directory)


_SETTINGS = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestMemoryStoreAgreesWithTheModel = StoreMachine.TestCase
TestMemoryStoreAgreesWithTheModel.settings = _SETTINGS
TestSqliteStoreAgreesWithTheModel = SqliteStoreMachine.TestCase
TestSqliteStoreAgreesWithTheModel.settings = _SETTINGS
