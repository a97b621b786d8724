from __future__ import annotations

import dataclasses

import pytest

from pykbroker.config import PROPERTIES, Config, load
from pykbroker.config.group import (
    ConsumerGroupTimes,
    GroupSettings,
    MigrationPolicy,
    consumer_group_times,
)

SESSION, HEARTBEAT = "consumer.session.timeout.ms", "consumer.heartbeat.interval.ms"
ASSIGNMENT = "consumer.assignment.interval.ms"


def settings_of(**properties: str) -> GroupSettings:
    return GroupSettings.of(Config({name.replace("_", "."): t for name, t in properties.items()}))


def test_the_settings_of_a_broker_that_sets_nothing_are_kafkas_defaults() -> None:
    assert GroupSettings.of(Config()) == GroupSettings(
        group_coordinator_rebalance_protocols=frozenset({"classic", "consumer", "streams"}),
        group_min_session_timeout_ms=6000,
        group_max_session_timeout_ms=1_800_000,
        group_initial_rebalance_delay_ms=3000,
        group_max_size=2**31 - 1,
        group_consumer_session_timeout_ms=45_000,
        group_consumer_min_session_timeout_ms=45_000,
        group_consumer_max_session_timeout_ms=60_000,
        group_consumer_heartbeat_interval_ms=5000,
        group_consumer_min_heartbeat_interval_ms=5000,
        group_consumer_max_heartbeat_interval_ms=15_000,
        group_consumer_assignment_interval_ms=1000,
        group_consumer_min_assignment_interval_ms=0,
        group_consumer_max_assignment_interval_ms=15_000,
        group_consumer_max_size=2**31 - 1,
        group_consumer_assignors=("uniform", "range"),
        group_consumer_migration_policy=MigrationPolicy.BIDIRECTIONAL,
        group_consumer_regex_refresh_interval_ms=600_000,
        offset_metadata_max_bytes=4096,
        offsets_commit_timeout_ms=5000,
        offsets_retention_ms=604_800_000,
        offsets_retention_check_interval_ms=600_000,
        offsets_topic_num_partitions=50,
        offsets_topic_compression_codec=0,
    )


@pytest.mark.parametrize("field", dataclasses.fields(GroupSettings), ids=lambda field: field.name)
def test_each_setting_is_the_property_of_its_name(field: dataclasses.Field[object]) -> None:
    name = field.name.replace("_", ".")
    if name == "offsets.retention.ms":
        assert settings_of(offsets_retention_minutes="3").offsets_retention_ms == 180_000
        return
    texts = {
        "group.coordinator.rebalance.protocols": "classic",
        "group.consumer.assignors": "range",
        "group.consumer.migration.policy": "Upgrade",
        "group.consumer.min.session.timeout.ms": "44999",
        "group.consumer.min.heartbeat.interval.ms": "4999",
        "offsets.topic.compression.codec": "2",
    }
    values: dict[str, object] = {
        "group.coordinator.rebalance.protocols": frozenset({"classic"}),
        "group.consumer.assignors": ("range",),
        "group.consumer.migration.policy": MigrationPolicy.UPGRADE,
    }
    default = PROPERTIES[name].default
    text = texts.get(name) or str(int(str(default)) + (1 if "max" not in name else -1))

    settings = GroupSettings.of(Config({name: text}))

    assert getattr(settings, field.name) == values.get(name, int(text) if text.isdigit() else None)
    assert PROPERTIES[name].served


@pytest.mark.parametrize(
    ("policy", "can_upgrade", "can_downgrade"),
    [
        ("bidirectional", True, True),
        ("UPGRADE", True, False),
        ("Downgrade", False, True),
        ("disabled", False, False),
    ],
)
def test_a_policy_tells_which_ways_it_lets_groups_change(
    policy: str, can_upgrade: bool, can_downgrade: bool
) -> None:
    settings = settings_of(group_consumer_migration_policy=policy)

    found = settings.group_consumer_migration_policy
    assert (found.can_upgrade, found.can_downgrade) == (can_upgrade, can_downgrade)


def test_a_change_at_run_time_makes_other_settings() -> None:
    config = Config().with_dynamic(default={"group.consumer.assignment.interval.ms": "7"})

    assert GroupSettings.of(config).group_consumer_assignment_interval_ms == 7


def test_a_group_that_sets_nothing_has_its_brokers_times() -> None:
    settings = GroupSettings.of(load(profile="test"))

    assert consumer_group_times({}, settings) == ConsumerGroupTimes(
        session_timeout_ms=45_000, heartbeat_interval_ms=100, assignment_interval_ms=0
    )


def test_a_group_has_the_times_that_it_sets() -> None:
    overrides = {
        SESSION: " 50000",
        HEARTBEAT: "6000",
        ASSIGNMENT: "0",
        "share.isolation.level": "x",
    }

    assert consumer_group_times(overrides, settings_of()) == ConsumerGroupTimes(
        session_timeout_ms=50_000, heartbeat_interval_ms=6000, assignment_interval_ms=0
    )


@pytest.mark.parametrize(
    ("overrides", "times"),
    [
        ({SESSION: "1", HEARTBEAT: "1", ASSIGNMENT: "1"}, (45_000, 5000, 10)),
        ({SESSION: "99999", HEARTBEAT: "99999", ASSIGNMENT: "99999"}, (60_000, 15_000, 20)),
    ],
)
def test_times_that_the_brokers_bounds_have_left_behind_are_put_back_within_them(
    overrides: dict[str, str], times: tuple[int, int, int]
) -> None:
    settings = settings_of(
        group_consumer_assignment_interval_ms="15",
        group_consumer_min_assignment_interval_ms="10",
        group_consumer_max_assignment_interval_ms="20",
    )

    assert consumer_group_times(overrides, settings) == ConsumerGroupTimes(*times)
