"""DescribeGroups, ListGroups and DeleteGroups of simple and classic groups."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.classic import (
    Pair,
    enter,
    join,
    leave,
    pending_member,
    send_join,
    stable_group,
)
from interop.group_questions.offsets import commit, fetch
from interop.group_questions.questions import Questions
from pykbroker.wire.messages.delete_groups import DeleteGroups
from pykbroker.wire.messages.describe_groups import DescribeGroups
from pykbroker.wire.messages.list_groups import ListGroups

DESCRIBE_GROUPS = Questions("describe_groups")
LIST_GROUPS = Questions("list_groups")
DELETE_GROUPS = Questions("delete_groups")
NEWEST_DESCRIBE, NEWEST_LIST, NEWEST_DELETE = 6, 5, 2


def describe(asker: Asker, *groups: str, version: int = NEWEST_DESCRIBE, **fields: Any) -> Any:
    """Describe classic groups."""
    return asker.ask(DescribeGroups, {"groups": groups} | fields, version=version)


def listed(asker: Asker, *groups: str, version: int = NEWEST_LIST, **filters: Any) -> Any:
    """List groups, and give only those that this question has made."""
    answer = asker.ask(ListGroups, filters, version=version)
    answer["groups"] = [each for each in answer["groups"] if each["group_id"] in groups]
    answer["groups"].sort(key=lambda each: groups.index(each["group_id"]))
    return answer


def delete(asker: Asker, *groups: str, version: int = NEWEST_DELETE) -> Any:
    """Delete groups."""
    return asker.ask(DeleteGroups, {"groups_names": groups}, version=version)


@DESCRIBE_GROUPS.about(107, version=range(NEWEST_DESCRIBE + 1))
def an_unknown_group(asker: Asker, version: int) -> Any:
    return describe(asker, asker.group(), version=version)


@DESCRIBE_GROUPS.about(87, version=[0, 5, 6])
def an_empty_group_id(asker: Asker, version: int) -> Any:
    return describe(asker, "", version=version)


@DESCRIBE_GROUPS.about(107)
def no_groups(asker: Asker) -> Any:
    return describe(asker)


@DESCRIBE_GROUPS.about(107)
def one_group_twice_and_an_unknown_one(asker: Asker) -> Any:
    group = asker.group()
    commit(asker, group, {asker.topic(): {0: 1}})
    return describe(asker, group, asker.group(), group)


@DESCRIBE_GROUPS.about(107, version=range(NEWEST_DESCRIBE + 1))
def a_stable_group(asker: Asker, version: int) -> Any:
    group = asker.group()
    stable_group(asker, group)
    return describe(asker, group, version=version)


@DESCRIBE_GROUPS.about(107, version=[3, 6])
def with_authorized_operations(asker: Asker, version: int) -> Any:
    group = asker.group()
    stable_group(asker, group)
    asked = {"include_authorized_operations": True}
    return (
        describe(asker, group, version=version, **asked)["groups"][0]["authorized_operations"],
        describe(asker, asker.group(), version=version, **asked),
    )


@DESCRIBE_GROUPS.about(107)
def a_simple_group(asker: Asker) -> Any:
    group = asker.group()
    commit(asker, group, {asker.topic(): {0: 1}})
    return describe(asker, group)


@DESCRIBE_GROUPS.about(107)
def a_group_of_a_pending_member(asker: Asker) -> Any:
    group = asker.group()
    pending_member(asker, group)
    return describe(asker, group)


@DESCRIBE_GROUPS.about(107)
def before_the_leader_has_synced(asker: Asker) -> Any:
    pair = Pair(asker, synced=False)
    return describe(asker, pair.group)


@DESCRIBE_GROUPS.about(107)
def while_a_rebalance_waits_for_members(asker: Asker) -> Any:
    pair = Pair(asker)
    send_join(pair.leader, pair.group, pair.leader_id)
    pair.follower.wait_for_state(pair.group, "PreparingRebalance")
    return describe(pair.follower, pair.group)


@DESCRIBE_GROUPS.about(107)
def a_stable_group_of_two(asker: Asker) -> Any:
    return describe(asker, Pair(asker).group)


@DESCRIBE_GROUPS.about(107, version=[3, 4, 6])
def a_static_member(asker: Asker, version: int) -> Any:
    group = asker.group()
    stable_group(asker, group, group_instance_id="one")
    return describe(asker, group, version=version)


@DESCRIBE_GROUPS.about(100, 107)
def a_group_that_all_have_left(asker: Asker) -> Any:
    group = asker.group()
    leave(asker, group, stable_group(asker, group)["member_id"])
    return describe(asker, group)


@DESCRIBE_GROUPS.about(93, 107)
def a_static_member_that_came_back(asker: Asker) -> Any:
    group = asker.group()
    stable_group(asker, group, group_instance_id="one")
    join(asker.another(), group, group_instance_id="one")
    return describe(asker, group)


@LIST_GROUPS.about(107, version=range(NEWEST_LIST + 1))
def of_every_state(asker: Asker, version: int) -> Any:
    groups = [asker.group() for _ in range(5)]
    stable_group(asker, groups[0])
    enter(asker, groups[1])
    leave(asker, groups[2], stable_group(asker, groups[2])["member_id"])
    commit(asker, groups[3], {asker.topic(): {0: 1}})
    pending_member(asker, groups[4])
    return listed(asker, *groups, version=version)


@LIST_GROUPS.about(107, states=["Stable", "stable", "STABLE", "Empty", "CompletingRebalance",
                                "completingrebalance", "Dead", "nonsense", ""])  # fmt: skip
def with_a_state(asker: Asker, states: str) -> Any:
    groups = [asker.group() for _ in range(3)]
    stable_group(asker, groups[0])
    enter(asker, groups[1])
    commit(asker, groups[2], {asker.topic(): {0: 1}})
    return [listed(asker, *groups, version=version, states_filter=[states]) for version in (4, 5)]


@LIST_GROUPS.about(107)
def with_two_states_and_one_nobody_knows(asker: Asker) -> Any:
    groups = [asker.group() for _ in range(3)]
    stable_group(asker, groups[0])
    enter(asker, groups[1])
    commit(asker, groups[2], {asker.topic(): {0: 1}})
    return listed(asker, *groups, states_filter=["Stable", "nonsense", "empty"])


@LIST_GROUPS.about(107, types=["classic", "Classic", "CLASSIC", "consumer", "share", "streams",
                               "nonsense", ""])  # fmt: skip
def with_a_type(asker: Asker, types: str) -> Any:
    groups = [asker.group() for _ in range(2)]
    stable_group(asker, groups[0])
    commit(asker, groups[1], {asker.topic(): {0: 1}})
    return listed(asker, *groups, types_filter=[types])


@LIST_GROUPS.about(107)
def with_a_state_and_a_type(asker: Asker) -> Any:
    groups = [asker.group() for _ in range(2)]
    stable_group(asker, groups[0])
    commit(asker, groups[1], {asker.topic(): {0: 1}})
    filters = {"states_filter": ["empty"], "types_filter": ["classic", "nonsense"]}
    return listed(asker, *groups, **filters)


@DELETE_GROUPS.about(108, version=range(NEWEST_DELETE + 1))
def an_unknown_one(asker: Asker, version: int) -> Any:
    return delete(asker, asker.group(), version=version)


@DELETE_GROUPS.about(108, version=range(NEWEST_DELETE + 1))
def with_members(asker: Asker, version: int) -> Any:
    group = asker.group()
    stable_group(asker, group)
    return delete(asker, group, version=version), asker.state(group)


@DELETE_GROUPS.about(108)
def with_a_pending_member(asker: Asker) -> Any:
    group = asker.group()
    member = pending_member(asker, group)
    return delete(asker, group), describe(asker, group), join(asker, group, member)


@DELETE_GROUPS.about(108, version=range(NEWEST_DELETE + 1))
def a_simple_group_with_its_offsets(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 1}})
    deleted = delete(asker, group, version=version)
    return deleted, describe(asker, group), fetch(asker, group, {topic: [0]})


@DELETE_GROUPS.about(108)
def that_all_have_left(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 1}})
    leave(asker, group, stable_group(asker, group)["member_id"])
    deleted = delete(asker, group)
    return deleted, delete(asker, group), fetch(asker, group), enter(asker, group)


@DELETE_GROUPS.about(108)
def several_and_one_twice(asker: Asker) -> Any:
    one, two = asker.group(), asker.group()
    commit(asker, one, {asker.topic(): {0: 1}})
    stable_group(asker, two)
    return delete(asker, one, two, asker.group(), one)


@DELETE_GROUPS.about(108)
def none_at_all(asker: Asker) -> Any:
    return delete(asker)


@DELETE_GROUPS.about(87, 108)
def the_one_with_an_empty_id(asker: Asker) -> Any:
    commit(asker, "", {asker.topic(): {0: 1}})
    return delete(asker, ""), delete(asker, "")
