"""Groups whose members speak both protocols, for tests: what members ask, partitions in short."""

from __future__ import annotations

from typing import Any

from pykbroker.coordinator.assignors.assignment import TopicShape
from pykbroker.coordinator.commands import (
    ConsumerHeartbeatCommand,
    ConsumerHeartbeatReply,
    HeartbeatCommand,
    JoinCommand,
    JoinReply,
    LeaveCommand,
    LeavingMember,
    MemberRefused,
    SyncCommand,
    SyncReply,
)
from pykbroker.coordinator.consumer.embedded import assignment_in
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
)
from tests.coordinator.consumer.partitions import some
from tests.coordinator.driven import Driven, a_topic, topics_of

GROUP = "group"
SESSION_MS = 10_000
"""Of classic members."""
CONSUMER_SESSION_MS = 45_000
REBALANCE_MS = 60_000


def a_broker(*topics: TopicShape, **properties: object) -> Driven:
    """Give a machine that computes targets at once; topic a has four partitions by default."""
    chosen = {
        "group_initial_rebalance_delay_ms": 0,
        "group_consumer_assignment_interval_ms": 0,
    } | properties
    named = {name.replace("_", "."): str(value) for name, value in chosen.items()}
    return Driven(named, topics=topics_of(topics or (a_topic("a", 4),)))


def by_name(partitions: str) -> list[dict[str, Any]]:
    """Read partitions in short as the embedded protocol has them: `a0 a1 b0`."""
    return [
        {"topic": key.lstrip(b"\1").decode(), "partitions": sorted(numbers)}
        for key, numbers in some(partitions).items()
    ]


def metadata(
    subscribed: str = "a", owned: str = "", *, version: int = 3, rack_id: str | None = None
) -> bytes:
    """Give what a classic consumer embeds in JoinGroup; topics are letters."""
    fields = {
        "topics": list(subscribed),
        "owned_partitions": by_name(owned),
        "rack_id": rack_id,
    }
    return version.to_bytes(2, "big") + ConsumerProtocolSubscription.version(version).build(fields)


def share(partitions: str, *, version: int = 3, user_data: bytes | None = None) -> bytes:
    """Give an assignment as a leader embeds it in SyncGroup."""
    fields = {"assigned_partitions": by_name(partitions), "user_data": user_data}
    return version.to_bytes(2, "big") + ConsumerProtocolAssignment.version(version).build(fields)


def in_short(assignment: bytes) -> str:
    """Read an assignment that SyncGroup answered."""
    named = assignment_in(assignment).assigned_partitions
    return " ".join(f"{name}{number}" for name, numbers in named for number in numbers)


# -- what members ask --------------------------------------------------------------------------


def a_join(
    member_id: str = "", subscribed: str = "a", owned: str = "", **fields: Any
) -> JoinCommand:
    """Ask to join with the classic protocol."""
    defaults: dict[str, Any] = {
        "group_id": GROUP,
        "member_id": member_id,
        "group_instance_id": None,
        "client_id": "classic",
        "client_host": "/127.0.0.1",
        "session_timeout_ms": SESSION_MS,
        "rebalance_timeout_ms": REBALANCE_MS,
        "protocol_type": "consumer",
        "protocols": (("range", metadata(subscribed, owned)),),
    }
    return JoinCommand(**(defaults | fields))


def a_sync(
    member_id: str, generation_id: int, shares: dict[str, bytes] | None = None, **fields: Any
) -> SyncCommand:
    """Ask for the assignment; a leader of a classic group tells all shares."""
    defaults: dict[str, Any] = {
        "group_id": GROUP,
        "generation_id": generation_id,
        "member_id": member_id,
        "group_instance_id": None,
        "protocol_type": "consumer",
        "protocol_name": "range",
        "assignments": tuple((shares or {}).items()),
    }
    return SyncCommand(**(defaults | fields))


def a_heartbeat(
    member_id: str, generation_id: int, group_instance_id: str | None = None
) -> HeartbeatCommand:
    """Give a classic member's sign of life."""
    return HeartbeatCommand(GROUP, generation_id, member_id, group_instance_id)


def a_leave(*members: str | tuple[str, str | None]) -> LeaveCommand:
    """Leave, by member ids or by member id and group_instance_id."""
    pairs = [(each, None) if isinstance(each, str) else each for each in members]
    return LeaveCommand(GROUP, tuple(LeavingMember(*pair) for pair in pairs))


def a_consumer(
    member_id: str, epoch: int = 0, subscribed: str | None = None, **fields: Any
) -> ConsumerHeartbeatCommand:
    """Give a heartbeat of the consumer protocol; who joins says all of itself."""
    joins = epoch == 0
    names = subscribed or ("a" if joins else None)
    defaults: dict[str, Any] = {
        "group_id": GROUP,
        "member_id": member_id,
        "member_epoch": epoch,
        "instance_id": None,
        "rack_id": None,
        "rebalance_timeout_ms": REBALANCE_MS if joins else -1,
        "subscribed_topic_names": None if names is None else tuple(names),
        "subscribed_topic_regex": None,
        "server_assignor": None,
        "topic_partitions": {} if joins else None,
        "client_id": "consumer",
        "client_host": "/127.0.0.1",
    }
    return ConsumerHeartbeatCommand(**(defaults | fields))


# -- what becomes of it ------------------------------------------------------------------------


def joined(driven: Driven, member_id: str = "", *args: str, **fields: Any) -> JoinReply:
    """Let a classic member join a consumer group, with the id it is told if it has none."""
    try:
        reply: JoinReply = driven.ask(a_join(member_id, *args, **fields))
    except MemberRefused as refusal:
        if refusal.code is not ErrorCode.MEMBER_ID_REQUIRED:
            raise
        reply = driven.ask(a_join(refusal.member_id, *args, **fields))
    return reply


def synced(driven: Driven, reply: JoinReply, **fields: Any) -> str:
    """Let who joined ask for its assignment; give it in short."""
    told: SyncReply = driven.ask(a_sync(reply.member_id, reply.generation_id, **fields))
    return in_short(told.assignment)


def beat(
    driven: Driven, member_id: str, generation_id: int, instance_id: str | None = None
) -> ErrorCode:
    """Let a classic member heartbeat; give what it hears."""
    try:
        driven.ask(a_heartbeat(member_id, generation_id, instance_id))
    except KafkaError as refusal:
        return refusal.code
    return ErrorCode.NONE


def consumed(driven: Driven, member_id: str, epoch: int = 0, **fields: Any) -> tuple[int, Any]:
    """Let a member of the consumer protocol heartbeat; give its epoch and its assignment."""
    reply: ConsumerHeartbeatReply = driven.ask(a_consumer(member_id, epoch, **fields))
    return reply.member_epoch, reply.assignment


def a_classic_group(
    driven: Driven, *shares: str, instance_ids: tuple[str | None, ...] = (), **fields: Any
) -> list[str]:
    """Let a classic group be stable at generation 1, with one member for each share, in order.

    The leader is the first. With `instance_ids` members are static.
    """
    statics = instance_ids or (None,) * len(shares)
    tokens = {}
    for instance_id in statics:
        member_id = ""
        if instance_id is None:
            try:
                driven.ask(a_join(**fields))
            except MemberRefused as refusal:
                member_id = refusal.member_id
        token = driven.send(a_join(member_id, group_instance_id=instance_id, **fields))
        tokens[token] = instance_id
    driven.pass_time(0)
    replies: list[JoinReply] = [driven.take(token) for token in tokens]
    members = [each.member_id for each in replies]
    assert {each.leader for each in replies} == {members[0]}
    told = {member_id: share(each) for member_id, each in zip(members, shares, strict=True)}
    for reply in replies:
        shares_told = told if reply.member_id == members[0] else None
        assert driven.ask(a_sync(reply.member_id, reply.generation_id, shares_told)) is not None
    return members


def a_mixed_group(**fields: Any) -> tuple[Driven, JoinReply]:
    """Let a classic member with all four partitions of topic a share a group with an idle consumer.

    The consumer subscribes to a topic that is not there.
    """
    driven = a_broker()
    consumed(driven, "consumer", subscribed="x")
    reply = joined(driven, **fields)
    instance_id = fields.get("group_instance_id")
    assert synced(driven, reply, group_instance_id=instance_id) == "a0 a1 a2 a3"
    return driven, reply


def a_newcomer(driven: Driven, **fields: Any) -> JoinReply:
    """Let another classic member join, which brings a new target."""
    return joined(driven, **fields)


def keep_alive(driven: Driven, ms: int, *members: JoinReply) -> list[ErrorCode]:
    """Let time pass in which the consumer and these members heartbeat; give what they hear."""
    heard = []
    end_ms = driven.elapsed_ms + ms
    while driven.elapsed_ms < end_ms:
        heard += [beat(driven, each.member_id, each.generation_id) for each in members]
        epoch = driven.group().members["consumer"].member_epoch
        consumed(driven, "consumer", epoch, topic_partitions={})
        driven.pass_time(min(SESSION_MS // 2, end_ms - driven.elapsed_ms))
    return heard
