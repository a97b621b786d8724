"""Which brokers get the replicas of new partitions."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.placement import check_assignment, place
from tests.replication.clusters import NoDice, a_cluster, a_draining_broker, a_live_broker

RACKS = [a_live_broker(10 * rack + i, rack="ABC"[rack]) for rack in range(3) for i in range(3)]


def test_one_broker_gets_everything() -> None:
    assert place([a_live_broker(1)], partitions=3, replication_factor=1, dice=Random(1)) == (
        (1,),
        (1,),
        (1,),
    )


def test_replicas_lie_in_stripes_over_racks_and_brokers() -> None:
    assert place(RACKS, partitions=3, replication_factor=3, dice=NoDice()) == (
        (0, 10, 20),
        (11, 21, 1),
        (22, 2, 12),
    )


def test_a_rack_gives_a_second_broker_once_all_gave_one() -> None:
    brokers = [a_live_broker(1, rack="A"), a_live_broker(2, rack="A"), a_live_broker(3, rack="B")]

    assert place(brokers, partitions=2, replication_factor=3, dice=NoDice()) == (
        (1, 3, 2),
        (3, 2, 1),
    )


def test_too_few_brokers_are_refused() -> None:
    brokers = [a_live_broker(1), a_live_broker(2), a_draining_broker(3)]

    with pytest.raises(KafkaError, match="only 2 broker") as refusal:
        place(brokers, partitions=1, replication_factor=3, dice=NoDice())
    assert refusal.value.code is ErrorCode.INVALID_REPLICATION_FACTOR
    with pytest.raises(KafkaError, match="only 0 broker"):
        place([], partitions=1, replication_factor=1, dice=NoDice())


@given(
    racks=st.lists(st.sampled_from(["A", "B", None]), min_size=1, max_size=7),
    partitions=st.integers(1, 40),
    seed=st.integers(0, 2**32),
    data=st.data(),
)
def test_each_partition_has_so_many_brokers_and_each_leads_as_often_as_it_can(
    racks: list[str | None], partitions: int, seed: int, data: st.DataObject
) -> None:
    brokers = [a_live_broker(i + 1, rack=rack) for i, rack in enumerate(racks)]
    replication_factor = data.draw(st.integers(1, len(brokers)))

    placed = place(
        brokers,
        partitions=partitions,
        replication_factor=replication_factor,
        dice=Random(seed),
    )

    assert len(placed) == partitions
    for replicas in placed:
        assert len(set(replicas)) == len(replicas) == replication_factor
        assert set(replicas) <= {broker.broker_id for broker in brokers}
        spread = {brokers[replica - 1].rack for replica in replicas}
        assert len(spread) == min(replication_factor, len(set(racks)))


def test_without_racks_leaders_are_even() -> None:
    brokers = [a_live_broker(i) for i in range(5)]

    placed = place(brokers, partitions=100, replication_factor=3, dice=Random(7))

    assert Counter(replicas[0] for replicas in placed) == dict.fromkeys(range(5), 20)


def test_stripes_do_not_come_again_once_all_were_used() -> None:
    brokers = [a_live_broker(i) for i in range(6)]

    placed = place(brokers, partitions=18, replication_factor=3, dice=Random(7))

    assert len({placed[start : start + 6] for start in (0, 6, 12)}) == 3
    assert len({frozenset(replicas) for replicas in placed}) > 6


IMAGE = a_cluster(brokers=[a_live_broker(1), a_draining_broker(2)], registered=[1, 2, 3])


@pytest.mark.parametrize("brokers", [(1,), (3, 1), (2, 1)])
def test_an_assignment_with_one_broker_that_can_lead_is_let_pass(brokers: tuple[int, ...]) -> None:
    check_assignment(IMAGE, 0, brokers, replication_factor=len(brokers))


@pytest.mark.parametrize(
    ("brokers", "reason"),
    [
        ((), "an empty replica list"),
        ((1, 4), "broker 4, but no such broker"),
        ((1, 3, 1), "broker 1 more than once"),
        ((1, 3), "a partition with 2 replica"),
        ((2,), "partition 7 are fenced or in controlled shutdown"),
        ((3,), "partition 7 are fenced or in controlled shutdown"),
    ],
)
def test_row_33_an_assignment_that_cannot_be_is_refused(
    brokers: tuple[int, ...], reason: str
) -> None:
    with pytest.raises(KafkaError, match=reason) as refusal:
        check_assignment(IMAGE, 7, brokers, replication_factor=1)
    assert refusal.value.code is ErrorCode.INVALID_REPLICA_ASSIGNMENT
