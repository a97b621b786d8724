"""ConsumerGroupHeartbeat: requests that are refused as they are, and first ones that are not."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker, Topic, random_id
from interop.group_questions.classic import stable_group
from interop.group_questions.consumer import (
    LEAVE,
    LEAVE_FOR_A_WHILE,
    a_consumer,
    beat,
    first_beat,
    partitions_of,
    topic_for_members,
)
from interop.group_questions.offsets import commit
from interop.group_questions.questions import Questions

CONSUMER_REQUESTS = Questions("consumer_requests")
BOTH = (0, 1)
A_PARTITION = partitions_of({Topic("any", bytes(15) + b"\x07"): [0]})


@CONSUMER_REQUESTS.about(87, 111, version=BOTH)
def an_empty_group_id(asker: Asker, version: int) -> Any:
    return first_beat(asker, "", version=version)


@CONSUMER_REQUESTS.about(111, version=BOTH, epoch=[0, 1, LEAVE, LEAVE_FOR_A_WHILE])
def an_empty_member_id(asker: Asker, version: int, epoch: int) -> Any:
    fields = {"instance_id": "one"} if epoch == LEAVE_FOR_A_WHILE else {}
    return beat(
        asker,
        asker.group(),
        "",
        epoch,
        version=version,
        rebalance_timeout_ms=60_000,
        subscribed_topic_names=[],
        topic_partitions=[],
        **fields,
    )


@CONSUMER_REQUESTS.about(111, missing=["rebalance_timeout_ms", "topic_partitions",
                                       "subscribed_topic_names"], version=BOTH)  # fmt: skip
def a_first_one_without(asker: Asker, missing: str, version: int) -> Any:
    told = {missing: -1 if missing == "rebalance_timeout_ms" else None}
    return first_beat(asker, asker.group(), version=version, **told)


@CONSUMER_REQUESTS.about(111)
def a_first_one_that_owns_partitions(asker: Asker) -> Any:
    return first_beat(asker, asker.group(), topic_partitions=A_PARTITION)


@CONSUMER_REQUESTS.about(111, timeout_ms=[0, -2, 2**31 - 1])
def a_first_one_with_an_odd_rebalance_timeout(asker: Asker, timeout_ms: int) -> Any:
    return first_beat(asker, asker.group(), rebalance_timeout_ms=timeout_ms)


@CONSUMER_REQUESTS.about(111, version=BOTH)
def an_empty_instance_id(asker: Asker, version: int) -> Any:
    return first_beat(asker, asker.group(), version=version, instance_id="")


@CONSUMER_REQUESTS.about(111, version=BOTH)
def an_empty_rack_id(asker: Asker, version: int) -> Any:
    return first_beat(asker, asker.group(), version=version, rack_id="")


@CONSUMER_REQUESTS.about(111, epoch=[-3, -100, -(2**31)])
def an_epoch_below_what_has_a_meaning(asker: Asker, epoch: int) -> Any:
    return beat(asker, asker.group(), "alice", epoch)


@CONSUMER_REQUESTS.about(111)
def leaving_for_a_while_without_an_instance(asker: Asker) -> Any:
    return beat(asker, asker.group(), "alice", LEAVE_FOR_A_WHILE)


@CONSUMER_REQUESTS.about(112, assignor=["sticky", "", "UNIFORM", "uniform", "range"])
def an_assignor(asker: Asker, assignor: str) -> Any:
    return first_beat(asker, asker.group(), server_assignor=assignor)


@CONSUMER_REQUESTS.about(112, epoch=[1, LEAVE])
def an_unknown_assignor_later(asker: Asker, epoch: int) -> Any:
    return beat(asker, asker.group(), "alice", epoch, server_assignor="sticky")


@CONSUMER_REQUESTS.about(111, 112)
def an_invalid_one_with_an_unknown_assignor(asker: Asker) -> Any:
    fields = {"server_assignor": "sticky", "rebalance_timeout_ms": -1}
    return first_beat(asker, asker.group(), **fields)


@CONSUMER_REQUESTS.about(112, version=BOTH, epoch=[1, LEAVE])
def an_unknown_group(asker: Asker, version: int, epoch: int) -> Any:
    return beat(asker, asker.group(), "alice", epoch, version=version)


@CONSUMER_REQUESTS.about(112)
def an_instance_leaving_an_unknown_group(asker: Asker) -> Any:
    return beat(asker, asker.group(), "alice", LEAVE_FOR_A_WHILE, instance_id="one")


@CONSUMER_REQUESTS.about(112, epoch=[1, LEAVE])
def an_unknown_member(asker: Asker, epoch: int) -> Any:
    member = a_consumer(asker)
    return beat(asker, member.group, "bob", epoch)


@CONSUMER_REQUESTS.about(112)
def an_unknown_member_that_tells_everything(asker: Asker) -> Any:
    member = a_consumer(asker)
    fields = {
        "rebalance_timeout_ms": 60_000,
        "subscribed_topic_names": [],
        "topic_partitions": [],
    }
    return beat(asker, member.group, "bob", 1, **fields)


@CONSUMER_REQUESTS.about(112, version=BOTH)
def a_first_one(asker: Asker, version: int) -> Any:
    topic = topic_for_members(asker)
    fields = {"subscribed_topic_names": [topic], "version": version}
    return first_beat(asker, asker.group(), **fields)


@CONSUMER_REQUESTS.about(112)
def a_first_one_without_a_member_id_in_v0(asker: Asker) -> Any:
    group = asker.group()
    one = first_beat(asker, group, "", version=0)
    return one, beat(asker, group, one["member_id"], one["member_epoch"], version=0)


@CONSUMER_REQUESTS.about(112)
def a_member_id_of_any_form(asker: Asker) -> Any:
    names = ("a b", ".", "ä", "x" * 300)
    return [first_beat(asker, asker.group(), name)["member_id"] == name for name in names]


@CONSUMER_REQUESTS.about(112, name=["no-such-topic", "", "bad name"])
def a_subscription_to_what_is_not_there(asker: Asker, name: str) -> Any:
    return first_beat(asker, asker.group(), subscribed_topic_names=[name])


@CONSUMER_REQUESTS.about(112)
def a_subscription_to_a_topic_twice(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    return first_beat(asker, asker.group(), subscribed_topic_names=[topic, topic])


@CONSUMER_REQUESTS.about(112)
def a_subscription_to_an_internal_topic(asker: Asker) -> Any:
    answer = first_beat(asker, asker.group(), subscribed_topic_names=["__consumer_offsets"])
    return answer["error_code"], len(answer["assignment"]["topic_partitions"])


@CONSUMER_REQUESTS.about(112)
def a_subscription_to_nothing(asker: Asker) -> Any:
    return first_beat(asker, asker.group())


@CONSUMER_REQUESTS.about(112)
def a_stable_classic_group_of_another_kind(asker: Asker) -> Any:
    group = asker.group()
    stable_group(asker, group, protocol_type="connect", protocols={"sessioned": b""})
    return first_beat(asker, group), beat(asker, group, "alice", 1), beat(asker, group, "x", LEAVE)


@CONSUMER_REQUESTS.about(112)
def a_simple_group_is_taken_over(asker: Asker) -> Any:
    group, topic = asker.group(), topic_for_members(asker)
    commit(asker, group, {topic: {0: 5}})
    refused = beat(asker, group, "alice", 1), beat(asker, group, "alice", LEAVE)
    return refused, first_beat(asker, group, subscribed_topic_names=[topic])


@CONSUMER_REQUESTS.about(112)
def partitions_of_unknown_topics_are_owned(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    strange = partitions_of({Topic("other", random_id()): [0, 99]})
    return member.beat(topic_partitions=strange), member.beat()
