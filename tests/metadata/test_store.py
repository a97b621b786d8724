"""What every MetadataStore does: one suite for each implementation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.metadata.sqlite_store import SqliteStore
from pykbroker.metadata.store import (
    FIRST_REVISION,
    KV,
    TXN_OPS_MAX,
    Batch,
    Compacted,
    CreateRev,
    Delete,
    Event,
    Guard,
    LeaseGone,
    LeaseId,
    MetadataStore,
    ModRev,
    Put,
    TxnResult,
)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryStore]:
    if request.param == "memory":
        yield MemoryStore()
    else:
        opened = SqliteStore(tmp_path / "metadata.sqlite")
        yield opened
        opened.close()


async def put(store: MetadataStore, key: bytes, value: bytes = b"v") -> int:
    return (await store.txn([], [Put(key, value)])).rev


async def batches(store: MetadataStore, after_rev: int, count: int) -> list[Batch]:
    with trio.fail_after(1):
        watch = store.watch(b"", after_rev)
        return [await anext(watch) for _ in range(count)]


async def test_a_new_store_is_empty(store: MemoryStore) -> None:
    snapshot = await store.load(b"")

    assert (snapshot.rev, dict(snapshot.kvs)) == (FIRST_REVISION, {})


async def test_a_transaction_is_one_revision(store: MemoryStore) -> None:
    result = await store.txn([], [Put(b"a", b"1"), Put(b"b", b"2")])

    assert result == TxnResult(True, 2)
    assert (await store.load(b"")).kvs == {
        b"a": KV(b"1", create_rev=2, mod_rev=2, version=1),
        b"b": KV(b"2", create_rev=2, mod_rev=2, version=1),
    }


async def test_a_put_keeps_the_create_revision_and_counts_the_version(store: MemoryStore) -> None:
    await put(store, b"a", b"1")
    await put(store, b"a", b"2")

    assert (await store.load(b"")).kvs == {b"a": KV(b"2", create_rev=2, mod_rev=3, version=2)}


async def test_a_key_made_again_is_another_key(store: MemoryStore) -> None:
    await put(store, b"a")
    await store.txn([], [Delete(b"a")])
    await put(store, b"a")

    assert (await store.load(b"")).kvs == {b"a": KV(b"v", create_rev=4, mod_rev=4, version=1)}


async def test_deleting_what_is_missing_makes_no_revision(store: MemoryStore) -> None:
    assert await store.txn([], [Delete(b"a")]) == TxnResult(True, FIRST_REVISION)


async def test_a_failed_guard_changes_nothing_and_shows_the_guarded_keys(
    store: MemoryStore,
) -> None:
    await put(store, b"a", b"1")

    result = await store.txn([CreateRev(b"a", 0), ModRev(b"missing", 0)], [Put(b"b", b"2")])

    assert result == TxnResult(False, 2, {b"a": KV(b"1", 2, 2, 1)})
    assert set((await store.load(b"")).kvs) == {b"a"}


@pytest.mark.parametrize(
    ("guard", "holds"),
    [
        (CreateRev(b"a", 2), True),
        (CreateRev(b"a", 3), False),
        (CreateRev(b"a", 1, ">"), True),
        (CreateRev(b"a", 2, ">"), False),
        (CreateRev(b"b", 0), True),
        (CreateRev(b"b", 0, ">"), False),
        (ModRev(b"a", 3), True),
        (ModRev(b"a", 2), False),
        (ModRev(b"b", 0), True),
    ],
)
async def test_guards_compare_revisions(store: MemoryStore, guard: Guard, holds: bool) -> None:
    await put(store, b"a")
    await put(store, b"a")

    assert (await store.txn([guard], [Put(b"c", b"")])).ok is holds


async def test_values_may_be_empty_and_keys_binary(store: MemoryStore) -> None:
    await put(store, b"\x00\xff\xfe", b"")

    assert (await store.load(b"\x00\xff")).kvs == {b"\x00\xff\xfe": KV(b"", 2, 2, 1)}


async def test_a_value_may_have_a_mebibyte(store: MemoryStore) -> None:
    value = bytes(range(256)) * 4096
    await put(store, b"a", value)

    assert (await store.load(b"")).kvs[b"a"].value == value


async def test_128_ops_are_one_revision_and_129_are_refused(store: MemoryStore) -> None:
    ops = [Put(b"%d" % i, b"") for i in range(TXN_OPS_MAX + 1)]

    with pytest.raises(ValueError, match="129 ops"):
        await store.txn([], ops)
    with pytest.raises(ValueError, match="129 guards"):
        await store.txn([ModRev(op.key, 0) for op in ops], [])
    assert await store.txn([], ops[:TXN_OPS_MAX]) == TxnResult(True, 2)


async def test_one_transaction_names_a_key_once(store: MemoryStore) -> None:
    with pytest.raises(ValueError, match="the same key"):
        await store.txn([], [Put(b"a", b""), Delete(b"a")])


async def test_load_gives_the_keys_under_the_prefix_sorted(store: MemoryStore) -> None:
    for key in (b"p/b", b"p/a", b"q"):
        await put(store, key)

    assert list((await store.load(b"p/")).kvs) == [b"p/a", b"p/b"]


async def test_a_watch_resumes_after_a_revision_with_whole_revisions(store: MemoryStore) -> None:
    await put(store, b"a", b"1")
    await store.txn([], [Put(b"b", b"2"), Delete(b"a")])

    assert await batches(store, 1, 2) == [
        Batch(2, (Event(b"a", KV(b"1", 2, 2, 1)),)),
        Batch(3, (Event(b"b", KV(b"2", 3, 3, 1)), Event(b"a", None))),
    ]
    assert [batch.rev for batch in await batches(store, 2, 1)] == [3]


async def test_a_watch_shows_only_what_touches_its_prefix(store: MemoryStore) -> None:
    watch = store.watch(b"p/", 1)
    await put(store, b"q")
    await store.txn([], [Put(b"q", b""), Put(b"p/a", b"")])

    assert await anext(watch) == Batch(3, (Event(b"p/a", KV(b"", 3, 3, 1)),))


async def test_a_watch_waits_for_what_is_to_come(store: MemoryStore, nursery: trio.Nursery) -> None:
    seen = []

    async def follow() -> None:
        watch = store.watch(b"", 1)
        while True:
            seen.append((await anext(watch)).rev)

    nursery.start_soon(follow)
    await trio.testing.wait_all_tasks_blocked()
    assert seen == []

    await put(store, b"a")
    await trio.testing.wait_all_tasks_blocked()
    assert seen == [2]
    nursery.cancel_scope.cancel()


async def test_a_watch_behind_the_compaction_is_told_so(store: MemoryStore) -> None:
    for _ in range(3):
        await put(store, b"a")
    await store.compact(3)

    with pytest.raises(Compacted):
        await batches(store, 2, 1)
    assert [batch.rev for batch in await batches(store, 3, 1)] == [4]


async def test_the_history_kept_for_watchers_is_bounded() -> None:
    store = MemoryStore(history_events_max=3)
    for _ in range(5):
        await put(store, b"a")

    with pytest.raises(Compacted):
        await batches(store, 1, 1)
    assert [batch.rev for batch in await batches(store, 3, 3)] == [4, 5, 6]


async def test_a_revoked_lease_takes_its_keys_along_in_one_revision(store: MemoryStore) -> None:
    lease = await store.lease_grant(5.0)
    other = await store.lease_grant(5.0)
    await store.txn([], [Put(b"a", b"", lease), Put(b"b", b"", other), Put(b"c", b"", lease)])

    await store.lease_revoke(lease)

    assert await batches(store, 2, 1) == [Batch(3, (Event(b"a", None), Event(b"c", None)))]
    assert await store.lease_keepalive(lease) is None
    assert await store.lease_keepalive(other) == 5.0


async def test_a_key_put_without_its_lease_outlives_the_lease(store: MemoryStore) -> None:
    lease = await store.lease_grant(5.0)
    await store.txn([], [Put(b"a", b"", lease)])
    await put(store, b"a")

    await store.lease_revoke(lease)

    assert set((await store.load(b"")).kvs) == {b"a"}


async def test_revoking_a_lease_twice_is_no_fault(store: MemoryStore) -> None:
    lease = await store.lease_grant(5.0)

    await store.lease_revoke(lease)
    await store.lease_revoke(lease)

    assert (await store.load(b"")).rev == FIRST_REVISION


async def test_a_put_under_a_lease_that_is_gone_is_refused(store: MemoryStore) -> None:
    with pytest.raises(LeaseGone):
        await store.txn([], [Put(b"a", b"", LeaseId(99))])


async def test_of_two_concurrent_creations_one_wins(store: MemoryStore) -> None:
    won = []

    async def create(value: bytes) -> None:
        won.append((await store.txn([CreateRev(b"a", 0)], [Put(b"a", value)])).ok)

    async with trio.open_nursery() as both:
        both.start_soon(create, b"1")
        both.start_soon(create, b"2")

    assert sorted(won) == [False, True]
