"""One broker put together from its parts, started and ended in order; see `serve` for the order.

On disk or in memory, alone or (later) in a cluster, it is the same broker with other parts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from random import Random, SystemRandom

import trio

from pykbroker.api.parts import Parts
from pykbroker.api.table import HANDLERS
from pykbroker.clock import Clock, SystemClock
from pykbroker.config import Config, Settings, read_listeners
from pykbroker.config import Listener as ListenerSettings
from pykbroker.coordinator.service import GROUP_METADATA_TOPIC, Groups
from pykbroker.disk import Disk, OpenedDirectories, StartError
from pykbroker.errors import KafkaError
from pykbroker.listening import bind, endpoint_of
from pykbroker.metadata.cluster import Metadata
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import id_text
from pykbroker.metadata.values import BrokerImage, BrokerState
from pykbroker.replication.auto_creation import AutoCreation
from pykbroker.replication.committed_log import PartitionLog
from pykbroker.replication.control import control
from pykbroker.replication.directory_health import tell_not_closed
from pykbroker.replication.fetch_sessions import FetchSessions
from pykbroker.replication.partitions import Partitions
from pykbroker.replication.producer_ids import ProducerIds
from pykbroker.replication.settings import LiveSettings
from pykbroker.replication.topic_creation import TopicCreation
from pykbroker.server.limits import limits_of
from pykbroker.server.listener import BoundListener
from pykbroker.server.server import Server
from pykbroker.storage.log_directory import LogDirectory

FEATURE_LEVELS = {"metadata.version": 30, "group.version": 1}
"""What a new cluster is founded with: Kafka 4.3's metadata version, consumer groups (KIP-848)."""
WARM = ((18, 3), (18, 4), (3, 12), (3, 13), (0, 9), (0, 11), (1, 12), (1, 16), (2, 7), (22, 4))
"""Requests that clients begin with, as (api key, version): their codecs are made beforehand."""
WARM_PAUSE_SECONDS = 0.01
CLEANER_BACKOFF_MIN_MS = 100
"""A pause of 0, which the property allows, must not keep the event loop busy."""

Ready = Callable[[Sequence[tuple[str, int]]], object]
"""Told the addresses once the broker answers."""


async def serve(
    settings: Settings,
    *,
    stop: trio.Event,
    ready: Ready,
    clock: Clock | None = None,
    random: Random | None = None,
) -> None:
    """Run one broker until `stop` is set; then let requests finish, flush and let go of all.

    The order is: addresses, metadata, data directory, registration, partitions, clients; and back.
    Raises StartError, in a group, when it cannot start.
    """
    with ExitStack() as stack:
        listeners = []
        for listener in read_listeners(settings.config).listeners:
            bound = await bind(listener)
            stack.callback(bound.close)
            listeners.append((listener, bound))
        disk = Disk.of(settings.data)
        stack.callback(disk.store.close)
        broker = Broker(settings.config, disk, clock or SystemClock(), random or SystemRandom())
        await broker.run(listeners, stop, ready)


def cause_of(fault: BaseException) -> BaseException:
    """Give the first fault in a group of faults, or the fault itself."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault


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
            directories = await self._disk.open_directories(
                node_id=self._node_id, cluster_id=cluster_id, random=self._random
            )
            clean: Sequence[LogDirectory] = ()
            try:
                await self._join(directories, listeners)
                nursery.start_soon(self._metadata.keep_alive)
                bound = [bound for _, bound in listeners]
                clean = await self._serve(directories, bound, stop, ready)
            finally:
                with trio.CancelScope(shield=True):
                    await self._close(directories.good, clean)
            await self._metadata.leave()
            nursery.cancel_scope.cancel()

    async def _serve(
        self,
        directories: OpenedDirectories,
        listeners: Sequence[BoundListener],
        stop: trio.Event,
        ready: Ready,
    ) -> Sequence[LogDirectory]:
        """Serve until `stop`; give the directories whose disk did all it was told.

        Nothing opens or writes a log once this has returned.
        """
        async with trio.open_nursery() as nursery:
            await nursery.start(control, self._metadata, self._min_insync_replicas)
            # Recovery may take minutes; nobody who stops the broker waits for it.
            parts = await _unless(stop, partial(self._parts, directories, nursery))
            if parts is None:
                nursery.cancel_scope.cancel()
                return [each for each in directories.good if each.clean]
            nursery.start_soon(parts.deadlines.run)
            server = Server(HANDLERS, parts, limits_of(self._config))
            await nursery.start(server.run, listeners)
            await self._metadata.announce(state=BrokerState.RUNNING)
            await parts.applied()
            ready([address for bound in listeners for address in bound.addresses])
            nursery.start_soon(self._go_on_beside, parts, server)
            await stop.wait()
            parts.partitions.drain()
            parts.groups.drain()
            await server.drain(self._config.integer("pykbroker.shutdown.timeout.ms") / 1000)
            nursery.cancel_scope.cancel()
        partitions = parts.partitions
        return [each for each in directories.good if not partitions.any_failed_in(each)]

    async def _close(
        self, directories: Sequence[LogDirectory], clean: Sequence[LogDirectory]
    ) -> None:
        """Close all directories; one whose disk fails now keeps the others from nothing.

        Raises the first OSError, once all are closed.
        """
        epoch, failures = self._metadata.broker_epoch, []
        for directory in directories:
            closing = partial(directory.close, clean=directory in clean, broker_epoch=epoch)
            try:
                await self._disk.offload(closing)
            except OSError as failure:
                tell_not_closed(directory.path, failure)
                failures.append(failure)
        if failures:
            raise failures[0]

    async def _go_on_beside(self, parts: Parts, server: Server) -> None:
        """Do what goes on beside requests: make codecs, then look after logs.

        Ends when: cancelled, which is before logs are closed.
        """
        await _warm(server)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_up, parts)
            nursery.start_soon(self._clean, parts)

    # What the next two import costs time and memory: nobody waits for it, few need the second.

    async def _keep_up(self, parts: Parts) -> None:
        """Do what is due for logs from time to time. Ends when: cancelled."""
        from pykbroker.replication.upkeep import Upkeep

        upkeep = Upkeep(
            partitions=parts.partitions,
            settings=parts.settings,
            clock=parts.clock,
            offload=self._disk.offload,
        )
        await upkeep.run()

    async def _clean(self, parts: Parts) -> None:
        """Compact logs, once there is one to be compacted. Ends when: cancelled."""
        # Looked for as often as the cleaner itself looks for work, which no event tells of.
        while not parts.partitions.any_compacted:
            backoff_ms = parts.config.integer("log.cleaner.backoff.ms")
            await trio.sleep(max(backoff_ms, CLEANER_BACKOFF_MIN_MS) / 1000)
        from pykbroker.replication.cleaning import Cleaning

        cleaning = Cleaning(
            fs=self._disk.fs,
            partitions=parts.partitions,
            settings=parts.settings,
            compactor=self._disk.compacting(self._disk.fs),
            clock=parts.clock,
            random=parts.random,
            offload=self._disk.offload,
        )
        await cleaning.run()

    async def _found_cluster(self) -> str:
        proposed = self._config.text("pykbroker.cluster.id") or id_text(self._random.randbytes(16))
        return await self._metadata.found_cluster(proposed, FEATURE_LEVELS)

    async def _join(
        self,
        directories: OpenedDirectories,
        listeners: Sequence[tuple[ListenerSettings, BoundListener]],
    ) -> None:
        log_dirs = tuple(id_text(each.meta.directory_id) for each in directories.good)
        image = BrokerImage(
            self._node_id,
            incarnation=id_text(self._random.randbytes(16)),
            directory=log_dirs[0],
            endpoints=tuple(
                endpoint for each, bound in listeners if (endpoint := endpoint_of(each, bound))
            ),
            rack=self._config.text("broker.rack") or None,
            log_dirs=log_dirs,
            clean_of=directories.clean_broker_epoch,
        )
        try:
            await self._metadata.register(image, now_ms=self._clock.now_ms())
        except KafkaError as refusal:
            raise StartError(f"broker {self._node_id} cannot join: {refusal}") from refusal

    async def _parts(self, directories: OpenedDirectories, nursery: trio.Nursery) -> Parts:
        metadata, settings = self._metadata, self._settings
        before_ack = self._config.text("log.flush.before.ack") == "all"
        flushers = {each: self._disk.flushing(each, before_ack) for each in directories.good}
        for flusher in flushers.values():
            await nursery.start(flusher.run)
        partitions = Partitions(
            node_id=self._node_id,
            directories=directories.good,
            offline_directories=directories.offline,
            settings=settings,
            clock=self._clock,
            random=self._random,
            offload=self._disk.offload,
            flushers=flushers,
        )
        await nursery.start(partitions.follow, metadata)
        creation = TopicCreation(
            metadata=metadata, partitions=partitions, settings=settings, random=self._random
        )
        groups = Groups(
            node_id=self._node_id,
            open_log=partial(self._group_log, partitions),
            config=lambda: settings.config,
            clock=self._clock,
            random=self._random,
        )
        await nursery.start(groups.run, partial(_image_after, metadata, partitions))
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
            groups=groups,
            handlers=HANDLERS,
        )

    def _group_log(self, partitions: Partitions, index: int) -> PartitionLog:
        """Give a partition of the groups' topic as a coordinator's memory."""
        codec = self._settings.config.integer("offsets.topic.compression.codec")
        leader = partitions.leader(GROUP_METADATA_TOPIC, index)
        return PartitionLog(leader, self._disk.offload, codec)

    def _min_insync_replicas(self, topic: str) -> int:
        overrides = self._metadata.image.config("topic", topic)
        return self._settings.log_config(overrides).min_insync_replicas


async def _unless(stop: trio.Event, start: Callable[[], Awaitable[Parts]]) -> Parts | None:
    """Start the parts; None when `stop` was set before they were."""
    parts: Parts | None = None
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def give_up() -> None:
            await stop.wait()
            nursery.cancel_scope.cancel()

        parts = await start()
        nursery.cancel_scope.cancel()
    return parts


async def _image_after(metadata: Metadata, partitions: Partitions, revision: int) -> ClusterImage:
    """Wait for an image newer than `revision` by which this broker acts, and give it."""
    await partitions.applied((await metadata.image_after(revision)).revision)
    return partitions.image


async def _warm(server: Server) -> None:
    """Make the codecs of `WARM`, one at a time so that a client who is there already goes first.

    Ends when: all are made.
    """
    for route in WARM:
        await trio.sleep(WARM_PAUSE_SECONDS)
        server.routes.warm([route])
