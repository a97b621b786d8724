"""Named sets of properties: `kafka` is Kafka's defaults, `test` what test harnesses set.

A profile is the weakest layer: a file, the environment and --override win over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pykbroker.config.check import closest
from pykbroker.config.property import LONG_MAX, ConfigError

_TEST = {
    "group.initial.rebalance.delay.ms": ("0", "A group's first member need not wait for others."),
    "group.min.session.timeout.ms": (
        "10",
        "A test that kills a consumer need not wait 6 s until its group notices.",
    ),
    "group.consumer.min.session.timeout.ms": ("10", "Nor with the consumer protocol (KIP-848)."),
    "group.consumer.heartbeat.interval.ms": (
        "100",
        "Members hear of each other's changes with heartbeats only; ten a second cost little.",
    ),
    "group.consumer.min.heartbeat.interval.ms": ("1", "A group may be given shorter ones still."),
    "group.consumer.assignment.interval.ms": (
        "0",
        "Who joins a second after another is assigned partitions at once.",
    ),
    "offsets.topic.num.partitions": ("1", "One broker gains nothing from 50."),
    "offsets.topic.replication.factor": ("1", "There is one broker."),
    "pykbroker.offsets.topic.mode": ("instant", "Clients pause before they ask again."),
    "transaction.state.log.replication.factor": ("1", "There is one broker."),
    "transaction.state.log.min.isr": ("1", "There is one broker."),
    "share.coordinator.state.topic.replication.factor": ("1", "There is one broker."),
    "share.coordinator.state.topic.min.isr": ("1", "There is one broker."),
    "log.flush.interval.messages": (str(LONG_MAX), "Never forced to disk, as by default."),
    "log.flush.before.ack": ("none", "What a test writes need not outlive the machine."),
    "log.segment.delete.delay.ms": ("0", "What a deleted topic took in memory is free at once."),
}

PROFILES: Mapping[str, Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"kafka": {}, "test": _TEST}
)
"""By profile and property: its value and the reason."""

DEFAULT_PROFILE = "kafka"
"""What `serve` takes: it is the real broker; the stand-in in `testing` takes `test`."""


def profile_properties(profile: str) -> dict[str, str]:
    """Give the properties that a profile sets; raise ConfigError for a name that is none."""
    if profile not in PROFILES:
        meant = closest(profile, tuple(PROFILES)) or DEFAULT_PROFILE
        raise ConfigError(f"{profile} is not a profile; write {meant}")
    return {name: text for name, (text, _) in PROFILES[profile].items()}
