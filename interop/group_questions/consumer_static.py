"""Static members of the consumer protocol: instances in use, released and fenced."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.consumer import (
    LEAVE,
    LEAVE_FOR_A_WHILE,
    Consumer,
    a_consumer,
    beat,
    describe,
    joined_by,
    topic_for_members,
    until_next_assignment,
)
from interop.group_questions.questions import Questions

CONSUMER_STATIC = Questions("consumer_static")
ONE = {"instance_id": "one"}


@CONSUMER_STATIC.about(112)
def joins(asker: Asker) -> Any:
    member = Consumer(asker, asker.group(), "alice", topic_for_members(asker), **ONE)
    return member.join(), member.own(), describe(asker, member.group)


@CONSUMER_STATIC.about(112)
def an_instance_in_use(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker), **ONE)
    other = Consumer(asker, member.group, "bob", *member.topics, **ONE)
    return other.join(), member.beat()


@CONSUMER_STATIC.about(112)
def the_same_member_joins_again(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker), **ONE)
    until_next_assignment(asker)
    return member.join(), member.own(), describe(asker, member.group)


@CONSUMER_STATIC.about(112, 115)
def leaves_for_a_while_and_comes_back_as_another(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker), **ONE)
    left = member.leave(LEAVE_FOR_A_WHILE)
    between = describe(asker, member.group), member.beat()
    until_next_assignment(asker)
    other = Consumer(asker, member.group, "bob", *member.topics, **ONE)
    joined = other.join()
    return left, between, joined, other.own(), member.beat(), describe(asker, member.group)


@CONSUMER_STATIC.about(112, 115)
def leaves_for_a_while_and_comes_back_with_other_topics(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker), **ONE)
    member.leave(LEAVE_FOR_A_WHILE)
    until_next_assignment(asker)
    other = Consumer(asker, member.group, "bob", topic_for_members(asker, 1), **ONE)
    return other.join(), other.own(), describe(asker, member.group)


@CONSUMER_STATIC.about(112, 115)
def leaves_for_a_while_and_comes_back_itself(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker), **ONE)
    member.leave(LEAVE_FOR_A_WHILE)
    until_next_assignment(asker)
    return member.join(), member.own()


@CONSUMER_STATIC.about(112, 115)
def leaves_for_a_while_twice(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker), **ONE)
    return member.leave(LEAVE_FOR_A_WHILE), member.leave(LEAVE_FOR_A_WHILE), member.leave()


@CONSUMER_STATIC.about(112, 115)
def leaves_for_good(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker), **ONE)
    left = member.leave()
    until_next_assignment(asker)
    other = Consumer(asker, member.group, "bob", *member.topics, **ONE)
    return left, describe(asker, member.group), other.join()


@CONSUMER_STATIC.about(112)
def leaves_without_naming_its_instance(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker), **ONE)
    return beat(asker, member.group, "alice", LEAVE), describe(asker, member.group)


@CONSUMER_STATIC.about(112, epoch=[2, LEAVE, LEAVE_FOR_A_WHILE])
def an_instance_with_another_member_id(asker: Asker, epoch: int) -> Any:
    member = a_consumer(asker, topic_for_members(asker), **ONE)
    return beat(asker, member.group, "bob", epoch, **ONE)


@CONSUMER_STATIC.about(112, epoch=[2, LEAVE, LEAVE_FOR_A_WHILE])
def an_unknown_instance(asker: Asker, epoch: int) -> Any:
    member = a_consumer(asker, topic_for_members(asker), **ONE)
    return beat(asker, member.group, "alice", epoch, instance_id="two")


@CONSUMER_STATIC.about(112)
def a_dynamic_member_names_an_instance_later(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    return beat(asker, member.group, "alice", member.epoch, **ONE), member.beat()


@CONSUMER_STATIC.about(112)
def a_static_member_does_not_name_its_instance_later(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker), **ONE)
    return beat(asker, member.group, "alice", member.epoch), describe(asker, member.group)


@CONSUMER_STATIC.about(112)
def an_epoch_ahead_or_before(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker), **ONE)
    until_next_assignment(asker)
    before = member.epoch
    member.own(subscribed_topic_names=[])
    member.own()
    return (
        member.epoch - before,
        beat(asker, member.group, "alice", member.epoch + 1, **ONE),
        beat(asker, member.group, "alice", before, **ONE),
        beat(asker, member.group, "alice", before, topic_partitions=[], **ONE),
    )


@CONSUMER_STATIC.about(112, 115)
def a_share_waits_for_the_one_who_left_for_a_while(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker, 2), **ONE)
    two, _ = joined_by(one, instance_id="two")
    one.own()
    one.own()
    two.own()
    left = one.leave(LEAVE_FOR_A_WHILE)
    until_next_assignment(asker)
    kept = two.own()
    back = Consumer(asker, one.group, "carol", *one.topics, **ONE)
    return left, kept, back.join(), two.own(), describe(asker, one.group)


@CONSUMER_STATIC.about(112)
def a_dynamic_member_takes_the_id_of_a_static_one(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker), **ONE)
    until_next_assignment(asker)
    other = Consumer(asker, member.group, "alice", *member.topics)
    return other.join(), describe(asker, member.group)


@CONSUMER_STATIC.about(112)
def a_member_joins_with_a_second_instance(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker), **ONE)
    until_next_assignment(asker)
    other = Consumer(asker, member.group, "alice", *member.topics, instance_id="two")
    return other.join(), describe(asker, member.group)
