"""Groups between the protocols (KIP-848): taken over when empty, mixed, and taken back."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.classic import (
    enter,
    heartbeat,
    join,
    joined,
    leave,
    new_member_id,
    pending_member,
    send_join,
    stable_group,
    sync,
)
from interop.group_questions.consumer import (
    Consumer,
    a_consumer,
    describe,
    topic_for_members,
    until_next_assignment,
)
from interop.group_questions.consumer_bytes import (
    assignment,
    owned,
    read_assignment,
    subscription,
)
from interop.group_questions.describe_groups import describe as describe_classic
from interop.group_questions.describe_groups import listed
from interop.group_questions.offsets import commit, fetch
from interop.group_questions.questions import Questions

MIGRATION = Questions("migration")


def protocols_for(*topics: str, **fields: Any) -> dict[str, Any]:
    """Give the fields of a classic consumer's join that wants topics."""
    return {"protocols": {"range": subscription(*topics, **fields)}}


def classic_group(asker: Asker, topic: str, **fields: Any) -> tuple[str, str]:
    """Make a stable classic group that reads three partitions; give it and its member id."""
    group = asker.group()
    wanted = protocols_for(topic)
    entered = join(asker, group, **wanted, **fields) if fields else enter(asker, group, **wanted)
    member = entered["member_id"]
    sync(asker, group, member, 1, {member: assignment({topic: [0, 1, 2]})})
    return group, member


def shared(answer: Any) -> Any:
    """Give a sync's answer with the share in words."""
    return answer | {"assignment": read_assignment(answer["assignment"])}


@MIGRATION.about(112)
def a_classic_group_that_all_have_left_is_taken_over(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    group, member = classic_group(asker, topic)
    commit(asker, group, {topic: {0: 5}}, member_id=member, generation_id_or_member_epoch=1)
    leave(asker, group, member)
    joined_it = Consumer(asker, group, "alice", topic).join()
    return joined_it, fetch(asker, group), describe(asker, group), listed(asker, group)


@MIGRATION.about(112)
def a_classic_group_of_another_kind_that_all_have_left(asker: Asker) -> Any:
    group, topic = asker.group(), topic_for_members(asker)
    kind = {"protocol_type": "connect", "protocols": {"sessioned": b""}}
    leave(asker, group, stable_group(asker, group, **kind)["member_id"])
    return Consumer(asker, group, "alice", topic).join()


@MIGRATION.about(112)
def a_classic_group_of_a_pending_member(asker: Asker) -> Any:
    group, topic = asker.group(), topic_for_members(asker)
    pending = pending_member(asker, group)
    return Consumer(asker, group, "alice", topic).join(), join(asker, group, pending)


@MIGRATION.about(114)
def a_consumer_group_that_all_have_left_is_taken_back(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    member = a_consumer(asker, topic)
    told = {"member_id": "alice", "generation_id_or_member_epoch": member.epoch}
    commit(asker, member.group, {topic: {0: 5}}, **told)
    member.leave()
    first = join(asker, member.group, **protocols_for(topic))
    again = join(asker, member.group, first["member_id"], **protocols_for(topic))
    return first, again, fetch(asker, member.group), listed(asker, member.group)


@MIGRATION.about(114)
def a_member_id_for_a_consumer_group_that_all_have_left(asker: Asker) -> Any:
    member = a_consumer(asker, topic_for_members(asker))
    member.leave()
    return join(asker, member.group, "somebody")


@MIGRATION.about(112, 114)
def a_consumer_joins_a_stable_classic_group(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    group, member = classic_group(asker, topic)
    alice = Consumer(asker, group, "alice", topic)
    return (
        alice.join(),
        heartbeat(asker, group, member, 1),
        describe(asker, group),
        describe_classic(asker, group),
        listed(asker, group),
        alice.own(),
    )


@MIGRATION.about(112, 114)
def the_classic_member_gives_up_what_the_consumer_gets(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    group, member = classic_group(asker, topic)
    alice = Consumer(asker, group, "alice", topic)
    alice.join()
    told = heartbeat(asker, group, member, 1)
    again = join(
        asker, group, member, **protocols_for(topic, owned_partitions=owned({topic: [0, 1, 2]}))
    )
    epoch = again["generation_id"]
    first = shared(sync(asker, group, member, epoch))
    between = heartbeat(asker, group, member, epoch), alice.own()
    kept = first["assignment"]["partitions"][topic]
    last = join(asker, group, member, **protocols_for(topic, owned_partitions=owned({topic: kept})))
    final = shared(sync(asker, group, member, last["generation_id"]))
    settled = heartbeat(asker, group, member, last["generation_id"]), alice.own(), alice.own()
    return told, again, first, between, last, final, settled, describe(asker, group)


@MIGRATION.about(112, 114)
def the_consumer_leaves_a_mixed_group(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    group, member = classic_group(asker, topic)
    alice = Consumer(asker, group, "alice", topic)
    alice.join()
    left = alice.leave()
    return (
        left,
        listed(asker, group),
        heartbeat(asker, group, member, 1),
        describe_classic(asker, group),
        join(asker, group, member, **protocols_for(topic)),
    )


@MIGRATION.about(112, 114)
def the_classic_member_leaves_a_mixed_group(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    group, member = classic_group(asker, topic)
    alice = Consumer(asker, group, "alice", topic)
    alice.join()
    left = leave(asker, group, member)
    until_next_assignment(asker)
    return left, alice.own(), alice.own(), listed(asker, group), describe(asker, group)


@MIGRATION.about(112)
def a_consumer_joins_a_classic_group_before_the_leader_has_synced(asker: Asker) -> Any:
    topic, group = topic_for_members(asker, 4), asker.group()
    member = enter(asker, group, **protocols_for(topic))["member_id"]
    alice = Consumer(asker, group, "alice", topic)
    alice.join()
    mine = [len(each["partitions"]) for each in alice.share]
    refused = sync(asker, group, member, 1), heartbeat(asker, group, member, 1)
    return alice.epoch, mine, refused


@MIGRATION.about(112)
def a_consumer_joins_while_a_rebalance_waits(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    group, _ = classic_group(asker, topic)
    second = asker.another()
    late = new_member_id(second, group, **protocols_for(topic))
    send_join(second, group, late, **protocols_for(topic))
    asker.wait_for_state(group, "PreparingRebalance")
    told = Consumer(asker, group, "alice", topic).join()
    members = describe(asker, group)["groups"][0]["members"]
    return told, joined(second), sorted(each["member_type"] for each in members)


@MIGRATION.about(112)
def a_consumer_joins_a_classic_group_with_an_empty_share(asker: Asker) -> Any:
    topic, group = topic_for_members(asker, 4), asker.group()
    member = enter(asker, group, **protocols_for(topic))["member_id"]
    sync(asker, group, member, 1, {member: b""})
    alice = Consumer(asker, group, "alice", topic)
    joined_it = alice.join()["error_code"]
    mine = [len(each["partitions"]) for each in alice.share]
    return joined_it, alice.epoch, mine, heartbeat(asker, group, member, 1)


@MIGRATION.about(112, share=[b"\x00\x03\x00\x00", b"\xff"])
def a_consumer_joins_a_classic_group_with_malformed_shares(asker: Asker, share: bytes) -> Any:
    topic, group = topic_for_members(asker), asker.group()
    member = enter(asker, group, **protocols_for(topic))["member_id"]
    sync(asker, group, member, 1, {member: share})
    alice = Consumer(asker, group, "alice", topic)
    return alice.join(), describe_classic(asker, group)["groups"][0]["group_state"]


@MIGRATION.about(112)
def a_consumer_takes_over_a_static_classic_member(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    group, member = classic_group(asker, topic, group_instance_id="one")
    alice = Consumer(asker, group, "alice", topic, instance_id="one")
    return (
        alice.join(),
        heartbeat(asker, group, member, 1, group_instance_id="one"),
        listed(asker, group),
        describe(asker, group),
    )


@MIGRATION.about(114)
def a_classic_member_joins_a_consumer_group(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    alice = a_consumer(asker, topic)
    until_next_assignment(asker)
    first = join(asker, alice.group, **protocols_for(topic))
    member = first["member_id"]
    again = join(asker, alice.group, member, **protocols_for(topic))
    synced = shared(sync(asker, alice.group, member, again["generation_id"]))
    return first, again, synced, alice.beat(), describe(asker, alice.group)


@MIGRATION.about(114, version=[0, 3, 5, 7, 9])
def a_classic_member_joins_with_each_version(asker: Asker, version: int) -> Any:
    topic = topic_for_members(asker)
    alice = a_consumer(asker, topic)
    until_next_assignment(asker)
    return join(asker, alice.group, version=version, **protocols_for(topic))


@MIGRATION.about(114)
def a_classic_member_gets_its_share_in_turn(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    alice = a_consumer(asker, topic)
    until_next_assignment(asker)
    member = new_member_id(asker, alice.group, **protocols_for(topic))
    epoch = join(asker, alice.group, member, **protocols_for(topic))["generation_id"]
    empty = shared(sync(asker, alice.group, member, epoch))
    quiet = heartbeat(asker, alice.group, member, epoch)
    alice.own()
    alice.own()
    told = heartbeat(asker, alice.group, member, epoch)
    epoch = join(asker, alice.group, member, **protocols_for(topic))["generation_id"]
    full = shared(sync(asker, alice.group, member, epoch))
    settled = heartbeat(asker, alice.group, member, epoch)
    return empty, quiet, told, full, settled, describe(asker, alice.group)


@MIGRATION.about(114)
def classic_members_that_a_consumer_group_refuses(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    group = a_consumer(asker, topic).group
    return (
        join(asker, group, protocol_type="connect", protocols={"sessioned": b""}),
        join(asker, group, protocols={}),
        join(asker, group, "somebody", **protocols_for(topic)),
        join(asker, group, session_timeout_ms=1, **protocols_for(topic)),
        join(asker, group, "somebody", group_instance_id="one", **protocols_for(topic)),
    )


@MIGRATION.about(114)
def classic_members_with_nothing_in_common(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    alice = a_consumer(asker, topic)
    until_next_assignment(asker)
    wanted = {"protocols": {"range": subscription(topic)}}
    other = {"protocols": {"sticky": subscription(topic)}}
    enter(asker, alice.group, **wanted)
    return join(asker, alice.group, **other)


@MIGRATION.about(114)
def malformed_subscriptions_of_a_classic_member(asker: Asker) -> Any:
    group = a_consumer(asker, topic_for_members(asker)).group
    return [
        join(asker, group, group_instance_id=str(len(data)), protocols={"range": data})
        for data in (b"", b"\x00", b"\x00\x00\x00\x00\x00\x09")
    ]


@MIGRATION.about(96, 99, 114)
def a_classic_member_of_a_mixed_group_asks_wrongly(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    alice = a_consumer(asker, topic)
    until_next_assignment(asker)
    entered = enter(asker, alice.group, **protocols_for(topic))
    member, epoch = entered["member_id"], entered["generation_id"]
    return (
        sync(asker, alice.group, member, epoch + 1),
        sync(asker, alice.group, member, epoch - 1),
        sync(asker, alice.group, member, epoch, protocol_type="connect"),
        sync(asker, alice.group, member, epoch, protocol_name="sticky"),
        sync(asker, alice.group, "nobody", epoch),
        heartbeat(asker, alice.group, member, epoch + 1),
        heartbeat(asker, alice.group, "nobody", epoch),
        heartbeat(asker, alice.group, member, epoch, group_instance_id="one"),
    )


@MIGRATION.about(113, 114, version=[2, 8, 9, 10])
def a_classic_member_of_a_mixed_group_commits(asker: Asker, version: int) -> Any:
    topic = topic_for_members(asker)
    alice = a_consumer(asker, topic)
    until_next_assignment(asker)
    entered = enter(asker, alice.group, **protocols_for(topic))
    epoch = entered["generation_id"]

    def committed(generation: int) -> Any:
        fields = {
            "member_id": entered["member_id"],
            "generation_id_or_member_epoch": generation,
        }
        return commit(asker, alice.group, {topic: {0: 5}}, version=version, **fields)

    return committed(epoch), committed(epoch + 1), committed(epoch - 1)


@MIGRATION.about(115, 114)
def the_last_consumer_of_a_mixed_group_leaves(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    alice = a_consumer(asker, topic)
    until_next_assignment(asker)
    entered = enter(asker, alice.group, **protocols_for(topic))
    member, epoch = entered["member_id"], entered["generation_id"]
    sync(asker, alice.group, member, epoch)
    left = alice.leave()
    return (
        left,
        listed(asker, alice.group),
        describe_classic(asker, alice.group),
        heartbeat(asker, alice.group, member, epoch),
        join(asker, alice.group, member, **protocols_for(topic)),
    )


@MIGRATION.about(114)
def a_static_consumer_is_replaced_by_a_classic_member(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    alice = a_consumer(asker, topic, instance_id="one")
    until_next_assignment(asker)
    taken = join(asker, alice.group, group_instance_id="one", **protocols_for(topic))
    return taken, alice.beat(), listed(asker, alice.group), describe_classic(asker, alice.group)


@MIGRATION.about(114)
def a_static_classic_member_comes_to_a_consumer_group(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    alice = a_consumer(asker, topic)
    until_next_assignment(asker)
    wanted = protocols_for(topic) | {"group_instance_id": "one"}
    first = join(asker, alice.group, **wanted)
    back = join(asker, alice.group, **wanted)
    told = {"group_instance_id": "one"}
    late = heartbeat(asker, alice.group, first["member_id"], first["generation_id"], **told)
    return first, back, late, describe(asker, alice.group)
