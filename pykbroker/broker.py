"""One broker put together: the only module that names concrete parts; see `serve` for the order.

On disk or in memory, alone or (later) in a cluster, it is the same broker with other parts.
"""

from __future__ import annotations

import logging
import signal
import sys
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, NamedTuple

import trio

from pykbroker.api.parts import AUTO, Parts
from pykbroker.api.table import HANDLERS
from pykbroker.clock import Clock, SystemClock
from pykbroker.config import Config, Settings, read_listeners
from pykbroker.config import Listener as ListenerSettings
from pykbroker.errors import KafkaError
from pykbroker.metadata.cluster import Metadata
from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.metadata.sqlite_store import SqliteStore
from pykbroker.metadata.values import BrokerImage, BrokerState, Endpoint
from pykbroker.replication.auto_creation import AutoCreation
from pykbroker.replication.control import control
from pykbroker.replication.fetch_sessions import FetchSessions
from pykbroker.replication.partitions import Partitions
from pykbroker.replication.producer_ids import ProducerIds
from pykbroker.replication.settings import LiveSettings
from pykbroker.replication.topic_creation import TopicCreation
from pykbroker.server.limits import ServerLimits
from pykbroker.server.listener import BoundListener, Listener
from pykbroker.server.server import Server
from pykbroker.storage.files import FileSystem
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.log_directory import LogDirectory, LogDirectoryError
from pykbroker.storage.memory_fs import MemoryFileSystem

log = logging.getLogger("pykbroker")

FEATURE_LEVELS = {"metadata.version": 30}
"""What a new cluster is founded with: Kafka 4.3's metadata version."""
METADATA_FILE = "metadata.sqlite"
MEMORY_DIRECTORY = "memory"
WARM = ((18, 3), (18, 4), (3, 12), (3, 13), (0, 9), (0, 11), (1, 12), (1, 16), (2, 7), (22, 4))
"""Requests that clients begin with: their codecs are made before the first client comes."""

Ready = Callable[[Sequence[tuple[str, int]]], object]
"""Told the addresses once the broker answers."""


class Disk(NamedTuple):
    """Where a broker keeps things: files, metadata, and who does what would block."""

    fs: FileSystem
    store: MemoryStore
    path: str
    offload: Callable[[Callable[[], Any]], Awaitable[Any]]

    @classmethod
    def of(cls, data_dir: str | None) -> Disk:
        """Choose the parts for a data directory, or for None those in memory."""
        if data_dir is None:
            return cls(MemoryFileSystem(), MemoryStore(), MEMORY_DIRECTORY, _at_once)
        directory = Path(data_dir)
        fs = OsFileSystem()
        fs.mkdirs(str(directory))
        store = SqliteStore(directory / METADATA_FILE)
        return cls(fs, store, str(directory.resolve()), trio.to_thread.run_sync)


async def _at_once(work: Callable[[], Any]) -> Any:
    return work()


async def serve(
    settings: Settings,
    *,
    stop: trio.Event,
    ready: Ready,
    clock: Clock | None = None,
    random: Random | None = None,
) -> None:
    """Run one broker until `stop` is set; then let requests finish, flush and let go of all.

    The order is: addresses, metadata, registration, data directory, leadership, partitions,
    clients; and back. Raises OSError for an address that is taken, LogDirectoryError for a data
    directory that is somebody else's.
    """
    clock = clock or SystemClock()
    random = random or SystemRandom()
    listeners = read_listeners(settings.config).listeners
    bound = [await Listener(each.name, each.host, each.port).bind() for each in listeners]
    try:
        disk = Disk.of(settings.data_dir)
    except BaseException:
        for listener in bound:
            listener.close()
        raise
    try:
        broker = Broker(settings.config, disk, clock, random)
        await broker.run(list(zip(listeners, bound, strict=True)), stop, ready)
    finally:
        disk.store.close()
        for listener in bound:
            listener.close()


class Broker:
    """The parts of one run of a broker."""

    def __init__(self, config: Config, disk: Disk, clock: Clock, random: Random) -> None:
        self._config = config
        self._disk = disk
        self._clock = clock
        self._random = random
        self._node_id = config.integer("node.id")
        self._metadata = Metadata(disk.store)
        self._settings = LiveSettings(config, node_id=self._node_id)

    async def run(
        self,
        listeners: Sequence[tuple[ListenerSettings, BoundListener]],
        stop: trio.Event,
        ready: Ready,
    ) -> None:
        """Start in order, serve until `stop`, end in reverse order."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._metadata.run)
            cluster_id = await self._found_cluster()
            directory = await self._open_directory(cluster_id)
            clean = False
            try:
                await self._join(directory, listeners)
                nursery.start_soon(self._metadata.keep_alive)
                await nursery.start(control, self._metadata, self._min_insync_replicas)
                parts = await self._parts(directory, nursery)
                server = Server(HANDLERS, parts, _limits(self._config))
                await nursery.start(server.run, [bound for _, bound in listeners])
                await self._metadata.announce(state=BrokerState.RUNNING)
                await parts.applied()
                ready([address for _, bound in listeners for address in bound.addresses])
                server.routes.warm(WARM)
                await stop.wait()
                parts.partitions.drain()
                await server.drain(self._config.integer("pykbroker.shutdown.timeout.ms") / 1000)
                clean = True
            finally:
                with trio.CancelScope(shield=True):
                    epoch = self._metadata.broker_epoch
                    await self._disk.offload(
                        lambda: directory.close(clean=clean, broker_epoch=epoch)
                    )
            await self._metadata.leave()
            nursery.cancel_scope.cancel()

    async def _found_cluster(self) -> str:
        proposed = self._config.text("pykbroker.cluster.id") or _id_text(self._random.randbytes(16))
        return await self._metadata.found_cluster(proposed, FEATURE_LEVELS)

    async def _open_directory(self, cluster_id: str) -> LogDirectory:
        directory_id = self._random.randbytes(16)

        def opened() -> LogDirectory:
            return LogDirectory.open(
                self._disk.fs,
                self._disk.path,
                node_id=self._node_id,
                cluster_id=cluster_id,
                directory_id=directory_id,
                random=self._random,
            )

        directory: LogDirectory = await self._disk.offload(opened)
        return directory

    async def _join(
        self,
        directory: LogDirectory,
        listeners: Sequence[tuple[ListenerSettings, BoundListener]],
    ) -> None:
        directory_id = _id_text(directory.meta.directory_id)
        image = BrokerImage(
            self._node_id,
            incarnation=_id_text(self._random.randbytes(16)),
            directory=directory_id,
            endpoints=tuple(
                endpoint for each, bound in listeners if (endpoint := _endpoint(each, bound))
            ),
            rack=self._config.text("broker.rack") or None,
            log_dirs=(directory_id,),
            clean_of=-1 if directory.clean_broker_epoch is None else directory.clean_broker_epoch,
        )
        await self._metadata.register(image, now_ms=self._clock.now_ms())

    async def _parts(self, directory: LogDirectory, nursery: trio.Nursery) -> Parts:
        metadata, settings = self._metadata, self._settings
        partitions = Partitions(
            node_id=self._node_id,
            directories=[directory],
            settings=settings,
            clock=self._clock,
            random=self._random,
            offload=self._disk.offload,
        )
        await nursery.start(partitions.follow, metadata)
        creation = TopicCreation(
            metadata=metadata, partitions=partitions, settings=settings, random=self._random
        )
        return Parts(
            node_id=self._node_id,
            clock=self._clock,
            random=self._random,
            settings=settings,
            metadata=metadata,
            partitions=partitions,
            topic_creation=creation,
            auto_creation=AutoCreation(
                creation=creation,
                settings=settings,
                live_brokers=lambda: len(metadata.image.brokers),
                start_soon=nursery.start_soon,
            ),
            fetch_sessions=FetchSessions(
                slots=self._config.integer("max.incremental.fetch.session.cache.slots"),
                random=self._random,
            ),
            producer_ids=ProducerIds(metadata.allocate_producer_ids),
            handlers=HANDLERS,
        )

    def _min_insync_replicas(self, topic: str) -> int:
        overrides = self._metadata.image.config("topic", topic)
        return self._settings.log_config(overrides).min_insync_replicas


def run(settings: Settings) -> None:
    """Run a broker until SIGTERM or SIGINT, telling on stdout when it is ready.

    Exits with a sentence where it cannot start.
    """
    try:
        trio.run(_run, settings)
    except* (OSError, LogDirectoryError, KafkaError) as faults:
        fault = _first(faults)
        log.debug("cannot start", exc_info=fault)
        sys.exit(f"pykbroker: cannot start: {fault}")


async def _run(settings: Settings) -> None:
    stop = trio.Event()

    def tell(addresses: Sequence[tuple[str, int]]) -> None:
        text = ",".join(_address_text(address) for address in addresses)
        if settings.ready_file is not None:
            Path(settings.ready_file).write_text(text + "\n", encoding="utf-8")
        print(f"pykbroker ready: {text}", flush=True)

    async with trio.open_nursery() as nursery:
        await nursery.start(_stop_on_signal, stop)
        await serve(settings, stop=stop, ready=tell)
        nursery.cancel_scope.cancel()


async def _stop_on_signal(
    stop: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Set `stop` at the first SIGTERM or SIGINT; at the second, leave at once."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            if stop.is_set():
                raise KeyboardInterrupt
            log.info("stopping signal=%s", signal.Signals(number).name)
            stop.set()


def _endpoint(listener: ListenerSettings, bound: BoundListener) -> Endpoint | None:
    """Give what the metadata tells of a listener; port 0 is the port that was got."""
    advertised, port = listener.advertised, bound.addresses[0][1]
    if advertised is None:
        return None
    if isinstance(advertised, str):
        return Endpoint(listener.name, AUTO, port, listener.security_protocol)
    return Endpoint(
        listener.name, advertised.host, advertised.port or port, listener.security_protocol
    )


def _limits(config: Config) -> ServerLimits:
    standard = ServerLimits()
    return ServerLimits(
        socket_request_max_bytes=config.integer("socket.request.max.bytes"),
        queued_max_request_bytes=config.integer("queued.max.request.bytes"),
        max_connections=min(config.integer("max.connections"), standard.max_connections),
        max_connections_per_ip=config.integer("max.connections.per.ip"),
        connections_max_idle_ms=config.integer("connections.max.idle.ms"),
        frame_grace_ms=config.integer("pykbroker.write.timeout.ms"),
    )


def _address_text(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _id_text(uuid: bytes) -> str:
    return urlsafe_b64encode(uuid).decode().rstrip("=")


def _first(faults: BaseExceptionGroup[BaseException]) -> BaseException:
    fault: BaseException = faults
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault
