"""Clients of both protocols that do as they are told, one step at a time, for histories of groups.

A client has what it was told to have until it is told otherwise; it is honest about that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pykbroker.coordinator.commands import JoinedMember, JoinReply, MemberRefused, SyncReply
from pykbroker.coordinator.consumer.embedded import assignment_in, subscription_in
from pykbroker.coordinator.records import Partitions
from pykbroker.errors import ErrorCode, KafkaError
from tests.coordinator.consumer.mixed_groups import (
    a_consumer,
    a_heartbeat,
    a_join,
    a_leave,
    a_sync,
    metadata,
    share,
)
from tests.coordinator.driven import Driven

NOTHING: frozenset[str] = frozenset()
FORGOTTEN = (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_INSTANCE_ID)


@dataclass
class Client:
    """One consumer process; partitions in short, as `a0`."""

    driven: Driven
    name: str
    instance_id: str | None
    subscribed: str
    member_id: str = ""
    epoch: int = 0
    """Of its last answer: the generation of a classic member."""
    has: frozenset[str] = NOTHING
    outlived: frozenset[str] | None = None
    """What it has of a membership, or of a generation, that ended without its knowledge: it is
    refused, or joins again, and only then hears what it is to have. Kafka's coordinator may have
    given it to others by then: when the member was removed, or when the group turned classic
    before the member had given up what it had to, and a consumer group again."""

    def step(self) -> None:
        """Ask one thing, or look whether it is answered."""
        raise NotImplementedError

    def stop(self) -> None:
        """Leave the group."""
        raise NotImplementedError

    def lose_connection(self) -> None:
        """What was asked and not answered never will be."""

    def ask_anew(self) -> None:
        """Find a reason to assign anew, as metadata of topics may be one."""

    @property
    def waits(self) -> bool:
        """Whether it has asked what it has not seen the answer to."""
        return False

    def in_words(self) -> str:
        """Give what it has as text."""
        return " ".join(sorted(self.has))


@dataclass
class ConsumerClient(Client):
    """A member of the consumer protocol."""

    def __post_init__(self) -> None:
        self.member_id = self.name

    def step(self) -> None:
        """Heartbeat, and take over what is told."""
        joins = self.epoch == 0
        fields: dict[str, Any] = {"instance_id": self.instance_id}
        if not joins:
            fields["topic_partitions"] = by_id(self.driven, self.has)
        try:
            command = a_consumer(self.member_id, self.epoch, self.subscribed, **fields)
            reply = self.driven.ask(command)
        except KafkaError:
            self.epoch, self.has = 0, NOTHING
            return
        self.epoch = reply.member_epoch
        if reply.assignment is not None:
            self.has = in_short_by_id(self.driven, reply.assignment)

    def stop(self) -> None:
        """Leave for good."""
        if self.epoch:
            self.driven.send(a_consumer(self.member_id, -1, instance_id=self.instance_id))


@dataclass
class ClassicClient(Client):
    """A member of the classic protocol; an eager one gives all up before it joins."""

    is_eager: bool = True
    joining: int | None = None
    syncing: int | None = None
    must_join: bool = True

    def step(self) -> None:
        """Go on: join, sync, or heartbeat."""
        if self.joining is not None:
            self._look_for_generation()
        elif self.syncing is not None:
            self._look_for_assignment()
        elif self.must_join:
            self._join()
        else:
            self._heartbeat()

    def stop(self) -> None:
        """Leave, also while it waits."""
        if self.member_id:
            self.driven.send(a_leave((self.member_id, self.instance_id)))

    @property
    def waits(self) -> bool:
        """Whether it has asked what it has not seen the answer to."""
        return self.joining is not None or self.syncing is not None

    def lose_connection(self) -> None:
        """Join again."""
        if self.waits:
            self.joining = self.syncing = None
            self.must_join = True

    def ask_anew(self) -> None:
        """Join again, unless that is what it does."""
        if not self.waits:
            self.must_join = True

    def _join(self) -> None:
        if self.is_eager:
            self.has = NOTHING
        command = a_join(
            self.member_id,
            group_instance_id=self.instance_id,
            protocols=(("range", metadata(self.subscribed, self.in_words())),),
        )
        self.joining = self.driven.send(command)

    def _look_for_generation(self) -> None:
        assert self.joining is not None
        if self.driven.waits(self.joining):
            return
        token, self.joining = self.joining, None
        try:
            reply: JoinReply = self.driven.take(token)
        except MemberRefused as refusal:
            if refusal.code is ErrorCode.MEMBER_ID_REQUIRED:
                self.member_id = refusal.member_id
            else:
                self._refused(refusal.code)
            return
        self.must_join = False
        self.member_id, self.epoch = reply.member_id, reply.generation_id
        shares = self._assigned(reply.members) if reply.leader == self.member_id else {}
        command = a_sync(self.member_id, self.epoch, shares, group_instance_id=self.instance_id)
        self.syncing = self.driven.send(command)

    def _look_for_assignment(self) -> None:
        assert self.syncing is not None
        if self.driven.waits(self.syncing):
            return
        token, self.syncing = self.syncing, None
        try:
            reply: SyncReply = self.driven.take(token)
        except KafkaError as refusal:
            self._refused(refusal.code)
            return
        named = assignment_in(reply.assignment).assigned_partitions
        told = frozenset(f"{name}{number}" for name, numbers in named for number in numbers)
        self.must_join = not self.is_eager and bool(self.has - told)
        self.has = told

    def _heartbeat(self) -> None:
        try:
            self.driven.ask(a_heartbeat(self.member_id, self.epoch, self.instance_id))
        except KafkaError as refusal:
            self._refused(refusal.code)

    def _refused(self, code: ErrorCode) -> None:
        self.must_join = True
        if code is ErrorCode.REBALANCE_IN_PROGRESS:
            return
        self.has, self.epoch = NOTHING, -1
        if code in FORGOTTEN:
            self.member_id = ""

    def _assigned(self, members: Iterable[JoinedMember]) -> dict[str, bytes]:
        """Assign as a leader does: in turn, and nothing that another member still has."""
        told = {each.member_id: subscription_in(each.metadata) for each in members}
        owners = {
            f"{name}{number}": member_id
            for member_id, each in told.items()
            for name, numbers in each.owned_partitions
            for number in numbers
        }
        shares: dict[str, list[str]] = {member_id: [] for member_id in told}
        for name, shape in self.driven.topics.by_name.items():
            takers = [member_id for member_id, each in told.items() if name in each.topics]
            for number in range(shape.partitions if takers else 0):
                taker, partition = takers[number % len(takers)], f"{name}{number}"
                if owners.get(partition, taker) == taker:
                    shares[taker].append(partition)
        return {member_id: share(" ".join(each)) for member_id, each in shares.items()}


def by_id(driven: Driven, partitions: Iterable[str]) -> Partitions:
    """Read partitions in short."""
    told: dict[bytes, frozenset[int]] = {}
    for each in partitions:
        topic_id = driven.topics.by_name[each[0]].topic_id
        told[topic_id] = told.get(topic_id, frozenset()) | {int(each[1:])}
    return told


def in_short_by_id(driven: Driven, partitions: Mapping[bytes, Iterable[int]]) -> frozenset[str]:
    """Write partitions in short."""
    names = driven.topics.name_of
    return frozenset(f"{names(key)}{number}" for key, each in partitions.items() for number in each)
