from __future__ import annotations

import pytest

from pykbroker.config import DEFAULT_PROFILE, PROFILES, PROPERTIES, Config, ConfigError, load
from pykbroker.config.profiles import profile_properties


def test_the_default_profile_sets_nothing() -> None:
    assert DEFAULT_PROFILE == "kafka"
    assert load(profile="kafka") == Config()


def test_the_test_profile_sets_what_test_harnesses_set() -> None:
    config = load(profile="test")

    assert {name: config[name] for name in PROFILES["test"]} == {
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 10,
        "group.consumer.min.session.timeout.ms": 10,
        "group.consumer.heartbeat.interval.ms": 100,
        "group.consumer.min.heartbeat.interval.ms": 1,
        "group.consumer.assignment.interval.ms": 0,
        "offsets.topic.num.partitions": 1,
        "offsets.topic.replication.factor": 1,
        "pykbroker.offsets.topic.mode": "instant",
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "log.flush.interval.messages": 2**63 - 1,
        "log.flush.before.ack": "none",
        "log.segment.delete.delay.ms": 0,
    }


def test_every_line_of_a_profile_has_a_reason() -> None:
    for properties in PROFILES.values():
        for name, (_, reason) in properties.items():
            assert name in PROPERTIES
            assert reason.endswith(".")


def test_an_unknown_profile_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigError) as refused:
        profile_properties("tests")

    assert str(refused.value) == "tests is not a profile; write test"
