from __future__ import annotations

import pytest

from pykbroker.config import (
    TOPIC_PROPERTIES,
    Config,
    ConfigError,
    effective_topic_config,
    validate_topic_config,
    validate_topic_configs,
)
from pykbroker.errors import ErrorCode
from pykbroker.storage.log_config import LogConfig


def test_a_topic_that_sets_nothing_on_a_broker_that_sets_nothing_is_kafkas_default() -> None:
    effective = effective_topic_config({}, Config())

    assert effective == {name: row.default for name, row in TOPIC_PROPERTIES.items()}
    assert LogConfig.from_properties(effective) == LogConfig()


def test_a_topic_follows_its_broker() -> None:
    config = Config({"log.segment.bytes": "2097152", "compression.type": "zstd"})

    effective = effective_topic_config({}, config)

    assert effective["segment.bytes"] == 2097152
    assert effective["compression.type"] == "zstd"


def test_what_a_topic_sets_wins_over_its_broker() -> None:
    config = Config({"log.cleanup.policy": "compact"})

    effective = effective_topic_config({"cleanup.policy": "compact, delete"}, config)

    assert effective["cleanup.policy"] == ("compact", "delete")


@pytest.mark.parametrize(
    ("static", "name", "value"),
    [
        ({"log.roll.hours": "2"}, "segment.ms", 7_200_000),
        ({"log.roll.hours": "2", "log.roll.ms": "5"}, "segment.ms", 5),
        ({"log.roll.jitter.hours": "1"}, "segment.jitter.ms", 3_600_000),
        ({"log.roll.jitter.hours": "1", "log.roll.jitter.ms": "0"}, "segment.jitter.ms", 0),
        ({"log.retention.hours": "1"}, "retention.ms", 3_600_000),
        ({"log.retention.hours": "1", "log.retention.minutes": "2"}, "retention.ms", 120_000),
        ({"log.retention.minutes": "2", "log.retention.ms": "3"}, "retention.ms", 3),
        ({"log.retention.hours": "-1"}, "retention.ms", -1),
        ({"log.retention.minutes": "-5"}, "retention.ms", -1),
        ({"log.retention.ms": "-7"}, "retention.ms", -1),
        ({"log.retention.bytes": "-2"}, "retention.bytes", -2),
        ({"log.flush.scheduler.interval.ms": "9"}, "flush.ms", 9),
        (
            {"log.flush.scheduler.interval.ms": "9", "log.flush.interval.ms": "8"},
            "flush.ms",
            8,
        ),
    ],
)
def test_hours_and_minutes_become_ms_and_the_finer_unit_wins(
    static: dict[str, str], name: str, value: int
) -> None:
    assert effective_topic_config({}, Config(static))[name] == value


def test_a_right_property_gives_its_value() -> None:
    assert validate_topic_config("retention.ms", "604800000") == 604_800_000
    assert validate_topic_config("cleanup.policy", "") == ()


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("nonsense", "1", "nonsense is not a topic property; `pykbroker config` shows them all"),
        (
            "retention.ms",
            None,
            "retention.ms has no value; write one, or leave the property out",
        ),
        (
            "retention.ms",
            "a week",
            (
                "retention.ms=a week is not a whole number of ms;"
                " write, for example, retention.ms=604800000"
            ),
        ),
        (
            "retention.ms",
            "-2",
            "retention.ms=-2 is not allowed: it must be at least -1; write retention.ms=-1",
        ),
        (
            "cleanup.policy",
            "compact,remove",
            (
                "cleanup.policy=compact,remove is not allowed: it must be a list of compact,"
                " delete, each once; write cleanup.policy=compact"
            ),
        ),
        (
            "leader.replication.throttled.replicas",
            "0:1," * 10_000,
            "leader.replication.throttled.replicas has 40000 characters; write 32767 at most",
        ),
    ],
)
def test_a_wrong_property_is_an_invalid_config(name: str, text: str | None, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        validate_topic_config(name, text)

    assert refused.value.code is ErrorCode.INVALID_CONFIG
    assert refused.value.message == sentence


def test_right_properties_that_agree_are_accepted() -> None:
    validate_topic_configs({"min.compaction.lag.ms": "5", "segment.bytes": "1048576"}, Config())


@pytest.mark.parametrize(
    ("overrides", "static", "sentence"),
    [
        (
            {"max.compaction.lag.ms": "5"},
            {"log.cleaner.min.compaction.lag.ms": "6"},
            (
                "min.compaction.lag.ms=6 must not exceed max.compaction.lag.ms=5;"
                " lower the one or raise the other"
            ),
        ),
        (
            {"remote.storage.enable": "true"},
            {},
            (
                "remote.storage.enable=true needs tiered storage, which this broker does not have;"
                " write remote.storage.enable=false"
            ),
        ),
        (
            {"segment.ms": None},
            {},
            "segment.ms has no value; write one, or leave the property out",
        ),
    ],
)
def test_properties_that_do_not_agree_are_an_invalid_config(
    overrides: dict[str, str | None], static: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        validate_topic_configs(overrides, Config(static))

    assert refused.value.code is ErrorCode.INVALID_CONFIG
    assert refused.value.message == sentence
