"""Who leads which partition, given who is alive."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykbroker.metadata.changes import PartitionChange
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.values import BrokerImage, PartitionImage
from pykbroker.replication.elections import elected, elections
from tests.replication.clusters import a_cluster, a_live_broker, a_topic, an_id

# Broker n is alive under epoch 10 n; as a former self it had epoch n.
LIVE = {broker_id: a_live_broker(broker_id) for broker_id in (1, 2, 3)}


def a_partition(leader: int, isr: dict[int, int], **fields: object) -> PartitionImage:
    return PartitionImage(
        0,
        (1, 2, 3),
        leader,
        isr.get(leader, -1),
        leader_epoch=5,
        isr=tuple(isr),
        isr_epochs=tuple(isr.values()),
        **fields,  # type: ignore[arg-type]
    )


def elect(partition: PartitionImage, *live: BrokerImage, least: int = 1) -> PartitionImage:
    return elected(partition, a_cluster(brokers=live), least)


def test_nothing_changes_while_all_members_are_alive() -> None:
    partition = a_partition(2, {1: 10, 2: 20})

    assert elect(partition, LIVE[1], LIVE[2]) is partition


def test_a_single_broker_that_comes_back_leads_with_the_next_epoch() -> None:
    partition = replace(a_partition(1, {1: 1}), replicas=(1,))

    assert elect(partition, LIVE[1]) == replace(
        partition, leader_broker_epoch=10, leader_epoch=6, isr_epochs=(10,)
    )


def test_the_first_replica_in_sync_takes_over_from_a_dead_leader() -> None:
    partition = a_partition(1, {1: 10, 3: 30, 2: 20})

    assert elect(partition, LIVE[2], LIVE[3]) == replace(
        partition,
        leader=2,
        leader_broker_epoch=20,
        leader_epoch=6,
        isr=(3, 2),
        isr_epochs=(30, 20),
    )


def test_a_member_that_was_away_is_no_member_any_more() -> None:
    partition = a_partition(1, {1: 10, 2: 2})

    assert elect(partition, LIVE[1], LIVE[2]) == replace(
        partition, leader_epoch=6, isr=(1,), isr_epochs=(10,)
    )


def test_who_leaves_too_small_an_isr_stays_eligible() -> None:
    partition = a_partition(1, {1: 10, 2: 20})

    assert elect(partition, LIVE[1], least=2) == replace(
        partition, leader_epoch=6, isr=(1,), isr_epochs=(10,), elr=(2,), elr_epochs=(20,)
    )


def test_a_large_enough_isr_needs_no_eligible_ones() -> None:
    partition = a_partition(1, {1: 10, 2: 2, 3: 30}, elr=(4,), elr_epochs=(4,), last_known_elr=(5,))

    after = elect(partition, LIVE[1], LIVE[3], least=2)

    assert (after.isr, after.elr, after.elr_epochs, after.last_known_elr) == ((1, 3), (), (), ())


def test_without_anybody_in_sync_there_is_no_leader_and_the_last_one_is_remembered() -> None:
    partition = a_partition(1, {1: 1, 2: 2})

    after = elect(partition, LIVE[3])

    assert after == replace(
        partition,
        leader=-1,
        leader_broker_epoch=-1,
        leader_epoch=6,
        isr=(),
        isr_epochs=(),
        elr=(1, 2),
        elr_epochs=(1, 2),
        last_known_elr=(1,),
    )
    assert elect(after, LIVE[3]) is after


def test_an_eligible_replica_that_was_shut_down_cleanly_leads() -> None:
    partition = a_partition(-1, {}, elr=(1, 2), elr_epochs=(1, 2), last_known_elr=(1,))

    after = elect(partition, LIVE[1], replace(LIVE[2], clean_of=2), least=2)

    assert after == replace(
        partition,
        leader=2,
        leader_broker_epoch=20,
        leader_epoch=6,
        isr=(2,),
        isr_epochs=(20,),
        elr=(1,),
        elr_epochs=(1,),
    )


def test_an_eligible_replica_that_crashed_does_not_lead_while_others_may_hold_more() -> None:
    partition = a_partition(-1, {}, elr=(1, 2), elr_epochs=(1, 2), last_known_elr=(1,))

    assert elect(partition, LIVE[1], LIVE[2]) is partition


def test_the_last_one_in_sync_leads_even_after_a_crash() -> None:
    partition = a_partition(2, {2: 2})

    after = elect(partition, LIVE[1], LIVE[2], LIVE[3])

    assert (after.leader, after.isr, after.isr_epochs) == (2, (2,), (20,))


@pytest.mark.parametrize("live", [(1,), (1, 2), (2, 3), ()])
def test_elections_name_only_the_partitions_that_change(live: tuple[int, ...]) -> None:
    topic = a_topic("t", 2)
    partitions = (a_partition(1, {1: 10}), replace(a_partition(2, {2: 20}), index=1))
    image = a_cluster(
        replace(topic, partitions=partitions), brokers=[LIVE[broker_id] for broker_id in live]
    )

    changes = elections(image, lambda _: 1)

    assert changes == tuple(
        PartitionChange(an_id("t"), partition, elected(partition, image, 1))
        for partition in partitions
        if partition.leader not in live
    )


def test_only_what_changed_since_all_was_settled_is_looked_at() -> None:
    dead = replace(a_topic("dead"), partitions=(a_partition(2, {2: 20}),))
    other = replace(a_topic("other"), partitions=(a_partition(2, {2: 20}),))
    image = a_cluster(dead, other)

    def looked_at(settled: ClusterImage) -> list[bytes]:
        return [change.topic_id for change in elections(image, lambda _: 1, settled=settled)]

    assert looked_at(image) == []
    assert looked_at(replace(image, topics={"dead": dead})) == [an_id("other")]
    assert looked_at(replace(image, brokers={})) == [an_id("dead"), an_id("other")]


def test_the_least_in_sync_is_at_most_the_number_of_replicas() -> None:
    partition = replace(a_partition(1, {1: 1}), replicas=(1,))
    image = a_cluster(replace(a_topic("t"), partitions=(partition,)))

    (change,) = elections(image, lambda _: 2)

    assert (change.after.leader, change.after.elr) == (1, ())


EPOCHS = st.dictionaries(st.sampled_from((1, 2, 3)), st.sampled_from((0, 1)), max_size=3)


@given(isr=EPOCHS, elr=EPOCHS, live=EPOCHS, least=st.integers(1, 3), data=st.data())
def test_deciding_again_changes_nothing_and_only_the_living_lead(
    isr: dict[int, int], elr: dict[int, int], live: dict[int, int], least: int, data: st.DataObject
) -> None:
    isr = {b: 10 * b if whole else b for b, whole in isr.items()}
    elr = {b: b for b in elr if b not in isr}
    leader = data.draw(st.sampled_from(sorted(isr) or [-1]))
    partition = a_partition(leader, isr, elr=tuple(elr), elr_epochs=tuple(elr.values()))
    brokers = [replace(LIVE[b], clean_of=b if clean else -1) for b, clean in live.items()]

    after = elect(partition, *brokers, least=least)

    assert elect(after, *brokers, least=least) is after
    assert after.leader == -1 or (after.leader in live and after.leader in after.isr)
    members = dict(zip(after.isr, after.isr_epochs, strict=True))
    assert members == {b: LIVE[b].epoch for b in after.isr if b in live}
    assert not set(after.isr) & set(after.elr)
    known = {*isr, *elr}
    assert {*after.isr, *after.elr} <= known
    assert after.leader_epoch == partition.leader_epoch + (after is not partition)
