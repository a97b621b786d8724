"""A classic group by itself: what it counts and whom it lets lead."""

from __future__ import annotations

from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.classic.members import ClassicMember
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


def test_nobody_leads_a_generation_to_which_nobody_came() -> None:
    group = a_group(a_member("a"))

    assert not group.elect_leader()
    assert not ClassicGroup("group").elect_leader()
