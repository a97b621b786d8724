"""The cluster at one revision, immutable: what a broker decides and answers from.

A pure fold: `ClusterImage.load(snapshot)`, then `apply(batch)` for every revision in order, whole
revisions only. Images share everything that a batch did not touch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pykbroker.metadata.keys import Keys, decode, parse_id
from pykbroker.metadata.store import KV, Batch, Event, Snapshot
from pykbroker.metadata.values import (
    BrokerImage,
    ControllerImage,
    PartitionImage,
    Registration,
    TopicImage,
    TopicState,
    parse_broker,
    parse_controller,
    parse_partition,
    parse_registration,
    parse_topic,
)


class TopicsById(Mapping[bytes, TopicImage]):
    """The shown topics under their ids: a view over the names, so that one map is kept, not two."""

    def __init__(self, names: Mapping[bytes, str], topics: Mapping[str, TopicImage]) -> None:
        self._names = names
        self._topics = topics

    def __getitem__(self, topic_id: bytes) -> TopicImage:
        return self._topics[self._names[topic_id]]

    def __iter__(self) -> Iterator[bytes]:
        return (topic.topic_id for topic in self._topics.values())

    def __len__(self) -> int:
        return len(self._topics)


@dataclass(frozen=True, slots=True)
class ClusterImage:
    """Everything known about the cluster after `revision`."""

    keys: Keys
    revision: int = 0
    cluster_id: str = ""
    features: Mapping[str, int] = field(default_factory=dict)
    """Finalized feature levels."""
    controller: ControllerImage | None = None
    brokers: Mapping[int, BrokerImage] = field(default_factory=dict)
    """Brokers that are alive."""
    registrations: Mapping[int, Registration] = field(default_factory=dict)
    """Brokers that were ever registered."""
    topics: Mapping[str, TopicImage] = field(default_factory=dict)
    """Active topics by name."""
    pending: Mapping[str, TopicImage] = field(default_factory=dict)
    """Topics being created or deleted: their names are taken, but nobody is shown them."""
    topic_names: Mapping[bytes, str] = field(default_factory=dict)
    """Names by topic id, of active and pending topics."""
    configs: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    """Overrides by (ConfigType, resource name)."""
    config_revisions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    next_producer_id: int = 0
    producer_ids_revision: int = 0
    gone: Mapping[bytes, frozenset[int]] = field(default_factory=dict)
    """Deleted topics by id → brokers that still hold files of theirs."""

    @classmethod
    def load(cls, keys: Keys, snapshot: Snapshot) -> ClusterImage:
        """Build the image of a snapshot of everything under the keys' prefix."""
        events = [Event(key, kv) for key, kv in snapshot.kvs.items()]
        events.sort(key=lambda event: keys.parse(event.key)[0] != "topics")
        return _Draft(cls(keys)).fold(Batch(snapshot.rev, tuple(events)))

    def apply(self, batch: Batch) -> ClusterImage:
        """Give the image after one more revision."""
        assert batch.rev > self.revision, f"revision {batch.rev} after {self.revision}"
        return _Draft(self).fold(batch)

    @property
    def topics_by_id(self) -> Mapping[bytes, TopicImage]:
        """Active topics by their 16-byte id."""
        return TopicsById(self.topic_names, self.topics)

    def partition(self, name: str, index: int) -> PartitionImage | None:
        """Give a partition of an active topic, None where there is no such topic or index."""
        topic = self.topics.get(name)
        if topic is None or not 0 <= index < len(topic.partitions):
            return None
        return topic.partitions[index]

    def topic_name(self, topic_id: bytes) -> str | None:
        """Give the name of an active topic, None for an id that no active topic has."""
        name = self.topic_names.get(topic_id)
        return name if name in self.topics else None

    def config(self, kind: str, name: str) -> Mapping[str, str]:
        """Give the overrides of a resource, empty where it has none."""
        return self.configs.get((kind, name), {})

    def topic_of(self, topic_id: bytes) -> TopicImage | None:
        """Give a topic by id in whatever state it is."""
        name = self.topic_names.get(topic_id, "")
        return self.topics.get(name) or self.pending.get(name)


class _Draft:
    """The next image while one batch is folded in: maps are copied when first changed."""

    def __init__(self, image: ClusterImage) -> None:
        self._image = image
        self._changed: dict[str, Any] = {}
        self._heads: dict[str, TopicImage | None] = {}
        self._partitions: dict[bytes, list[PartitionImage]] = {}

    def fold(self, batch: Batch) -> ClusterImage:
        parse, folds = self._image.keys.parse, self._FOLDS
        for event in batch.events:
            kind, rest = parse(event.key)
            fold = folds.get(kind)
            if fold is not None:
                fold(self, rest, event.kv)
        self._shelve_topics()
        return replace(self._image, revision=batch.rev, **self._changed)

    def _map(self, name: str) -> dict[Any, Any]:
        if name not in self._changed:
            self._changed[name] = dict(getattr(self._image, name))
        changed: dict[Any, Any] = self._changed[name]
        return changed

    def _put(self, name: str, key: Any, value: Any) -> None:
        """Set a key of a map, or remove it for None."""
        if value is None:
            self._map(name).pop(key, None)
        else:
            self._map(name)[key] = value

    def _meta(self, _: str, kv: KV | None) -> None:
        fields = decode(kv.value) if kv else {"cluster_id": "", "features": {}}
        self._changed["cluster_id"] = fields["cluster_id"]
        self._changed["features"] = fields["features"]

    def _controller(self, _: str, kv: KV | None) -> None:
        self._changed["controller"] = parse_controller(kv) if kv else None

    def _live(self, rest: str, kv: KV | None) -> None:
        self._put("brokers", int(rest), kv and parse_broker(int(rest), kv))

    def _broker(self, rest: str, kv: KV | None) -> None:
        self._put("registrations", int(rest), kv and parse_registration(int(rest), kv))

    def _producer_ids(self, _: str, kv: KV | None) -> None:
        self._changed["next_producer_id"] = decode(kv.value)["next"] if kv else 0
        self._changed["producer_ids_revision"] = kv.mod_rev if kv else 0

    def _config(self, rest: str, kv: KV | None) -> None:
        kind, _, name = rest.partition("/")
        self._put("configs", (kind, name), kv and decode(kv.value)["configs"])
        self._put("config_revisions", (kind, name), kv and kv.mod_rev)

    def _gone(self, rest: str, kv: KV | None) -> None:
        self._put("gone", parse_id(rest), kv and frozenset(decode(kv.value)["brokers"]))

    def _topic(self, name: str, kv: KV | None) -> None:
        before = self._head(name)
        if before is not None:
            self._partitions_of(before)
            self._map("topic_names").pop(before.topic_id)
        topic = self._heads[name] = parse_topic(name, kv) if kv else None
        if topic is not None:
            self._map("topic_names")[topic.topic_id] = name
            self._partitions.setdefault(topic.topic_id, [])

    def _partition(self, rest: str, kv: KV | None) -> None:
        text, _, digits = rest.partition("/")
        topic_id, index = parse_id(text), int(digits)
        names = self._changed.get("topic_names", self._image.topic_names)
        topic = self._head(names[topic_id]) if topic_id in names else None
        assert topic is not None, f"a partition of no topic: {rest}"
        partitions = self._partitions_of(topic)
        if kv is None:
            assert index == len(partitions) - 1, f"deleted out of order: {rest}"
            partitions.pop()
        elif index == len(partitions):
            partitions.append(parse_partition(index, kv))
        else:
            partitions[index] = parse_partition(index, kv)

    def _head(self, name: str) -> TopicImage | None:
        if name in self._heads:
            return self._heads[name]
        return self._image.topics.get(name) or self._image.pending.get(name)

    def _partitions_of(self, topic: TopicImage) -> list[PartitionImage]:
        if topic.topic_id not in self._partitions:
            self._partitions[topic.topic_id] = list(topic.partitions + topic.unshown)
            self._heads.setdefault(topic.name, topic)
        return self._partitions[topic.topic_id]

    def _shelve_topics(self) -> None:
        for name, head in self._heads.items():
            if head is None:
                self._shelve(name, None, None)
                continue
            written = tuple(self._partitions[head.topic_id])
            topic = replace(head, partitions=written[: head.count], unshown=written[head.count :])
            if head.state is TopicState.ACTIVE:
                self._shelve(name, topic, None)
            else:
                self._shelve(name, None, topic)

    def _shelve(self, name: str, active: TopicImage | None, pending: TopicImage | None) -> None:
        if active is not None or name in self._image.topics:
            self._put("topics", name, active)
        if pending is not None or name in self._image.pending:
            self._put("pending", name, pending)

    _FOLDS: ClassVar[Mapping[str, Callable[[_Draft, str, KV | None], None]]] = {
        "meta": _meta,
        "controller": _controller,
        "live": _live,
        "brokers": _broker,
        "topics": _topic,
        "parts": _partition,
        "configs": _config,
        "pids": _producer_ids,
        "gone": _gone,
    }
    """Kinds that have no fold here (topicids, acls, …) are no part of the image."""
