"""A machine driven as the driver drives it, at once; its log is a list of records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from pykbroker.config import load
from pykbroker.config.group import ConsumerGroupTimes, GroupSettings, consumer_group_times
from pykbroker.coordinator.assignors.assignment import TopicShape
from pykbroker.coordinator.commands import Command
from pykbroker.coordinator.effects import Effects, Now
from pykbroker.coordinator.machine import GroupMachine
from pykbroker.coordinator.record_codec import decode, encode
from pykbroker.coordinator.records import Record
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.topics import Topics
from pykbroker.errors import ErrorCode, KafkaError

START_MS = 1_700_000_000_000


def topics_of(shapes: Iterable[TopicShape], revision: int = 1) -> Topics:
    """Give the topics that a metadata revision has."""
    kept = tuple(shapes)
    return Topics(
        revision, {each.name: each for each in kept}, {each.topic_id: each for each in kept}
    )


def a_topic(name: str, partitions: int = 1, *, number: int | None = None) -> TopicShape:
    """Give a topic whose id is made of its name."""
    topic_id = (name if number is None else str(number)).encode().rjust(16, b"\1")[-16:]
    return TopicShape(topic_id=topic_id, name=name, partitions=partitions, racks=())


@dataclass
class Driven:
    """One partition's machine and its log."""

    properties: dict[str, str] = field(default_factory=dict)
    """Broker properties that differ from the defaults of profile `kafka`."""
    topics: Topics = field(default_factory=Topics)
    seed: int = 0
    overrides: dict[str, dict[str, str]] = field(default_factory=dict)
    """Dynamic configuration by group id."""

    def __post_init__(self) -> None:
        self.log: list[Record] = []
        self.replies: dict[int, Any] = {}
        """By token: what was answered so far and not taken."""
        self.elapsed_ms = 1_000
        self.wall_ms = START_MS
        self._tokens = count(1)
        self._random = Random(self.seed)
        self.machine = self._new_machine()
        self._carry_out(self.machine.loaded(self.now))

    @property
    def now(self) -> Now:
        return Now(self.wall_ms, self.elapsed_ms)

    @property
    def shard(self) -> Shard:
        return self.machine.shard

    def group(self, group_id: str = "group") -> Any:
        return self.shard.groups[group_id]

    def ask(self, command: Command) -> Any:
        """Give the reply, which must come at once; raise the refusal."""
        token = self.send(command)
        assert token in self.replies, f"{command} waits"
        return self.take(token)

    def refusal(self, command: Command) -> ErrorCode:
        """Give the code with which a command is refused."""
        try:
            reply = self.ask(command)
        except KafkaError as refusal:
            return refusal.code
        raise AssertionError(f"not refused: {reply}")

    def send(self, command: Command) -> int:
        """Ask and give the token; its reply, or refusal, is in `replies` when it has come."""
        token = next(self._tokens)
        try:
            effects = self.machine.step(command, token, self.now)
        except KafkaError as refusal:
            self.replies[token] = refusal
        else:
            self._carry_out(effects)
        return token

    def waits(self, token: int) -> bool:
        """Whether there is no reply yet."""
        return token not in self.replies

    def take(self, token: int) -> Any:
        """Give a reply that has come; raise the refusal."""
        reply = self.replies.pop(token)
        if isinstance(reply, KafkaError):
            raise reply
        return reply

    def pass_time(self, ms: int) -> None:
        """Let time pass on both clocks, carrying out all that comes due, each at its time."""
        end_ms = self.elapsed_ms + ms
        while (due_ms := self.machine.next_deadline_ms()) is not None and due_ms <= end_ms:
            self._to(max(due_ms, self.elapsed_ms))
            while (effects := self.machine.expire(self.now)) is not None:
                self._carry_out(effects)
        self._to(end_ms)

    def follow(self, *shapes: TopicShape) -> None:
        """Let the cluster have these topics and no others."""
        self.topics = topics_of(shapes, self.topics.revision + 1)
        self.machine.follow(self.topics, self.now)

    def restart(self) -> None:
        """Throw the machine away and build another one from the log, through its bytes."""
        self.machine = self._new_machine()
        for record in self.log:
            key, value = encode(record)
            decoded = decode(key, value)
            assert decoded == record
            assert decoded is not None
            self.machine.replay(decoded)
        self._carry_out(self.machine.loaded(self.now))

    def _to(self, elapsed_ms: int) -> None:
        self.wall_ms += elapsed_ms - self.elapsed_ms
        self.elapsed_ms = elapsed_ms

    def _carry_out(self, effects: Effects) -> None:
        for record in effects.records:
            self.log.append(record)
            self.machine.replay(record)
        for token, reply in effects.replies:
            assert isinstance(token, int)
            assert token not in self.replies, f"two replies to {token}: {reply}"
            self.replies[token] = reply

    def _new_machine(self) -> GroupMachine:
        overrides = [f"{name}={value}" for name, value in self.properties.items()]
        config = load(profile="kafka", file=("", {}), environment={}, overrides=overrides)
        settings = GroupSettings.of(config)

        def times_of(group_id: str) -> ConsumerGroupTimes:
            return consumer_group_times(self.overrides.get(group_id, {}), settings)

        random_bytes: Callable[[int], bytes] = self._random.randbytes
        shard = Shard(
            settings=lambda: settings,
            times_of=times_of,
            random_bytes=random_bytes,
            topics=self.topics,
        )
        return GroupMachine(shard)
