"""Full groups and the first rebalance, of brokers with PROPERTIES: asked by `--limits` alone."""

from __future__ import annotations

import time
from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.classic import (
    enter,
    join,
    joined,
    leave,
    new_member_id,
    send_join,
    sync,
)
from interop.group_questions.consumer import Consumer, a_consumer, topic_for_members
from interop.group_questions.consumer_bytes import subscription
from interop.group_questions.questions import Questions

LIMITS = Questions("limits")
DELAY_MS = 1_000
PROPERTIES = (
    "group.max.size=2",
    "group.consumer.max.size=2",
    f"group.initial.rebalance.delay.ms={DELAY_MS}",
)


class FullGroup:
    """A stable classic group of two members, which is as many as there may be."""

    def __init__(self, asker: Asker, *, static: bool = False) -> None:
        self.group = asker.group()
        self.askers = [asker, asker.another()]
        instances = [{"group_instance_id": name} if static else {} for name in ("one", "two")]
        wanted = ["" if static else new_member_id(each, self.group) for each in self.askers]
        for each, member, instance in zip(self.askers, wanted, instances, strict=True):
            send_join(each, self.group, member, **instance)
        answers = [joined(each) for each in self.askers]
        self.ids: list[str] = [answer["member_id"] for answer in answers]
        self.leader = self.ids.index(answers[0]["leader"])
        for place in (self.leader, 1 - self.leader):
            sync(self.askers[place], self.group, self.ids[place], 1, {})


@LIMITS.about(92, version=[0, 3, 4, 9])
def a_third_member_of_a_full_group(asker: Asker, version: int) -> Any:
    full = FullGroup(asker)
    return join(asker.another(), full.group, version=version), asker.state(full.group)


@LIMITS.about(92)
def a_third_member_with_an_id(asker: Asker) -> Any:
    full = FullGroup(asker)
    return join(asker.another(), full.group, "somebody")


@LIMITS.about(92)
def a_third_instance(asker: Asker) -> Any:
    full = FullGroup(asker)
    return join(asker.another(), full.group, group_instance_id="three")


@LIMITS.about(92)
def an_instance_of_a_full_group_that_comes_back(asker: Asker) -> Any:
    full = FullGroup(asker, static=True)
    return join(asker.another(), full.group, group_instance_id="two")["error_code"]


@LIMITS.about(92)
def a_member_of_a_full_group_that_joins_again(asker: Asker) -> Any:
    full = FullGroup(asker)
    follower = 1 - full.leader
    return join(full.askers[follower], full.group, full.ids[follower])["generation_id"]


@LIMITS.about(92)
def three_pending_members(asker: Asker) -> Any:
    group = asker.group()
    return [join(asker, group)["error_code"] for _ in range(3)]


@LIMITS.about(92)
def a_pending_member_of_a_group_that_became_full(asker: Asker) -> Any:
    group = asker.group()
    askers = [asker, asker.another(), asker.another()]
    ids = [join(each, group)["member_id"] for each in askers]
    known = [(each, member) for each, member in zip(askers, ids, strict=True) if member]
    for each, member in known:
        send_join(each, group, member)
        asker.sleep_ms(50)
    return len(known), [joined(each)["error_code"] for each, _ in known]


@LIMITS.about(92)
def a_place_that_becomes_free(asker: Asker) -> Any:
    full = FullGroup(asker)
    leave(asker, full.group, full.ids[1])
    return join(asker.another(), full.group)["error_code"]


@LIMITS.about(92, 112)
def a_third_consumer(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker))
    two = Consumer(asker, one.group, "bob", *one.topics)
    three = Consumer(asker, one.group, "carol", *one.topics)
    answers = two.join()["error_code"], three.join(), two.beat()["error_code"]
    return *answers, two.join()["error_code"]


@LIMITS.about(92, 112)
def an_instance_of_a_full_consumer_group(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker), instance_id="one")
    two = Consumer(asker, one.group, "bob", *one.topics, instance_id="two")
    two.join()
    one.leave(-2)
    back = Consumer(asker, one.group, "carol", *one.topics, instance_id="one")
    other = Consumer(asker, one.group, "dave", *one.topics, instance_id="three")
    return back.join()["error_code"], other.join()["error_code"]


@LIMITS.about(92, 114)
def a_classic_member_of_a_full_consumer_group(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker))
    Consumer(asker, one.group, "bob", *one.topics).join()
    wanted = {"protocols": {"range": subscription(*one.topics)}}
    return join(asker, one.group, **wanted), join(asker, one.group, version=0, **wanted)


@LIMITS.about(92, 114)
def a_consumer_that_joins_a_full_classic_group(asker: Asker) -> Any:
    full = FullGroup(asker)
    return Consumer(asker, full.group, "alice", topic_for_members(asker)).join()


@LIMITS.about(94)
def the_first_member_waits(asker: Asker) -> Any:
    began = time.monotonic()
    answer = enter(asker, asker.group())
    return answer["generation_id"], round(time.monotonic() - began, 0) == DELAY_MS / 1_000


@LIMITS.about(94)
def a_rebalance_timeout_shorter_than_the_first_wait(asker: Asker) -> Any:
    began = time.monotonic()
    answer = enter(asker, asker.group(), rebalance_timeout_ms=200)
    return answer["generation_id"], time.monotonic() - began < DELAY_MS / 2_000


@LIMITS.about(94)
def a_second_member_makes_the_first_wait_once_more(asker: Asker) -> Any:
    group, second = asker.group(), asker.another()
    mine, theirs = new_member_id(asker, group), new_member_id(second, group)
    began = time.monotonic()
    send_join(asker, group, mine)
    asker.sleep_ms(DELAY_MS // 2)
    send_join(second, group, theirs)
    answers = joined(asker), joined(second)
    waited = round(time.monotonic() - began, 0) * 1_000
    members = sum(len(answer["members"]) for answer in answers)
    return [answer["generation_id"] for answer in answers], members, waited == 2 * DELAY_MS


@LIMITS.about(94)
def an_empty_group_waits_as_a_new_one_does(asker: Asker) -> Any:
    group = asker.group()
    leave(asker, group, enter(asker, group)["member_id"])
    began = time.monotonic()
    answer = enter(asker, group)
    return answer["generation_id"], round(time.monotonic() - began, 0) == DELAY_MS / 1_000


@LIMITS.about(94)
def a_later_rebalance_does_not_wait(asker: Asker) -> Any:
    group = asker.group()
    member = enter(asker, group)["member_id"]
    sync(asker, group, member, 1, {})
    began = time.monotonic()
    answer = join(asker, group, member)
    return answer["generation_id"], time.monotonic() - began < DELAY_MS / 2_000
