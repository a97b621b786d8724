"""What the group coordinator goes by: the broker's properties about groups, and one group's own.

A value made of a `Config` holds until that config is replaced by another one; what a group sets
was checked when it was set, and is put back within the broker's bounds when those have moved since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from pykbroker.config.layers import Config
from pykbroker.config.table import GROUP_PROPERTIES

_MS_PER_MINUTE = 60_000


class MigrationPolicy(Enum):
    """Which way a group in use may change its protocol (Kafka's ConsumerGroupMigrationPolicy).

    A group without members changes either way whatever the policy.
    """

    BIDIRECTIONAL = "bidirectional"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    DISABLED = "disabled"

    @property
    def can_upgrade(self) -> bool:
        """Whether a classic group becomes a consumer group when a member joins as such."""
        return self in (MigrationPolicy.BIDIRECTIONAL, MigrationPolicy.UPGRADE)

    @property
    def can_downgrade(self) -> bool:
        """Whether a consumer group becomes a classic one when only classic members are left."""
        return self in (MigrationPolicy.BIDIRECTIONAL, MigrationPolicy.DOWNGRADE)


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """The broker's properties about groups, each named as the property is."""

    group_coordinator_rebalance_protocols: frozenset[str]
    """Of classic, consumer, share and streams."""
    group_min_session_timeout_ms: int
    group_max_session_timeout_ms: int
    group_initial_rebalance_delay_ms: int
    group_max_size: int
    group_consumer_session_timeout_ms: int
    group_consumer_min_session_timeout_ms: int
    group_consumer_max_session_timeout_ms: int
    group_consumer_heartbeat_interval_ms: int
    group_consumer_min_heartbeat_interval_ms: int
    group_consumer_max_heartbeat_interval_ms: int
    group_consumer_assignment_interval_ms: int
    """May change while the broker runs, as no other of these."""
    group_consumer_min_assignment_interval_ms: int
    group_consumer_max_assignment_interval_ms: int
    group_consumer_max_size: int
    group_consumer_assignors: tuple[str, ...]
    """At least one; the first is taken for groups whose members name none."""
    group_consumer_migration_policy: MigrationPolicy
    group_consumer_regex_refresh_interval_ms: int
    offset_metadata_max_bytes: int
    """Of the text that a client attaches to an offset; Kafka counts its UTF-16 code units."""
    offsets_commit_timeout_ms: int
    """For every write of the coordinator, not for commits alone."""
    offsets_retention_ms: int
    """offsets.retention.minutes."""
    offsets_retention_check_interval_ms: int
    offsets_topic_num_partitions: int
    """When the topic is created; how many it has is the image's to tell."""
    offsets_topic_compression_codec: int
    """As in a record batch's attributes: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd."""

    @classmethod
    def of(cls, config: Config) -> GroupSettings:
        """Take the settings out of the properties in force."""
        integer = config.integer
        policy = config.text("group.consumer.migration.policy")
        return cls(
            frozenset(config.items("group.coordinator.rebalance.protocols")),
            group_min_session_timeout_ms=integer("group.min.session.timeout.ms"),
            group_max_session_timeout_ms=integer("group.max.session.timeout.ms"),
            group_initial_rebalance_delay_ms=integer("group.initial.rebalance.delay.ms"),
            group_max_size=integer("group.max.size"),
            group_consumer_session_timeout_ms=integer("group.consumer.session.timeout.ms"),
            group_consumer_min_session_timeout_ms=integer("group.consumer.min.session.timeout.ms"),
            group_consumer_max_session_timeout_ms=integer("group.consumer.max.session.timeout.ms"),
            group_consumer_heartbeat_interval_ms=integer("group.consumer.heartbeat.interval.ms"),
            group_consumer_min_heartbeat_interval_ms=integer(
                "group.consumer.min.heartbeat.interval.ms"
            ),
            group_consumer_max_heartbeat_interval_ms=integer(
                "group.consumer.max.heartbeat.interval.ms"
            ),
            group_consumer_assignment_interval_ms=integer("group.consumer.assignment.interval.ms"),
            group_consumer_min_assignment_interval_ms=integer(
                "group.consumer.min.assignment.interval.ms"
            ),
            group_consumer_max_assignment_interval_ms=integer(
                "group.consumer.max.assignment.interval.ms"
            ),
            group_consumer_max_size=integer("group.consumer.max.size"),
            group_consumer_assignors=config.items("group.consumer.assignors"),
            group_consumer_migration_policy=MigrationPolicy(policy.lower()),
            group_consumer_regex_refresh_interval_ms=integer(
                "group.consumer.regex.refresh.interval.ms"
            ),
            offset_metadata_max_bytes=integer("offset.metadata.max.bytes"),
            offsets_commit_timeout_ms=integer("offsets.commit.timeout.ms"),
            offsets_retention_ms=integer("offsets.retention.minutes") * _MS_PER_MINUTE,
            offsets_retention_check_interval_ms=integer("offsets.retention.check.interval.ms"),
            offsets_topic_num_partitions=integer("offsets.topic.num.partitions"),
            offsets_topic_compression_codec=integer("offsets.topic.compression.codec"),
        )


@dataclass(frozen=True, slots=True)
class ConsumerGroupTimes:
    """The intervals of one consumer group (KIP-848)."""

    session_timeout_ms: int
    """A member silent for this long is removed."""
    heartbeat_interval_ms: int
    """Told to the members; clients heartbeat sooner when they owe an acknowledgement."""
    assignment_interval_ms: int
    """Shortest time between two target assignments; 0 computes one at every change."""


def consumer_group_times(
    overrides: Mapping[str, str], settings: GroupSettings
) -> ConsumerGroupTimes:
    """Give the intervals of a group that sets `overrides` (Kafka's GroupConfig.evaluate)."""

    def own(name: str, otherwise: int, least: int, most: int) -> int:
        if name not in overrides:
            return otherwise
        value = GROUP_PROPERTIES[name].parse(overrides[name])
        assert isinstance(value, int), name
        return min(max(value, least), most)

    return ConsumerGroupTimes(
        own(
            "consumer.session.timeout.ms",
            settings.group_consumer_session_timeout_ms,
            least=settings.group_consumer_min_session_timeout_ms,
            most=settings.group_consumer_max_session_timeout_ms,
        ),
        heartbeat_interval_ms=own(
            "consumer.heartbeat.interval.ms",
            settings.group_consumer_heartbeat_interval_ms,
            least=settings.group_consumer_min_heartbeat_interval_ms,
            most=settings.group_consumer_max_heartbeat_interval_ms,
        ),
        assignment_interval_ms=own(
            "consumer.assignment.interval.ms",
            settings.group_consumer_assignment_interval_ms,
            least=settings.group_consumer_min_assignment_interval_ms,
            most=settings.group_consumer_max_assignment_interval_ms,
        ),
    )
