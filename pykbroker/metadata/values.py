"""What the cluster's keys say: one frozen record per kind, and its form as a stored value.

Pure. A broker epoch stands beside every leader, in-sync and eligible replica, so that a broker
which went away and came back is visibly not the member it was (the ABA of KIP-903).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from pykbroker.metadata.keys import decode, encode, id_text, parse_id
from pykbroker.metadata.store import KV

NO_LEADER = -1
NO_EPOCH = -1


class BrokerState(StrEnum):
    """What a live broker says of itself."""

    STARTING = "starting"
    """Registered, not serving yet."""
    RUNNING = "running"
    DRAINING = "draining"
    """In controlled shutdown: keeps no leadership and gets no new replicas."""


class TopicState(StrEnum):
    """Where a topic is in its life; only ACTIVE ones are shown."""

    CREATING = "creating"
    ACTIVE = "active"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One listener of a broker as clients reach it."""

    listener: str
    host: str
    port: int
    security_protocol: str = "PLAINTEXT"


@dataclass(frozen=True, slots=True)
class BrokerImage:
    """A live broker."""

    broker_id: int
    incarnation: str
    """Unique to this run of the broker."""
    directory: str
    """Id of the data directory the broker runs on."""
    epoch: int = NO_EPOCH
    """The broker epoch: create revision of its `live` key."""
    endpoints: tuple[Endpoint, ...] = ()
    rack: str | None = None
    log_dirs: tuple[str, ...] = ()
    features: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Feature name → lowest and highest level supported, both inclusive."""
    clean_of: int = NO_EPOCH
    """The broker epoch under which this directory was last shut down cleanly; -1: it was not."""
    state: BrokerState = BrokerState.STARTING
    lease: int = 0
    revision: int = 0

    @property
    def is_active(self) -> bool:
        """Whether replicas and leaderships may be placed here (not draining)."""
        return self.state is not BrokerState.DRAINING

    def endpoint(self, listener: str) -> Endpoint | None:
        """Give the endpoint of a listener by name."""
        return next((e for e in self.endpoints if e.listener == listener), None)


@dataclass(frozen=True, slots=True)
class Registration:
    """A broker that was ever registered; its last broker epoch is the key's revision."""

    broker_id: int
    directory: str
    registered_at_ms: int
    epoch: int


@dataclass(frozen=True, slots=True)
class ControllerImage:
    """Who is the controller."""

    broker_id: int
    broker_epoch: int
    epoch: int
    """The controller epoch: create revision of the `controller` key."""


@dataclass(frozen=True, slots=True)
class PartitionImage:
    """One partition's state; `isr_epochs[i]` is the broker epoch of `isr[i]`, `elr` likewise."""

    index: int
    replicas: tuple[int, ...]
    leader: int = NO_LEADER
    leader_broker_epoch: int = NO_EPOCH
    leader_epoch: int = 0
    isr: tuple[int, ...] = ()
    isr_epochs: tuple[int, ...] = ()
    elr: tuple[int, ...] = ()
    elr_epochs: tuple[int, ...] = ()
    last_known_elr: tuple[int, ...] = ()
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()
    recovering: bool = False
    partition_epoch: int = 0
    """Version of the partition's key: rises with every change."""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class TopicImage:
    """A topic; `partitions[i].index == i`."""

    name: str
    topic_id: bytes
    """16 bytes."""
    count: int
    """Number of partitions the topic has once all of them are written."""
    replication_factor: int
    state: TopicState = TopicState.ACTIVE
    partitions: tuple[PartitionImage, ...] = ()
    """Those that are written and shown; never more than count."""
    unshown: tuple[PartitionImage, ...] = ()
    """Written beyond count, by a growth that is not finished."""
    revision: int = 0


def broker_value(broker: BrokerImage) -> bytes:
    """Write the value of a `live` key."""
    fields = asdict(broker)
    for known_from_the_key in ("broker_id", "epoch", "revision"):
        del fields[known_from_the_key]
    return encode(fields)


def parse_broker(broker_id: int, kv: KV) -> BrokerImage:
    """Read the value of a `live` key."""
    fields = decode(kv.value)
    return BrokerImage(
        broker_id=broker_id,
        epoch=kv.create_rev,
        incarnation=fields["incarnation"],
        directory=fields["directory"],
        endpoints=tuple(Endpoint(**endpoint) for endpoint in fields["endpoints"]),
        rack=fields["rack"],
        log_dirs=tuple(fields["log_dirs"]),
        features={name: (low, high) for name, (low, high) in fields["features"].items()},
        clean_of=fields["clean_of"],
        state=BrokerState(fields["state"]),
        lease=fields["lease"],
        revision=kv.mod_rev,
    )


def registration_value(directory: str, registered_at_ms: int) -> bytes:
    """Write the value of a `brokers` key."""
    return encode({"directory": directory, "registered_at": registered_at_ms})


def parse_registration(broker_id: int, kv: KV) -> Registration:
    """Read the value of a `brokers` key."""
    fields = decode(kv.value)
    return Registration(broker_id, fields["directory"], fields["registered_at"], kv.mod_rev)


def controller_value(broker_id: int, broker_epoch: int) -> bytes:
    """Write the value of the `controller` key."""
    return encode({"broker": broker_id, "broker_epoch": broker_epoch})


def parse_controller(kv: KV) -> ControllerImage:
    """Read the value of the `controller` key."""
    fields = decode(kv.value)
    return ControllerImage(fields["broker"], fields["broker_epoch"], kv.create_rev)


def topic_value(topic: TopicImage) -> bytes:
    """Write the value of a `topics` key."""
    return encode(
        {
            "id": id_text(topic.topic_id),
            "partitions": topic.count,
            "replication_factor": topic.replication_factor,
            "state": topic.state,
        }
    )


def parse_topic(name: str, kv: KV) -> TopicImage:
    """Read the value of a `topics` key; the partitions stand under keys of their own."""
    fields = decode(kv.value)
    return TopicImage(
        name=name,
        topic_id=parse_id(fields["id"]),
        count=fields["partitions"],
        replication_factor=fields["replication_factor"],
        state=TopicState(fields["state"]),
        revision=kv.mod_rev,
    )


def partition_value(partition: PartitionImage) -> bytes:
    """Write the value of a `parts` key; what is empty is left out."""
    leader = [partition.leader, partition.leader_broker_epoch]
    fields: dict[str, Any] = {
        "replicas": partition.replicas,
        "leader": leader if partition.leader != NO_LEADER else None,
        "leader_epoch": partition.leader_epoch,
        "isr": list(zip(partition.isr, partition.isr_epochs, strict=True)),
    }
    extras = {
        "elr": list(zip(partition.elr, partition.elr_epochs, strict=True)),
        "last_known_elr": partition.last_known_elr,
        "adding": partition.adding,
        "removing": partition.removing,
        "recovering": partition.recovering,
    }
    return encode(fields | {name: value for name, value in extras.items() if value})


def parse_partition(index: int, kv: KV) -> PartitionImage:
    """Read the value of a `parts` key."""
    fields = decode(kv.value)
    leader, leader_broker_epoch = fields["leader"] or (NO_LEADER, NO_EPOCH)
    isr, isr_epochs = _members(fields["isr"])
    elr, elr_epochs = _members(fields.get("elr", ()))
    return PartitionImage(
        index=index,
        replicas=tuple(fields["replicas"]),
        leader=leader,
        leader_broker_epoch=leader_broker_epoch,
        leader_epoch=fields["leader_epoch"],
        isr=isr,
        isr_epochs=isr_epochs,
        elr=elr,
        elr_epochs=elr_epochs,
        last_known_elr=tuple(fields.get("last_known_elr", ())),
        adding=tuple(fields.get("adding", ())),
        removing=tuple(fields.get("removing", ())),
        recovering=fields.get("recovering", False),
        partition_epoch=kv.version,
        revision=kv.mod_rev,
    )


def _members(pairs: Iterable[tuple[int, int]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    members = tuple(pairs)
    return tuple(pair[0] for pair in members), tuple(pair[1] for pair in members)
