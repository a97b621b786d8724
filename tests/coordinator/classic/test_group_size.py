"""A group has at most group.max.size members."""

from __future__ import annotations

import pytest

from pykbroker.errors import ErrorCode
from tests.coordinator.classic.groups import (
    REBALANCE_MS,
    a_completing_group,
    a_heartbeat,
    a_join,
    a_partition,
    a_stable_group,
    a_static_group,
    joining,
    new_member_id,
    refused,
    state_of,
    synced,
)

FULL = (ErrorCode.GROUP_MAX_SIZE_REACHED, "")


@pytest.mark.row(92)
@pytest.mark.parametrize("is_stable", [True, False])
def test_a_full_group_takes_no_new_member(is_stable: bool) -> None:
    driven = a_partition(group_max_size=2)
    members = a_completing_group(driven, 2)
    if is_stable:
        synced(driven, members)
    before = state_of(driven)

    token = driven.send(a_join())

    assert refused(driven, token) == FULL
    assert state_of(driven) == before
    assert driven.send(a_join(members[1])) in driven.replies


@pytest.mark.row(92)
def test_a_pending_member_that_finds_the_group_full_is_forgotten() -> None:
    driven = a_partition(group_max_size=2)
    late = new_member_id(driven)
    tokens = [joining(driven)[1] for _ in range(2)]
    driven.pass_time(0)
    assert driven.waits(tokens[0]) is False

    token = driven.send(a_join(late))

    assert refused(driven, token) == FULL
    assert driven.group().pending_joins == set()


@pytest.mark.row(92)
def test_a_first_rebalance_takes_no_more_than_fit() -> None:
    driven = a_partition(group_max_size=2, group_initial_rebalance_delay_ms=1_000)
    pending = [new_member_id(driven) for _ in range(3)]

    tokens = [driven.send(a_join(member_id)) for member_id in pending]

    assert refused(driven, tokens[2]) == FULL
    driven.pass_time(2_000)
    assert {driven.take(token).generation_id for token in tokens[:2]} == {1}


@pytest.mark.row(92)
def test_while_members_join_again_the_last_ones_find_the_group_full() -> None:
    driven = a_partition(group_max_size=2)
    leader, follower = a_stable_group(driven)
    driven.send(a_join(leader))
    _, newcomer = joining(driven)

    token = driven.send(a_join(follower))

    assert refused(driven, token) == FULL
    assert follower not in driven.group().members
    driven.pass_time(REBALANCE_MS)
    assert driven.take(newcomer).generation_id == 2


@pytest.mark.row(92)
def test_who_waits_already_may_ask_again_in_a_full_group() -> None:
    driven = a_partition(group_max_size=2)
    leader, follower = a_stable_group(driven)
    driven.send(a_join(leader))
    joining(driven)

    again = driven.send(a_join(leader))

    assert driven.waits(again)
    assert driven.group().members[leader].join_token == again
    assert follower in driven.group().members


@pytest.mark.row(92)
def test_a_static_member_that_returns_without_its_id_counts_as_new() -> None:
    driven = a_partition(group_max_size=2)
    a_static_group(driven, "a", "b")

    token = driven.send(a_join(group_instance_id="a"))

    assert refused(driven, token) == FULL


def test_a_group_that_is_loaded_with_more_than_fit_rebalances() -> None:
    driven = a_partition(group_max_size=3)
    members = a_stable_group(driven, 3)
    driven.restart()
    assert state_of(driven) == "Stable"
    driven.properties["group.max.size"] = "2"

    driven.restart()

    assert state_of(driven) == "PreparingRebalance"
    assert driven.refusal(a_heartbeat(members[0])) == ErrorCode.REBALANCE_IN_PROGRESS
    tokens = [driven.send(a_join(member_id)) for member_id in members]
    assert refused(driven, tokens[2]) == FULL
    driven.pass_time(REBALANCE_MS)
    assert len(driven.take(tokens[0]).members) == 2
