"""What becomes of requests to create, delete and enlarge topics; rows of Kafka's behaviours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.changes import PartitionsPlan, TopicPlan
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import id_text
from pykbroker.metadata.values import TopicState
from pykbroker.replication.controller import (
    MorePartitions,
    NewTopic,
    TopicDefaults,
    TopicDeletion,
    decide_create_partitions,
    decide_create_topics,
    decide_delete_topics,
    new_topic_id,
)
from tests.replication.clusters import NoDice, a_cluster, a_live_broker, a_topic, an_id

NO_ID = bytes(16)
TWO_BROKERS = (a_live_broker(1), a_live_broker(2))


def check_configs(configs: Mapping[str, str]) -> None:
    if "unknown" in configs:
        raise KafkaError(ErrorCode.INVALID_CONFIG, "Unknown topic config name: unknown")


def create(image: ClusterImage, *topics: NewTopic) -> dict[str, TopicPlan | KafkaError]:
    return decide_create_topics(
        image,
        topics,
        defaults=TopicDefaults(partitions=3, replication_factor=1),
        check_configs=check_configs,
        dice=Random(1),
    )


def codes(decided: Mapping[str, object]) -> dict[str, ErrorCode | None]:
    return {
        name: item.code if isinstance(item, KafkaError) else None for name, item in decided.items()
    }


def code_of(topic: NewTopic, *, image: ClusterImage | None = None) -> ErrorCode | None:
    return codes(create(image or a_cluster(brokers=TWO_BROKERS), topic))[topic.name]


def test_a_topic_is_planned_with_the_defaults() -> None:
    decided = create(a_cluster(), NewTopic("t", configs=(("retention.ms", "1"),)))

    plan = decided["t"]
    assert isinstance(plan, TopicPlan)
    assert plan == TopicPlan("t", plan.topic_id, ((1,), (1,), (1,)), {"retention.ms": "1"})
    assert any(plan.topic_id)


def test_a_topic_is_planned_as_asked() -> None:
    plan = create(a_cluster(brokers=TWO_BROKERS), NewTopic("t", 4, 2))["t"]

    assert isinstance(plan, TopicPlan)
    assert [sorted(replicas) for replicas in plan.replicas] == [[1, 2]] * 4


def test_a_topic_is_planned_as_assigned() -> None:
    topic = NewTopic("t", assignments=((1, (2, 1)), (0, (1, 2))))

    plan = create(a_cluster(brokers=TWO_BROKERS), topic)["t"]

    assert isinstance(plan, TopicPlan)
    assert plan.replicas == ((1, 2), (2, 1))


def test_row_24_an_illegal_name_is_refused() -> None:
    assert codes(create(a_cluster(), NewTopic("a b"), NewTopic(""), NewTopic("ok"))) == {
        "a b": ErrorCode.INVALID_TOPIC_EXCEPTION,
        "": ErrorCode.INVALID_TOPIC_EXCEPTION,
        "ok": None,
    }


def test_row_25_a_name_that_collides_with_an_existing_topic_is_refused() -> None:
    decided = create(a_cluster(a_topic("a.b")), NewTopic("a_b"))["a_b"]

    assert isinstance(decided, KafkaError)
    assert (decided.code, decided.message) == (
        ErrorCode.INVALID_TOPIC_EXCEPTION,
        "Topic 'a_b' collides with existing topic: a.b",
    )


def test_row_25_two_new_topics_of_one_request_may_collide() -> None:
    assert codes(create(a_cluster(), NewTopic("a_b"), NewTopic("a.b"))) == {
        "a_b": None,
        "a.b": None,
    }


@pytest.mark.parametrize("state", TopicState)
def test_row_26_a_name_that_exists_is_refused_whatever_its_state(state: TopicState) -> None:
    image = a_cluster(replace(a_topic("a_b"), state=state))

    assert code_of(NewTopic("a_b"), image=image) is ErrorCode.TOPIC_ALREADY_EXISTS


def test_row_27_a_name_asked_for_twice_is_refused_and_the_others_are_created() -> None:
    assert codes(create(a_cluster(), NewTopic("t"), NewTopic("u"), NewTopic("t", 5))) == {
        "t": ErrorCode.INVALID_REQUEST,
        "u": None,
    }


def test_row_28_only_the_cluster_metadata_topic_is_forbidden() -> None:
    decided = create(a_cluster(), NewTopic("__cluster_metadata"), NewTopic("__consumer_offsets"))

    assert codes(decided) == {
        "__cluster_metadata": ErrorCode.INVALID_REQUEST,
        "__consumer_offsets": None,
    }


@pytest.mark.parametrize("partitions", [0, -2])
def test_row_29_a_number_of_partitions_that_is_none_is_refused(partitions: int) -> None:
    assert code_of(NewTopic("t", partitions)) is ErrorCode.INVALID_PARTITIONS


@pytest.mark.parametrize("replication_factor", [0, -2])
def test_row_30_a_replication_factor_that_is_none_is_refused(replication_factor: int) -> None:
    assert code_of(NewTopic("t", 0, replication_factor)) is ErrorCode.INVALID_REPLICATION_FACTOR


def test_row_31_more_replicas_than_live_brokers_are_refused() -> None:
    assert code_of(NewTopic("t", 1, 3)) is ErrorCode.INVALID_REPLICATION_FACTOR


@pytest.mark.parametrize("numbers", [(1, -1), (-1, 1)])
def test_row_32_an_assignment_together_with_a_number_is_refused(numbers: tuple[int, int]) -> None:
    assert code_of(NewTopic("t", *numbers, ((0, (1,)),))) is ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    "assignments",
    [
        ((0, (1,)), (0, (1,))),
        ((1, (1,)),),
        ((0, (1,)), (2, (1,))),
        ((-1, (1,)), (0, (1,))),
        ((0, ()),),
        ((0, (9,)),),
        ((0, (1, 1)),),
        ((0, (1,)), (1, (1, 2))),
    ],
)
def test_row_33_an_assignment_that_cannot_be_is_refused(
    assignments: tuple[tuple[int, tuple[int, ...]], ...],
) -> None:
    assert code_of(NewTopic("t", assignments=assignments)) is ErrorCode.INVALID_REPLICA_ASSIGNMENT


@pytest.mark.parametrize(
    ("configs", "reason"),
    [
        ((("unknown", "1"),), "Unknown topic config name: unknown"),
        ((("a", None), ("b", "1"), ("c", None)), "Null value not supported for topic configs: a,c"),
        ((("a", "x" * 32_768),), "exceeds the maximum value size"),
    ],
)
def test_row_34_a_configuration_that_cannot_be_is_refused(
    configs: tuple[tuple[str, str | None], ...], reason: str
) -> None:
    decided = create(a_cluster(), NewTopic("t", 0, configs=configs))["t"]

    assert isinstance(decided, KafkaError)
    assert decided.code is ErrorCode.INVALID_CONFIG
    assert reason in str(decided.message)


def test_row_35_more_than_10_000_partitions_in_one_request_are_refused() -> None:
    within = [NewTopic("t", 9_996), NewTopic("u"), NewTopic("v", assignments=((0, (1,)),))]

    assert set(codes(create(a_cluster(), *within)).values()) == {None}
    assert codes(create(a_cluster(), *within, NewTopic("w", 1))) == dict.fromkeys(
        "tuvw", ErrorCode.POLICY_VIOLATION
    )


def test_row_35_what_is_refused_anyhow_does_not_count() -> None:
    twice = [NewTopic("t", 9_000), NewTopic("t", 9_000)]

    assert codes(create(a_cluster(), *twice, NewTopic("u"), NewTopic("n", -5)))["u"] is None


def test_row_38_deciding_alone_changes_nothing() -> None:
    image = a_cluster(a_topic("t"))
    before = replace(image, topics=dict(image.topics))

    create(image, NewTopic("u"))

    assert image == before


def delete(
    image: ClusterImage, *wanted: tuple[str | None, bytes]
) -> list[tuple[str | None, bytes, ErrorCode | None]]:
    return [
        (d.name, d.topic_id, d.refusal.code if d.refusal else None)
        for d in decide_delete_topics(image, wanted)
    ]


def test_topics_are_deleted_by_name_and_by_id() -> None:
    image = a_cluster(a_topic("t"), a_topic("u"))

    assert decide_delete_topics(image, [("t", NO_ID), (None, an_id("u"))]) == [
        TopicDeletion("t", an_id("t")),
        TopicDeletion("u", an_id("u")),
    ]


@pytest.mark.parametrize(
    ("wanted", "answers"),
    [
        ([("x", NO_ID)], [("x", NO_ID, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)]),
        ([(None, an_id("x"))], [(None, an_id("x"), ErrorCode.UNKNOWN_TOPIC_ID)]),
        ([(None, NO_ID)], [(None, NO_ID, ErrorCode.INVALID_REQUEST)]),
        ([("t", an_id("t"))], [("t", an_id("t"), ErrorCode.INVALID_REQUEST)]),
        ([("t", NO_ID)] * 2, [("t", NO_ID, ErrorCode.INVALID_REQUEST)]),
        ([(None, an_id("t"))] * 3, [(None, an_id("t"), ErrorCode.INVALID_REQUEST)]),
        (
            [("t", NO_ID), (None, an_id("t"))],
            [("t", an_id("t"), ErrorCode.INVALID_REQUEST)],
        ),
    ],
)
def test_row_40_what_cannot_be_deleted_is_refused(
    wanted: list[tuple[str | None, bytes]],
    answers: list[tuple[str | None, bytes, ErrorCode | None]],
) -> None:
    assert delete(a_cluster(a_topic("t")), *wanted) == answers


def test_row_40_a_topic_that_is_not_shown_is_unknown() -> None:
    image = a_cluster(replace(a_topic("t"), state=TopicState.DELETING))

    assert delete(image, ("t", NO_ID), (None, an_id("t"))) == [
        ("t", NO_ID, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (None, an_id("t"), ErrorCode.UNKNOWN_TOPIC_ID),
    ]


def enlarge(
    image: ClusterImage, *topics: MorePartitions
) -> Mapping[str, PartitionsPlan | KafkaError]:
    return decide_create_partitions(image, topics, dice=NoDice())


def test_added_partitions_get_as_many_replicas_as_the_others() -> None:
    image = a_cluster(a_topic("t", 2, replicas=(2, 1)), brokers=TWO_BROKERS)

    assert enlarge(image, MorePartitions("t", 4)) == {
        "t": PartitionsPlan("t", an_id("t"), 2, ((1, 2), (2, 1)))
    }


def test_added_partitions_lie_as_assigned() -> None:
    image = a_cluster(a_topic("t", 2), brokers=TWO_BROKERS)

    assert enlarge(image, MorePartitions("t", 3, ((2,),))) == {
        "t": PartitionsPlan("t", an_id("t"), 2, ((2,),))
    }


@pytest.mark.parametrize(
    ("topics", "code"),
    [
        ([MorePartitions("t", 3)] * 2, ErrorCode.INVALID_REQUEST),
        ([MorePartitions("t", 2)], ErrorCode.INVALID_PARTITIONS),
        ([MorePartitions("t", 1)], ErrorCode.INVALID_PARTITIONS),
        ([MorePartitions("t", -1)], ErrorCode.INVALID_PARTITIONS),
        ([MorePartitions("t", 4, ((1,),))], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ([MorePartitions("t", 3, ((1, 2),))], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ([MorePartitions("t", 3, ((9,),))], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ([MorePartitions("t", 10_003)], ErrorCode.POLICY_VIOLATION),
    ],
)
def test_row_41_a_growth_that_cannot_be_is_refused(
    topics: Sequence[MorePartitions], code: ErrorCode
) -> None:
    image = a_cluster(a_topic("t", 2), brokers=TWO_BROKERS)

    assert codes(enlarge(image, *topics)) == {"t": code}


def test_row_41_an_unknown_topic_cannot_grow_and_the_others_do() -> None:
    image = a_cluster(a_topic("t"))

    assert codes(enlarge(image, MorePartitions("x", 20_000), MorePartitions("t", 2))) == {
        "x": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        "t": None,
    }


def test_more_replicas_than_brokers_left_are_refused() -> None:
    image = a_cluster(a_topic("t", replicas=(1, 2)))

    assert codes(enlarge(image, MorePartitions("t", 2))) == {
        "t": ErrorCode.INVALID_REPLICATION_FACTOR
    }


def test_a_topic_id_is_a_random_uuid_that_does_not_look_like_an_option() -> None:
    class Rolls(Random):
        rolls = iter([b"\xfb" + bytes(15), b"\xff" * 16])

        def randbytes(self, n: int) -> bytes:
            return next(self.rolls)[:n]

    assert id_text(b"\xfb" + bytes(15)).startswith("-")
    assert new_topic_id(Rolls()) == bytes.fromhex("ffffffffffff4fffbfffffffffffffff")
