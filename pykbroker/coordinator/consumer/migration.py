"""Groups that change their kind while members are in them, both ways (KIP-848).

A classic group becomes a consumer group when the first member of the consumer protocol joins, and a
classic one again when the last of those goes. Members of the classic protocol stay through both,
with their partitions, and are called to join again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from pykbroker.coordinator.classic import deadlines, rebalancing, storing
from pykbroker.coordinator.classic.group import ClassicGroup, ClassicGroupState
from pykbroker.coordinator.classic.members import ClassicMember as MemberOfClassicGroup
from pykbroker.coordinator.commands import MemberRefused
from pykbroker.coordinator.consumer.embedded import (
    PROTOCOL_TYPE,
    assignment_bytes,
    assignment_in,
    subscription_in,
)
from pykbroker.coordinator.consumer.group import ConsumerGroup
from pykbroker.coordinator.consumer.member import ConsumerMember, held_at, partitions_of
from pykbroker.coordinator.consumer.metadata_hash import group_hash
from pykbroker.coordinator.consumer.target import UNKNOWN_MS
from pykbroker.coordinator.effects import NOTHING, Effect, Effects, Now
from pykbroker.coordinator.group import Group
from pykbroker.coordinator.records import (
    ClassicGroupRecord,
    ClassicMember,
    CurrentAssignment,
    CurrentRecord,
    GroupEpoch,
    GroupEpochRecord,
    MemberRecord,
    MemberState,
    MemberSubscription,
    Partitions,
    Record,
    TargetEpoch,
    TargetEpochRecord,
    TargetRecord,
)
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import CONSUMER_MEMBER_KINDS, TimerKey, TimerKind
from pykbroker.coordinator.topics import Topics
from pykbroker.errors import ErrorCode, KafkaError, ProtocolError

# -- from classic to consumer ------------------------------------------------------------------


def upgraded(shard: Shard, group: Group, now: Now) -> tuple[ConsumerGroup, Effects]:
    """Give the consumer group that a classic group with members is to be, and how it becomes that.

    The group given is not the shard's: who asked decides on it, and replaying the records makes the
    shard's equal to it. Members keep what they have, at the generation as epoch; JoinGroups and
    SyncGroups that wait are refused with REBALANCE_IN_PROGRESS. Nothing changes here but deadlines,
    which mean nothing to a group that stays classic.

    A group that rebalances, or whose last rebalance left partitions without an owner, is given no
    metadata hash, so that whoever joins bumps its epoch. (Kafka 4.3 bumps it for new subscriptions
    only: when a static member comes back with the same one, such partitions stay without an owner.)

    Raises GROUP_ID_NOT_FOUND where the policy, the protocol type, the size, a custom assignor's
    data or bytes that cannot be read forbid it, and UNKNOWN_SERVER_ERROR where the leader gave one
    partition to two members.
    """
    assert isinstance(group, ClassicGroup)
    _check_upgrade(shard, group)
    try:
        members = _converted(group, shard.topics)
    except ProtocolError as malformed:
        raise _stays_classic(group, str(malformed)) from malformed
    converted = ConsumerGroup(group.group_id)
    converted.group_epoch = converted.assignment_epoch = group.generation_id
    converted.assignment_timestamp_ms = UNKNOWN_MS
    for member in members:
        converted.put_member(member)
        converted.put_target(member.member_id, partitions_of(member.current.assigned))
        classic = group.members[member.member_id]
        session = TimerKey(TimerKind.CONSUMER_SESSION, group.group_id, member.member_id)
        shard.timers.set(session, now.elapsed_ms + classic.session_timeout_ms)
    if group.state is ClassicGroupState.STABLE and _has_all_it_reads(converted, shard.topics):
        converted.metadata_hash = group_hash(converted.topic_counts, shard.topics)
    records = (*group.tombstones(), *_records_of(converted))

    def otherwise() -> Effects:
        rebalancing.refuse_all_parked(group, ErrorCode.REBALANCE_IN_PROGRESS)  # they have heard
        return NOTHING

    return converted, Effects(records, tuple(_recalled(group)), otherwise)


def _has_all_it_reads(group: ConsumerGroup, topics: Topics) -> bool:
    return all(
        group.owner_of(shape.topic_id, partition) is not None
        for name in group.topic_counts
        if (shape := topics.by_name.get(name)) is not None
        for partition in range(shape.partitions)
    )


def _check_upgrade(shard: Shard, group: ClassicGroup) -> None:
    settings = shard.settings()
    if not settings.group_consumer_migration_policy.can_upgrade:
        raise _stays_classic(group, "the migration policy forbids it")
    if not group.uses_consumer_protocol:
        raise _stays_classic(group, f"its members are of type {group.protocol_type}")
    if len(group.members) > settings.group_consumer_max_size:
        raise _stays_classic(group, "it is larger than a consumer group may be")


def _stays_classic(group: ClassicGroup, reason: str) -> KafkaError:
    return KafkaError(
        ErrorCode.GROUP_ID_NOT_FOUND, f"classic group {group.group_id} cannot be upgraded: {reason}"
    )


def _converted(group: ClassicGroup, topics: Topics) -> list[ConsumerMember]:
    """Give the members as a consumer group knows them. Raises ProtocolError and KafkaError."""
    name = _protocol_read(group)
    held: dict[str, dict[bytes, set[int]]] = {member_id: {} for member_id in group.members}
    for (topic_id, partition), member_id in _owners(group, name, topics).items():
        held[member_id].setdefault(topic_id, set()).add(partition)
    members = []
    for member in group.members.values():
        partitions = {topic_id: frozenset(has) for topic_id, has in held[member.member_id].items()}
        current = CurrentAssignment(
            member_epoch=group.generation_id,
            previous_member_epoch=group.generation_id,
            state=MemberState.STABLE,
            assigned=held_at(partitions, group.generation_id),
            revoking={},
        )
        members.append(ConsumerMember(member.member_id, _subscription(member, name), current))
    return members


def _owners(group: ClassicGroup, name: str, topics: Topics) -> dict[tuple[bytes, int], str]:
    """Tell who has which partition: to whom the leader gave it last, else who says that it has it.

    Cooperative members read on what they have while they join, and until they are told to give it
    up. (Kafka 4.3 takes no notice of what they say, and gives it to others at once.)
    """
    owners: dict[tuple[bytes, int], str] = {}
    for member in group.members.values():
        assignment = assignment_in(member.assignment)
        if assignment.has_user_data:
            raise _stays_classic(group, "what a custom assignor told its members would be lost")
        for partition in _each(assignment.partitions(topics)):
            if owners.setdefault(partition, member.member_id) != member.member_id:
                raise KafkaError(
                    ErrorCode.UNKNOWN_SERVER_ERROR,
                    f"two members of {group.group_id} have partition {partition[1]} of one topic",
                )
    for member in group.members.values():
        for partition in _each(subscription_in(member.metadata(name)).owned(topics)):
            owners.setdefault(partition, member.member_id)
    return owners


def _each(partitions: Partitions) -> Iterable[tuple[bytes, int]]:
    return ((topic_id, number) for topic_id, numbers in partitions.items() for number in numbers)


def _protocol_read(group: ClassicGroup) -> str:
    """Give the protocol whose metadata tells what members want: the generation's.

    Before the first generation there is none, and one that joins in may not support it: then it is
    what the next generation would have. (Kafka 4.3 fails there, with UNKNOWN_SERVER_ERROR.)
    """
    name = group.protocol_name
    if name is not None and group.supporters[name] == len(group.members):
        return name
    return group.select_protocol() if group.members else ""


def _subscription(member: MemberOfClassicGroup, protocol_name: str) -> MemberSubscription:
    told = subscription_in(member.metadata(protocol_name))
    return MemberSubscription(
        instance_id=member.group_instance_id,
        rack_id=told.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=told.topics,
        subscribed_topic_regex="",
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        server_assignor=None,
        classic=ClassicMember(member.session_timeout_ms, member.protocols),
    )


def _records_of(group: ConsumerGroup) -> Iterable[Record]:
    """Give the records that make a group, in Kafka's order."""
    group_id, members = group.group_id, group.members.values()
    yield from (MemberRecord(group_id, each.member_id, each.subscription) for each in members)
    yield GroupEpochRecord(group_id, GroupEpoch(group.group_epoch, group.metadata_hash))
    yield from (TargetRecord(group_id, member_id, to) for member_id, to in group.targets.items())
    target_epoch = TargetEpoch(group.assignment_epoch, group.assignment_timestamp_ms)
    yield TargetEpochRecord(group_id, target_epoch)
    yield from (CurrentRecord(group_id, each.member_id, each.current) for each in members)


def _recalled(group: ClassicGroup) -> Iterable[Effect]:
    """Call who waits to join again; the tokens stay where they are, as the group may yet stay."""
    code = ErrorCode.REBALANCE_IN_PROGRESS
    for member in group.members.values():
        if member.join_token is not None:
            yield Effect(member.join_token, MemberRefused(code, member.member_id))
        if member.sync_token is not None:
            yield Effect(member.sync_token, KafkaError(code))


# -- from consumer to classic ------------------------------------------------------------------


def downgraded(
    shard: Shard, group: ConsumerGroup, leaving: Collection[ConsumerMember], now: Now
) -> Effects | None:
    """Let a group be classic that has only classic members when some go; they rebalance.

    None where it stays a consumer group: others are left or nobody is, or it may not.
    """
    left = len(group.members) - len(leaving)
    classic_left = group.classic_count - sum(member.is_classic for member in leaving)
    if left == 0 or classic_left != left or not _may_downgrade(shard, left):
        return None
    gone = {member.member_id for member in leaving}
    staying = [member for member in group.members.values() if member.member_id not in gone]
    try:
        classic = _classic_group(shard, group, staying, now)
    except ProtocolError:
        return None  # Kafka refuses the departure instead, and keeps the member for ever
    return _become(shard, group, classic, tombstones=group.tombstones(), rebalances=True, now=now)


def may_downgrade_for(shard: Shard, group: ConsumerGroup, replaced: ConsumerMember | None) -> bool:
    """Tell whether the group turns classic when a classic member replaces a static one."""
    if replaced is None or replaced.is_classic:
        return False
    others = len(group.members) - 1
    return group.classic_count == others and _may_downgrade(shard, len(group.members))


def downgraded_for(
    shard: Shard, group: ConsumerGroup, joining: ConsumerMember, now: Now
) -> Effects:
    """Let a group be classic by a classic member that takes over the last consumer member's place.

    `joining` takes over what its instance had. The records follow those that replace the member.
    Members rebalance if anybody has not come to the last target, or was told another protocol than
    the group has now. (Kafka 4.3 lets them only if there is a newer group epoch: who waits for
    partitions waits for ever, and who is yet to sync is refused for ever.)

    Raises INCONSISTENT_GROUP_PROTOCOL for metadata that cannot be read.
    """
    replaced = group.static_member(joining.instance_id)
    assert replaced is not None
    members = [*(each for each in group.members.values() if each is not replaced), joining]
    try:
        classic = _classic_group(shard, group, members, now)
    except ProtocolError as malformed:
        raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, str(malformed)) from malformed
    tombstones = [
        _renamed(record, replaced.member_id, joining.member_id) for record in group.tombstones()
    ]
    epoch = group.assignment_epoch
    rebalances = not all(each.is_reconciled_to(epoch) for each in members) or any(
        each.protocols[0][0] != classic.protocol_name for each in classic.members.values()
    )
    return _become(shard, group, classic, tombstones=tombstones, rebalances=rebalances, now=now)


def _may_downgrade(shard: Shard, size: int) -> bool:
    settings = shard.settings()
    is_allowed = settings.group_consumer_migration_policy.can_downgrade
    return is_allowed and size <= settings.group_max_size


def _classic_group(
    shard: Shard,
    group: ConsumerGroup,
    members: Collection[ConsumerMember],
    now: Now,
) -> ClassicGroup:
    """Give the stable group whose members have what they have. Raises ProtocolError.

    (Kafka 4.3 gives them their targets: if a consumer joins before they have rebalanced, what they
    have beyond that is given to others while they read it.)
    """
    classic = ClassicGroup(
        group.group_id,
        state=ClassicGroupState.STABLE,
        generation_id=group.group_epoch,
        state_timestamp_ms=now.wall_ms,
    )
    for member in members:
        classic.add(_classic_member(member))
    name = classic.protocol_name = classic.select_protocol()
    classic.read_subscriptions()
    for member in members:
        each = classic.members[member.member_id]
        has = partitions_of(member.current.assigned, member.current.revoking)
        each.assignment = assignment_bytes(has, shard.topics, metadata=each.metadata(name))
    return classic


def _classic_member(member: ConsumerMember) -> MemberOfClassicGroup:
    subscription, classic = member.subscription, member.subscription.classic
    assert classic is not None
    return MemberOfClassicGroup(
        member_id=member.member_id,
        group_instance_id=subscription.instance_id,
        client_id=subscription.client_id,
        client_host=subscription.client_host,
        rebalance_timeout_ms=subscription.rebalance_timeout_ms,
        session_timeout_ms=classic.session_timeout_ms,
        protocol_type=PROTOCOL_TYPE,
        protocols=classic.protocols,
    )


def _become(
    shard: Shard,
    group: ConsumerGroup,
    classic: ClassicGroup,
    *,
    tombstones: Iterable[Record],
    rebalances: bool,
    now: Now,
) -> Effects:
    """Put a classic group in the place of a consumer group, with its deadlines.

    One that rebalances is stored without a leader, by which it is known to do so after a restart.
    """
    records = (*tombstones, _stored(classic, rebalances))
    ended = _end_deadlines(shard, group, now)
    shard.groups[group.group_id] = classic
    for member in classic.members.values():
        deadlines.start_session(shard, classic, member, now)
    rebalance = rebalancing.prepare_rebalance(shard, classic, now) if rebalances else NOTHING

    def otherwise() -> Effects:
        deadlines.end_all(shard, classic)
        shard.groups[group.group_id] = group
        for key, due_ms in ended.items():
            shard.timers.set(key, due_ms)
        return NOTHING

    return Effects(records, otherwise=otherwise) + rebalance


def _stored(classic: ClassicGroup, rebalances: bool) -> ClassicGroupRecord:
    record = storing.group_record(classic)
    if not rebalances or record.value is None:
        return record
    return replace(record, value=replace(record.value, leader=None))


def _end_deadlines(shard: Shard, group: ConsumerGroup, now: Now) -> dict[TimerKey, int]:
    """Forget every deadline of a group that ends; give them, to be set again if it does not.

    A member whose session is over is given another one then: it is still there.
    """
    again_ms = now.elapsed_ms + shard.times_of(group.group_id).session_timeout_ms
    keys = [TimerKey(TimerKind.CONSUMER_REGEX, group.group_id)]
    keys += [
        TimerKey(kind, group.group_id, member_id)
        for kind in CONSUMER_MEMBER_KINDS
        for member_id in group.members
    ]
    ended = {}
    for key in keys:
        due_ms = shard.timers.due_ms(key)
        if due_ms is None and key.kind is TimerKind.CONSUMER_SESSION:
            due_ms = again_ms
        if due_ms is not None:
            ended[key] = due_ms
            shard.timers.cancel(key)
    return ended


def _renamed(record: Record, member_id: str, to_member_id: str) -> Record:
    """Give a tombstone of one member as one of another."""
    match record:
        case CurrentRecord() | TargetRecord() | MemberRecord() if record.member_id == member_id:
            return type(record)(record.group_id, to_member_id, None)
        case _:
            return record
