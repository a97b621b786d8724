"""The machine of one partition of __consumer_offsets: every group and offset that lies in it.

`step` and `expire` decide, and change only what may be lost; `replay` alone changes what is
remembered, so that loading is replaying the log (Kafka's GroupCoordinatorShard). Nothing here
waits, asks the time or logs. The tables below are all there is to find a rule by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pykbroker.coordinator import (
    administration,
    commands,
    committing,
    expiration,
    offset_deletion,
    offset_fetching,
    records,
)
from pykbroker.coordinator.classic import heartbeats as classic_heartbeats
from pykbroker.coordinator.classic import joining, leaving, rebalancing, storing, syncing
from pykbroker.coordinator.consumer import classic_members, consumer_heartbeat, due, remembering
from pykbroker.coordinator.consumer.group import ConsumerGroup
from pykbroker.coordinator.effects import Effects, Now, Token
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.coordinator.topics import Topics

Rule = Callable[[Shard, Any, Token, Now], Effects]
DueRule = Callable[[Shard, TimerKey, Now], Effects]


class GroupMachine:
    """The groups of one partition."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard

    def step(self, command: commands.Command, token: Token, now: Now) -> Effects:
        """Decide on a command; the reply names `token`, now or in a later decision.

        Raises KafkaError to refuse.
        """
        return RULES[type(command)](self.shard, command, token, now)

    def expire(self, now: Now) -> Effects | None:
        """Decide on one deadline that is over; None when none is. Ask until None."""
        key = self.shard.timers.pop(now.elapsed_ms)
        return None if key is None else DUE[key.kind](self.shard, key, now)

    def replay(self, record: records.Record) -> None:
        """Take over what a record says."""
        REPLAY[type(record)](self.shard, record)

    def loaded(self, now: Now) -> Effects:
        """Set the deadlines of all that was replayed; to be called once, at the end of the log.

        Gives what must be mended of what an earlier coordinator left.
        """
        expiration.schedule(self.shard, now)
        return rebalancing.loaded(self.shard, now) + remembering.loaded(self.shard, now)

    def next_deadline_ms(self) -> int | None:
        """Tell by when to call `expire`, elapsed ms; it may find nothing due. None: never."""
        return self.shard.timers.next_due_ms

    def follow(self, topics: Topics, now: Now) -> None:
        """Take over the topics as they are now."""
        before, self.shard.topics = self.shard.topics, topics
        remembering.topics_changed(self.shard, before, now)


def _by_kind(classic: Rule, consumer: Rule) -> Rule:
    """Give the rule of the classic protocol that fits the kind of the group."""

    def rule(shard: Shard, command: Any, token: Token, now: Now) -> Effects:
        is_consumer = isinstance(shard.groups.get(command.group_id), ConsumerGroup)
        return (consumer if is_consumer else classic)(shard, command, token, now)

    return rule


RULES: Mapping[type, Rule] = {
    commands.JoinCommand: _by_kind(joining.join, classic_members.join),
    commands.SyncCommand: _by_kind(syncing.sync, classic_members.sync),
    commands.HeartbeatCommand: _by_kind(classic_heartbeats.heartbeat, classic_members.heartbeat),
    commands.LeaveCommand: _by_kind(leaving.leave, classic_members.leave),
    commands.ConsumerHeartbeatCommand: consumer_heartbeat.heartbeat,
    commands.CommitCommand: committing.commit,
    commands.FetchOffsetsCommand: offset_fetching.fetch,
    commands.DeleteOffsetsCommand: offset_deletion.delete,
    commands.ForgetPartitionsCommand: offset_deletion.forget,
    commands.DescribeGroupCommand: administration.describe_classic,
    commands.DescribeConsumerGroupCommand: administration.describe_consumer,
    commands.ListGroupsCommand: administration.list_groups,
    commands.DeleteGroupCommand: administration.delete,
}

DUE: Mapping[TimerKind, DueRule] = {
    TimerKind.CLASSIC_SESSION: classic_heartbeats.session_over,
    TimerKind.CLASSIC_PENDING_JOIN: joining.pending_over,
    TimerKind.CLASSIC_REBALANCE: rebalancing.rebalance_over,
    TimerKind.CLASSIC_SYNC: syncing.sync_over,
    TimerKind.CONSUMER_SESSION: due.session_over,
    TimerKind.CONSUMER_REBALANCE: due.rebalance_over,
    TimerKind.CONSUMER_CLASSIC_JOIN: due.classic_join_over,
    TimerKind.CONSUMER_CLASSIC_SYNC: due.classic_sync_over,
    TimerKind.CONSUMER_REGEX: due.regexes_due,
    TimerKind.OFFSET_EXPIRATION: expiration.expire,
}

REPLAY: Mapping[type, Callable[[Shard, Any], None]] = {
    records.OffsetRecord: committing.replay,
    records.ClassicGroupRecord: storing.replay,
    records.GroupEpochRecord: remembering.replay_group_epoch,
    records.PartitionMetadataRecord: remembering.replay_partition_metadata,
    records.MemberRecord: remembering.replay_member,
    records.TargetEpochRecord: remembering.replay_target_epoch,
    records.TargetRecord: remembering.replay_target,
    records.CurrentRecord: remembering.replay_current,
    records.RegexRecord: remembering.replay_regex,
}
