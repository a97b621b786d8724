"""A classic group by itself: what it counts and whom it lets lead."""

from __future__ import annotations

from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.classic.members import ClassicMember
from pykbroker.coordinator.classic.rebalancing import refuse_all_parked
from pykbroker.coordinator.commands import MemberRefused
from pykbroker.coordinator.effects import NOTHING
from pykbroker.errors import ErrorCode, KafkaError
from tests.coordinator.classic.groups import a_member
from tests.coordinator.classic.histories import check_counts


def a_group(*members: ClassicMember) -> ClassicGroup:
    group = ClassicGroup("group")
    for member in members:
        group.add(member)
    return group


def test_the_first_member_leads_and_then_who_came_next() -> None:
    group = a_group(a_member("a"), a_member("b"), a_member("c"))

    leaders = [group.leader_id]
    for member_id in ("b", "a", "c"):
        group.remove(member_id)
        leaders.append(group.leader_id)

    assert leaders == ["a", "a", "c", None]


def test_who_goes_is_expected_nowhere() -> None:
    group = a_group(a_member("a"), a_member("b", "i"))
    group.pending_joins.add("c")
    group.pending_syncs.update(("a", "b"))

    for member_id in ("b", "c", "d"):
        group.remove(member_id)

    assert (group.pending_joins, group.pending_syncs, group.static_members) == (set(), {"a"}, {})
    check_counts(group)


def test_a_static_member_under_another_id_keeps_its_place() -> None:
    group = a_group(a_member("a"), a_member("b", "i"), a_member("c"))
    group.pending_syncs.add("b")

    group.replace("b", "d")

    assert list(group.members) == ["a", "d", "c"]
    assert (group.pending_syncs, group.static_members) == ({"d"}, {"i": "d"})
    check_counts(group)


def test_a_leader_that_has_joined_again_goes_on_leading() -> None:
    group = a_group(a_member("a"), a_member("b"), a_member("c"))
    group.await_join(group.members["c"], 1)

    assert group.elect_leader()
    assert group.leader_id == "c"
    group.await_join(group.members["b"], 2)
    assert group.elect_leader()
    assert group.leader_id == "c"


def test_all_that_is_parked_is_refused_at_once() -> None:
    group = a_group(a_member("a"), a_member("b"), a_member("c"))
    group.await_join(group.members["a"], 1)
    group.members["b"].sync_token = 2

    replies = refuse_all_parked(group, ErrorCode.REBALANCE_IN_PROGRESS).replies

    (joining, join_refusal), (syncing, sync_refusal) = replies
    assert (joining, syncing) == (1, 2)
    assert isinstance(join_refusal, MemberRefused)
    assert isinstance(sync_refusal, KafkaError)
    assert (join_refusal.code, join_refusal.member_id) == (ErrorCode.REBALANCE_IN_PROGRESS, "a")
    assert sync_refusal.code == ErrorCode.REBALANCE_IN_PROGRESS
    assert refuse_all_parked(group, ErrorCode.REBALANCE_IN_PROGRESS) == NOTHING
    check_counts(group)


def test_nobody_leads_a_generation_to_which_nobody_came() -> None:
    group = a_group(a_member("a"))

    assert not group.elect_leader()
    assert not ClassicGroup("group").elect_leader()
