"""How a broker joins the cluster, says how it is, and becomes the controller.

A broker's epoch is the create revision of its `live` key and a controller's epoch that of the
`controller` key; both keys hang on one lease, so that a controller never outlives its broker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import trio

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.commits import ATTEMPTS_MAX, Commits
from pykbroker.metadata.keys import encode
from pykbroker.metadata.store import KV, NO_LEASE, CreateRev, LeaseId, ModRev, Put, Unknown
from pykbroker.metadata.values import (
    BrokerImage,
    broker_value,
    controller_value,
    parse_broker,
    registration_value,
)

LEASE_SECONDS = 6.0


class Membership:
    """This broker's place in the cluster."""

    def __init__(self, commits: Commits, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._commits = commits
        self._lease_seconds = lease_seconds
        self._lease = NO_LEASE

    async def found_cluster(self, cluster_id: str, features: Mapping[str, int]) -> str:
        """Write the cluster's id and features unless that was done; give the id that holds."""
        commits, key = self._commits, self._commits.keys.meta
        value = encode({"cluster_id": cluster_id, "features": dict(features)})
        for _ in range(ATTEMPTS_MAX):
            if commits.image.cluster_id:
                return commits.image.cluster_id
            await commits.catch_up(await commits.commit([CreateRev(key, 0)], [Put(key, value)]))
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, "the cluster could not be founded")

    async def register(self, broker: BrokerImage, *, now_ms: int) -> int:
        """Register this run of a broker and give its broker epoch (T1).

        The epoch, lease and revision of `broker` are not looked at. A registration which this data
        directory left behind is ended first. Raises DUPLICATE_BROKER_REGISTRATION when a broker
        with another data directory lives under this id.
        """
        commits, keys = self._commits, self._commits.keys
        self._lease = await commits.store.lease_grant(self._lease_seconds)
        value = broker_value(replace(broker, lease=self._lease))
        live = keys.live(broker.broker_id)
        ops = [
            Put(live, value, self._lease),
            Put(keys.broker(broker.broker_id), registration_value(broker.directory, now_ms)),
        ]
        for _ in range(ATTEMPTS_MAX):
            result = await commits.commit([CreateRev(live, 0)], ops)
            if result.ok:
                commits.broker_id, commits.broker_epoch = broker.broker_id, result.rev
                await commits.catch_up(result)
                return result.rev
            if live in result.current:
                await self._end_own_former_run(broker, result.current[live])
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, "the broker could not be registered")

    async def announce(self, **fields: object) -> None:
        """Change what this broker says of itself: endpoints, state, log_dirs … of its BrokerImage.

        Its broker epoch stays. Raises STALE_BROKER_EPOCH when the registration is no longer ours.
        """
        commits = self._commits
        key = commits.keys.live(commits.broker_id)
        for _ in range(ATTEMPTS_MAX):
            broker = commits.image.brokers.get(commits.broker_id)
            if broker is None or broker.epoch != commits.broker_epoch:
                break
            value = broker_value(replace(broker, **fields))  # type: ignore[arg-type]  # named by the caller
            guards = [ModRev(key, broker.revision)]
            result = await commits.commit(guards, [Put(key, value, self._lease)])
            await commits.catch_up(result)
            if result.ok:
                return
        raise KafkaError(ErrorCode.STALE_BROKER_EPOCH)

    async def become_controller(self) -> bool:
        """Take the controller's place if it is free (T2); tell whether this broker holds it."""
        commits, key = self._commits, self._commits.keys.controller
        if commits.image.controller is None:
            value = controller_value(commits.broker_id, commits.broker_epoch)
            guards = [
                CreateRev(key, 0),
                CreateRev(commits.keys.live(commits.broker_id), commits.broker_epoch),
            ]
            await commits.catch_up(await commits.commit(guards, [Put(key, value, self._lease)]))
        return commits.is_controller

    async def keep_alive(self) -> None:
        """Renew the lease for ever.

        Ends when: the lease is lost for certain; the broker is then no longer registered.
        """
        while True:
            try:
                left = await self._commits.store.lease_keepalive(self._lease)
            except Unknown:
                left = self._lease_seconds
            if left is None:
                return
            await trio.sleep(self._lease_seconds / 4)

    async def leave(self) -> None:
        """End the registration and the controllership, if any."""
        await self._commits.store.lease_revoke(self._lease)

    async def _end_own_former_run(self, broker: BrokerImage, kv: KV) -> None:
        other = parse_broker(broker.broker_id, kv)
        if other.directory != broker.directory:
            raise KafkaError(
                ErrorCode.DUPLICATE_BROKER_REGISTRATION,
                f"broker {broker.broker_id} is running on another data directory "
                f"({other.directory}); give this one another node.id",
            )
        await self._commits.store.lease_revoke(LeaseId(other.lease))
