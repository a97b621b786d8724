"""A consumer of the consumer protocol (KIP-848), which does on each answer what Java's does.

It heartbeats, is told what to have, gives up what it is not to have any more, takes the rest, and
says so in a heartbeat at once. It knows itself by one member id for all its life.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from pykbroker.coordinator.commands import (
    Command,
    ConsumerHeartbeatCommand,
    ConsumerHeartbeatReply,
)
from pykbroker.coordinator.consumer.member import JOIN_EPOCH, LEAVE_EPOCH, STATIC_LEAVE_EPOCH
from pykbroker.errors import ErrorCode
from tests.coordinator.model.classic_member import topics_of
from tests.coordinator.model.process import BACKOFF_MS, COMMIT_MS, Process, code_of
from tests.coordinator.model.world import (
    GROUP,
    HEARTBEAT_MS,
    REBALANCE_MS,
    Partition,
    World,
)

RELEASED_MS = 600
"""How long a process waits that was told its instance is in use, before another one starts."""
UNCHANGED = -1


class State(Enum):
    """How far a member is; as Java's."""

    JOINING = auto()
    RECONCILING = auto()
    ACKNOWLEDGING = auto()
    STABLE = auto()
    FENCED = auto()


class ConsumerMember(Process):
    """One consumer."""

    def __init__(
        self,
        world: World,
        name: str,
        instance_id: str | None,
        *,
        topics: tuple[str, ...],
        regex: str | None = None,
        server_assignor: str | None = None,
        is_old: bool = False,
    ) -> None:
        super().__init__(world, name, instance_id)
        self._is_old = is_old
        self.member_id = self._new_member_id()
        self.topics, self.regex = topics, regex
        self.server_assignor = server_assignor
        self.state = State.JOINING
        self.member_epoch = JOIN_EPOCH
        self._target: frozenset[Partition] | None = None
        self._has_acknowledged = False
        """Whether what it has was told to the coordinator since it last changed."""
        self._told_topics: tuple[str, ...] | None = None
        self._told_regex: str | None = None
        self._reconciling: frozenset[Partition] | None = None
        self._beats_at_ms = 0

    # -- life ----------------------------------------------------------------------------------

    @property
    def is_settled(self) -> bool:
        """Whether it has what it was told to have, and said so."""
        return self.state is State.STABLE and self._reconciling is None

    def wants(self) -> frozenset[Partition]:
        """Give the partitions there are of the topics it subscribes to."""
        return frozenset(
            (each.topic_id, number)
            for each in self.world.shapes.values()
            if each.name in self.topics or each.name in (self.regex or "").split("|")
            for number in range(each.partitions)
        )

    def start(self) -> None:
        """Join, and commit from now on."""
        self._beat_now()
        self.later(COMMIT_MS, self._commit)

    def stop(self) -> None:
        """Leave; a static member for a while."""
        self.owned = frozenset()
        if self.state is not State.FENCED and self.member_id:
            self.tell(self._saying(LEAVE_EPOCH if self.instance_id is None else STATIC_LEAVE_EPOCH))
        self.die()

    def subscribe(self, number: int) -> None:
        """Subscribe to other topics, by name or by pattern, and say so with the next heartbeat."""
        self.topics, self.regex = subscription_of(number)

    def _new_member_id(self) -> str:
        """Make up an id; the coordinator does for those of version 0 (KIP-1082)."""
        return "" if self._is_old else f"{self.name}-{self.world.random.getrandbits(32):08x}"

    def cut_off(self) -> None:
        """Say everything again, and go on with what was to be asked."""
        self._forget_told()
        if self._reconciling is not None:
            self._commit_before()
        self._after_asking()

    # -- heartbeats ----------------------------------------------------------------------------

    def _beat_now(self) -> None:
        self._beat_at(self.world.now_ms)

    def _beat_at(self, ms: int) -> None:
        """Heartbeat next at this time, and at no other."""
        self._beats_at_ms = ms

        def beat() -> None:
            if self._beats_at_ms == ms and self.state is not State.FENCED:
                self._beats_at_ms = -1
                self.ask(self._heartbeat, self._beaten)

        self.later(max(ms - self.world.now_ms, 0), beat)

    def _heartbeat(self) -> ConsumerHeartbeatCommand | None:
        if self.state is State.FENCED:
            return None
        joins = self.state is State.JOINING
        if self.state is State.ACKNOWLEDGING:
            is_there = self.owned == self._target
            self.state = State.STABLE if is_there else State.RECONCILING
        says_topics = joins or self._told_topics != self.topics
        says_regex = (joins and self.regex is not None) or self._told_regex != self.regex
        says_owned = joins or not self._has_acknowledged
        self._told_topics, self._told_regex = self.topics, self.regex
        self._has_acknowledged = True
        return ConsumerHeartbeatCommand(
            group_id=GROUP,
            member_id=self.member_id,
            member_epoch=self.member_epoch,
            instance_id=self.instance_id,
            rack_id=None,
            rebalance_timeout_ms=REBALANCE_MS if joins or says_topics else UNCHANGED,
            subscribed_topic_names=self.topics if says_topics else None,
            subscribed_topic_regex=(self.regex or "") if says_regex else None,
            server_assignor=self.server_assignor if joins else None,
            topic_partitions=_by_topic(self.owned) if says_owned else None,
            client_id=self.name,
            client_host="/127.0.0.1",
            makes_member_id=not self._is_old,
        )

    def _saying(self, epoch: int) -> ConsumerHeartbeatCommand:
        return ConsumerHeartbeatCommand(
            group_id=GROUP,
            member_id=self.member_id,
            member_epoch=epoch,
            instance_id=self.instance_id,
            rack_id=None,
            rebalance_timeout_ms=UNCHANGED,
            subscribed_topic_names=None,
            subscribed_topic_regex=None,
            server_assignor=None,
            topic_partitions=None,
            client_id=self.name,
            client_host="/127.0.0.1",
            makes_member_id=not self._is_old,
        )

    def _beaten(self, reply: Any) -> None:
        code = code_of(reply)
        if code is not ErrorCode.NONE:
            self._refused(code)
            return
        assert isinstance(reply, ConsumerHeartbeatReply)
        self.member_id, self.member_epoch = reply.member_id, reply.member_epoch
        if reply.assignment is not None:
            self._target = frozenset(
                (topic_id, number)
                for topic_id, numbers in reply.assignment.items()
                for number in numbers
            )
            if self.owned != self._target or self.state is State.JOINING:
                self.state = State.RECONCILING
            elif self.state is State.RECONCILING:
                self.state = State.STABLE
        self._after_asking()

    def _after_asking(self) -> None:
        self._maybe_reconcile()
        if self.state in (State.JOINING, State.ACKNOWLEDGING):
            self._beat_now()
        else:
            self._beat_at(self.world.now_ms + HEARTBEAT_MS)

    def _refused(self, code: ErrorCode) -> None:
        self._forget_told()
        match code:
            case ErrorCode.NOT_COORDINATOR | ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
                self._beat_at(self.world.now_ms + BACKOFF_MS)
                self._maybe_reconcile()
            case ErrorCode.FENCED_MEMBER_EPOCH | ErrorCode.UNKNOWN_MEMBER_ID:
                self._lose()
            case ErrorCode.UNRELEASED_INSTANCE_ID:
                self.owned, self._target = frozenset(), None
                self.member_id = self._new_member_id()
                self.member_epoch = JOIN_EPOCH
                self.state = State.JOINING
                self._beat_at(self.world.now_ms + RELEASED_MS)
            case _:
                self.die(code)

    def _lose(self) -> None:
        """Give up everything, and join again when the application knows."""
        self.state = State.FENCED
        self.member_epoch = JOIN_EPOCH

        def join() -> None:
            self.owned, self._target, self._reconciling = frozenset(), None, None
            self.state = State.JOINING
            self._beat_now()

        self.later(self.world.random.choice((0, 0, 10, 60)), join)

    def _forget_told(self) -> None:
        self._told_topics, self._told_regex = None, ""
        self._has_acknowledged = False

    # -- reconciling ---------------------------------------------------------------------------

    def _maybe_reconcile(self) -> None:
        """Come to have what the coordinator said last, unless that goes on already."""
        if self.state is not State.RECONCILING or self._reconciling is not None:
            return
        assert self._target is not None
        self._reconciling = self._target
        ms = self.world.random.choice((0, 0, 5, 40))
        if not self.owned <= self._target:
            ms, self.drag_ms = ms + self.drag_ms, 0
        self.later(ms, self._commit_before)

    def _commit_before(self) -> None:
        self.ask(self._commit_of_owned, lambda _: None)
        self.ask(self._reconciled, lambda _: None)

    def _reconciled(self) -> None:
        """Have it, once the commit before that is answered; ask nothing."""
        resolved, self._reconciling = self._reconciling, None
        if resolved is None or self.state is not State.RECONCILING:
            return
        self.owned = resolved
        self._has_acknowledged = False
        self.state = State.ACKNOWLEDGING
        self._beat_now()

    # -- commits -------------------------------------------------------------------------------

    def _commit(self) -> None:
        self.later(COMMIT_MS, self._commit)
        if not self.is_asking:
            self.ask(self._commit_of_owned, lambda _: None)

    def _commit_of_owned(self) -> Command | None:
        if self.member_epoch <= JOIN_EPOCH or self.state is State.FENCED:
            return None
        return self.commit_of(self.owned, self.member_epoch)

    def reported(self, command: Command) -> frozenset[Partition] | None:
        """Tell what a heartbeat says it has."""
        if not isinstance(command, ConsumerHeartbeatCommand) or command.topic_partitions is None:
            return None
        return self.owned


def subscription_of(number: int) -> tuple[tuple[str, ...], str | None]:
    """Give topics, or now and then a pattern instead."""
    if number % 4 == 0:
        return (), ("t0|t1", "t0|t1|t2", "t1|t2")[number // 4 % 3]
    return topics_of(number // 4), None


def _by_topic(partitions: frozenset[Partition]) -> dict[bytes, frozenset[int]]:
    return {
        topic_id: frozenset(number for other, number in partitions if other == topic_id)
        for topic_id, _ in partitions
    }
