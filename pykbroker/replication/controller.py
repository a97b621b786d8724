"""What becomes of requests to create, delete and enlarge topics: Kafka's ReplicationControlManager.

Pure: an image and commands in, a plan or a refusal per topic out; nothing is changed here. Whoever
writes the plans must expect to be refused, since the image may be old by then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.changes import PartitionsPlan, TopicPlan
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import id_text
from pykbroker.replication.config_changes import check_value_sizes
from pykbroker.replication.placement import Dice, check_assignment, place
from pykbroker.replication.topic_names import (
    CLUSTER_METADATA_TOPIC,
    can_collide,
    check_topic_name,
    collisions,
    unified,
)

PARTITIONS_PER_REQUEST_MAX = 10_000
BY_DEFAULT = -1
"""As a number of partitions or replicas: the broker's default."""
ZERO_UUID = bytes(16)

CheckConfigs = Callable[[Mapping[str, str]], None]
"""Raises INVALID_CONFIG for overrides that a topic cannot have."""


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic to create, as a client asks for it."""

    name: str
    partitions: int = BY_DEFAULT
    replication_factor: int = BY_DEFAULT
    assignments: tuple[tuple[int, tuple[int, ...]], ...] = ()
    """(partition index, broker ids), instead of the two numbers."""
    configs: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class TopicDefaults:
    """`num.partitions` and `default.replication.factor`."""

    partitions: int
    replication_factor: int


@dataclass(frozen=True, slots=True)
class MorePartitions:
    """A topic to enlarge to `count` partitions; assignments are for the added ones."""

    name: str
    count: int
    assignments: tuple[tuple[int, ...], ...] | None = None


@dataclass(frozen=True, slots=True)
class TopicDeletion:
    """What is to be said of one topic: to be deleted where there is no refusal."""

    name: str | None
    topic_id: bytes
    refusal: KafkaError | None = None


def decide_create_topics(
    image: ClusterImage,
    topics: Sequence[NewTopic],
    *,
    defaults: TopicDefaults,
    check_configs: CheckConfigs,
    dice: Dice,
) -> dict[str, TopicPlan | KafkaError]:
    """Give a plan or a refusal for every name asked for (one refusal for a name asked twice)."""
    asked = Counter(topic.name for topic in topics)
    lone = [t for t in topics if asked[t.name] == 1 and t.name != CLUSTER_METADATA_TOPIC]
    if sum(_partitions_asked(t, defaults) for t in lone) > PARTITIONS_PER_REQUEST_MAX:
        return dict.fromkeys(asked, _excessive())
    taken = (
        collisions((*image.topics, *image.pending))
        if any(can_collide(topic.name) for topic in lone)
        else {}
    )
    creation = _Creation(image, defaults, check_configs, dice, taken)
    decided: dict[str, TopicPlan | KafkaError] = {}
    for topic in topics:
        if topic.name in decided:
            continue
        if asked[topic.name] > 1:
            decided[topic.name] = _invalid("Duplicate topic name.")
        elif topic.name == CLUSTER_METADATA_TOPIC:
            decided[topic.name] = _invalid(
                f"Creation of internal topic {CLUSTER_METADATA_TOPIC} is prohibited."
            )
        else:
            try:
                decided[topic.name] = creation.plan(topic)
            except KafkaError as refusal:
                decided[topic.name] = refusal
    return decided


def decide_create_partitions(
    image: ClusterImage, topics: Sequence[MorePartitions], *, dice: Dice
) -> dict[str, PartitionsPlan | KafkaError]:
    """Give a plan or a refusal for every name asked for."""
    asked = Counter(topic.name for topic in topics)
    lone = [topic for topic in topics if asked[topic.name] == 1]
    if sum(max(_partitions_added(image, t), 0) for t in lone) > PARTITIONS_PER_REQUEST_MAX:
        return dict.fromkeys(asked, _excessive())
    decided: dict[str, PartitionsPlan | KafkaError] = {}
    for topic in topics:
        try:
            if asked[topic.name] > 1:
                raise _invalid("Duplicate topic name.")
            decided[topic.name] = _enlargement(image, topic, dice)
        except KafkaError as refusal:
            decided[topic.name] = refusal
    return decided


def decide_delete_topics(
    image: ClusterImage, wanted: Sequence[tuple[str | None, bytes]]
) -> list[TopicDeletion]:
    """Give for (name, topic id) pairs, of which one shall be None or zero, what to say of each.

    A name and an id of the same topic refuse each other: the name is answered, the topic stays.
    """
    deletions: list[TopicDeletion] = []
    names = Counter(name for name, topic_id in wanted if name is not None and not any(topic_id))
    ids = Counter(topic_id for name, topic_id in wanted if name is None and any(topic_id))
    for name, topic_id in wanted:
        if name is None and not any(topic_id):
            refusal = _invalid("Neither topic name nor id were specified.")
            deletions.append(TopicDeletion(None, ZERO_UUID, refusal))
        elif name is not None and any(topic_id):
            refusal = _invalid("You may not specify both topic name and topic id.")
            deletions.append(TopicDeletion(name, topic_id, refusal))
    named = [_deletion_by_name(image, name, asked=asked) for name, asked in names.items()]
    twice = {found.topic_id for found in named if found.topic_id in ids}
    for found in named:
        if found.topic_id in twice:
            refusal = _invalid("The provided topic name maps to an ID that was already supplied.")
            found = TopicDeletion(found.name, found.topic_id, refusal)
        deletions.append(found)
    deletions += [
        _deletion_by_id(image, topic_id, asked=asked)
        for topic_id, asked in ids.items()
        if topic_id not in twice or asked > 1
    ]
    return deletions


def new_topic_id(dice: Dice) -> bytes:
    """Roll a version 4 UUID whose text does not look like an option (Kafka's Uuid.randomUuid)."""
    while True:
        rolled = bytearray(dice.randbytes(16))
        rolled[6] = rolled[6] & 0x0F | 0x40
        rolled[8] = rolled[8] & 0x3F | 0x80
        if not id_text(bytes(rolled)).startswith("-"):
            return bytes(rolled)


@dataclass(frozen=True, slots=True)
class _Creation:
    """The rules for the new topics of one request."""

    image: ClusterImage
    defaults: TopicDefaults
    check_configs: CheckConfigs
    dice: Dice
    taken: Mapping[str, str]
    """Existing names by what metrics make of them."""

    def plan(self, topic: NewTopic) -> TopicPlan:
        self._check_name(topic.name)
        configs = _creation_configs(topic.configs)
        self.check_configs(configs)
        replicas = self._assigned(topic) if topic.assignments else self._placed(topic)
        return TopicPlan(topic.name, new_topic_id(self.dice), replicas, configs)

    def _check_name(self, name: str) -> None:
        if name in self.image.topics or name in self.image.pending:
            raise KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")
        check_topic_name(name)
        other = self.taken.get(unified(name)) if can_collide(name) else None
        if other is not None:
            raise KafkaError(
                ErrorCode.INVALID_TOPIC_EXCEPTION,
                f"Topic '{name}' collides with existing topic: {other}",
            )

    def _assigned(self, topic: NewTopic) -> tuple[tuple[int, ...], ...]:
        for what, number in (
            ("replication factor", topic.replication_factor),
            ("numPartitions", topic.partitions),
        ):
            if number != BY_DEFAULT:
                raise _invalid(
                    f"A manual partition assignment was specified, but {what} was not set to -1."
                )
        replicas: dict[int, tuple[int, ...]] = {}
        replication_factor = None
        for index, brokers in topic.assignments:
            if index in replicas:
                raise KafkaError(
                    ErrorCode.INVALID_REPLICA_ASSIGNMENT,
                    f"Found multiple manual partition assignments for partition {index}",
                )
            check_assignment(self.image, index, brokers, replication_factor=replication_factor)
            replication_factor = len(brokers)
            replicas[index] = brokers
        if set(replicas) != set(range(len(replicas))):
            raise KafkaError(
                ErrorCode.INVALID_REPLICA_ASSIGNMENT,
                "partitions should be a consecutive 0-based integer sequence",
            )
        return tuple(replicas[index] for index in range(len(replicas)))

    def _placed(self, topic: NewTopic) -> tuple[tuple[int, ...], ...]:
        if topic.replication_factor < BY_DEFAULT or topic.replication_factor == 0:
            raise KafkaError(
                ErrorCode.INVALID_REPLICATION_FACTOR,
                "Replication factor must be larger than 0, or -1 to use the default value.",
            )
        if topic.partitions < BY_DEFAULT or topic.partitions == 0:
            raise KafkaError(
                ErrorCode.INVALID_PARTITIONS,
                "Number of partitions was set to an invalid non-positive value.",
            )
        replication_factor = topic.replication_factor
        if replication_factor == BY_DEFAULT:
            replication_factor = self.defaults.replication_factor
        return place(
            self.image.brokers.values(),
            partitions=_partitions_asked(topic, self.defaults),
            replication_factor=replication_factor,
            dice=self.dice,
        )


def _creation_configs(configs: Sequence[tuple[str, str | None]]) -> dict[str, str]:
    nulls = [name for name, value in configs if value is None]
    if nulls:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"Null value not supported for topic configs: {','.join(nulls)}",
        )
    given = {name: value for name, value in configs if value is not None}
    check_value_sizes(given)
    return given


def _partitions_asked(topic: NewTopic, defaults: TopicDefaults) -> int:
    if topic.assignments:
        return len(topic.assignments)
    return defaults.partitions if topic.partitions == BY_DEFAULT else max(topic.partitions, 0)


def _partitions_added(image: ClusterImage, topic: MorePartitions) -> int:
    found = image.topics.get(topic.name)
    added = topic.count - found.count if found else 0
    return added if topic.assignments is None or len(topic.assignments) == added else 0


def _enlargement(image: ClusterImage, topic: MorePartitions, dice: Dice) -> PartitionsPlan:
    found = image.topics.get(topic.name)
    if found is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    added = topic.count - found.count
    if added == 0:
        raise KafkaError(
            ErrorCode.INVALID_PARTITIONS, f"Topic already has {found.count} partition(s)."
        )
    if added < 0:
        raise KafkaError(
            ErrorCode.INVALID_PARTITIONS,
            f"The topic {topic.name} currently has {found.count} partition(s); "
            f"{topic.count} would not be an increase.",
        )
    replication_factor = len(found.partitions[0].replicas)
    if topic.assignments is None:
        replicas = place(
            image.brokers.values(),
            partitions=added,
            replication_factor=replication_factor,
            dice=dice,
        )
    else:
        replicas = topic.assignments
        if len(replicas) != added:
            raise KafkaError(
                ErrorCode.INVALID_REPLICA_ASSIGNMENT,
                f"Attempted to add {added} additional partition(s), but only "
                f"{len(replicas)} assignment(s) were specified.",
            )
        for index, brokers in enumerate(replicas, found.count):
            check_assignment(image, index, brokers, replication_factor=replication_factor)
    return PartitionsPlan(topic.name, found.topic_id, found.count, replicas)


def _deletion_by_name(image: ClusterImage, name: str, *, asked: int) -> TopicDeletion:
    if asked > 1:
        return TopicDeletion(name, ZERO_UUID, _invalid("Duplicate topic name."))
    topic = image.topics.get(name)
    if topic is None:
        refusal = KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "There is no such topic.")
        return TopicDeletion(name, ZERO_UUID, refusal)
    return TopicDeletion(name, topic.topic_id)


def _deletion_by_id(image: ClusterImage, topic_id: bytes, *, asked: int) -> TopicDeletion:
    if asked > 1:
        return TopicDeletion(None, topic_id, _invalid("Duplicate topic id."))
    name = image.topic_name(topic_id)
    if name is None:
        refusal = KafkaError(ErrorCode.UNKNOWN_TOPIC_ID, "There is no topic with this id.")
        return TopicDeletion(None, topic_id, refusal)
    return TopicDeletion(name, topic_id)


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)


def _excessive() -> KafkaError:
    return KafkaError(
        ErrorCode.POLICY_VIOLATION, "Excessively large number of partitions per request."
    )
