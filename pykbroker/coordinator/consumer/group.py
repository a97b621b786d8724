"""A consumer group: what its records say, and what follows from that (Kafka's ConsumerGroup).

Everything but the two fields marked soft changes in replay only, through the methods at the end;
what is derived (counts, owners) is kept up with each change, so that no heartbeat counts members.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from pykbroker.coordinator import records as r
from pykbroker.coordinator.commands import ConsumerDescription, DescribedConsumer
from pykbroker.coordinator.consumer.matching import Matching
from pykbroker.coordinator.consumer.member import ConsumerMember, Held, partitions_of
from pykbroker.coordinator.group import CheckPartition, ExpiresAt, GroupKind
from pykbroker.errors import ErrorCode, KafkaError

PROTOCOL_TYPE = "consumer"
FIRST_EPOCH = 1
"""Of a group, and of its target, before anything was written of them."""
NO_TARGET_EPOCH = -1
"""Of a target that was deleted."""
NO_PARTITIONS: r.Partitions = {}


class ConsumerGroupState(Enum):
    """Where a group is. Nobody sets it: it follows from epochs and members, at every moment."""

    EMPTY = "Empty"
    """No members. *Answers*: joins; commits and fetches without an epoch; deletion. → Assigning,
    Reconciling or Stable, by the first join."""
    ASSIGNING = "Assigning"
    """The group's epoch is ahead of its target's. *Answers*: heartbeats, by the target before.
    → Reconciling or Stable, by the heartbeat that computes the target; Empty."""
    RECONCILING = "Reconciling"
    """Some member has not come to its target. *Answers*: heartbeats, with what to give up and what
    is free. → Stable, when the last one has; Assigning, by another subscription; Empty."""
    STABLE = "Stable"
    """Everybody has its target. *Answers*: heartbeats, with nothing new. → Assigning or
    Reconciling, by another subscription, a departure or other topics; Empty."""
    DEAD = "Dead"
    """Told of a group that is not there. *Answers*: nothing. → none."""


class ConsumerGroup:
    """One group; the first of its records that is replayed makes it."""

    kind = GroupKind.CONSUMER

    def __init__(self, group_id: str) -> None:
        self.group_id = group_id
        self.group_epoch = FIRST_EPOCH
        self.metadata_hash = 0
        self.assignment_epoch = FIRST_EPOCH
        self.assignment_timestamp_ms = 0
        """When the target was computed, wall clock; 0: unknown."""
        self.members: dict[str, ConsumerMember] = {}
        self.targets: dict[str, r.Partitions] = {}
        """By member id; a member may have none, and none may be without its member for long."""
        self.regexes: dict[str, r.ResolvedRegex] = {}
        """The patterns that are resolved."""

        self.static_members: dict[str, str] = {}
        """Member ids by instance id."""
        self.topic_counts: dict[str, int] = {}
        """By topic name: how many members name it and how many resolved patterns match it."""
        self.regex_counts: dict[str, int] = {}
        """By pattern: how many members subscribe to it."""
        self.assignor_counts: dict[str, int] = {}
        """By assignor: how many members ask for it."""
        self.classic_count = 0
        """How many members speak the classic protocol."""
        self.classic_protocols: dict[str, int] = {}
        """By protocol name: how many of those support it."""
        self._owners: dict[bytes, dict[int, str]] = {}
        """Who has a partition, or has not yet given it up."""

        self.metadata_is_checked = False
        """Soft: whether the hash was computed since subscribed topics last changed."""
        self.new_topics_revision = -1
        """Soft: the revision of the metadata with the newest topics, as far as patterns care."""
        self.matching: Matching | None = None
        """Soft: the resolution of its patterns, once that has taken a turn and needs more."""

    @property
    def state(self) -> ConsumerGroupState:
        """Where the group is; takes a look at every member."""
        if not self.members:
            return ConsumerGroupState.EMPTY
        if self.group_epoch > self.assignment_epoch:
            return ConsumerGroupState.ASSIGNING
        if all(each.is_reconciled_to(self.assignment_epoch) for each in self.members.values()):
            return ConsumerGroupState.STABLE
        return ConsumerGroupState.RECONCILING

    @property
    def state_name(self) -> str:
        """The state as Kafka spells it."""
        return self.state.value

    @property
    def listed_protocol_type(self) -> str:
        """Always consumer."""
        return PROTOCOL_TYPE

    @property
    def is_empty(self) -> bool:
        """Whether it has no members."""
        return not self.members

    def check_commit(
        self,
        member_id: str,
        group_instance_id: str | None,
        generation_id_or_member_epoch: int,
        *,
        knows_consumer_groups: bool,
    ) -> CheckPartition | None:
        """Refuse a commit, or tell how to judge each partition of one with an older epoch.

        Raises UNKNOWN_MEMBER_ID, UNSUPPORTED_VERSION for a client that could not tell what
        happened, and for an epoch too high STALE_MEMBER_EPOCH, or ILLEGAL_GENERATION for a classic
        member. A negative epoch commits to a group without members.
        """
        del group_instance_id
        epoch = generation_id_or_member_epoch
        if epoch < 0 and not self.members:
            return None
        member = self.member(member_id)
        if not member.is_classic and not knows_consumer_groups:
            raise KafkaError(
                ErrorCode.UNSUPPORTED_VERSION,
                "members of the consumer protocol commit with OffsetCommit version 9 or later",
            )
        if epoch == member.member_epoch:
            return None
        if epoch > member.member_epoch:
            raise _other_epoch(member, epoch)

        def check(topic_id: bytes, partition: int) -> None:
            assigned_at = member.assignment_epoch(topic_id, partition)
            if assigned_at is None or epoch < assigned_at:
                raise _other_epoch(member, epoch)

        return check

    def check_fetch(self, member_id: str | None, member_epoch: int) -> None:
        """Refuse who names an epoch that is not its own; nobody at -1 is not checked.

        Raises UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH, or ILLEGAL_GENERATION for a classic member.
        """
        if member_id is None and member_epoch < 0:
            return
        member = self.member(member_id or "")
        if member_epoch != member.member_epoch:
            raise _other_epoch(member, member_epoch)

    def check_delete(self) -> None:
        """Raise NON_EMPTY_GROUP unless there are no members."""
        if self.members:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP)

    def check_delete_offsets(self) -> None:
        """Allow it; topics that somebody reads are refused one by one."""

    def is_subscribed_to(self, topic: str) -> bool:
        """Tell whether a member names the topic or a resolved pattern matches it."""
        return topic in self.topic_counts

    def offsets_expire(self) -> ExpiresAt | None:
        """Tell that offsets expire by when they were committed, whatever the group does."""
        return _expires_at

    def tombstones(self) -> Iterable[r.Record]:
        """Give the records that end the group, of its members too."""
        yield from (r.CurrentRecord(self.group_id, each, None) for each in self.members)
        yield from (r.TargetRecord(self.group_id, each, None) for each in self.members)
        yield r.TargetEpochRecord(self.group_id, None)
        yield from (r.MemberRecord(self.group_id, each, None) for each in self.members)
        yield from (r.RegexRecord(self.group_id, each, None) for each in self.regexes)
        yield r.PartitionMetadataRecord(self.group_id)
        yield r.GroupEpochRecord(self.group_id, None)

    def description(self, default_assignor: str = "uniform") -> ConsumerDescription:
        """Describe it; the assignor is the default one unless members ask for another."""
        return ConsumerDescription(
            group_state=self.state_name,
            group_epoch=self.group_epoch,
            assignment_epoch=self.assignment_epoch,
            assignor_name=preferred(self.assignor_counts) or default_assignor,
            members=tuple(self._described(each) for each in self.members.values()),
        )

    def _described(self, member: ConsumerMember) -> DescribedConsumer:
        subscription = member.subscription
        return DescribedConsumer(
            member_id=member.member_id,
            instance_id=subscription.instance_id,
            rack_id=subscription.rack_id,
            member_epoch=member.member_epoch,
            client_id=subscription.client_id,
            client_host=subscription.client_host,
            subscribed_topic_names=subscription.subscribed_topic_names,
            subscribed_topic_regex=subscription.subscribed_topic_regex,
            # A member is responsible for what it is to give up until it has.
            assignment=partitions_of(member.current.assigned, member.current.revoking),
            target_assignment=self.targets.get(member.member_id, NO_PARTITIONS),
            is_classic=member.is_classic,
        )

    def member(self, member_id: str) -> ConsumerMember:
        """Give a member. Raises UNKNOWN_MEMBER_ID."""
        member = self.members.get(member_id)
        if member is None:
            raise KafkaError(
                ErrorCode.UNKNOWN_MEMBER_ID, f"group {self.group_id} has no member {member_id}"
            )
        return member

    def static_member(self, instance_id: str | None) -> ConsumerMember | None:
        """Give the member that has an instance id; None for None too."""
        member_id = None if instance_id is None else self.static_members.get(instance_id)
        return None if member_id is None else self.members[member_id]

    def target_of(self, member_id: str, instance_id: str | None) -> r.Partitions:
        """Give what a member is to have; a static one, what its instance is to have."""
        if instance_id is not None:
            if instance_id not in self.static_members:
                return NO_PARTITIONS
            member_id = self.static_members[instance_id]
        return self.targets.get(member_id, NO_PARTITIONS)

    def owner_of(self, topic_id: bytes, partition: int) -> str | None:
        """Tell which member has a partition, or has not yet given it up."""
        return self._owners.get(topic_id, {}).get(partition)

    def put_member(self, member: ConsumerMember) -> None:
        """Take over a member as it is now."""
        before = self.members.get(member.member_id)
        self.members[member.member_id] = member
        if before is None or before.subscription != member.subscription:
            if before is not None:
                self._uncount(before)
            self._count(member, 1)
            if member.instance_id is not None:
                self.static_members[member.instance_id] = member.member_id
        if before is not None:
            self._disown(before)
        self._own(member)

    def remove_member(self, member_id: str) -> None:
        """Forget a member."""
        member = self.members.pop(member_id)
        self._uncount(member)
        self._disown(member)

    def put_target(self, member_id: str, target: r.Partitions) -> None:
        """Take over what a member is to have."""
        self.targets[member_id] = target

    def remove_target(self, member_id: str) -> None:
        """Forget what a member was to have."""
        self.targets.pop(member_id, None)

    def put_regex(self, regex: str, resolved: r.ResolvedRegex) -> None:
        """Take over what a pattern matches."""
        self.remove_regex(regex)
        self.regexes[regex] = resolved
        for topic in resolved.topics:
            count(self.topic_counts, topic, 1)

    def remove_regex(self, regex: str) -> None:
        """Forget what a pattern matches."""
        resolved = self.regexes.pop(regex, None)
        for topic in resolved.topics if resolved else ():
            count(self.topic_counts, topic, -1)

    def _uncount(self, member: ConsumerMember) -> None:
        self._count(member, -1)
        if self.static_members.get(member.instance_id or "") == member.member_id:
            del self.static_members[member.instance_id or ""]

    def _count(self, member: ConsumerMember, step: int) -> None:
        subscription = member.subscription
        for topic in subscription.subscribed_topic_names:
            count(self.topic_counts, topic, step)
        if member.regex is not None:
            count(self.regex_counts, member.regex, step)
        if subscription.server_assignor is not None:
            count(self.assignor_counts, subscription.server_assignor, step)
        if subscription.classic is not None:
            self.classic_count += step
            for name, _ in subscription.classic.protocols:
                count(self.classic_protocols, name, step)

    def _own(self, member: ConsumerMember) -> None:
        for held in (member.current.assigned, member.current.revoking):
            for topic_id, epochs in held.items():
                owners = self._owners.setdefault(topic_id, {})
                owners.update(dict.fromkeys(epochs, member.member_id))

    def _disown(self, member: ConsumerMember) -> None:
        held: Held
        for held in (member.current.assigned, member.current.revoking):
            for topic_id, epochs in held.items():
                owners = self._owners.get(topic_id, {})
                for partition in epochs:
                    if owners.get(partition) == member.member_id:
                        del owners[partition]
                if topic_id in self._owners and not owners:
                    del self._owners[topic_id]


def count(counts: dict[str, int], key: str, step: int) -> None:
    """Count one up or down; what nobody has is not in `counts`."""
    number = counts.get(key, 0) + step
    if number > 0:
        counts[key] = number
    else:
        counts.pop(key, None)


def preferred(assignor_counts: Mapping[str, int]) -> str | None:
    """Give the assignor that most members ask for, None when none asks.

    Of equals Kafka's hash map has uniform before range.
    """
    if not assignor_counts:
        return None
    return max(sorted(assignor_counts, reverse=True), key=assignor_counts.__getitem__)


def _other_epoch(member: ConsumerMember, epoch: int) -> KafkaError:
    code = ErrorCode.ILLEGAL_GENERATION if member.is_classic else ErrorCode.STALE_MEMBER_EPOCH
    return KafkaError(code, f"member {member.member_id} is at {member.member_epoch}, not {epoch}")


def _expires_at(offset: r.CommittedOffset, retention_ms: int) -> int:
    if offset.expire_timestamp_ms is not None:
        return offset.expire_timestamp_ms
    return offset.commit_timestamp_ms + retention_ms
