"""A machine of classic groups only, driven at once and without a log."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import Any

from pykbroker.config import load
from pykbroker.config.group import GroupSettings, consumer_group_times
from pykbroker.coordinator.classic import (
    heartbeats,
    joining,
    leaving,
    rebalancing,
    storing,
    syncing,
)
from pykbroker.coordinator.commands import (
    HeartbeatCommand,
    JoinCommand,
    LeaveCommand,
    SyncCommand,
)
from pykbroker.coordinator.effects import Effects, Now
from pykbroker.coordinator.record_codec import decode, encode
from pykbroker.coordinator.records import ClassicGroupRecord, Record
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKind
from pykbroker.errors import ErrorCode, KafkaError

START_MS = 1_700_000_000_000
RULES: dict[type, Any] = {
    JoinCommand: joining.join,
    SyncCommand: syncing.sync,
    HeartbeatCommand: heartbeats.heartbeat,
    LeaveCommand: leaving.leave,
}
DUE: dict[TimerKind, Any] = {
    TimerKind.CLASSIC_SESSION: heartbeats.session_over,
    TimerKind.CLASSIC_PENDING_JOIN: joining.pending_over,
    TimerKind.CLASSIC_REBALANCE: rebalancing.rebalance_over,
    TimerKind.CLASSIC_SYNC: syncing.sync_over,
}


class Driven:
    """As tests/coordinator/driven.py."""

    def __init__(self, properties: dict[str, str] | None = None, seed: int = 0) -> None:
        self.properties = properties or {}
        self.log: list[Record] = []
        self.replies: dict[int, Any] = {}
        self.elapsed_ms = 1_000
        self.wall_ms = START_MS
        self._tokens = count(1)
        self._random = Random(seed)
        self.shard = self._new_shard()
        self._carry_out(rebalancing.loaded(self.shard, self.now))

    @property
    def now(self) -> Now:
        return Now(self.wall_ms, self.elapsed_ms)

    def group(self, group_id: str = "group") -> Any:
        return self.shard.groups[group_id]

    def ask(self, command: Any) -> Any:
        token = self.send(command)
        assert token in self.replies, f"{command} waits"
        return self.take(token)

    def refusal(self, command: Any) -> ErrorCode:
        try:
            reply = self.ask(command)
        except KafkaError as refusal:
            return refusal.code
        raise AssertionError(f"not refused: {reply}")

    def send(self, command: Any) -> int:
        token = next(self._tokens)
        try:
            effects = RULES[type(command)](self.shard, command, token, self.now)
        except KafkaError as refusal:
            self.replies[token] = refusal
        else:
            self._carry_out(effects)
        return token

    def waits(self, token: int) -> bool:
        return token not in self.replies

    def take(self, token: int) -> Any:
        reply = self.replies.pop(token)
        if isinstance(reply, KafkaError):
            raise reply
        return reply

    def pass_time(self, ms: int) -> None:
        end_ms = self.elapsed_ms + ms
        timers = self.shard.timers
        while (due_ms := timers.next_due_ms) is not None and due_ms <= end_ms:
            self._to(max(due_ms, self.elapsed_ms))
            while (key := timers.pop(self.elapsed_ms)) is not None:
                self._carry_out(DUE[key.kind](self.shard, key, self.now))
        self._to(end_ms)

    def restart(self) -> None:
        self.shard = self._new_shard()
        for record in self.log:
            decoded = decode(*encode(record))
            assert decoded == record
            assert isinstance(decoded, ClassicGroupRecord)
            storing.replay(self.shard, decoded)
        self._carry_out(rebalancing.loaded(self.shard, self.now))

    def _to(self, elapsed_ms: int) -> None:
        self.wall_ms += elapsed_ms - self.elapsed_ms
        self.elapsed_ms = elapsed_ms

    def _carry_out(self, effects: Effects) -> None:
        for record in effects.records:
            self.log.append(record)
            assert isinstance(record, ClassicGroupRecord)
            storing.replay(self.shard, record)
        for token, reply in effects.replies:
            assert isinstance(token, int)
            assert token not in self.replies, f"two replies to {token}: {reply}"
            self.replies[token] = reply

    def _new_shard(self) -> Shard:
        overrides = [f"{name}={value}" for name, value in self.properties.items()]
        config = load(profile="kafka", file=("", {}), environment={}, overrides=overrides)
        settings = GroupSettings.of(config)
        return Shard(
            settings=lambda: settings,
            times_of=lambda group_id: consumer_group_times({}, settings),
            random_bytes=self._random.randbytes,
        )
