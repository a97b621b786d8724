"""A classic group: its members, its generation, and how far it is with the next one.

Rules change it as they decide; what a restarted coordinator must know is in `storing`'s records.
Nothing here looks at the clock, at deadlines or at other groups. Joining, leaving and heartbeats of
one member take the same time however many there are (Kafka's ClassicGroup).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pykbroker.coordinator.classic.members import ClassicMember, Protocols, Told
from pykbroker.coordinator.classic.states import PREVIOUS_STATES, ClassicGroupState
from pykbroker.coordinator.classic.subscriptions import CONSUMER, topics_of
from pykbroker.coordinator.commands import JoinedMember
from pykbroker.coordinator.effects import Token
from pykbroker.coordinator.group import CheckPartition, ExpiresAt, GroupKind
from pykbroker.coordinator.records import ClassicGroupRecord, CommittedOffset, Record
from pykbroker.errors import ErrorCode, KafkaError

__all__ = ["ClassicGroup", "ClassicGroupState", "ClassicMember", "InitialDelay", "simple_group"]

NO_TIMESTAMP = -1


@dataclass(slots=True)
class InitialDelay:
    """How long a group that was empty still waits for more members to come (KIP-134), in ms."""

    delay_ms: int
    """The piece that is running."""
    remaining_ms: int
    """What may be waited after it."""
    member_came: bool = False
    """Whether another member came since it began to run."""


@dataclass(slots=True, eq=False)
class ClassicGroup:
    """A group whose members assign partitions among themselves."""

    group_id: str
    state: ClassicGroupState = ClassicGroupState.EMPTY
    generation_id: int = 0
    protocol_type: str | None = None
    """None: no member ever came."""
    protocol_name: str | None = None
    leader_id: str | None = None
    state_timestamp_ms: int = NO_TIMESTAMP
    """When it came to `state`, wall clock; -1: unknown, as of records before Kafka 2.1."""

    kind: GroupKind = field(default=GroupKind.CLASSIC, init=False)
    members: dict[str, ClassicMember] = field(default_factory=dict, init=False)
    """By member id, in the order they came; changed by `add`, `remove` and `replace` only."""
    static_members: dict[str, str] = field(default_factory=dict, init=False)
    """Member ids by group_instance_id."""
    pending_joins: set[str] = field(default_factory=set, init=False)
    """Ids that were given away, but whose owners have not joined with them (KIP-394)."""
    pending_syncs: set[str] = field(default_factory=set, init=False)
    """Members of this generation that have not collected their assignment (KIP-669)."""
    initial_delay: InitialDelay | None = field(default=None, init=False)
    """Set while it prepares its first rebalance since it was empty."""
    subscribed_topics: frozenset[str] | None = field(default=None, init=False)
    """What this generation reads; None: unknown."""
    awaiting_join: int = field(default=0, init=False)
    """How many members' JoinGroup is parked."""
    supporters: Counter[str] = field(default_factory=Counter, init=False)
    """By protocol: how many members support it."""

    # -- members -------------------------------------------------------------------------------

    def add(self, member: ClassicMember, token: Token | None = None) -> None:
        """Take a member in, whose JoinGroup `token` waits for; the first one leads."""
        assert member.member_id not in self.members
        if not self.members:
            self.protocol_type = member.protocol_type
        if member.group_instance_id is not None:
            assert member.group_instance_id not in self.static_members
            self.static_members[member.group_instance_id] = member.member_id
        if self.leader_id is None:
            self.leader_id = member.member_id
        self.members[member.member_id] = member
        self.supporters.update(member.protocol_names)
        self.pending_joins.discard(member.member_id)
        self.await_join(member, token)

    def remove(self, member_id: str) -> ClassicMember | None:
        """Let a member, or one that is pending, go; another one leads if it did.

        Gives the member, whose tokens are the caller's to answer.
        """
        member = self.members.pop(member_id, None)
        if member is not None:
            self._lose_supporter(member)
            self.awaiting_join -= member.awaits_join
            if member.group_instance_id is not None:
                del self.static_members[member.group_instance_id]
        if member_id == self.leader_id:
            self.leader_id = next(iter(self.members), None)
        self.pending_joins.discard(member_id)
        self.pending_syncs.discard(member_id)
        return member

    def replace(self, old_member_id: str, new_member_id: str) -> ClassicMember:
        """Give a static member another id in its old place; nothing may be parked of it."""
        member = self.members[old_member_id]
        assert member.group_instance_id is not None
        assert not member.awaits_join
        assert not member.awaits_sync
        member.member_id = new_member_id
        member.is_new = False
        self.members = {each.member_id: each for each in self.members.values()}
        self.static_members[member.group_instance_id] = new_member_id
        if old_member_id in self.pending_syncs:
            self.pending_syncs.remove(old_member_id)
            self.pending_syncs.add(new_member_id)
        if self.leader_id == old_member_id:
            self.leader_id = new_member_id
        return member

    def update(self, member: ClassicMember, told: Told) -> None:
        """Take over what a member that joins again says of itself."""
        self._lose_supporter(member)
        member.protocols, member.rebalance_timeout_ms, member.session_timeout_ms = told
        self.supporters.update(member.protocol_names)

    def await_join(self, member: ClassicMember, token: Token | None) -> Token | None:
        """Park `token` for the member's JoinGroup, None: nobody; give the one that was parked."""
        before, member.join_token = member.join_token, token
        self.awaiting_join += (token is not None) - (before is not None)
        return before

    def put_members(self, members: Iterable[ClassicMember]) -> None:
        """Let these be the members; nothing is parked of any."""
        self.members = {member.member_id: member for member in members}
        present = self.members.values()
        self.static_members = {
            each.group_instance_id: each.member_id
            for each in present
            if each.group_instance_id is not None
        }
        self.supporters = Counter(name for each in present for name in each.protocol_names)

    def _lose_supporter(self, member: ClassicMember) -> None:
        for name in member.protocol_names:
            self.supporters[name] -= 1
            if not self.supporters[name]:
                del self.supporters[name]

    def check_member(self, member_id: str, group_instance_id: str | None) -> None:
        """Raise COORDINATOR_NOT_AVAILABLE, FENCED_INSTANCE_ID or UNKNOWN_MEMBER_ID."""
        if self.state is ClassicGroupState.DEAD:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        if group_instance_id is not None:
            known = self.static_members.get(group_instance_id)
            if known is not None and known != member_id:
                raise KafkaError(ErrorCode.FENCED_INSTANCE_ID)
            if known is None:
                raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
        if member_id not in self.members:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)

    def is_leader(self, member_id: str) -> bool:
        """Whether the member assigns."""
        return self.leader_id == member_id

    @property
    def rebalance_timeout_ms(self) -> int:
        """How long members may take to join again: as long as the slowest asks for."""
        return max((each.rebalance_timeout_ms for each in self.members.values()), default=0)

    @property
    def have_all_joined(self) -> bool:
        """Whether everybody waits for the next generation."""
        return len(self.members) == self.awaiting_join and not self.pending_joins

    # -- protocols -----------------------------------------------------------------------------

    @property
    def uses_consumer_protocol(self) -> bool:
        """Whether members say what topics they read."""
        return self.protocol_type == CONSUMER

    def supports(self, protocol_type: str, protocols: Protocols) -> bool:
        """Whether somebody who offers these can join: one protocol must suit all members."""
        if self.state is ClassicGroupState.EMPTY:
            return bool(protocol_type) and bool(protocols)
        return self.protocol_type == protocol_type and any(
            self.supporters[name] == len(self.members) for name, _ in protocols
        )

    def select_protocol(self) -> str:
        """Give the protocol that most members prefer of those that all support."""
        count = len(self.members)
        candidates = {name for name, supporters in self.supporters.items() if supporters == count}
        votes = Counter(member.vote(candidates) for member in self.members.values())
        return votes.most_common(1)[0][0]

    def read_subscriptions(self) -> None:
        """Find out what topics the generation reads."""
        self.subscribed_topics = None
        if not self.uses_consumer_protocol:
            return
        name = self.protocol_name
        if not self.members:
            self.subscribed_topics = frozenset()
        elif name is not None:
            self.subscribed_topics = topics_of(
                each.metadata(name) for each in self.members.values()
            )

    def joined_members(self) -> tuple[JoinedMember, ...]:
        """Tell of all members as the leader is told, in this generation."""
        assert self.protocol_name is not None
        return tuple(each.joined(self.protocol_name) for each in self.members.values())

    # -- states --------------------------------------------------------------------------------

    @property
    def can_rebalance(self) -> bool:
        """Whether it is not preparing a rebalance already."""
        return self.state in PREVIOUS_STATES[ClassicGroupState.PREPARING_REBALANCE]

    def transition_to(self, state: ClassicGroupState, now_ms: int) -> None:
        """Come to `state`, at `now_ms` on the wall clock."""
        assert self.state in PREVIOUS_STATES[state], f"{self.state} → {state}"
        self.state = state
        self.state_timestamp_ms = now_ms

    def begin_generation(self, now_ms: int) -> None:
        """Let who is there be the next generation; Empty where nobody is."""
        self.generation_id += 1
        self.initial_delay = None
        self.protocol_name = self.select_protocol() if self.members else None
        self.read_subscriptions()
        completing, empty = ClassicGroupState.COMPLETING_REBALANCE, ClassicGroupState.EMPTY
        self.transition_to(completing if self.members else empty, now_ms)

    def elect_leader(self) -> bool:
        """Let a member that has joined lead; False when none has."""
        leader = None if self.leader_id is None else self.members.get(self.leader_id)
        if leader is not None and leader.awaits_join:
            return True
        joined = next((each for each in self.members.values() if each.awaits_join), None)
        if joined is not None:
            self.leader_id = joined.member_id
        return joined is not None

    # -- what any group is asked ---------------------------------------------------------------

    @property
    def state_name(self) -> str:
        """The state as Kafka spells it."""
        return self.state.value

    @property
    def listed_protocol_type(self) -> str:
        """What ListGroups tells as protocol type."""
        return self.protocol_type or ""

    @property
    def is_empty(self) -> bool:
        """Whether it has no members, nor is about to have one that has joined."""
        return self.state is ClassicGroupState.EMPTY

    def check_commit(
        self,
        member_id: str,
        group_instance_id: str | None,
        generation_id_or_member_epoch: int,
        *,
        knows_consumer_groups: bool,
    ) -> CheckPartition | None:
        """Refuse a commit of somebody else, of another generation or in CompletingRebalance."""
        del knows_consumer_groups
        generation_id = generation_id_or_member_epoch
        if self.state is ClassicGroupState.DEAD:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        if generation_id < 0 and self.is_empty:
            return None
        if generation_id >= 0 or member_id or group_instance_id is not None:
            self.check_member(member_id, group_instance_id)
            if generation_id != self.generation_id:
                raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
        elif not self.is_empty:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
        if self.state is ClassicGroupState.COMPLETING_REBALANCE:
            raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)
        return None

    def check_fetch(self, member_id: str | None, member_epoch: int) -> None:
        """Let everybody fetch."""
        del member_id, member_epoch
        self._check_exists()

    def check_delete(self) -> None:
        """Refuse while it has members: NON_EMPTY_GROUP."""
        self._check_exists()
        if not self.is_empty:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP)

    def check_delete_offsets(self) -> None:
        """Refuse while it has members of whom no one can tell what they read: NON_EMPTY_GROUP."""
        self._check_exists()
        if not self.is_empty and not self.uses_consumer_protocol:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP)

    def _check_exists(self) -> None:
        if self.state is ClassicGroupState.DEAD:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND)

    def is_subscribed_to(self, topic: str) -> bool:
        """Whether a member reads the topic; where that is unknown, consumers read all."""
        if self.subscribed_topics is None:
            return self.uses_consumer_protocol
        return topic in self.subscribed_topics

    def offsets_expire(self) -> ExpiresAt | None:
        """Offsets are kept from when the group became empty, or from their commit (KIP-211)."""
        since_ms = NO_TIMESTAMP
        if self.protocol_type is not None:
            knows = self.uses_consumer_protocol and self.subscribed_topics is not None
            if self.is_empty:
                since_ms = self.state_timestamp_ms
            elif not (knows and self.state is ClassicGroupState.STABLE):
                return None

        def expires_at_ms(offset: CommittedOffset, retention_ms: int) -> int:
            if offset.expire_timestamp_ms is not None:
                return offset.expire_timestamp_ms
            committed_ms = offset.commit_timestamp_ms
            return (committed_ms if since_ms == NO_TIMESTAMP else since_ms) + retention_ms

        return expires_at_ms

    def tombstones(self) -> Iterable[Record]:
        """Give the record that ends it."""
        return (ClassicGroupRecord(self.group_id, None),)


def simple_group(group_id: str, now_ms: int = NO_TIMESTAMP) -> ClassicGroup:
    """Give the group of who commits offsets without ever joining: Empty, no protocol type."""
    return ClassicGroup(group_id, state_timestamp_ms=now_ms)
