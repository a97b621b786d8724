"""ConsumerGroupHeartbeat of one member: epochs, what an answer repeats, subscriptions, leaving."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.consumer import (
    Consumer,
    a_consumer,
    beat,
    describe,
    partitions_of,
    topic_for_members,
    until_next_assignment,
)
from interop.group_questions.questions import Questions

CONSUMER_ALONE = Questions("consumer_alone")


@CONSUMER_ALONE.about(112)
def joins_owns_and_stays(asker: Asker) -> Any:
    member = Consumer(asker, asker.group(), "alice", topic_for_members(asker))
    return member.join(), member.own(), member.own(), member.beat()


@CONSUMER_ALONE.about(112)
def is_told_its_share_again_after_a_full_request(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    names = {"subscribed_topic_names": member.topics}
    timeout = {"rebalance_timeout_ms": 60_000}
    return (
        member.beat(topic_partitions=[], **names, **timeout),
        member.beat(**names, **timeout),
        member.beat(topic_partitions=[], **timeout),
        member.beat(topic_partitions=[], **names),
        member.beat(topic_partitions=[], subscribed_topic_regex="", **timeout),
    )


@CONSUMER_ALONE.about(112, ahead=[1, 5])
def has_an_epoch_ahead(asker: Asker, ahead: int) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    late = beat(asker, member.group, "alice", member.epoch + ahead)
    return late, member.beat()


@CONSUMER_ALONE.about(112)
def joins_again_with_epoch_zero(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    until_next_assignment(asker)
    return member.join(), member.own(), describe(asker, member.group)


@CONSUMER_ALONE.about(112)
def joins_again_with_another_subscription(asker: Asker) -> Any:
    one, two = topic_for_members(asker), topic_for_members(asker, 2)
    member = a_consumer(asker, one)
    until_next_assignment(asker)
    member.topics = [two]
    return member.join(), member.own()


@CONSUMER_ALONE.about(112)
def subscribes_to_more(asker: Asker) -> Any:
    one, two = topic_for_members(asker), topic_for_members(asker, 2)
    member = a_consumer(asker, one)
    until_next_assignment(asker)
    return member.beat(subscribed_topic_names=[one, two]), member.own(), member.own()


@CONSUMER_ALONE.about(112)
def subscribes_to_less(asker: Asker) -> Any:
    one, two = topic_for_members(asker), topic_for_members(asker, 2)
    member = a_consumer(asker, one, two)
    until_next_assignment(asker)
    return (
        member.beat(subscribed_topic_names=[one]),
        member.beat(),
        member.own(),
        member.own(),
    )


@CONSUMER_ALONE.about(112)
def subscribes_to_something_else(asker: Asker) -> Any:
    one, two = topic_for_members(asker), topic_for_members(asker, 2)
    member = a_consumer(asker, one)
    until_next_assignment(asker)
    return member.beat(subscribed_topic_names=[two]), member.own(), member.own()


@CONSUMER_ALONE.about(112)
def subscribes_to_nothing(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    until_next_assignment(asker)
    return member.beat(subscribed_topic_names=[]), member.own(), member.own()


@CONSUMER_ALONE.about(112)
def repeats_its_subscription_in_another_order(asker: Asker) -> Any:
    one, two = topic_for_members(asker), topic_for_members(asker, 2)
    member = a_consumer(asker, one, two)
    until_next_assignment(asker)
    return member.beat(subscribed_topic_names=[two, one]), member.beat()


@CONSUMER_ALONE.about(112)
def changes_soon_after_an_assignment(asker: Asker) -> Any:
    one, two = topic_for_members(asker), topic_for_members(asker, 2)
    member = a_consumer(asker, one)
    at_once = member.beat(subscribed_topic_names=[one, two])
    between = member.own(), describe(asker, member.group)
    return at_once, between, member.owns_all_of(member.epoch + 1)


@CONSUMER_ALONE.about(112)
def gives_up_a_topic_soon_after_an_assignment(asker: Asker) -> Any:
    one, two = topic_for_members(asker), topic_for_members(asker, 2)
    member = a_consumer(asker, one, two)
    at_once = member.beat(subscribed_topic_names=[one])
    return at_once, member.own(), member.owns_all_of(member.epoch + 1)


@CONSUMER_ALONE.about(112)
def changes_what_needs_no_new_assignment(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    until_next_assignment(asker)
    return (
        member.beat(rebalance_timeout_ms=30_000),
        member.beat(rack_id="here"),
        member.beat(server_assignor="range"),
        member.beat(),
        describe(asker, member.group),
    )


@CONSUMER_ALONE.about(112)
def comes_with_the_epoch_before(asker: Asker) -> Any:
    one, two = topic_for_members(asker), topic_for_members(asker, 2)
    member = a_consumer(asker, one)
    until_next_assignment(asker)
    before = member.epoch
    member.beat(subscribed_topic_names=[one, two])
    owned = partitions_of({one: [0, 1, 2]})
    return (
        member.epoch - before,
        beat(asker, member.group, "alice", before),
        beat(asker, member.group, "alice", before, topic_partitions=owned),
        beat(asker, member.group, "alice", before, topic_partitions=[]),
        beat(asker, member.group, "alice", before, topic_partitions=partitions_of({one: [7]})),
        beat(asker, member.group, "alice", member.epoch),
        beat(asker, member.group, "alice", before, topic_partitions=owned),
    )


@CONSUMER_ALONE.about(112)
def comes_with_an_epoch_long_gone(asker: Asker) -> Any:
    one, two = topic_for_members(asker), topic_for_members(asker, 2)
    member = a_consumer(asker, one)
    before = member.epoch
    for topics in ([one, two], [two]):
        until_next_assignment(asker)
        member.beat(subscribed_topic_names=topics)
        member.own()
    return (
        member.epoch - before,
        beat(asker, member.group, "alice", before, topic_partitions=[]),
    )


@CONSUMER_ALONE.about(115)
def leaves(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    return (
        member.leave(),
        describe(asker, member.group),
        member.leave(),
        member.beat(),
    )


@CONSUMER_ALONE.about(115)
def leaves_and_joins_again(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    member.leave()
    until_next_assignment(asker)
    return member.join(), describe(asker, member.group)


@CONSUMER_ALONE.about(115)
def leaves_and_joins_again_at_once(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    member.leave()
    at_once = member.join()
    return at_once, member.owns_all_of(member.epoch + 2)


@CONSUMER_ALONE.about(112)
def waits_for_a_topic_to_be_created(asker: Asker) -> Any:
    name = asker.names.fresh("topic")
    member = a_consumer(asker, name)
    before = member.beat()
    until_next_assignment(asker)
    topic = asker.topic(2, name=name)
    member.topics = [topic]
    return before, member.owns_all_of(member.epoch + 1)


@CONSUMER_ALONE.about(112)
def gets_new_partitions_of_its_topic(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    member = a_consumer(asker, topic)
    until_next_assignment(asker)
    asker.grow(topic, 5)
    return member.owns_all_of(member.epoch + 1), member.own()


@CONSUMER_ALONE.about(112)
def loses_its_topic(asker: Asker) -> Any:
    topic, other = topic_for_members(asker), topic_for_members(asker)
    member = a_consumer(asker, topic, other)
    until_next_assignment(asker)
    asker.delete_topic(topic)
    told = asker.until(member.beat, lambda answer: answer["assignment"] is not None)
    return told, member.own(), member.own(), describe(asker, member.group)


@CONSUMER_ALONE.about(112, assignor=["range", "uniform"])
def names_its_assignor(asker: Asker, assignor: str) -> Any:
    member = Consumer(asker, asker.group(), "alice", topic_for_members(asker))
    return member.join(server_assignor=assignor), describe(asker, member.group)
