"""The cluster's image: a pure fold over whole revisions."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import Keys, encode
from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.metadata.store import Delete, Put
from pykbroker.metadata.values import (
    BrokerImage,
    ControllerImage,
    PartitionImage,
    Registration,
    TopicImage,
    TopicState,
    broker_value,
    controller_value,
    partition_value,
    registration_value,
    topic_value,
)

KEYS = Keys.of("c")
ID, OTHER_ID = b"i" * 16, b"o" * 16

Op = Put | Delete


def fold(*transactions: list[Op]) -> ClusterImage:
    """Give the image that a broker has after following these transactions."""

    async def follow() -> ClusterImage:
        store, image = MemoryStore(), ClusterImage(KEYS, revision=1)
        watch = store.watch(KEYS.prefix, 1)
        for ops in transactions:
            await store.txn([], ops)
            image = image.apply(await anext(watch))
        assert image == ClusterImage.load(KEYS, await store.load(KEYS.prefix))
        return image

    return trio.run(follow)


def topic_op(
    count: int, *, state: TopicState = TopicState.ACTIVE, name: str = "t", topic_id: bytes = ID
) -> Put:
    return Put(KEYS.topic(name), topic_value(TopicImage(name, topic_id, count, 1, state)))


def partition_op(index: int, *, leader_epoch: int = 0, topic_id: bytes = ID) -> Put:
    partition = PartitionImage(index, (1,), 1, 2, leader_epoch, (1,), (2,))
    return Put(KEYS.partition(topic_id, index), partition_value(partition))


def shown(image: ClusterImage) -> dict[str, list[int]]:
    return {name: [p.index for p in topic.partitions] for name, topic in image.topics.items()}


def test_a_topic_is_shown_with_its_partitions() -> None:
    image = fold([topic_op(2), partition_op(0), partition_op(1)])

    assert image.topics == {
        "t": TopicImage(
            "t",
            ID,
            2,
            1,
            partitions=tuple(
                PartitionImage(i, (1,), 1, 2, 0, (1,), (2,), partition_epoch=1, revision=2)
                for i in (0, 1)
            ),
            revision=2,
        )
    }
    assert dict(image.topics_by_id) == {ID: image.topics["t"]}
    assert len(image.topics_by_id) == 1


def test_lookups_find_what_is_shown_and_nothing_else() -> None:
    image = fold(
        [topic_op(1), partition_op(0), topic_op(2, name="u", topic_id=OTHER_ID)],
        [topic_op(2, name="u", topic_id=OTHER_ID, state=TopicState.DELETING)],
    )

    assert image.partition("t", 0) == image.topics["t"].partitions[0]
    assert [image.partition(*p) for p in (("t", 1), ("t", -1), ("u", 0), ("x", 0))] == [None] * 4
    assert [image.topic_name(i) for i in (ID, OTHER_ID, bytes(16))] == ["t", None, None]
    assert OTHER_ID not in image.topics_by_id
    assert image.topic_of(OTHER_ID) == image.pending["u"]
    assert image.topic_of(bytes(16)) is None


def test_a_topic_being_created_is_not_shown_until_it_is_active() -> None:
    creating: list[list[Op]] = [
        [topic_op(2, state=TopicState.CREATING), partition_op(0)],
        [partition_op(1)],
    ]

    assert shown(fold(*creating)) == {}
    assert list(fold(*creating).pending) == ["t"]
    assert shown(fold(*creating, [topic_op(2)])) == {"t": [0, 1]}
    assert fold(*creating, [topic_op(2)]).pending == {}


def test_a_topic_being_deleted_is_shown_no_more_and_its_name_is_taken_till_the_end() -> None:
    deleting: list[list[Op]] = [
        [topic_op(2), partition_op(0), partition_op(1)],
        [topic_op(2, state=TopicState.DELETING)],
        [Delete(KEYS.partition(ID, 1))],
    ]
    gone: list[Op] = [Delete(KEYS.partition(ID, 0)), Delete(KEYS.topic("t"))]

    assert shown(fold(*deleting)) == {}
    assert [p.index for p in fold(*deleting).pending["t"].partitions] == [0]
    assert fold(*deleting, gone) == ClusterImage(KEYS, revision=5)


def test_added_partitions_are_shown_when_the_topic_says_so() -> None:
    growing: list[list[Op]] = [[topic_op(1), partition_op(0)], [partition_op(1), partition_op(2)]]

    assert shown(fold(*growing)) == {"t": [0]}
    assert [p.index for p in fold(*growing).topics["t"].unshown] == [1, 2]
    assert shown(fold(*growing, [topic_op(3)])) == {"t": [0, 1, 2]}
    assert shown(fold(*growing, [topic_op(2)])) == {"t": [0, 1]}


def test_a_topic_made_again_under_its_name_is_another_topic() -> None:
    image = fold(
        [topic_op(1), partition_op(0)],
        [Delete(KEYS.partition(ID, 0)), Delete(KEYS.topic("t"))],
        [topic_op(1, topic_id=OTHER_ID), partition_op(0, topic_id=OTHER_ID)],
    )

    assert image.topic_names == {OTHER_ID: "t"}
    assert image.topics["t"].topic_id == OTHER_ID


def test_a_partition_changes_alone() -> None:
    before = fold([topic_op(2), partition_op(0), partition_op(1)])
    after = fold([topic_op(2), partition_op(0), partition_op(1)], [partition_op(1, leader_epoch=1)])

    assert after.topics["t"].partitions == (
        before.topics["t"].partitions[0],
        PartitionImage(1, (1,), 1, 2, 1, (1,), (2,), partition_epoch=2, revision=3),
    )


def test_what_a_batch_does_not_touch_is_shared() -> None:
    async def follow() -> tuple[ClusterImage, ClusterImage]:
        store = MemoryStore()
        await store.txn([], [topic_op(1), partition_op(0)])
        other = topic_op(1, name="u", topic_id=OTHER_ID)
        await store.txn([], [other, partition_op(0, topic_id=OTHER_ID)])
        before = ClusterImage.load(KEYS, await store.load(KEYS.prefix))
        watch = store.watch(KEYS.prefix, 3)
        await store.txn([], [partition_op(0, leader_epoch=5)])
        return before, before.apply(await anext(watch))

    before, after = trio.run(follow)

    assert after.topics["u"] is before.topics["u"]
    assert after.configs is before.configs
    assert after.topic_names is before.topic_names
    assert before.topics["t"].partitions[0].leader_epoch == 0


def test_brokers_the_controller_and_the_cluster_come_and_go() -> None:
    joined: list[Op] = [
        Put(KEYS.meta, encode({"cluster_id": "id", "features": {"group.version": 1}})),
        Put(KEYS.live(1), broker_value(BrokerImage(1, "run", "disk"))),
        Put(KEYS.broker(1), registration_value("disk", 7)),
        Put(KEYS.controller, controller_value(1, 2)),
    ]

    image = fold(joined)
    assert (image.cluster_id, image.features) == ("id", {"group.version": 1})
    assert image.brokers == {1: BrokerImage(1, "run", "disk", epoch=2, revision=2)}
    assert image.registrations == {1: Registration(1, "disk", 7, 2)}
    assert image.controller == ControllerImage(1, 2, 2)

    after = fold(joined, [Delete(op.key) for op in joined])
    assert after == ClusterImage(KEYS, revision=3)


def test_configurations_and_producer_ids_come_and_go() -> None:
    written: list[Op] = [
        Put(KEYS.config("topic", "t"), encode({"configs": {"retention.ms": "1"}})),
        Put(KEYS.producer_ids, encode({"next": 1000})),
        Put(KEYS.gone(ID), encode({"name": "t", "brokers": [1, 2]})),
    ]

    image = fold(written)
    assert image.config("topic", "t") == {"retention.ms": "1"}
    assert image.config("topic", "u") == {}
    assert image.config_revisions == {("topic", "t"): 2}
    assert (image.next_producer_id, image.producer_ids_revision) == (1000, 2)
    assert image.gone == {ID: {1, 2}}

    assert fold(written, [Delete(op.key) for op in written]) == ClusterImage(KEYS, revision=3)


def test_keys_of_kinds_not_known_here_are_passed_over() -> None:
    assert fold([Put(KEYS.prefix + b"acls/1", b"not json")]) == ClusterImage(KEYS, revision=2)


def test_a_partition_of_no_topic_is_a_broken_store() -> None:
    with pytest.raises(AssertionError, match="partition of no topic"):
        fold([partition_op(0)])


def test_a_revision_is_not_applied_twice() -> None:
    async def follow() -> None:
        store, image = MemoryStore(), ClusterImage(KEYS, revision=1)
        await store.txn([], [Put(KEYS.meta, encode({"cluster_id": "", "features": {}}))])
        batch = await anext(store.watch(KEYS.prefix, 1))
        image.apply(batch).apply(batch)

    with pytest.raises(AssertionError, match="revision 2 after 2"):
        trio.run(follow)


LIVES = st.lists(
    st.tuples(st.sampled_from("tuv"), st.integers(1, 4), st.booleans()), min_size=1, max_size=8
)


@settings(max_examples=30, deadline=None)
@given(LIVES)
def test_following_and_loading_give_the_same_image(lives: list[tuple[str, int, bool]]) -> None:
    transactions: list[list[Op]] = []
    present: dict[str, int] = {}
    for name, count, delete in lives:
        topic_id = name.encode() * 16
        if name in present and delete:
            indexes = range(present.pop(name))
            transactions.append(
                [
                    *(Delete(KEYS.partition(topic_id, index)) for index in reversed(indexes)),
                    Delete(KEYS.topic(name)),
                ]
            )
        else:
            present[name] = max(count, present.get(name, 0))
            transactions.append(
                [
                    topic_op(present[name], name=name, topic_id=topic_id),
                    *(partition_op(i, topic_id=topic_id) for i in range(present[name])),
                ]
            )

    assert shown(fold(*transactions)) == {n: list(range(c)) for n, c in present.items()}
