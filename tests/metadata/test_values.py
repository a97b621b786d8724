"""What the values of the cluster's keys say, and that it survives being stored."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pykbroker.metadata.store import KV, LeaseId
from pykbroker.metadata.values import (
    BrokerImage,
    BrokerState,
    Endpoint,
    PartitionImage,
    Registration,
    TopicImage,
    TopicState,
    broker_value,
    parse_broker,
    parse_partition,
    parse_registration,
    parse_topic,
    partition_value,
    registration_value,
    topic_value,
)

IDS = st.lists(st.integers(0, 9), max_size=4, unique=True).map(tuple)


def members(epochs: int) -> st.SearchStrategy[tuple[tuple[int, ...], tuple[int, ...]]]:
    return IDS.map(lambda ids: (ids, tuple(epochs + broker for broker in ids)))


@given(
    partition=st.builds(
        PartitionImage,
        index=st.just(3),
        replicas=IDS,
        leader=st.just(1),
        leader_broker_epoch=st.integers(1, 2**40),
        leader_epoch=st.integers(0, 2**31 - 1),
        last_known_elr=IDS,
        adding=IDS,
        removing=IDS,
        recovering=st.booleans(),
        partition_epoch=st.just(5),
        revision=st.just(9),
    ),
    isr=members(100),
    elr=members(200),
)
def test_a_partition_reads_back_as_it_was_written(
    partition: PartitionImage,
    isr: tuple[tuple[int, ...], tuple[int, ...]],
    elr: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    partition = replace(partition, isr=isr[0], isr_epochs=isr[1], elr=elr[0], elr_epochs=elr[1])

    assert parse_partition(3, KV(partition_value(partition), 2, 9, 5)) == partition


def test_a_partition_without_a_leader_reads_back() -> None:
    partition = PartitionImage(0, (1,), partition_epoch=1, revision=2)

    assert parse_partition(0, KV(partition_value(partition), 2, 2, 1)) == partition


def test_a_partition_is_written_in_few_bytes() -> None:
    partition = PartitionImage(0, (1,), 1, 2, 0, (1,), (2,))

    assert (
        partition_value(partition)
        == b'{"v":1,"replicas":[1],"leader":[1,2],"leader_epoch":0,"isr":[[1,2]]}'
    )


def test_a_broker_reads_back_with_the_epoch_of_its_key() -> None:
    broker = BrokerImage(
        broker_id=1,
        incarnation="run",
        directory="disk",
        endpoints=(Endpoint("PLAINTEXT", "localhost", 9092),),
        rack="r",
        log_dirs=("/d",),
        features={"metadata.version": (1, 30)},
        clean_of=4,
        state=BrokerState.RUNNING,
        lease=LeaseId(3),
    )

    read = parse_broker(1, KV(broker_value(broker), create_rev=7, mod_rev=8, version=2))

    assert read == replace(broker, epoch=7, revision=8)
    assert read.endpoint("PLAINTEXT") == broker.endpoints[0]
    assert read.endpoint("SSL") is None


def test_a_draining_broker_is_not_active() -> None:
    broker = BrokerImage(1, "run", "disk")

    assert broker.is_active
    assert not replace(broker, state=BrokerState.DRAINING).is_active


def test_a_registration_has_the_revision_of_its_key_as_its_epoch() -> None:
    value = registration_value("disk", 1_000)

    assert parse_registration(1, KV(value, 2, 7, 2)) == Registration(1, "disk", 1_000, 7)


def test_a_topic_reads_back_without_its_partitions() -> None:
    topic = TopicImage("t", bytes(16), 3, 2, TopicState.CREATING)

    assert parse_topic("t", KV(topic_value(topic), 5, 5, 1)) == replace(topic, revision=5)
