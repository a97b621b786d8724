"""Members of the classic protocol join a consumer group."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.coordinator import records as r
from pykbroker.coordinator.commands import JoinReply, MemberRefused
from pykbroker.coordinator.group import GroupKind
from pykbroker.errors import ErrorCode, KafkaError
from tests.coordinator.consumer.mixed_groups import (
    GROUP,
    REBALANCE_MS,
    SESSION_MS,
    a_broker,
    a_consumer,
    a_heartbeat,
    a_join,
    beat,
    consumed,
    joined,
    metadata,
    synced,
)
from tests.coordinator.consumer.partitions import some, told_with_epochs
from tests.coordinator.driven import Driven, a_topic


def a_consumer_group(**properties: object) -> Driven:
    """Give a machine with a group that one member of the consumer protocol is in, at epoch 2."""
    driven = a_broker(a_topic("a", 4), a_topic("b", 2), **properties)
    assert consumed(driven, "consumer")[0] == 2
    return driven


def has(driven: Driven, member_id: str) -> str:
    """Give what a member has, with epochs."""
    return told_with_epochs(driven.group().members[member_id].current.assigned)


def test_a_new_member_is_told_an_id_and_takes_no_place_yet() -> None:
    driven = a_consumer_group()

    with pytest.raises(MemberRefused) as refusal:
        driven.ask(a_join())

    assert refusal.value.code is ErrorCode.MEMBER_ID_REQUIRED
    assert len(refusal.value.member_id) == 22
    assert driven.group().members.keys() == {"consumer"}
    driven.pass_time(SESSION_MS)
    assert joined(driven, refusal.value.member_id).member_id == refusal.value.member_id


def test_the_epoch_it_comes_to_is_its_generation_and_nobody_leads() -> None:
    driven = a_consumer_group()
    before = len(driven.log)

    reply = driven.ask(a_join("classic"))

    assert reply == JoinReply("classic", 3, "consumer", "range", leader="")
    subscription = r.MemberSubscription(
        instance_id=None,
        rack_id=None,
        client_id="classic",
        client_host="/127.0.0.1",
        subscribed_topic_names=("a",),
        subscribed_topic_regex="",
        rebalance_timeout_ms=REBALANCE_MS,
        server_assignor=None,
        classic=r.ClassicMember(SESSION_MS, (("range", metadata()),)),
    )
    current = r.CurrentAssignment(
        member_epoch=3,
        previous_member_epoch=0,
        state=r.MemberState.UNRELEASED_PARTITIONS,
        assigned={},
        revoking={},
    )
    assert driven.log[before:] == [
        r.MemberRecord(GROUP, "classic", subscription),
        r.GroupEpochRecord(GROUP, r.GroupEpoch(3, driven.group().metadata_hash)),
        r.TargetRecord(GROUP, "classic", some("a2 a3")),
        r.TargetRecord(GROUP, "consumer", some("a0 a1")),
        r.TargetEpochRecord(GROUP, r.TargetEpoch(3, driven.wall_ms)),
        r.CurrentRecord(GROUP, "classic", current),
    ]


def test_old_clients_join_without_an_id() -> None:
    driven = a_consumer_group()

    reply = driven.ask(a_join(knows_member_id_required=False))

    assert reply.generation_id == 3
    assert driven.group().members.keys() == {"consumer", reply.member_id}


@pytest.mark.row(114)
def test_no_classic_member_joins_where_migration_is_disabled() -> None:
    driven = a_consumer_group(group_consumer_migration_policy="disabled")

    for member_id in ("", "classic"):
        refusal = driven.refusal(a_join(member_id))
        assert refusal is ErrorCode.INCONSISTENT_GROUP_PROTOCOL


@pytest.mark.parametrize("policy", ["upgrade", "downgrade"])
def test_a_policy_that_allows_one_way_lets_classic_members_join(policy: str) -> None:
    driven = a_consumer_group(group_consumer_migration_policy=policy)

    assert joined(driven).generation_id == 3


@pytest.mark.parametrize(
    "fields",
    [
        {"protocol_type": "connect"},
        {"protocols": ()},
        {"protocols": (("sticky", metadata()),)},
        {"protocols": (("range", b"\0"),)},
        {"protocols": (("range", b"\0\0\0"),)},
    ],
    ids=["another type", "no protocol", "no common protocol", "no version", "no topics"],
)
def test_what_suits_no_consumer_group_is_refused(fields: dict[str, Any]) -> None:
    driven = a_consumer_group()
    joined(driven)
    members = set(driven.group().members)

    with pytest.raises(MemberRefused) as refusal:
        driven.ask(a_join("other", **fields))

    assert refusal.value.code is ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    assert refusal.value.member_id == ""
    assert driven.group().members.keys() == members


def test_one_protocol_in_common_with_all_classic_members_is_enough() -> None:
    driven = a_consumer_group()
    joined(driven, protocols=(("sticky", metadata()), ("range", metadata())))

    assert joined(driven, protocols=(("range", metadata()), ("x", b""))).protocol_name == "range"
    one = a_join("other", protocols=(("sticky", metadata()),))
    assert driven.refusal(one) is ErrorCode.INCONSISTENT_GROUP_PROTOCOL


def test_a_full_group_takes_only_those_in_who_are_in_it() -> None:
    driven = a_consumer_group(group_consumer_max_size=2)
    member_id = joined(driven, group_instance_id="i").member_id

    assert driven.refusal(a_join()) is ErrorCode.GROUP_MAX_SIZE_REACHED
    assert driven.refusal(a_join("other")) is ErrorCode.GROUP_MAX_SIZE_REACHED
    assert joined(driven, member_id, group_instance_id="i").member_id == member_id
    assert joined(driven, group_instance_id="i").member_id != member_id


@pytest.mark.parametrize("session_timeout_ms", [5_999, 1_800_001])
def test_a_session_timeout_out_of_bounds_is_refused(session_timeout_ms: int) -> None:
    driven = a_consumer_group()

    with pytest.raises(MemberRefused) as refusal:
        driven.ask(a_join("classic", session_timeout_ms=session_timeout_ms))

    assert refusal.value.code is ErrorCode.INVALID_SESSION_TIMEOUT
    assert refusal.value.member_id == "classic"


def test_a_member_that_still_owns_what_it_is_to_give_up_stays_at_its_epoch() -> None:
    driven = a_broker(a_topic("a", 4))
    consumed(driven, "consumer", subscribed="b")
    one = joined(driven)
    assert synced(driven, one) == "a0 a1 a2 a3"
    two = joined(driven)
    assert beat(driven, one.member_id, one.generation_id) is ErrorCode.REBALANCE_IN_PROGRESS

    kept = joined(driven, one.member_id, "a", "a0 a1 a2 a3")

    assert kept.generation_id == one.generation_id
    still = synced(driven, kept)
    assert len(still.split()) == 2
    assert beat(driven, two.member_id, two.generation_id) is ErrorCode.NONE
    assert beat(driven, kept.member_id, kept.generation_id) is ErrorCode.REBALANCE_IN_PROGRESS
    given_up = joined(driven, one.member_id, "a", still)
    assert given_up.generation_id == two.generation_id
    assert synced(driven, given_up) == still


def test_an_eager_member_owns_nothing_when_it_joins_and_goes_on_at_once() -> None:
    driven = a_broker(a_topic("a", 4))
    consumed(driven, "consumer", subscribed="b")
    one = joined(driven)
    synced(driven, one)
    two = joined(driven)

    again = joined(driven, one.member_id)

    assert again.generation_id == two.generation_id == one.generation_id + 1
    kept = synced(driven, again)
    assert len(kept.split()) == 2
    assert beat(driven, two.member_id, two.generation_id) is ErrorCode.REBALANCE_IN_PROGRESS
    both = f"{kept} {synced(driven, joined(driven, two.member_id))}"
    assert sorted(both.split()) == ["a0", "a1", "a2", "a3"]


def test_a_member_that_joins_for_other_topics_bumps_the_epoch() -> None:
    driven = a_consumer_group()
    one = joined(driven)

    again = joined(driven, one.member_id, "ab")

    assert again.generation_id == one.generation_id + 1
    assert driven.group().members[one.member_id].subscription.subscribed_topic_names == ("a", "b")
    assert has(driven, one.member_id).count("b") == 2


def test_a_member_that_joins_for_the_same_topics_bumps_nothing() -> None:
    driven = a_consumer_group()
    one = joined(driven)
    joined(driven, one.member_id)
    before = len(driven.log)

    assert joined(driven, one.member_id).generation_id == one.generation_id
    assert len(driven.log) == before


def test_a_rack_is_told_by_the_metadata() -> None:
    driven = a_consumer_group()
    one = joined(driven, protocols=(("range", metadata(rack_id="north")),))

    joined(driven, one.member_id, protocols=(("range", metadata(version=1)),))

    assert driven.group().members[one.member_id].subscription.rack_id == "north"


# -- static members ----------------------------------------------------------------------------


def test_a_static_member_without_an_id_takes_the_place_of_its_instance() -> None:
    driven = a_broker()
    consumed(driven, "consumer", subscribed="b")
    old = joined(driven, group_instance_id="i")
    assert synced(driven, old, group_instance_id="i") == "a0 a1 a2 a3"

    new = joined(driven, group_instance_id="i")

    assert new.member_id != old.member_id
    assert new.generation_id == old.generation_id
    assert synced(driven, new, group_instance_id="i") == "a0 a1 a2 a3"
    assert has(driven, new.member_id) == "a0@3 a1@3 a2@3 a3@3"
    fenced = a_heartbeat(old.member_id, old.generation_id, "i")
    assert driven.refusal(fenced) is ErrorCode.FENCED_INSTANCE_ID


def test_a_static_member_with_an_id_must_be_the_one_of_its_instance() -> None:
    driven = a_consumer_group()
    one = joined(driven, group_instance_id="i")

    again = joined(driven, one.member_id, group_instance_id="i")
    assert again.member_id == one.member_id
    fenced = a_join("other", group_instance_id="i")
    assert driven.refusal(fenced) is ErrorCode.FENCED_INSTANCE_ID
    unknown = a_join(one.member_id, group_instance_id="j")
    assert driven.refusal(unknown) is ErrorCode.UNKNOWN_MEMBER_ID


def test_a_static_consumer_gives_way_to_a_classic_member_though_it_never_left() -> None:
    driven = a_consumer_group()
    consumed(driven, "static", instance_id="i")
    consumed(driven, "consumer", 2, topic_partitions=some("a0 a1"))
    consumed(driven, "static", 3, instance_id="i", topic_partitions={})

    reply = joined(driven, group_instance_id="i")

    assert driven.group().members.keys() == {"consumer", reply.member_id}
    assert reply.generation_id == 3
    assert synced(driven, reply, group_instance_id="i") == "a2 a3"


def test_a_pattern_goes_with_the_static_consumer_that_had_it() -> None:
    driven = a_consumer_group()
    consumed(driven, "static", instance_id="i", subscribed="b", subscribed_topic_regex="b.*")
    driven.pass_time(0)
    assert driven.group().regexes.keys() == {"b.*"}
    epoch = driven.group().group_epoch

    joined(driven, "", "b", group_instance_id="i")

    assert driven.group().regexes == {}
    assert driven.group().group_epoch == epoch + 1
    assert r.RegexRecord(GROUP, "b.*", None) in driven.log


def test_patterns_of_others_are_resolved_anew_when_there_are_new_topics() -> None:
    driven = a_consumer_group()
    consumed(driven, "other", subscribed="a", subscribed_topic_regex="b.*")
    driven.pass_time(10_001)
    driven.follow(*driven.topics.by_name.values(), a_topic("bb"))

    joined(driven)
    driven.pass_time(0)

    assert driven.group().regexes["b.*"].topics == {"b", "bb"}


# -- groups without members --------------------------------------------------------------------


def test_a_consumer_group_without_members_becomes_a_classic_one_whatever_the_policy() -> None:
    driven = a_consumer_group(group_consumer_migration_policy="disabled")
    driven.ask(a_consumer("consumer", -1))
    before = len(driven.log)

    with pytest.raises(MemberRefused) as refusal:
        driven.ask(a_join())

    assert refusal.value.code is ErrorCode.MEMBER_ID_REQUIRED
    assert driven.log[before:-1] == [
        r.TargetEpochRecord(GROUP, None),
        r.PartitionMetadataRecord(GROUP),
        r.GroupEpochRecord(GROUP, None),
    ]
    assert isinstance(driven.log[-1], r.ClassicGroupRecord)
    token = driven.send(a_join(refusal.value.member_id))
    driven.pass_time(0)
    assert driven.take(token).generation_id == 1
    assert driven.group().kind is GroupKind.CLASSIC


def test_a_member_of_nothing_leaves_a_consumer_group_without_members_alone() -> None:
    driven = a_consumer_group()
    driven.ask(a_consumer("consumer", -1))
    before = len(driven.log)

    with pytest.raises(KafkaError) as refusal:
        driven.ask(a_join("classic"))

    assert refusal.value.code is ErrorCode.UNKNOWN_MEMBER_ID
    assert (driven.group().kind, len(driven.log)) == (GroupKind.CONSUMER, before)
