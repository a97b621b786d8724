"""Offsets of groups of the consumer protocol: who may commit, fetch and delete them."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.consumer import (
    a_consumer,
    a_settled_pair,
    describe,
    joined_by,
    topic_for_members,
    until_next_assignment,
)
from interop.group_questions.offsets import commit, delete, fetch
from interop.group_questions.questions import Questions

CONSUMER_OFFSETS = Questions("consumer_offsets")


@CONSUMER_OFFSETS.about(113, version=[2, 7, 8, 9, 10])
def committed_by_a_member(asker: Asker, version: int) -> Any:
    topic = topic_for_members(asker)
    member = a_consumer(asker, topic)
    fields = {"member_id": "alice", "generation_id_or_member_epoch": member.epoch}
    committed = commit(asker, member.group, {topic: {0: 5}}, version=version, **fields)
    return committed, fetch(asker, member.group, {topic: [0]})


@CONSUMER_OFFSETS.about(113, version=[2, 8, 9, 10], change=[-1, 1])
def committed_with_another_epoch(asker: Asker, version: int, change: int) -> Any:
    topic = topic_for_members(asker)
    member = a_consumer(asker, topic)
    fields = {"member_id": "alice", "generation_id_or_member_epoch": member.epoch + change}
    return commit(asker, member.group, {topic: {0: 5}}, version=version, **fields)


@CONSUMER_OFFSETS.about(113, epoch=[-1, 0])
def committed_with_no_epoch(asker: Asker, epoch: int) -> Any:
    topic = topic_for_members(asker)
    member = a_consumer(asker, topic)
    fields = {"member_id": "alice", "generation_id_or_member_epoch": epoch}
    return commit(asker, member.group, {topic: {0: 5}}, **fields)


@CONSUMER_OFFSETS.about(113, version=[2, 8, 9, 10], member=["", "bob"], epoch=[-1, 2])
def committed_by_a_stranger(asker: Asker, version: int, member: str, epoch: int) -> Any:
    topic = topic_for_members(asker)
    group = a_consumer(asker, topic).group
    fields = {"member_id": member, "generation_id_or_member_epoch": epoch}
    return commit(asker, group, {topic: {0: 5}}, version=version, **fields)


@CONSUMER_OFFSETS.about(113)
def committed_with_the_epoch_before(asker: Asker) -> Any:
    one, two = topic_for_members(asker, 1), topic_for_members(asker, 1)
    member = a_consumer(asker, one)
    before = member.epoch
    until_next_assignment(asker)
    member.own(subscribed_topic_names=[one, two])
    member.own()
    fields = {"member_id": "alice", "generation_id_or_member_epoch": before}
    offsets = {one: {0: 5, 7: 1}, two: {0: 6}}
    return member.epoch - before, commit(asker, member.group, offsets, **fields)


@CONSUMER_OFFSETS.about(113)
def committed_of_partitions_one_does_not_own(asker: Asker) -> Any:
    topic, other = topic_for_members(asker), topic_for_members(asker)
    one, two = a_settled_pair(asker, topic)
    fields = {"member_id": "bob", "generation_id_or_member_epoch": two.epoch}
    return commit(asker, one.group, {topic: {0: 1, 1: 1, 2: 1}, other: {0: 1}}, **fields)


@CONSUMER_OFFSETS.about(113)
def committed_while_giving_up_partitions(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    one = a_consumer(asker, topic)
    two, _ = joined_by(one)
    one.beat()
    offsets = {topic: {0: 1, 2: 1}}
    return (
        commit(
            asker,
            one.group,
            offsets,
            member_id="alice",
            generation_id_or_member_epoch=one.epoch,
        ),
        commit(
            asker,
            one.group,
            offsets,
            member_id="bob",
            generation_id_or_member_epoch=two.epoch,
        ),
    )


@CONSUMER_OFFSETS.about(113, version=[8, 9, 10])
def committed_to_a_group_that_all_have_left(asker: Asker, version: int) -> Any:
    topic = topic_for_members(asker)
    member = a_consumer(asker, topic)
    member.leave()
    offsets = {topic: {0: 5}}
    late = {"member_id": "alice", "generation_id_or_member_epoch": member.epoch}
    return (
        commit(asker, member.group, offsets, version=version),
        commit(asker, member.group, offsets, version=version, **late),
        describe(asker, member.group)["groups"][0]["group_state"],
    )


@CONSUMER_OFFSETS.about(113)
def committed_by_a_static_member(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    member = a_consumer(asker, topic, instance_id="one")
    told = {"generation_id_or_member_epoch": member.epoch}

    def committed(member_id: str, instance: str | None) -> Any:
        fields = {"member_id": member_id, "group_instance_id": instance} | told
        return commit(asker, member.group, {topic: {0: 5}}, **fields)

    return (
        committed("alice", "one"),
        committed("alice", None),
        committed("alice", "two"),
        committed("bob", "one"),
    )


@CONSUMER_OFFSETS.about(113, version=[1, 8, 9, 10])
def fetched_by_anybody(asker: Asker, version: int) -> Any:
    topic = topic_for_members(asker)
    return fetch(asker, a_consumer(asker, topic).group, {topic: [0]}, version=version)


@CONSUMER_OFFSETS.about(113, version=[9, 10], change=[-1, 0, 1])
def fetched_by_a_member(asker: Asker, version: int, change: int) -> Any:
    topic = topic_for_members(asker)
    member = a_consumer(asker, topic)
    told = {"member_id": "alice", "member_epoch": member.epoch + change}
    return fetch(asker, member.group, {topic: [0]}, version=version, **told)


@CONSUMER_OFFSETS.about(113, member=["", "bob", None], epoch=[-1, 0, 2])
def fetched_by_a_stranger(asker: Asker, member: str | None, epoch: int) -> Any:
    topic = topic_for_members(asker)
    group = a_consumer(asker, topic).group
    return fetch(asker, group, {topic: [0]}, member_id=member, member_epoch=epoch)


@CONSUMER_OFFSETS.about(113)
def all_fetched_by_a_stranger(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    group = a_consumer(asker, topic).group
    return fetch(asker, group, member_id="bob", member_epoch=2)


@CONSUMER_OFFSETS.about(109)
def deleted_while_somebody_reads(asker: Asker) -> Any:
    topic, other = topic_for_members(asker), topic_for_members(asker)
    member = a_consumer(asker, topic)
    told = {"member_id": "alice", "generation_id_or_member_epoch": member.epoch}
    commit(asker, member.group, {topic: {0: 5}, other: {0: 6}}, **told)
    return delete(asker, member.group, {topic: [0], other: [0]}), fetch(asker, member.group)


@CONSUMER_OFFSETS.about(109)
def deleted_when_all_have_left(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    member = a_consumer(asker, topic)
    member.leave()
    commit(asker, member.group, {topic: {0: 5}})
    return delete(asker, member.group, {topic: [0]}), fetch(asker, member.group)
