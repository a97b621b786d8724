"""What a classic group says to commits, to administration and to the expiration of offsets."""

from __future__ import annotations

import pytest

from pykbroker.coordinator.classic.group import ClassicGroup, ClassicGroupState, simple_group
from pykbroker.coordinator.records import CommittedOffset
from pykbroker.errors import ErrorCode, KafkaError
from tests.coordinator.classic.groups import a_member, a_subscription

EMPTY, PREPARING, COMPLETING, STABLE, DEAD = ClassicGroupState
DAY_MS = 86_400_000


def a_group(state: ClassicGroupState, *, protocol_type: str | None = "consumer") -> ClassicGroup:
    """Give generation 3 of a dynamic member "a" and a static member "b", instance "i"."""
    group = ClassicGroup(
        "group", state, 3, protocol_type=protocol_type, state_timestamp_ms=10 * DAY_MS
    )
    if state not in (EMPTY, DEAD):
        for member in (a_member("a"), a_member("b", "i")):
            group.add(member)
        group.protocol_type = protocol_type
    return group


def reading(*metadata: bytes, state: ClassicGroupState = STABLE) -> ClassicGroup:
    """Give a group whose members say these things."""
    group = ClassicGroup("group", state)
    for number, each in enumerate(metadata):
        group.add(a_member(f"m{number}", protocols=(("range", each),)))
    group.protocol_name = "range"
    group.read_subscriptions()
    return group


def commit(
    group: ClassicGroup,
    member_id: str = "",
    generation_id: int = -1,
    instance_id: str | None = None,
) -> ErrorCode:
    try:
        check = group.check_commit(
            member_id, instance_id, generation_id, knows_consumer_groups=True
        )
    except KafkaError as refusal:
        return refusal.code
    assert check is None
    return ErrorCode.NONE


@pytest.mark.row(103)
@pytest.mark.parametrize(
    ("state", "code"),
    [
        (PREPARING, ErrorCode.NONE),
        (COMPLETING, ErrorCode.REBALANCE_IN_PROGRESS),
        (STABLE, ErrorCode.NONE),
        (DEAD, ErrorCode.COORDINATOR_NOT_AVAILABLE),
    ],
)
def test_members_commit_but_while_the_leader_assigns(
    state: ClassicGroupState, code: ErrorCode
) -> None:
    group = a_group(state)

    assert commit(group, "a", 3) == commit(group, "b", 3, "i") == code


@pytest.mark.row(103)
def test_nobody_commits_to_a_dead_group() -> None:
    assert commit(a_group(DEAD)) == ErrorCode.COORDINATOR_NOT_AVAILABLE


@pytest.mark.row(103)
@pytest.mark.parametrize("state", [PREPARING, COMPLETING, STABLE])
@pytest.mark.parametrize(
    ("member_id", "generation_id", "instance_id", "code"),
    [
        ("", -1, None, ErrorCode.UNKNOWN_MEMBER_ID),
        ("", 3, None, ErrorCode.UNKNOWN_MEMBER_ID),
        ("c", 3, None, ErrorCode.UNKNOWN_MEMBER_ID),
        ("a", 2, None, ErrorCode.ILLEGAL_GENERATION),
        ("a", 4, None, ErrorCode.ILLEGAL_GENERATION),
        ("a", -1, None, ErrorCode.ILLEGAL_GENERATION),
        ("a", 3, "i", ErrorCode.FENCED_INSTANCE_ID),
        ("b", 3, "j", ErrorCode.UNKNOWN_MEMBER_ID),
        ("", -1, "i", ErrorCode.FENCED_INSTANCE_ID),
    ],
)
def test_nobody_else_commits_to_a_group_with_members(
    state: ClassicGroupState,
    member_id: str,
    generation_id: int,
    instance_id: str | None,
    code: ErrorCode,
) -> None:
    assert commit(a_group(state), member_id, generation_id, instance_id) == code


@pytest.mark.row(102)
def test_who_names_no_generation_commits_to_a_group_without_members() -> None:
    for group in (a_group(EMPTY), simple_group("simple")):
        assert commit(group) == commit(group, "anybody") == ErrorCode.NONE
        assert commit(group, "a", 0) == ErrorCode.UNKNOWN_MEMBER_ID
        assert commit(group, "", 0) == ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.row(108)
@pytest.mark.parametrize(
    ("state", "code"),
    [
        (EMPTY, ErrorCode.NONE),
        (PREPARING, ErrorCode.NON_EMPTY_GROUP),
        (COMPLETING, ErrorCode.NON_EMPTY_GROUP),
        (STABLE, ErrorCode.NON_EMPTY_GROUP),
        (DEAD, ErrorCode.GROUP_ID_NOT_FOUND),
    ],
)
def test_only_a_group_without_members_is_deleted(state: ClassicGroupState, code: ErrorCode) -> None:
    group = a_group(state)

    if code is ErrorCode.NONE:
        group.check_delete()
        return
    with pytest.raises(KafkaError) as raised:
        group.check_delete()
    assert raised.value.code == code


@pytest.mark.row(109)
@pytest.mark.parametrize(
    ("state", "protocol_type", "code"),
    [
        (EMPTY, "connect", ErrorCode.NONE),
        (EMPTY, None, ErrorCode.NONE),
        (STABLE, "consumer", ErrorCode.NONE),
        (PREPARING, "consumer", ErrorCode.NONE),
        (STABLE, "connect", ErrorCode.NON_EMPTY_GROUP),
        (COMPLETING, "connect", ErrorCode.NON_EMPTY_GROUP),
        (DEAD, "consumer", ErrorCode.GROUP_ID_NOT_FOUND),
    ],
)
def test_offsets_are_deleted_where_it_is_known_who_reads_them(
    state: ClassicGroupState, protocol_type: str | None, code: ErrorCode
) -> None:
    group = a_group(state, protocol_type=protocol_type)

    if code is ErrorCode.NONE:
        group.check_delete_offsets()
        return
    with pytest.raises(KafkaError) as raised:
        group.check_delete_offsets()
    assert raised.value.code == code


def test_anybody_fetches_the_offsets_of_a_group_that_is_not_dead() -> None:
    for state in (EMPTY, PREPARING, COMPLETING, STABLE):
        a_group(state).check_fetch("somebody", 7)

    with pytest.raises(KafkaError) as raised:
        a_group(DEAD).check_fetch(None, -1)
    assert raised.value.code == ErrorCode.GROUP_ID_NOT_FOUND


@pytest.mark.row(109)
def test_a_group_reads_what_any_of_its_members_subscribes_to() -> None:
    group = reading(a_subscription("t1", "t2"), a_subscription("t2", "t3", version=3))

    assert group.subscribed_topics == frozenset({"t1", "t2", "t3"})
    assert [group.is_subscribed_to(name) for name in ("t1", "t3", "t4")] == [True, True, False]


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\0",
        b"\0\1",
        b"\0\1\0\0\0\7",
        b"\0\1\xff\xff\xff\xff",
        b"\0\1\0\0\0\1\0\5abc",
        b"\0\1\0\0\0\1\0\1\xff",
    ],
)
def test_a_group_with_a_member_that_says_nonsense_may_read_anything(garbage: bytes) -> None:
    group = reading(a_subscription("topic"), garbage)

    assert group.subscribed_topics is None
    assert group.is_subscribed_to("another")
    assert group.offsets_expire() is None


def test_members_of_newer_versions_are_understood_as_far_as_they_say_the_same() -> None:
    later = (7).to_bytes(2, "big") + a_subscription("topic", version=3)[2:] + b"more"

    assert reading(later).subscribed_topics == frozenset({"topic"})


def test_groups_of_other_protocols_are_subscribed_to_nothing() -> None:
    group = a_group(STABLE, protocol_type="connect")
    group.subscribed_topics = frozenset({"topic"})
    group.read_subscriptions()

    assert not group.is_subscribed_to("topic")
    assert not simple_group("simple").is_subscribed_to("topic")


def test_an_empty_consumer_group_reads_nothing() -> None:
    group = a_group(EMPTY)
    group.read_subscriptions()

    assert group.subscribed_topics == frozenset()


def an_offset(committed_ms: int, expires_ms: int | None = None) -> CommittedOffset:
    return CommittedOffset(7, commit_timestamp_ms=committed_ms, expire_timestamp_ms=expires_ms)


@pytest.mark.row(110)
def test_offsets_of_an_empty_group_expire_so_long_after_it_became_empty() -> None:
    expires_ms = a_group(EMPTY).offsets_expire()

    assert expires_ms is not None
    assert expires_ms(an_offset(1 * DAY_MS), 7 * DAY_MS) == 17 * DAY_MS


@pytest.mark.row(110)
def test_an_empty_group_that_does_not_know_since_when_goes_by_the_commit() -> None:
    group = a_group(EMPTY)
    group.state_timestamp_ms = -1
    expires_ms = group.offsets_expire()

    assert expires_ms is not None
    assert expires_ms(an_offset(1 * DAY_MS), 7 * DAY_MS) == 8 * DAY_MS


@pytest.mark.row(110)
def test_offsets_of_a_simple_group_expire_so_long_after_their_commit() -> None:
    expires_ms = simple_group("simple", 10 * DAY_MS).offsets_expire()

    assert expires_ms is not None
    assert expires_ms(an_offset(1 * DAY_MS), 7 * DAY_MS) == 8 * DAY_MS


@pytest.mark.row(110)
def test_offsets_in_a_live_group_expire_only_when_it_is_known_that_nobody_reads() -> None:
    expires_ms = reading(a_subscription("topic")).offsets_expire()

    assert expires_ms is not None
    assert expires_ms(an_offset(1 * DAY_MS), 7 * DAY_MS) == 8 * DAY_MS
    assert reading(a_subscription("topic"), state=PREPARING).offsets_expire() is None
    assert reading(a_subscription("topic"), state=COMPLETING).offsets_expire() is None
    assert a_group(STABLE, protocol_type="connect").offsets_expire() is None


@pytest.mark.row(110)
def test_an_offset_that_says_when_it_expires_expires_then() -> None:
    for group in (a_group(EMPTY), simple_group("simple"), reading(a_subscription("topic"))):
        expires_ms = group.offsets_expire()

        assert expires_ms is not None
        assert expires_ms(an_offset(1 * DAY_MS, 2 * DAY_MS), 7 * DAY_MS) == 2 * DAY_MS
