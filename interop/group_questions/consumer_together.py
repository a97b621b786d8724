"""ConsumerGroupHeartbeat of two and more members: partitions move when they are given up."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.consumer import (
    Consumer,
    a_consumer,
    a_settled_pair,
    beat,
    describe,
    joined_by,
    topic_for_members,
    until_next_assignment,
)
from interop.group_questions.questions import Questions

CONSUMER_TOGETHER = Questions("consumer_together")


@CONSUMER_TOGETHER.about(112, partitions=[1, 2, 3, 4])
def a_second_member_joins(asker: Asker, partitions: int) -> Any:
    one = a_consumer(asker, topic_for_members(asker, partitions))
    two, joined = joined_by(one)
    return (
        joined,
        two.own(),
        one.beat(),
        two.own(),
        one.own(),
        two.own(),
        one.own(),
        describe(asker, one.group),
    )


@CONSUMER_TOGETHER.about(112)
def a_second_member_joins_soon_after_the_first(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker))
    two = Consumer(asker, one.group, "bob", *one.topics)
    joined, told = two.join(), one.own()
    until_next_assignment(asker)
    return joined, told, two.own(), one.beat(), one.own(), two.own()


@CONSUMER_TOGETHER.about(112)
def partitions_are_not_given_up(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker))
    held = list(one.share)
    two, joined = joined_by(one)
    return (
        joined,
        one.beat(),
        one.beat(topic_partitions=held),
        one.beat(),
        two.beat(),
        describe(asker, one.group),
        one.own(),
        two.beat(),
    )


@CONSUMER_TOGETHER.about(112)
def everything_is_given_up(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker))
    two, _ = joined_by(one)
    one.beat()
    return one.beat(topic_partitions=[]), two.beat(), one.own(), two.own()


@CONSUMER_TOGETHER.about(112)
def partitions_are_given_up_before_one_is_asked(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker, 2))
    two, _ = joined_by(one)
    return one.beat(topic_partitions=[]), two.beat(), one.beat()


@CONSUMER_TOGETHER.about(112)
def a_member_that_must_give_up_joins_again(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker))
    two, _ = joined_by(one)
    one.beat()
    return one.join(), two.beat(), one.own(), two.own()


@CONSUMER_TOGETHER.about(112, 115)
def one_of_two_leaves(asker: Asker) -> Any:
    one, two = a_settled_pair(asker, topic_for_members(asker))
    until_next_assignment(asker)
    return two.leave(), one.beat(), one.own(), describe(asker, one.group)


@CONSUMER_TOGETHER.about(112, 115)
def one_leaves_before_it_gives_up(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker))
    two, joined = joined_by(one)
    left = one.leave()
    until_next_assignment(asker)
    return joined, left, two.own(), two.own()


@CONSUMER_TOGETHER.about(112)
def a_third_member_joins(asker: Asker) -> Any:
    one, two = a_settled_pair(asker, topic_for_members(asker))
    three, joined = joined_by(two, "carol")
    return joined, one.beat(), two.beat(), one.own(), two.own(), three.own(), three.own()


@CONSUMER_TOGETHER.about(112)
def members_of_different_topics(asker: Asker) -> Any:
    first, second = topic_for_members(asker, 2), topic_for_members(asker, 2)
    one = a_consumer(asker, first)
    until_next_assignment(asker)
    two = Consumer(asker, one.group, "bob", second)
    return two.join(), one.beat(), two.own(), describe(asker, one.group)


@CONSUMER_TOGETHER.about(112)
def a_topic_in_common_and_one_of_ones_own(asker: Asker) -> Any:
    common, private = topic_for_members(asker, 2), topic_for_members(asker, 2)
    one = a_consumer(asker, common)
    until_next_assignment(asker)
    two = Consumer(asker, one.group, "bob", common, private)
    return two.join(), one.beat(), one.own(), two.own()


@CONSUMER_TOGETHER.about(112)
def more_members_than_partitions(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker, 1))
    two, joined = joined_by(one)
    return joined, one.own(), two.own(), describe(asker, one.group)


@CONSUMER_TOGETHER.about(112, topics=[1, 2])
def ranges_of_partitions(asker: Asker, topics: int) -> Any:
    names = [topic_for_members(asker) for _ in range(topics)]
    one = a_consumer(asker, *names, server_assignor="range")
    two, joined = joined_by(one, server_assignor="range")
    return joined, one.beat(), one.own(), two.own()


@CONSUMER_TOGETHER.about(112, majority=["range", "uniform"])
def the_assignor_most_members_want(asker: Asker, majority: str) -> Any:
    other = {"range": "uniform", "uniform": "range"}[majority]
    one = a_consumer(asker, topic_for_members(asker), server_assignor=other)
    until_next_assignment(asker)
    for member_id in ("bob", "carol"):
        Consumer(asker, one.group, member_id, *one.topics).join(server_assignor=majority)
    return describe(asker, one.group)["groups"][0]["assignor_name"]


@CONSUMER_TOGETHER.about(112)
def the_epoch_before_while_partitions_are_given_up(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker))
    held = list(one.share)
    two, _ = joined_by(one)
    before = one.epoch
    one.beat()
    one.own()
    return (
        one.epoch - before,
        beat(asker, one.group, "alice", before, topic_partitions=held),
        beat(asker, one.group, "alice", before, topic_partitions=one.share),
        two.beat(),
    )


@CONSUMER_TOGETHER.about(112)
def a_member_changes_its_topics_while_it_gives_up(asker: Asker) -> Any:
    topic, other = topic_for_members(asker, 2), topic_for_members(asker, 1)
    one = a_consumer(asker, topic)
    two, _ = joined_by(one)
    told = one.beat()
    until_next_assignment(asker)
    changed = one.beat(subscribed_topic_names=[topic, other])
    return told, changed, two.beat(), one.own(), two.own()


@CONSUMER_TOGETHER.about(112, slow=True)
def who_does_not_give_up_in_time_is_out(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker), rebalance_timeout_ms=2_000)
    two, joined = joined_by(one)
    told = one.beat()
    out = asker.until(one.beat, lambda answer: answer["error_code"] != 0)
    return joined, told, out, two.owns_all_of(two.epoch + 1), describe(asker, one.group)
