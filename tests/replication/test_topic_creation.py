"""Creating topics: what was decided is written, and told when it is ready here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pykbroker.config import load
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.changes import TopicPlan
from pykbroker.metadata.image import ClusterImage
from pykbroker.replication.controller import NewTopic
from pykbroker.replication.settings import LiveSettings
from pykbroker.replication.topic_creation import TopicCreation
from tests.replication.clusters import NoDice, a_cluster, a_topic


class Metadata:
    """Writes what it is given, with a revision for each topic, but for the names to refuse."""

    def __init__(self, image: ClusterImage, *refused: str) -> None:
        self.image = image
        self.refused = refused
        self.written: list[TopicPlan] = []

    async def create_topics(self, plans: Sequence[TopicPlan]) -> dict[str, KafkaError]:
        self.written += [plan for plan in plans if plan.name not in self.refused]
        self.image = replace(self.image, revision=self.image.revision + len(plans))
        refusal = KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS)
        return {plan.name: refusal for plan in plans if plan.name in self.refused}


class Partitions:
    """Notes which revisions it was waited for."""

    def __init__(self) -> None:
        self.waited_for: list[int] = []

    async def applied(self, revision: int) -> None:
        self.waited_for.append(revision)


class Creation(TopicCreation):
    """A creation on fakes, which a test may look into."""

    def __init__(self, *refused: str, **properties: object) -> None:
        overrides = [f"{name.replace('_', '.')}={value}" for name, value in properties.items()]
        self.metadata = Metadata(a_cluster(a_topic("there")), *refused)
        self.partitions = Partitions()
        fakes: Any = {"metadata": self.metadata, "partitions": self.partitions}
        super().__init__(
            **fakes,
            settings=LiveSettings(load(profile="kafka", overrides=overrides), node_id=1),
            random=NoDice(),
        )


def told(decided: dict[str, TopicPlan | KafkaError]) -> dict[str, int]:
    """Give the error code of each name, 0 for a plan."""
    return {
        name: outcome.code if isinstance(outcome, KafkaError) else 0
        for name, outcome in decided.items()
    }


async def test_a_topic_is_told_created_once_its_partitions_are_ready_here() -> None:
    creation = Creation()

    decided = await creation.create([NewTopic("words"), NewTopic("verbs")])

    assert told(decided) == {"words": 0, "verbs": 0}
    assert creation.metadata.written == [decided["words"], decided["verbs"]]
    assert creation.partitions.waited_for == [2]


async def test_numbers_left_out_are_the_brokers_defaults() -> None:
    creation = Creation(num_partitions=3)

    decided = await creation.create([NewTopic("words"), NewTopic("verbs", partitions=2)])

    plans = [plan for plan in decided.values() if isinstance(plan, TopicPlan)]
    assert [plan.replicas for plan in plans] == [((1,),) * 3, ((1,),) * 2]


async def test_what_is_refused_leaves_the_others_to_be_made() -> None:
    creation = Creation("raced")
    asked = [
        NewTopic("words"),
        NewTopic("there"),
        NewTopic("raced"),
        NewTopic("wide", replication_factor=2),
        NewTopic("odd", configs=(("no.such.config", "1"),)),
    ]

    decided = await creation.create(asked)

    assert told(decided) == {
        "words": 0,
        "there": ErrorCode.TOPIC_ALREADY_EXISTS,
        "raced": ErrorCode.TOPIC_ALREADY_EXISTS,
        "wide": ErrorCode.INVALID_REPLICATION_FACTOR,
        "odd": ErrorCode.INVALID_CONFIG,
    }
    assert creation.metadata.written == [decided["words"]]


async def test_validating_alone_decides_and_writes_nothing() -> None:
    creation = Creation()

    decided = await creation.create([NewTopic("words"), NewTopic("there")], validate_only=True)

    assert told(decided) == {"words": 0, "there": ErrorCode.TOPIC_ALREADY_EXISTS}
    assert isinstance(decided["words"], TopicPlan)
    assert creation.metadata.written == []
    assert creation.partitions.waited_for == []


async def test_nothing_is_written_or_waited_for_when_all_is_refused() -> None:
    creation = Creation()

    await creation.create([NewTopic("there")])

    assert creation.metadata.written == []
    assert creation.partitions.waited_for == []


async def test_the_configuration_a_topic_is_made_with_is_checked_and_kept() -> None:
    creation = Creation()
    configs = (("retention.ms", "1000"), ("cleanup.policy", "compact"))

    decided = await creation.create([NewTopic("words", configs=configs)])

    plan = decided["words"]
    assert isinstance(plan, TopicPlan)
    assert dict(plan.configs) == {"retention.ms": "1000", "cleanup.policy": "compact"}
