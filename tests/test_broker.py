"""One broker from start to end: its order, its listeners, what it leaves behind."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio

from pykbroker.broker import Broker, cause_of, serve
from pykbroker.clock import SystemClock
from pykbroker.config import DataDirectories, Settings, load, read_listeners
from pykbroker.disk import Disk, StartError
from pykbroker.errors import ErrorCode
from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.server.listener import Listener
from pykbroker.storage.checkpoint import CLEAN_SHUTDOWN_FILE
from pykbroker.storage.memory_fs import MemoryFile, MemoryFileSystem
from pykbroker.testing import Broker as InThread
from pykbroker.wire.messages.describe_log_dirs import DescribeLogDirs
from pykbroker.wire.messages.list_offsets import ListOffsets
from pykbroker.wire.messages.metadata import Metadata
from tests.addresses import several_loopback_addresses
from tests.api.requests import a_batch, create_topic, fetch, produce, produce_raw
from tests.kafka_client import Client

Addresses = Sequence[tuple[str, int]]


def settings(*overrides: str, data_dir: Path | None = None, port: int | None = 0) -> Settings:
    config = load(profile="test", overrides=overrides, port=port)
    data = None if data_dir is None else DataDirectories((str(data_dir),), str(data_dir))
    return Settings(config, data, None)


def on(listeners: str, *overrides: str, **options: Any) -> Settings:
    """Settings with listeners ONE, TWO, … of no security."""
    return settings(
        f"listeners={listeners}",
        "listener.security.protocol.map=ONE:PLAINTEXT,TWO:PLAINTEXT,THREE:PLAINTEXT",
        "inter.broker.listener.name=ONE",
        *overrides,
        port=None,
        **options,
    )


class Running:
    """A broker in this test's loop, with blocking calls made in threads."""

    def __init__(self, one: Settings) -> None:
        self.settings = one
        self.stop = trio.Event()
        self.addresses: Addresses = ()

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        def ready(addresses: Addresses) -> None:
            self.addresses = addresses
            task_status.started()

        await serve(self.settings, stop=self.stop, ready=ready)


async def told_at(address: tuple[str, int]) -> tuple[str, int]:
    """Connect to an address and give the one that Metadata tells of the only broker."""

    def ask() -> tuple[str, int]:
        with Client(f"{address[0]}:{address[1]}") as client:
            (broker,) = client.call(Metadata, {"topics": []}).brokers
            return broker.host, broker.port

    return await trio.to_thread.run_sync(ask)


@several_loopback_addresses
async def test_every_listener_tells_its_own_address(nursery: trio.Nursery) -> None:
    running = Running(
        on(
            "ONE://127.0.0.1:0,TWO://127.0.0.2:0,THREE://127.0.0.3:0",
            "advertised.listeners=ONE://auto,TWO://broker.example:19092,THREE://three.example:0",
        )
    )
    await nursery.start(running.run)
    one, two, three = running.addresses

    told = [await told_at(address) for address in running.addresses]

    assert told == [one, ("broker.example", 19092), ("three.example", three[1])]
    assert len({one[1], two[1], three[1]}) == 3
    running.stop.set()


async def test_a_listener_that_is_not_advertised_tells_of_no_broker(nursery: trio.Nursery) -> None:
    running = Running(on("ONE://127.0.0.1:0,TWO://127.0.0.1:0", "advertised.listeners=ONE://auto"))
    await nursery.start(running.run)

    assert await told_at(running.addresses[0]) == running.addresses[0]
    with pytest.raises(ValueError, match="not enough values to unpack"):
        await told_at(running.addresses[1])
    running.stop.set()


@several_loopback_addresses
async def test_without_advertised_listeners_clients_are_told_the_address_they_came_to(
    nursery: trio.Nursery,
) -> None:
    running = Running(
        on("ONE://0.0.0.0:0,TWO://localhost:0", "pykbroker.allow.open.plaintext=true")
    )
    await nursery.start(running.run)
    everywhere, *localhost = running.addresses
    came_to = [("127.0.0.1", everywhere[1]), ("127.0.0.2", everywhere[1]), *localhost]

    told = [await told_at(address) for address in came_to]

    assert told == came_to
    assert ("127.0.0.1", localhost[0][1]) in localhost
    assert len({port for _, port in localhost}) == 1
    running.stop.set()


async def test_a_listener_that_cannot_be_bound_gives_the_others_back() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.create_server(("127.0.0.1", 0)) as free,
    ):
        taken, port = other.getsockname()[1], free.getsockname()[1]
        free.close()

        with pytest.raises(StartError) as refused:
            await serve(
                on(f"ONE://127.0.0.1:{port},TWO://127.0.0.1:{taken}"),
                stop=trio.Event(),
                ready=print,
            )

        assert str(refused.value) == (
            f"listener TWO cannot listen at 127.0.0.1:{taken} (Address already in use); stop what"
            " listens there or choose another port"
        )
        socket.create_server(("127.0.0.1", port)).close()


async def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StartError) as refused:
        await serve(
            on("ONE://192.0.2.1:0", "pykbroker.allow.open.plaintext=true"),
            stop=trio.Event(),
            ready=print,
        )

    assert str(refused.value) == (
        "listener ONE cannot listen at 192.0.2.1:0 (no address of '192.0.2.1' is ours); choose an"
        " address of this machine"
    )


async def test_a_broker_that_is_cancelled_lets_go_of_its_data_but_vouches_for_nothing(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    with trio.CancelScope() as scope:
        await serve(settings(data_dir=tmp_path), stop=trio.Event(), ready=lambda _: scope.cancel())

    assert scope.cancelled_caught
    assert not (tmp_path / CLEAN_SHUTDOWN_FILE).exists()
    running = Running(settings(data_dir=tmp_path))
    await nursery.start(running.run)
    running.stop.set()


async def test_a_broker_whose_ready_fails_ends_with_that(tmp_path: Path) -> None:
    def ready(_: Addresses) -> None:
        raise StartError("nobody to tell")

    with pytest.raises(ExceptionGroup) as ended:
        await serve(settings(data_dir=tmp_path), stop=trio.Event(), ready=ready)

    assert str(cause_of(ended.value)) == "nobody to tell"
    assert not (tmp_path / CLEAN_SHUTDOWN_FILE).exists()


async def at_once(work: Callable[[], Any]) -> Any:
    return work()


def a_broker(fs: MemoryFileSystem, store: MemoryStore, *, seed: int = 1, path: str = "d") -> Broker:
    disk = Disk(fs, store, (path,), at_once, sync_threads=1)
    return Broker(settings().config, disk, SystemClock(), Random(seed))


async def test_another_brokers_id_is_refused(nursery: trio.Nursery) -> None:
    store, stop, ready = MemoryStore(), trio.Event(), trio.Event()
    first = a_broker(MemoryFileSystem(), store)
    nursery.start_soon(first.run, [], stop, lambda _: ready.set())
    await ready.wait()

    with pytest.raises(ExceptionGroup) as refused:
        await a_broker(MemoryFileSystem(), store, seed=2).run([], trio.Event(), print)

    cause = cause_of(refused.value)
    assert isinstance(cause, StartError)
    assert str(cause).startswith("broker 1 cannot join: ")
    stop.set()


async def _stopped_after(fs: MemoryFileSystem, ask: Callable[[str], Awaitable[None]]) -> None:
    """Run a broker on `fs`, let `ask` talk to it, and stop it."""
    stop = trio.Event()
    (listener,) = read_listeners(settings().config).listeners
    bound = await Listener(listener.name, listener.host, listener.port).bind()
    async with trio.open_nursery() as nursery:
        ready = trio.Event()
        broker = a_broker(fs, MemoryStore())
        nursery.start_soon(partial(broker.run, [(listener, bound)], stop, lambda _: ready.set()))
        await ready.wait()
        await ask("{}:{}".format(*bound.addresses[0]))
        stop.set()


async def test_a_failed_disk_leaves_no_clean_shutdown_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fs = MemoryFileSystem()
    codes: list[int] = []

    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    def write(address: str) -> None:
        with Client(address) as client:
            create_topic(client, "words")
            create_topic(client, "others")
            produce(client, "words")
            with monkeypatch.context() as broken:
                broken.setattr(MemoryFile, "pwrite", refuse)
                codes.append(produce_raw(client, "words", a_batch()).error_code)
            codes.append(produce_raw(client, "words", a_batch()).error_code)
            codes.append(produce_raw(client, "others", a_batch()).error_code)

    await _stopped_after(fs, lambda address: trio.to_thread.run_sync(write, address))

    assert codes == [ErrorCode.KAFKA_STORAGE_ERROR] * 3  # of the directory, not of a partition
    assert not fs.exists(f"d/{CLEAN_SHUTDOWN_FILE}")
    assert fs.exists("d/words-0")


async def test_a_broker_that_stops_in_order_leaves_a_clean_shutdown_behind() -> None:
    fs = MemoryFileSystem()

    def write(address: str) -> None:
        with Client(address) as client:
            create_topic(client, "words")
            produce(client, "words")

    await _stopped_after(fs, lambda address: trio.to_thread.run_sync(write, address))

    assert fs.exists(f"d/{CLEAN_SHUTDOWN_FILE}")
    assert b"words 0 1" in fs.read_bytes("d/recovery-point-offset-checkpoint")


def test_a_log_that_cannot_be_opened_is_told_and_all_else_is_served(tmp_path: Path) -> None:
    def write(address: str) -> None:
        with Client(address) as client:
            create_topic(client, "words", partitions=2)
            for partition in (0, 1):
                produce(client, "words", partition=partition)

    def look(address: str) -> tuple[Any, ...]:
        with Client(address) as client:
            (topic,) = client.call(Metadata, {"topics": None}).topics
            fetched = fetch(client, {"words": {0: 0, 1: 0}}, max_wait_ms=0).responses[0]
            asked = [{"partition_index": index, "timestamp": -1} for index in (0, 1)]
            times = client.call(
                ListOffsets, {"topics": [{"name": "words", "partitions": asked}]}, version=7
            )
            (directory,) = client.call(DescribeLogDirs, {"topics": None}).results
            return (
                [(p.error_code, p.leader_id, p.offline_replicas) for p in topic.partitions],
                [produce_raw(client, "words", a_batch(), partition=p).error_code for p in (0, 1)],
                [(p.error_code, p.high_watermark) for p in fetched.partitions],
                [(p.error_code, p.offset) for p in times.topics[0].partitions],
                [p.partition_index for t in directory.topics for p in t.partitions],
            )

    def run(ask: Callable[[str], Any]) -> Any:
        with InThread(data_dir=tmp_path) as broker:
            answer = ask(broker.bootstrap_servers)
        assert (tmp_path / CLEAN_SHUTDOWN_FILE).exists()
        return answer

    run(write)
    identity = tmp_path / "words-1" / "partition.metadata"
    whole = identity.read_bytes()
    identity.write_bytes(b"what?")

    told = run(look)
    identity.write_bytes(whole)
    mended = run(look)

    storage_error = ErrorCode.KAFKA_STORAGE_ERROR
    assert told == (
        [(0, 1, []), (ErrorCode.LEADER_NOT_AVAILABLE, -1, [1])],
        [0, storage_error],
        [(0, 1), (storage_error, -1)],
        [(0, 1), (storage_error, -1)],
        [0],
    )
    assert mended == (
        [(0, 1, []), (0, 1, [])],
        [0, 0],
        [(0, 2), (0, 1)],
        [(0, 2), (0, 1)],
        [0, 1],
    )
