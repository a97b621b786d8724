"""ListGroups through a real socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.list_groups import ListGroups
from tests.api.group_requests import a_stable_member, find_coordinator, join, join_consumer_group
from tests.api.offset_requests import a_topic, commit
from tests.kafka_client import Client

STABLE = ("stable", "consumer", "Stable", "classic")
REBALANCING = ("rebalancing", "consumer", "CompletingRebalance", "classic")
SIMPLE = ("simple", "", "Empty", "classic")
MODERN = ("modern", "consumer", "Stable", "consumer")


@pytest.fixture(scope="module")
def groups(broker: Broker) -> Iterator[Client]:
    """A connection to a broker that has a group of each kind, in several partitions."""
    with Client(broker.bootstrap_servers) as client:
        a_stable_member(client, "stable")
        join(client, "rebalancing")
        commit(client, "simple", {a_topic(client, "topic"): {0: 1}})
        join_consumer_group(client, "modern", "alice", "topic")
        yield client


def listed(client: Client, version: int, **filters: list[str]) -> set[tuple[str, str, str, str]]:
    """Give what is told of each group, which must be told of once."""
    reply = client.call(ListGroups, filters, version=version)
    assert reply.error_code == ErrorCode.NONE
    told = [
        (each.group_id, each.protocol_type, each.group_state, each.group_type)
        for each in reply.groups
    ]
    assert len(set(told)) == len(told)
    return set(told)


@pytest.mark.row(107)
@pytest.mark.parametrize("version", range(6))
def test_all_groups_are_listed_as_far_as_a_version_tells(groups: Client, version: int) -> None:
    known = 4 if version >= 5 else 3 if version >= 4 else 2

    found = listed(groups, version)

    every = (STABLE, REBALANCING, SIMPLE, MODERN)
    assert found == {(*group[:known], *[""] * (4 - known)) for group in every}


@pytest.mark.row(107)
@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"states_filter": ["stable", "nonsense"]}, {STABLE, MODERN}),
        ({"states_filter": ["COMPLETINGREBALANCE"]}, {REBALANCING}),
        ({"states_filter": ["Dead"]}, set()),
        ({"types_filter": ["Consumer"]}, {MODERN}),
        ({"types_filter": ["classic", "share"]}, {STABLE, REBALANCING, SIMPLE}),
        ({"types_filter": ["nonsense"]}, set()),
        ({"states_filter": ["Stable"], "types_filter": ["classic"]}, {STABLE}),
    ],
    ids=str,
)
def test_groups_are_listed_by_state_and_type(
    groups: Client, filters: dict[str, list[str]], found: set[tuple[str, ...]]
) -> None:
    assert listed(groups, 5, **filters) == found


def test_a_broker_that_coordinates_nothing_lists_nothing() -> None:
    with Broker() as broker, Client(broker.bootstrap_servers) as client:
        before = listed(client, 5)
        find_coordinator(client)
        after = listed(client, 5)

    assert (before, after) == (set(), set())
