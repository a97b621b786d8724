"""The cluster's metadata as one broker knows and changes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import trio

from pykbroker.errors import KafkaError
from pykbroker.metadata.changes import PartitionChange, PartitionsPlan, TopicPlan
from pykbroker.metadata.commits import Commits
from pykbroker.metadata.configs import ConfigDecision, alter_config
from pykbroker.metadata.feed import ImageFeed
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import Keys
from pykbroker.metadata.membership import LEASE_SECONDS, Membership
from pykbroker.metadata.producer_ids import allocate_producer_ids
from pykbroker.metadata.store import MetadataStore
from pykbroker.metadata.topics import TopicTransactions
from pykbroker.metadata.values import BrokerImage


class Metadata:
    """A store, the present image of it, and the changes that a broker makes to it.

    `run` must be running; every change returns once the image of this broker shows its effect.
    """

    def __init__(
        self,
        store: MetadataStore,
        *,
        cluster_name: str = "default",
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        keys = Keys.of(cluster_name)
        self._feed = ImageFeed(store, keys)
        self._commits = Commits(store, keys, self._feed)
        self._topics = TopicTransactions(self._commits)
        self._membership = Membership(self._commits, lease_seconds=lease_seconds)

    @property
    def image(self) -> ClusterImage:
        """The newest image."""
        return self._feed.image

    @property
    def broker_id(self) -> int:
        """The id this broker registered under, -1 before."""
        return self._commits.broker_id

    @property
    def broker_epoch(self) -> int:
        """The epoch of this broker's registration, -1 before."""
        return self._commits.broker_epoch

    @property
    def is_controller(self) -> bool:
        """Whether this broker is the controller by the newest image."""
        return self._commits.is_controller

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the image present; started once it is first loaded.

        Ends when: cancelled. On error: the store's faults rise.
        """
        await self._feed.run(task_status=task_status)

    async def image_at(self, revision: int) -> ClusterImage:
        """Wait until the image holds revision (or a later one) and give it."""
        return await self._feed.image_at(revision)

    async def image_after(self, revision: int) -> ClusterImage:
        """Wait until the image is newer than revision and give it."""
        return await self._feed.image_after(revision)

    async def found_cluster(self, cluster_id: str, features: Mapping[str, int]) -> str:
        """Propose a cluster id and feature levels; give the cluster id that holds."""
        return await self._membership.found_cluster(cluster_id, features)

    async def register(self, broker: BrokerImage, *, now_ms: int) -> int:
        """Register this run of a broker and give its broker epoch.

        The epoch, lease and revision of `broker` are not looked at. Raises
        DUPLICATE_BROKER_REGISTRATION when another data directory lives under its id.
        """
        return await self._membership.register(broker, now_ms=now_ms)

    async def announce(self, **fields: object) -> None:
        """Change fields of this broker's BrokerImage, e.g. endpoints=… or state=…."""
        await self._membership.announce(**fields)

    async def become_controller(self) -> bool:
        """Become the controller if there is none; tell whether this broker is it."""
        return await self._membership.become_controller()

    async def keep_alive(self) -> None:
        """Renew the registration. Ends when: it is lost for certain."""
        await self._membership.keep_alive()

    async def leave(self) -> None:
        """End the registration, as the last step of a stop."""
        await self._membership.leave()

    async def create_topics(self, plans: Sequence[TopicPlan]) -> dict[str, KafkaError]:
        """Create topics; give the refusals by name (empty: all were created)."""
        refused = {}
        for plan in plans:
            try:
                await self._topics.create(plan)
            except KafkaError as refusal:
                refused[plan.name] = refusal
        return refused

    async def delete_topics(self, topic_ids: Sequence[bytes]) -> dict[bytes, KafkaError]:
        """Delete topics; give the refusals by topic id."""
        refused = {}
        for topic_id in topic_ids:
            try:
                await self._topics.delete(topic_id)
            except KafkaError as refusal:
                refused[topic_id] = refusal
        return refused

    async def add_partitions(self, plans: Sequence[PartitionsPlan]) -> dict[str, KafkaError]:
        """Add partitions to topics; give the refusals by name."""
        refused = {}
        for plan in plans:
            try:
                await self._topics.add_partitions(plan)
            except KafkaError as refusal:
                refused[plan.name] = refusal
        return refused

    async def change_partitions(self, changes: Sequence[PartitionChange]) -> None:
        """Write elections; those decided on an image that is no longer true are left out."""
        await self._topics.change_partitions(changes)

    async def finish_half_made_topics(self) -> None:
        """Complete or remove topics that a controller before left half created or deleted."""
        await self._topics.finish_half_made()

    async def confirm_gone(self, topic_id: bytes) -> None:
        """Note that this broker holds no more files of a deleted topic."""
        await self._topics.confirm_gone(topic_id)

    async def alter_config(self, kind: str, name: str, decide: ConfigDecision) -> None:
        """Give a resource the overrides `decide(image)` says; raises what it raises."""
        await alter_config(self._commits, kind, name, decide)

    async def allocate_producer_ids(self) -> range:
        """Take a block of producer ids that nobody else ever gets."""
        return await allocate_producer_ids(self._commits)
