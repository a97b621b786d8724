"""OffsetCommit: by simple consumers and by members of classic groups."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker, Topic, random_id
from interop.group_questions.classic import (
    Pair,
    enter,
    heartbeat,
    leave,
    pending_member,
    send_join,
    stable_group,
)
from interop.group_questions.offsets import NEWEST_COMMIT, commit, fetch
from interop.group_questions.questions import Questions

OFFSET_COMMIT = Questions("offset_commit")
VERSIONS = range(2, NEWEST_COMMIT + 1)


@OFFSET_COMMIT.about(102, version=VERSIONS)
def by_a_simple_consumer(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    committed = commit(asker, group, {topic: {0: 5, 2: 7}}, version=version)
    return committed, fetch(asker, group, {topic: [0, 1, 2]})


@OFFSET_COMMIT.about(102)
def a_simple_group_is_described(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 5}})
    return asker.state(group)


@OFFSET_COMMIT.about(101, version=VERSIONS)
def of_an_unknown_topic_or_partition(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    unknown = Topic("no-such-topic", random_id())
    committed = commit(asker, group, {unknown: {0: 1}, topic: {0: 1, 9: 1, -1: 1}}, version=version)
    return committed, fetch(asker, group)


@OFFSET_COMMIT.about(101)
def of_the_zero_topic_id(asker: Asker) -> Any:
    return commit(asker, asker.group(), {Topic("zero", bytes(16)): {0: 1}})


@OFFSET_COMMIT.about(101, version=[9, 10])
def of_unknown_topics_only_creates_no_group(asker: Asker, version: int) -> Any:
    group = asker.group()
    committed = commit(asker, group, {Topic("no-topic", random_id()): {0: 1}}, version=version)
    return committed, asker.state(group)


@OFFSET_COMMIT.about(101, name=["", "bad name", "."])
def of_a_topic_with_an_impossible_name(asker: Asker, name: str) -> Any:
    return commit(asker, asker.group(), {name: {0: 1}}, version=9)


@OFFSET_COMMIT.about(101, version=[9, 10])
def of_an_internal_topic(asker: Asker, version: int) -> Any:
    if version == NEWEST_COMMIT:
        return "the id is not known to the asker"
    return commit(asker, asker.group(), {"__consumer_offsets": {0: 1}}, version=version)


@OFFSET_COMMIT.about(101, version=[9, 10])
def of_the_same_partition_twice(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    twin = Topic(topic, topic.topic_id)
    first = commit(asker, group, {topic: {0: 1}}, version=version)
    return first, commit(asker, group, {twin: {0: 2}}, version=version), fetch(asker, group)


@OFFSET_COMMIT.about(102, version=[2, 5, 8, 9, 10], generation=[0, 1])
def with_a_generation_in_an_unknown_group(asker: Asker, version: int, generation: int) -> Any:
    group, topic = asker.group(), asker.topic()
    fields = {"generation_id_or_member_epoch": generation, "member_id": "somebody"}
    return commit(asker, group, {topic: {0: 5}}, version=version, **fields), asker.state(group)


@OFFSET_COMMIT.about(102, version=[2, 8, 9])
def with_a_generation_and_no_member_in_an_unknown_group(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    fields = {"generation_id_or_member_epoch": 3}
    return commit(asker, group, {topic: {0: 5}}, version=version, **fields)


@OFFSET_COMMIT.about(102, generation=[-1, -2])
def as_a_member_of_no_generation_in_an_unknown_group(asker: Asker, generation: int) -> Any:
    group, topic = asker.group(), asker.topic()
    fields = {"generation_id_or_member_epoch": generation, "member_id": "somebody"}
    return commit(asker, group, {topic: {0: 5}}, **fields), asker.state(group)


@OFFSET_COMMIT.about(102)
def as_an_instance_in_an_unknown_group(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    return commit(asker, group, {topic: {0: 5}}, group_instance_id="one"), asker.state(group)


@OFFSET_COMMIT.about(87, version=[2, 9, 10])
def with_an_empty_group_id(asker: Asker, version: int) -> Any:
    topic = asker.topic()
    return commit(asker, "", {topic: {0: 5}}, version=version), fetch(asker, "", {topic: [0]})


@OFFSET_COMMIT.about(104, version=[2, 10])
def with_long_metadata(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    metadata = {0: 4096, 1: 4097, 2: 0}
    offsets = {
        index: {"committed_offset": 1, "committed_metadata": "x" * length}
        for index, length in metadata.items()
    }
    committed = commit(asker, group, {topic: offsets}, version=version)
    found = fetch(asker, group, {topic: [0, 1, 2]})["groups"][0]["topics"][0]["partitions"]
    return committed, [
        (each["partition_index"], each["committed_offset"], len(each["metadata"])) for each in found
    ]


@OFFSET_COMMIT.about(104)
def with_metadata_measured_in_characters(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    metadata = {"committed_offset": 1, "committed_metadata": "é" * 4096}
    committed = commit(asker, group, {topic: {0: metadata}})
    found = fetch(asker, group, {topic: [0]})["groups"][0]["topics"][0]["partitions"][0]
    return committed, len(found["metadata"])


@OFFSET_COMMIT.about(104, version=[2, 10])
def with_null_metadata(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    nothing = {"committed_offset": 1, "committed_metadata": None}
    return commit(asker, group, {topic: {0: nothing}}, version=version), fetch(asker, group)


@OFFSET_COMMIT.about(101, offset=[-1, -2, 0, 2**63 - 1])
def of_any_offset(asker: Asker, offset: int) -> Any:
    group, topic = asker.group(), asker.topic()
    return commit(asker, group, {topic: {0: offset}}), fetch(asker, group, {topic: [0]})


@OFFSET_COMMIT.about(101, epoch=[-1, 0, 99, -5])
def with_a_leader_epoch(asker: Asker, epoch: int) -> Any:
    group, topic = asker.group(), asker.topic()
    told = {"committed_offset": 1, "committed_leader_epoch": epoch}
    return commit(asker, group, {topic: {0: told}}), fetch(asker, group, {topic: [0]})


@OFFSET_COMMIT.about(101, version=[2, 10])
def of_nothing(asker: Asker, version: int) -> Any:
    group = asker.group()
    return commit(asker, group, {}, version=version), asker.state(group)


@OFFSET_COMMIT.about(103, version=[2, 7, 9, 10])
def by_a_member(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    fields = {"generation_id_or_member_epoch": 1}
    member = stable_group(asker, group)["member_id"]
    offsets = {topic: {0: 5}}
    committed = commit(asker, group, offsets, version=version, member_id=member, **fields)
    return committed, fetch(asker, group, {topic: [0]})


@OFFSET_COMMIT.about(103, version=[2, 8, 9, 10], generation=[0, 2, -1])
def by_a_member_of_another_generation(asker: Asker, version: int, generation: int) -> Any:
    group, topic = asker.group(), asker.topic()
    member = stable_group(asker, group)["member_id"]
    fields = {"generation_id_or_member_epoch": generation, "member_id": member}
    return commit(asker, group, {topic: {0: 5}}, version=version, **fields)


@OFFSET_COMMIT.about(103, version=[2, 8, 9, 10], member=["", "nobody"], generation=[-1, 1])
def by_a_stranger_to_a_stable_group(
    asker: Asker, version: int, member: str, generation: int
) -> Any:
    group, topic = asker.group(), asker.topic()
    stable_group(asker, group)
    fields = {"generation_id_or_member_epoch": generation, "member_id": member}
    return commit(asker, group, {topic: {0: 5}}, version=version, **fields)


@OFFSET_COMMIT.about(103)
def by_a_stranger_of_an_unknown_topic(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    stable_group(asker, group)
    return commit(asker, group, {topic: {0: 1, 9: 1}}, member_id="nobody")


@OFFSET_COMMIT.about(103, version=[2, 8, 10])
def before_the_leader_has_synced(asker: Asker, version: int) -> Any:
    pair, topic = Pair(asker, synced=False), asker.topic()
    fields = {"member_id": pair.leader_id, "version": version}
    now = commit(
        asker,
        pair.group,
        {topic: {0: 5}},
        generation_id_or_member_epoch=pair.generation,
        **fields,
    )
    before = {"generation_id_or_member_epoch": pair.generation - 1}
    return now, commit(asker, pair.group, {topic: {0: 5}}, **before, **fields)


@OFFSET_COMMIT.about(103)
def while_a_rebalance_waits_for_members(asker: Asker) -> Any:
    pair, topic = Pair(asker), asker.topic()
    send_join(pair.leader, pair.group, pair.leader_id)
    pair.follower.wait_for_state(pair.group, "PreparingRebalance")
    fields = {"member_id": pair.follower_id, "generation_id_or_member_epoch": pair.generation}
    committed = commit(pair.follower, pair.group, {topic: {0: 5}}, **fields)
    return committed, heartbeat(pair.follower, pair.group, pair.follower_id, pair.generation)


@OFFSET_COMMIT.about(103)
def to_an_empty_group_that_had_members(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    member = stable_group(asker, group)["member_id"]
    leave(asker, group, member)
    offsets = {topic: {0: 5}}
    return (
        commit(asker, group, offsets),
        commit(asker, group, offsets, member_id=member, generation_id_or_member_epoch=1),
        commit(asker, group, offsets, member_id="nobody"),
        commit(asker, group, offsets, generation_id_or_member_epoch=2),
        commit(asker, group, offsets, version=8, generation_id_or_member_epoch=2),
        asker.state(group),
    )


@OFFSET_COMMIT.about(90, 103)
def to_a_group_of_a_pending_member(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    pending = pending_member(asker, group)
    return (
        commit(asker, group, {topic: {0: 5}}),
        commit(asker, group, {topic: {0: 5}}, member_id=pending, generation_id_or_member_epoch=0),
        enter(asker, group),
    )


@OFFSET_COMMIT.about(93, 103, version=[7, 10])
def by_static_members(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    member = stable_group(asker, group, group_instance_id="one")["member_id"]
    fields = {"version": version, "generation_id_or_member_epoch": 1}

    def committed(member_id: str, instance: str | None) -> Any:
        told = {"member_id": member_id, "group_instance_id": instance}
        return commit(asker, group, {topic: {0: 5}}, **told, **fields)

    return (
        committed(member, "one"),
        committed(member, None),
        committed("somebody", "one"),
        committed("", "one"),
        committed(member, "two"),
        committed("somebody", "two"),
    )


@OFFSET_COMMIT.about(103)
def again_and_lower(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 50}})
    commit(asker, group, {topic: {0: 5}})
    return fetch(asker, group, {topic: [0]})


@OFFSET_COMMIT.about(110, version=[2, 4])
def with_a_retention_time(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    offsets = {topic: {0: 5}}
    committed = commit(asker, group, offsets, version=version, retention_time_ms=100_000)
    return committed, fetch(asker, group, {topic: [0]})
