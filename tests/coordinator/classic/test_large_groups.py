"""A group of many members costs each of them what a small one does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from pykbroker.coordinator.commands import Command
from tests.coordinator.classic.groups import (
    a_heartbeat,
    a_join,
    a_leave,
    a_partition,
    a_stable_group,
    state_of,
    synced,
)
from tests.coordinator.driven import Driven

MANY = 500
ASKED: dict[str, Callable[[str], Command]] = {
    "heartbeat": a_heartbeat,
    "join": a_join,
    "leave": a_leave,
}


def calls_made(driven: Driven, command: Command) -> int:
    """Ask, and count the functions that run for it."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        driven.send(command)
    finally:
        sys.setprofile(None)
    return calls


def a_rejoining_group(driven: Driven, count: int) -> list[str]:
    members = a_stable_group(driven, count)
    driven.send(a_join(members[0]))
    return members


@pytest.mark.parametrize("what", ["heartbeat", "join", "leave"])
def test_what_one_member_asks_takes_no_longer_among_many(what: str) -> None:
    calls = []
    for count in (4, 64):
        driven = a_partition()
        _, second, third, *_ = a_rejoining_group(driven, count)
        driven.send(a_join(third))
        command = ASKED[what](second)
        calls.append(calls_made(driven, command))

    assert calls[1] <= calls[0] + 5


def test_a_large_group_rebalances_again_and_again() -> None:
    driven = a_partition()
    members = a_stable_group(driven, MANY)

    for generation_id in (2, 3):
        tokens = [driven.send(a_join(member_id)) for member_id in members]
        replies = [driven.take(token) for token in tokens]
        assert {reply.generation_id for reply in replies} == {generation_id}
        synced(driven, members, generation_id)

    assert state_of(driven) == "Stable"
    driven.restart()
    assert driven.group().members.keys() == set(members)
