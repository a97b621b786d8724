"""Groups of the consumer protocol in the answers of administration, and of classic requests."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.classic import (
    enter,
    heartbeat,
    leave,
    stable_group,
    sync,
)
from interop.group_questions.classic import join as classic_join
from interop.group_questions.consumer import (
    Consumer,
    a_consumer,
    a_settled_pair,
    describe,
    first_beat,
    joined_by,
    topic_for_members,
)
from interop.group_questions.describe_groups import delete, listed
from interop.group_questions.describe_groups import describe as describe_classic
from interop.group_questions.offsets import commit, fetch
from interop.group_questions.questions import Questions

CONSUMER_DESCRIBED = Questions("consumer_described")
BOTH = (0, 1)


@CONSUMER_DESCRIBED.about(87, version=BOTH)
def an_empty_group_id(asker: Asker, version: int) -> Any:
    return describe(asker, "", version=version)


@CONSUMER_DESCRIBED.about(107, version=BOTH)
def an_unknown_group(asker: Asker, version: int) -> Any:
    return describe(asker, asker.group(), version=version)


@CONSUMER_DESCRIBED.about(107)
def no_groups(asker: Asker) -> Any:
    return describe(asker)


@CONSUMER_DESCRIBED.about(107)
def one_twice_one_unknown_one_without_an_id(asker: Asker) -> Any:
    group = a_consumer(asker).group
    return describe(asker, group, asker.group(), "", group)


@CONSUMER_DESCRIBED.about(107, version=BOTH)
def a_classic_group(asker: Asker, version: int) -> Any:
    group = asker.group()
    stable_group(asker, group)
    return describe(asker, group, version=version)


@CONSUMER_DESCRIBED.about(107)
def a_simple_group(asker: Asker) -> Any:
    group = asker.group()
    commit(asker, group, {asker.topic(): {0: 1}})
    return describe(asker, group)


@CONSUMER_DESCRIBED.about(107, version=BOTH)
def a_stable_group(asker: Asker, version: int) -> Any:
    member = a_consumer(asker, topic_for_members(asker), rack_id="here")
    return describe(asker, member.group, version=version)


@CONSUMER_DESCRIBED.about(107, version=BOTH)
def with_authorized_operations(asker: Asker, version: int) -> Any:
    group, asked = a_consumer(asker).group, {"include_authorized_operations": True}
    known = describe(asker, group, version=version, **asked)
    return known, describe(asker, asker.group(), version=version, **asked)


@CONSUMER_DESCRIBED.about(107)
def states_on_the_way(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker))

    def told() -> Any:
        group = describe(asker, one.group)["groups"][0]
        return group["group_state"], group["group_epoch"], group["assignment_epoch"]

    steps = [told()]
    two, _ = joined_by(one)
    steps.append(told())
    for member in (one, one, two, two):
        member.own()
        steps.append(told())
    return steps


@CONSUMER_DESCRIBED.about(107)
def a_pair_in_the_middle_of_a_move(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker))
    joined_by(one)
    one.beat()
    return describe(asker, one.group)


@CONSUMER_DESCRIBED.about(107)
def by_another_client(asker: Asker) -> Any:
    other = asker.another("somebody else")
    group = asker.group()
    first_beat(other, group)
    return describe(asker, group)["groups"][0]["members"]


@CONSUMER_DESCRIBED.about(107, version=range(6))
def listed_in_each_version(asker: Asker, version: int) -> Any:
    stable, empty = a_consumer(asker), a_consumer(asker)
    empty.leave()
    return listed(asker, stable.group, empty.group, version=version)


@CONSUMER_DESCRIBED.about(107, state=["Stable", "stable", "Empty", "Assigning", "Reconciling",
                                      "reconciling", "Dead"])  # fmt: skip
def listed_by_state(asker: Asker, state: str) -> Any:
    stable = a_consumer(asker)
    moving = a_consumer(asker, topic_for_members(asker))
    joined_by(moving)
    assigning = a_consumer(asker, topic_for_members(asker))
    Consumer(asker, assigning.group, "bob", *assigning.topics).join()
    groups = (stable.group, moving.group, assigning.group)
    return listed(asker, *groups, states_filter=[state])


@CONSUMER_DESCRIBED.about(107, kind=["consumer", "Consumer", "classic"])
def listed_by_type(asker: Asker, kind: str) -> Any:
    group, classic = a_consumer(asker).group, asker.group()
    stable_group(asker, classic)
    return listed(asker, group, classic, types_filter=[kind])


@CONSUMER_DESCRIBED.about(107, version=[0, 5, 6])
def described_as_classic(asker: Asker, version: int) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    return describe_classic(asker, member.group, version=version)


@CONSUMER_DESCRIBED.about(108)
def deleted(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    member = a_consumer(asker, topic)
    refused = delete(asker, member.group)
    member.leave()
    commit(asker, member.group, {topic: {0: 1}})
    gone = delete(asker, member.group)
    return refused, gone, describe(asker, member.group), fetch(asker, member.group, {topic: [0]})


@CONSUMER_DESCRIBED.about(108)
def deleted_and_joined_again(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    member.leave()
    delete(asker, member.group)
    return member.join()


@CONSUMER_DESCRIBED.about(96, 99, 100, version=[0, 4])
def asked_by_a_stranger_as_if_classic(asker: Asker, version: int) -> Any:
    group = a_consumer(asker, topic_for_members(asker)).group
    return (
        heartbeat(asker, group, "nobody", 1, version=version),
        sync(asker, group, "nobody", 1, version=version),
        leave(asker, group, "nobody", version=version),
    )


@CONSUMER_DESCRIBED.about(96, 99, 100)
def asked_by_a_member_as_if_classic(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    return (
        heartbeat(asker, member.group, "alice", member.epoch),
        sync(asker, member.group, "alice", member.epoch),
        classic_join(asker, member.group, "nobody"),
    )


@CONSUMER_DESCRIBED.about(100, version=[0, 3, 5])
def left_as_if_classic(asker: Asker, version: int) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    left = leave(asker, member.group, "alice", version=version)
    return left, describe(asker, member.group)


@CONSUMER_DESCRIBED.about(100)
def left_as_if_classic_by_instances(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker), instance_id="one")
    refused = leave(asker, member.group, ("bob", "one"), ("alice", "two"), ("", "two"))
    left = leave(asker, member.group, ("", "one"))
    return refused, left, describe(asker, member.group)


@CONSUMER_DESCRIBED.about(96, 99, 100)
def asked_as_if_classic_when_all_have_left(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    member.leave()
    return (
        heartbeat(asker, member.group, "alice", member.epoch),
        sync(asker, member.group, "alice", member.epoch),
        leave(asker, member.group, "alice"),
        describe(asker, member.group),
    )


@CONSUMER_DESCRIBED.about(107)
def a_pair(asker: Asker) -> Any:
    one, _ = a_settled_pair(asker, topic_for_members(asker))
    return describe(asker, one.group), describe_classic(asker, one.group)


@CONSUMER_DESCRIBED.about(114)
def entered_as_classic_when_all_have_left(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    member.leave()
    entered = enter(asker, member.group)
    return entered, describe(asker, member.group), describe_classic(asker, member.group)
