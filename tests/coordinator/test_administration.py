"""What administrators are told of groups, and which they may delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.commands import (
    DONE,
    ClassicDescription,
    ConsumerDescription,
    DeleteGroupCommand,
    DescribeConsumerGroupCommand,
    DescribedConsumer,
    DescribedMember,
    DescribeGroupCommand,
    ListedGroup,
    ListGroupsCommand,
)
from pykbroker.coordinator.records import (
    ClassicMember,
    CurrentAssignment,
    CurrentRecord,
    MemberState,
    OffsetRecord,
)
from pykbroker.errors import ErrorCode
from tests.coordinator.driven import Driven, a_topic
from tests.coordinator.made_groups import (
    OTHER_ID,
    a_classic_group,
    a_commit,
    a_consumer_group,
    committed,
    having,
    offset,
    reads,
)

NOT_FOUND = ErrorCode.GROUP_ID_NOT_FOUND
DESCRIBE, DESCRIBE_CONSUMER = DescribeGroupCommand("group"), DescribeConsumerGroupCommand("group")
DELETE = DeleteGroupCommand("group")


# -- classic groups ----------------------------------------------------------------------------


def alice(**fields: Any) -> DescribedMember:
    """Give the description of a member of a stable group."""
    told = {"member_metadata": reads("topic"), "member_assignment": b"for alice"} | fields
    return DescribedMember("alice", None, "client", "/127.0.0.1", **told)


@pytest.mark.row(107)
def test_a_stable_group_is_described_with_all_that_members_say_and_have() -> None:
    driven = having(Driven(), a_classic_group("alice"))

    assert driven.ask(DESCRIBE) == ClassicDescription("Stable", "consumer", "range", (alice(),))


@pytest.mark.row(107)
@pytest.mark.parametrize(
    "state", [ClassicGroupState.PREPARING_REBALANCE, ClassicGroupState.COMPLETING_REBALANCE]
)
def test_a_group_in_a_rebalance_has_no_protocol_yet(state: ClassicGroupState) -> None:
    driven = having(Driven(), a_classic_group("alice"))
    driven.group().state = state

    members = (alice(member_metadata=b""),)
    assert driven.ask(DESCRIBE) == ClassicDescription(state.value, "consumer", "", members)


@pytest.mark.row(107)
def test_a_static_member_is_described_with_its_instance() -> None:
    group = a_classic_group("alice")
    assert group.value is not None
    static = replace(group.value.members[0], group_instance_id="one")
    driven = having(Driven(), replace(group, value=replace(group.value, members=(static,))))

    described = driven.ask(DESCRIBE)

    assert described.members == (alice()._replace(group_instance_id="one"),)


@pytest.mark.row(107)
@pytest.mark.parametrize(
    ("record", "protocol_type"),
    [(offset("topic"), ""), (a_classic_group(), "consumer")],
    ids=["simple", "left by all"],
)
def test_an_empty_group_is_described(record: Any, protocol_type: str) -> None:
    driven = having(Driven(), record)

    assert driven.ask(DESCRIBE) == ClassicDescription("Empty", protocol_type, "", ())


@pytest.mark.row(107)
@pytest.mark.parametrize("records", [(), a_consumer_group("alice")], ids=["none", "consumer"])
def test_what_is_no_classic_group_is_not_found(records: Any) -> None:
    assert having(Driven(), *records).refusal(DESCRIBE) is NOT_FOUND


@pytest.mark.row(87)
def test_the_group_with_an_empty_id_is_described() -> None:
    driven = having(Driven(), offset("topic", group_id=""))

    described = driven.ask(DescribeGroupCommand(""))

    assert described == ClassicDescription("Empty", "", "", ())


# -- consumer groups ---------------------------------------------------------------------------


def test_a_consumer_group_is_described_with_what_members_have_and_are_to_have() -> None:
    driven = having(Driven(), *a_consumer_group("alice"))
    topic_id = a_topic("topic").topic_id
    current = CurrentAssignment(
        5, 4, MemberState.UNREVOKED_PARTITIONS, {topic_id: {1: 5}}, {OTHER_ID: {7: 3}}
    )
    having(driven, CurrentRecord("group", "alice", current))

    described = driven.ask(DESCRIBE_CONSUMER)

    member = DescribedConsumer(
        member_id="alice",
        instance_id=None,
        rack_id=None,
        member_epoch=5,
        client_id="client",
        client_host="/127.0.0.1",
        subscribed_topic_names=("topic",),
        subscribed_topic_regex="",
        assignment={topic_id: frozenset({1}), OTHER_ID: frozenset({7})},
        target_assignment={topic_id: frozenset({0})},
        is_classic=False,
    )
    assert described == ConsumerDescription("Reconciling", 5, 5, "uniform", (member,))


def test_members_of_the_classic_protocol_are_told_as_such() -> None:
    classic = ClassicMember(10_000, (("range", b""),))
    driven = having(Driven(), *a_consumer_group("alice", classic=classic))

    assert [member.is_classic for member in driven.ask(DESCRIBE_CONSUMER).members] == [True]


def test_a_consumer_group_without_members_goes_by_the_brokers_first_assignor() -> None:
    driven = having(Driven({"group.consumer.assignors": "range,uniform"}), *a_consumer_group())

    assert driven.ask(DESCRIBE_CONSUMER) == ConsumerDescription("Empty", 5, 5, "range", ())


@pytest.mark.parametrize("records", [(), (a_classic_group("alice"),)], ids=["none", "classic"])
def test_what_is_no_consumer_group_is_not_found(records: Any) -> None:
    assert having(Driven(), *records).refusal(DESCRIBE_CONSUMER) is NOT_FOUND


@pytest.mark.row(87)
def test_no_consumer_group_has_an_empty_id() -> None:
    refusal = Driven().refusal(DescribeConsumerGroupCommand(""))

    assert refusal is ErrorCode.INVALID_GROUP_ID


# -- lists -------------------------------------------------------------------------------------

STABLE = ListedGroup("stable", "consumer", "Stable", "classic")
LEFT = ListedGroup("left", "connect", "Empty", "classic")
SIMPLE = ListedGroup("simple", "", "Empty", "classic")
MODERN = ListedGroup("modern", "consumer", "Stable", "consumer")
EVERY = {STABLE, LEFT, SIMPLE, MODERN}


@pytest.fixture(scope="module")
def groups() -> Driven:
    """Groups of both types and several states."""
    return having(
        Driven(),
        a_classic_group("alice", group_id="stable"),
        a_classic_group(group_id="left", protocol_type="connect"),
        offset("topic", group_id="simple"),
        *a_consumer_group("alice", group_id="modern"),
    )


@pytest.mark.row(107)
@pytest.mark.parametrize(
    ("states", "types", "listed"),
    [
        ((), (), EVERY),
        (("Stable",), (), {STABLE, MODERN}),
        ((" sTABLE ",), (), {STABLE, MODERN}),
        (("empty", "stable", "nonsense"), (), EVERY),
        (("Dead",), (), set()),
        (("nonsense",), (), set()),
        (("",), (), set()),
        ((), ("Classic",), {STABLE, LEFT, SIMPLE}),
        ((), ("CONSUMER",), {MODERN}),
        ((), ("share", "streams", "unknown"), set()),
        ((), ("",), set()),
        ((), (" classic",), set()),
        (("Stable",), ("classic", "nonsense"), {STABLE}),
        (("Empty",), ("consumer",), set()),
    ],
    ids=str,
)
def test_groups_are_listed_by_state_and_type_in_any_case(
    groups: Driven, states: tuple[str, ...], types: tuple[str, ...], listed: set[ListedGroup]
) -> None:
    reply = groups.ask(ListGroupsCommand(frozenset(states), frozenset(types)))

    assert set(reply) == listed
    assert len(reply) == len(listed)


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (ClassicGroupState.PREPARING_REBALANCE, "preparingrebalance"),
        (ClassicGroupState.COMPLETING_REBALANCE, "CompletingRebalance"),
    ],
)
def test_a_group_in_a_rebalance_is_listed_by_its_state(
    state: ClassicGroupState, wanted: str
) -> None:
    driven = having(Driven(), a_classic_group("alice"))
    driven.group().state = state

    (listed,) = driven.ask(ListGroupsCommand(frozenset({wanted})))

    assert listed == ListedGroup("group", "consumer", state.value, "classic")


# -- ends --------------------------------------------------------------------------------------


@pytest.mark.row(108)
@pytest.mark.parametrize(
    "group", [(), (a_classic_group(),), a_consumer_group()], ids=["simple", "classic", "consumer"]
)
def test_a_group_without_members_ends_with_its_offsets(group: Any) -> None:
    driven = having(Driven(), *group, offset("topic", 0), offset("other", 3))
    tombstones = tuple(driven.group().tombstones())

    assert driven.ask(DELETE) is DONE

    forgotten = (OffsetRecord("group", "topic", 0, None), OffsetRecord("group", "other", 3, None))
    assert tuple(driven.log[-len(tombstones) - 2 :]) == forgotten + tombstones
    assert committed(driven) == {}
    assert driven.refusal(DELETE) is NOT_FOUND
    driven.restart()
    assert driven.shard.groups == {}


@pytest.mark.row(108)
@pytest.mark.parametrize(
    "group", [(a_classic_group("alice"),), a_consumer_group("alice")], ids=["classic", "consumer"]
)
def test_a_group_with_members_does_not_end(group: Any) -> None:
    driven = having(Driven(), *group, offset("topic", 0))

    assert driven.refusal(DELETE) is ErrorCode.NON_EMPTY_GROUP
    assert committed(driven) == {("topic", 0): 5}


@pytest.mark.row(108)
@pytest.mark.parametrize(
    ("state", "code"),
    [
        (ClassicGroupState.PREPARING_REBALANCE, ErrorCode.NON_EMPTY_GROUP),
        (ClassicGroupState.COMPLETING_REBALANCE, ErrorCode.NON_EMPTY_GROUP),
        (ClassicGroupState.DEAD, NOT_FOUND),
    ],
)
def test_a_group_in_another_state_does_not_end(state: ClassicGroupState, code: ErrorCode) -> None:
    driven = having(Driven(), a_classic_group("alice"))
    driven.group().state = state

    assert driven.refusal(DELETE) is code


@pytest.mark.row(108)
def test_what_is_no_group_cannot_end() -> None:
    driven = having(Driven(), a_classic_group("alice", group_id="other"))

    assert driven.refusal(DELETE) is NOT_FOUND


@pytest.mark.row(87, 108)
def test_the_group_with_an_empty_id_can_end() -> None:
    driven = having(Driven(), offset("topic", group_id=""))

    assert driven.ask(DeleteGroupCommand("")) is DONE
    assert driven.shard.groups == {}


def test_a_group_that_ended_begins_anew() -> None:
    driven = having(Driven(), a_classic_group(), offset("topic", 0, 50))
    driven.ask(DELETE)

    driven.ask(a_commit())

    assert committed(driven) == {("topic", 0): 5}
    assert driven.ask(DESCRIBE) == ClassicDescription("Empty", "", "", ())
