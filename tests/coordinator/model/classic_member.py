"""A consumer of the classic protocol, which does on each answer what Java's consumer does.

It joins, as the leader assigns, syncs, heartbeats and commits. An eager one gives up all that it
has before it joins; a cooperative one keeps it, and joins again when it was told to give some up.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import Any

from pykbroker.coordinator.assignors.assignment import TopicShape
from pykbroker.coordinator.commands import (
    Command,
    CommitCommand,
    HeartbeatCommand,
    JoinCommand,
    JoinReply,
    LeaveCommand,
    LeavingMember,
    MemberRefused,
    SyncCommand,
    SyncReply,
)
from pykbroker.errors import ErrorCode
from tests.coordinator.model import leading
from tests.coordinator.model.process import BACKOFF_MS, COMMIT_MS, Process, code_of
from tests.coordinator.model.world import (
    GROUP,
    HEARTBEAT_MS,
    METADATA_MS,
    REBALANCE_MS,
    SESSION_MS,
    Partition,
    World,
)

NO_GENERATION = -1
STUCK_MS = 2 * HEARTBEAT_MS
"""How long a cooperative leader waits for others to revoke before it assigns again."""
_AGAIN = (
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
)


class State(Enum):
    """How far a member is; as Java's."""

    UNJOINED = auto()
    JOINING = auto()
    SYNCING = auto()
    STABLE = auto()


class ClassicMember(Process):
    """One consumer."""

    def __init__(
        self,
        world: World,
        name: str,
        instance_id: str | None,
        *,
        assignors: tuple[str, ...],
        topics: tuple[str, ...],
        is_old: bool = False,
    ) -> None:
        super().__init__(world, name, instance_id)
        self.assignors = assignors
        self.topics = topics
        self._is_old = is_old
        self.state = State.UNJOINED
        self.generation_id = NO_GENERATION
        self.protocol_name: str | None = None
        self._assigned_in = NO_GENERATION
        """The generation in which it was given what it has."""
        self._leads = False
        self._topics_assigned: dict[str, TopicShape | None] = {}
        """What a leader knew of its topics when it assigned."""
        self._withheld_since_ms: int | None = None
        """When, as a leader, it withheld what others were yet to revoke."""
        self._joins = 0
        self._is_called = False
        """Whether it is to join again, when its application polls."""

    # -- life ----------------------------------------------------------------------------------

    @property
    def is_settled(self) -> bool:
        """Whether it has its assignment and is not called to join again."""
        return self.state is State.STABLE and not self._is_called

    @property
    def is_cooperative(self) -> bool:
        """Whether it keeps what it has while it joins: only if every assignor lets it."""
        return self.assignors == (leading.COOPERATIVE,)

    def wants(self) -> frozenset[Partition]:
        """Give the partitions there are of the topics it subscribes to."""
        shapes = [self.world.shapes[name] for name in self.topics if name in self.world.shapes]
        return frozenset((each.topic_id, p) for each in shapes for p in range(each.partitions))

    def start(self) -> None:
        """Join, heartbeat, commit, and look after topics from now on."""
        self._call()
        self.later(HEARTBEAT_MS, self._beat)
        self.later(COMMIT_MS, self._commit)
        self.later(METADATA_MS, self._look_at_topics)

    def stop(self) -> None:
        """Leave; a static member only goes away."""
        if self.instance_id is None and self.member_id:
            self.tell(LeaveCommand(GROUP, (LeavingMember(self.member_id, None),)))
        self.die()

    def subscribe(self, number: int) -> None:
        """Subscribe to other topics, and join again for that."""
        topics = topics_of(number)
        if topics != self.topics:
            self.topics = topics
            self._call()

    def cut_off(self) -> None:
        """Find the coordinator again; who was about to join does so anew."""
        if self.state is not State.STABLE or self._is_called:
            self._is_called = False
            self._call()

    # -- joining -------------------------------------------------------------------------------

    def _call(self, drag: bool = True) -> None:
        """Join at the next poll."""
        if self._is_called:
            return
        self._is_called = True
        ms = self.world.random.choice((0, 0, 5, 40)) + (self.drag_ms if drag else 0)
        self.drag_ms = 0
        self.later(ms, self._poll)

    def _poll(self) -> None:
        if not self._is_called:
            return
        if self.owned:
            # On its way to join, a consumer commits what it may have to give up.
            self.ask(self._commit_of_owned, self._committed)
        self.ask(self._join, self._joined)

    def _join(self) -> JoinCommand | None:
        if not self._is_called:
            return None
        self._is_called = False
        self._joins += 1
        self.state = State.JOINING
        self._leads = False
        names = {topic_id: self.name_of(topic_id) or "" for topic_id, _ in self.owned}
        if self.generation_id == NO_GENERATION or not self.member_id or not self.is_cooperative:
            self.owned = frozenset()
        else:
            self.owned = frozenset(each for each in self.owned if names[each[0]] in self.topics)
        subscription = leading.Subscription(
            self.topics,
            frozenset((names[topic_id], number) for topic_id, number in self.owned),
            self._assigned_in if self.owned else NO_GENERATION,
        )
        return self.joining(subscription)

    def joining(self, subscription: leading.Subscription) -> JoinCommand:
        """Give the request with which it joins."""
        metadata = leading.written(subscription)
        return JoinCommand(
            group_id=GROUP,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
            client_id=self.name,
            client_host="/127.0.0.1",
            session_timeout_ms=SESSION_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            protocol_type="consumer",
            protocols=tuple((assignor, metadata) for assignor in self.assignors),
            knows_member_id_required=not self._is_old,
            # Who does not would not know that it leads when it comes back (KIP-814).
            knows_skip_assignment=not self._is_old or self.instance_id is not None,
        )

    def _joined(self, reply: Any) -> None:
        match code_of(reply):
            case ErrorCode.NONE:
                assert isinstance(reply, JoinReply)
                self.member_id = reply.member_id
                self.generation_id = reply.generation_id
                self.protocol_name = reply.protocol_name
                self._sync(reply)
            case ErrorCode.MEMBER_ID_REQUIRED:
                assert isinstance(reply, MemberRefused)
                self.member_id = reply.member_id
                self._call(drag=False)
            case ErrorCode.UNKNOWN_MEMBER_ID:
                self._reset(forgets_member_id=True)
            case ErrorCode.REBALANCE_IN_PROGRESS:
                self._call(drag=False)
            case code if code in _AGAIN:
                self.later(BACKOFF_MS, self._call)
            case code:
                self.die(code)

    def _reset(self, *, forgets_member_id: bool) -> None:
        """Be in no generation; what it has is lost when it joins again."""
        if forgets_member_id:
            self.member_id = ""
        self.generation_id = NO_GENERATION
        self.state = State.UNJOINED
        self._call()

    # -- syncing -------------------------------------------------------------------------------

    def _sync(self, reply: JoinReply) -> None:
        self.state = State.SYNCING
        self._leads = bool(reply.leader) and reply.leader == self.member_id
        assignments: tuple[tuple[str, bytes], ...] = ()
        if self._leads:
            told = [leading.read(each.metadata) for each in reply.members]
            self._topics_assigned = self._shapes({name for each in told for name in each.topics})
        # What it led to assign before it came back was for the topics of then.
        self._withholds(reply.skip_assignment)
        if self._leads and not reply.skip_assignment:
            assert reply.protocol_name is not None
            shapes = self._topics_assigned.values()
            partitions = {each.name: each.partitions for each in shapes if each is not None}
            assigned = leading.assign(reply.protocol_name, reply.members, partitions)
            self._withholds(sum(map(len, assigned.values())) < sum(partitions.values()))
            assignments = tuple(
                (member_id, leading.written_assignment(share))
                for member_id, share in assigned.items()
            )
        command = SyncCommand(
            group_id=GROUP,
            generation_id=self.generation_id,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
            protocol_type="consumer",
            protocol_name=self.protocol_name,
            assignments=assignments,
        )
        ms, self.drag_ms = self.drag_ms, 0
        joins = self._joins

        def still() -> SyncCommand | None:
            return command if self.state is State.SYNCING and self._joins == joins else None

        self.later(ms, lambda: self.ask(still, self._synced))

    def _synced(self, reply: Any) -> None:
        match code_of(reply):
            case ErrorCode.NONE:
                assert isinstance(reply, SyncReply)
                self._take(leading.read_assignment(reply.assignment))
            case ErrorCode.REBALANCE_IN_PROGRESS:
                self._call(drag=False)
            case ErrorCode.UNKNOWN_MEMBER_ID:
                self._reset(forgets_member_id=True)
            case ErrorCode.ILLEGAL_GENERATION:
                self._reset(forgets_member_id=False)
            case code if code in _AGAIN:
                self.later(BACKOFF_MS, self._call)
            case code:
                self.die(code)

    def _take(self, named: leading.Named) -> None:
        self.state = State.STABLE
        self._assigned_in = self.generation_id
        given = self.by_id(named)
        revokes = not self.owned <= given
        self.owned = given
        if revokes and self.is_cooperative:
            self._call(drag=False)

    def by_id(self, named: leading.Named) -> frozenset[Partition]:
        """Give partitions by the ids that their topics have now."""
        ids = {name: self.world.topic_id(name) for name, _ in named}
        return frozenset(
            (topic_id, number) for name, number in named if (topic_id := ids[name]) is not None
        )

    # -- staying -------------------------------------------------------------------------------

    def _beat(self) -> None:
        self.later(HEARTBEAT_MS, self._beat)
        if self.state in (State.SYNCING, State.STABLE) and not self.is_asking:
            self.ask(self._heartbeat, self._beaten)

    def _heartbeat(self) -> HeartbeatCommand:
        return HeartbeatCommand(GROUP, self.generation_id, self.member_id, self.instance_id)

    def _beaten(self, reply: Any) -> None:
        match code_of(reply):
            case ErrorCode.NONE:
                pass
            case ErrorCode.REBALANCE_IN_PROGRESS:
                if self.state is State.STABLE:
                    self._call()
            case ErrorCode.UNKNOWN_MEMBER_ID:
                self._reset(forgets_member_id=True)
            case ErrorCode.ILLEGAL_GENERATION:
                self._reset(forgets_member_id=False)
            case code if code in _AGAIN:
                pass
            case code:
                self.die(code)

    def _commit(self) -> None:
        self.later(COMMIT_MS, self._commit)
        if self.state is State.STABLE and not self.is_asking:
            self.ask(self._commit_of_owned, self._committed)

    def _commit_of_owned(self) -> CommitCommand | None:
        if self.generation_id == NO_GENERATION:
            return None
        return self.commit_of(self.owned, self.generation_id)

    def _committed(self, reply: Any) -> None:
        if self.state is State.STABLE:
            self._beaten(reply)

    def _look_at_topics(self) -> None:
        self.later(METADATA_MS, self._look_at_topics)
        if self.state is not State.STABLE or not self._leads:
            return
        known, since_ms = self._topics_assigned, self._withheld_since_ms
        # Who was to revoke something may have been replaced by one that has nothing to revoke.
        is_stuck = since_ms is not None and self.world.now_ms - since_ms > STUCK_MS
        if is_stuck or self._shapes(known) != known:
            self._call()

    def _withholds(self, does: bool) -> None:
        self._withheld_since_ms = self.world.now_ms if does else None

    def _shapes(self, names: Iterable[str]) -> dict[str, TopicShape | None]:
        return {name: self.world.shapes.get(name) for name in sorted(names)}

    def reported(self, command: Command) -> frozenset[Partition] | None:
        """Tell what a JoinGroup says it has."""
        return self.owned if isinstance(command, JoinCommand) else None


def topics_of(number: int) -> tuple[str, ...]:
    """Give a subscription: one, two or three topics."""
    return (
        ("t0",),
        ("t0", "t1"),
        ("t1", "t2"),
        ("t0", "t1", "t2"),
        ("t2",),
    )[number % 5]
