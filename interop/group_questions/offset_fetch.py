"""OffsetFetch and OffsetDelete of simple consumers and classic groups."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker, Topic, random_id
from interop.group_questions.classic import enter, leave, stable_group
from interop.group_questions.consumer_bytes import subscription
from interop.group_questions.offsets import NEWEST_FETCH, commit, delete, fetch, fetch_all, wanted
from interop.group_questions.questions import Questions

OFFSET_FETCH = Questions("offset_fetch")
OFFSET_DELETE = Questions("offset_delete")
VERSIONS = range(1, NEWEST_FETCH + 1)


@OFFSET_FETCH.about(105, version=VERSIONS)
def of_an_unknown_group(asker: Asker, version: int) -> Any:
    return fetch(asker, asker.group(), {asker.topic(): [0, 1]}, version=version)


@OFFSET_FETCH.about(105, version=range(2, NEWEST_FETCH + 1))
def of_all_topics_of_an_unknown_group(asker: Asker, version: int) -> Any:
    return fetch(asker, asker.group(), version=version)


@OFFSET_FETCH.about(105, version=VERSIONS)
def of_no_topics(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 5}})
    return fetch(asker, group, {}, version=version)


@OFFSET_FETCH.about(105, version=VERSIONS)
def of_what_was_committed_and_what_was_not(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    told = {"committed_offset": 5, "committed_leader_epoch": 3}
    commit(asker, group, {topic: {0: told, 2: 7}})
    return fetch(asker, group, {topic: [0, 1, 2]}, version=version)


@OFFSET_FETCH.about(105, version=range(2, NEWEST_FETCH + 1))
def of_all_topics(asker: Asker, version: int) -> Any:
    group = asker.group()
    commit(asker, group, {asker.topic(): {0: 5, 2: 7}, asker.topic(): {1: 9}})
    return fetch(asker, group, version=version)


@OFFSET_FETCH.about(105, version=[1, 2, 5, 7, 8, 9, 10])
def of_an_unknown_topic_or_partition(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 5}})
    topics = {Topic("no-such-topic", random_id()): [0], topic: [0, 9, -1]}
    return fetch(asker, group, topics, version=version)


@OFFSET_FETCH.about(105)
def of_the_zero_topic_id(asker: Asker) -> Any:
    return fetch(asker, asker.group(), {Topic("zero", bytes(16)): [0]})


@OFFSET_FETCH.about(105, version=[1, 9, 10])
def of_the_same_partition_twice(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 5}})
    return fetch(asker, group, {topic: [0, 0]}, version=version)


@OFFSET_FETCH.about(105, version=[8, 9, 10])
def of_several_groups(asker: Asker, version: int) -> Any:
    one, two, topic = asker.group(), asker.group(), asker.topic()
    commit(asker, one, {topic: {0: 5}})
    commit(asker, two, {topic: {1: 7}})
    return fetch_all(
        asker,
        {"group_id": one, "topics": wanted({topic: [0, 1]})},
        {"group_id": two, "topics": None},
        {"group_id": asker.group(), "topics": None},
        version=version,
    )


@OFFSET_FETCH.about(105)
def of_one_group_twice(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 5}})
    told = {"group_id": group, "topics": wanted({topic: [0]})}
    return fetch_all(asker, told, told | {"topics": None}, version=10)


@OFFSET_FETCH.about(105, version=[8, 10])
def of_no_groups(asker: Asker, version: int) -> Any:
    return fetch_all(asker, version=version)


@OFFSET_FETCH.about(87, version=[1, 5, 8, 10])
def with_an_empty_group_id(asker: Asker, version: int) -> Any:
    return fetch(asker, "", {asker.topic(): [1]}, version=version)


@OFFSET_FETCH.about(106, version=[7, 8, 10])
def that_requires_stable_offsets(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 5}})
    return fetch(asker, group, {topic: [0, 1]}, version=version, require_stable=True)


@OFFSET_FETCH.about(113, version=[9, 10])
def with_a_member_of_an_unknown_group(asker: Asker, version: int) -> Any:
    member = {"member_id": "nobody", "member_epoch": 1}
    return fetch(asker, asker.group(), {asker.topic(): [0]}, version=version, **member)


@OFFSET_FETCH.about(113, member_id=["", "nobody", None], epoch=[-1, 0, 1])
def with_a_stranger_to_a_classic_group(asker: Asker, member_id: str | None, epoch: int) -> Any:
    group, topic = asker.group(), asker.topic()
    stable_group(asker, group)
    return fetch(asker, group, {topic: [0]}, member_id=member_id, member_epoch=epoch)


@OFFSET_FETCH.about(113, epoch=[-1, 0, 1, 2])
def with_a_member_of_a_classic_group(asker: Asker, epoch: int) -> Any:
    group, topic = asker.group(), asker.topic()
    member = stable_group(asker, group)["member_id"]
    return fetch(asker, group, {topic: [0]}, member_id=member, member_epoch=epoch)


@OFFSET_FETCH.about(105)
def before_the_leader_has_synced(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 5}})
    enter(asker, group)
    return fetch(asker, group, {topic: [0]})


@OFFSET_DELETE.about(87)
def with_an_empty_group(asker: Asker) -> Any:
    return delete(asker, "", {asker.topic(): [0]})


@OFFSET_DELETE.about(109)
def in_an_unknown_group(asker: Asker) -> Any:
    return delete(asker, asker.group(), {asker.topic(): [0]})


@OFFSET_DELETE.about(109)
def in_an_unknown_group_of_nothing(asker: Asker) -> Any:
    return delete(asker, asker.group(), {})


@OFFSET_DELETE.about(109)
def in_a_simple_group(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 5, 1: 6}})
    deleted = delete(asker, group, {topic: [0, 2, 9], "no-such-topic": [0]})
    again = delete(asker, group, {topic: [0]})
    return deleted, again, fetch(asker, group), asker.state(group)


@OFFSET_DELETE.about(109)
def of_everything_in_a_simple_group(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 5}})
    return delete(asker, group, {topic: [0]}), fetch(asker, group), asker.state(group)


@OFFSET_DELETE.about(109)
def in_a_stable_consumer_group(asker: Asker) -> Any:
    group, topic, other = asker.group(), asker.topic(), asker.topic()
    commit(asker, group, {topic: {0: 5}, other: {0: 6}})
    stable_group(asker, group, protocols={"range": subscription(topic)})
    deleted = delete(asker, group, {topic: [0, 9], other: [0, 9], "no-such-topic": [0]})
    return deleted, fetch(asker, group)


@OFFSET_DELETE.about(109)
def before_the_leader_has_synced_in_a_consumer_group(asker: Asker) -> Any:
    group, topic, other = asker.group(), asker.topic(), asker.topic()
    commit(asker, group, {topic: {0: 5}, other: {0: 6}})
    enter(asker, group, protocols={"range": subscription(topic)})
    return delete(asker, group, {topic: [0], other: [0]})


@OFFSET_DELETE.about(109)
def in_a_consumer_group_that_became_empty(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 5}})
    member = stable_group(asker, group, protocols={"range": subscription(topic)})["member_id"]
    leave(asker, group, member)
    return delete(asker, group, {topic: [0]}), fetch(asker, group)


@OFFSET_DELETE.about(109)
def in_a_stable_group_of_another_kind(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 5}})
    stable_group(asker, group, protocol_type="connect", protocols={"sessioned": b""})
    return delete(asker, group, {topic: [0]})
