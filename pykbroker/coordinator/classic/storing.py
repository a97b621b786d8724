"""A classic group as the log remembers it.

A record is written when a group is created, when its leader has assigned, when nobody is left and
when a static member returns to a stable group. What happens in between is lost with the
coordinator: members that were joining find an older generation, are refused, and join again.
"""

from __future__ import annotations

from collections.abc import Mapping

from pykbroker.coordinator.classic import deadlines
from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.classic.members import ClassicMember
from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.records import ClassicGroupRecord, StoredGroup, StoredMember
from pykbroker.coordinator.shard import Shard


def created_record(group: ClassicGroup) -> ClassicGroupRecord:
    """Give the record of a group that was made for a member which is yet to join."""
    value = StoredGroup(
        protocol_type="",
        generation=0,
        protocol=None,
        leader=None,
        state_timestamp_ms=group.state_timestamp_ms,
        members=(),
    )
    return ClassicGroupRecord(group.group_id, value)


def group_record(
    group: ClassicGroup, assignments: Mapping[str, bytes] | None = None
) -> ClassicGroupRecord:
    """Give the record of a group as it is, with `assignments` by member id in place of its own.

    Members that `assignments` does not name are assigned nothing.
    """
    name = group.protocol_name
    assert name is not None or not group.members
    value = StoredGroup(
        protocol_type=group.protocol_type or "",
        generation=group.generation_id,
        protocol=name,
        leader=group.leader_id,
        state_timestamp_ms=group.state_timestamp_ms,
        members=tuple(
            StoredMember(
                member_id=member.member_id,
                group_instance_id=member.group_instance_id,
                client_id=member.client_id,
                client_host=member.client_host,
                rebalance_timeout_ms=member.rebalance_timeout_ms,
                session_timeout_ms=member.session_timeout_ms,
                subscription=member.metadata(name or ""),
                assignment=member.assignment
                if assignments is None
                else assignments.get(member.member_id, b""),
            )
            for member in group.members.values()
        ),
    )
    return ClassicGroupRecord(group.group_id, value)


def replay(shard: Shard, record: ClassicGroupRecord) -> None:
    """Let the group be as the record says: Stable with members, else Empty; a tombstone ends it.

    A group that works goes on: members keep the other protocols they know, and their deadlines. One
    that prepares a rebalance stays as it is, since its members came after what the record tells: it
    is the record of its creation, or of its conversion from a consumer group. Nothing is parked in
    any other. Of a consumer group of that id, a tombstone leaves all and any other record nothing.
    """
    group = shard.groups.get(record.group_id)
    if record.value is None:
        if isinstance(group, ClassicGroup):
            deadlines.end_all(shard, group)
            del shard.groups[record.group_id]
        return
    if not isinstance(group, ClassicGroup):
        group = shard.groups[record.group_id] = ClassicGroup(record.group_id)
    if group.state is not ClassicGroupState.PREPARING_REBALANCE:
        _restore(group, record.value)


def _restore(group: ClassicGroup, stored: StoredGroup) -> None:
    group.put_members(
        _restored(group.members.get(member.member_id), member, stored) for member in stored.members
    )
    group.state = ClassicGroupState.STABLE if stored.members else ClassicGroupState.EMPTY
    group.state_timestamp_ms = stored.state_timestamp_ms
    group.generation_id = stored.generation
    group.protocol_type = stored.protocol_type or None
    group.protocol_name = stored.protocol
    group.leader_id = stored.leader
    group.read_subscriptions()


def _restored(
    member: ClassicMember | None, stored: StoredMember, group: StoredGroup
) -> ClassicMember:
    """Give the member as stored; `member` is the same one as far as it was known."""
    chosen = (group.protocol or "", stored.subscription)
    protocols = () if member is None else member.protocols
    return ClassicMember(
        member_id=stored.member_id,
        group_instance_id=stored.group_instance_id,
        client_id=stored.client_id,
        client_host=stored.client_host,
        rebalance_timeout_ms=stored.rebalance_timeout_ms,
        session_timeout_ms=stored.session_timeout_ms,
        protocol_type=group.protocol_type,
        protocols=protocols if chosen in protocols else (chosen,),
        assignment=stored.assignment,
    )
