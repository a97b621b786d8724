from __future__ import annotations

import pytest

from pykbroker.config import (
    GROUP_PROPERTIES,
    Config,
    ConfigError,
    effective_group_config,
    load,
    validate_group_configs,
)
from pykbroker.errors import ErrorCode

SESSION, HEARTBEAT = "consumer.session.timeout.ms", "consumer.heartbeat.interval.ms"
ASSIGNMENT = "consumer.assignment.interval.ms"


def test_a_group_that_sets_nothing_on_a_broker_that_sets_nothing_is_kafkas_default() -> None:
    effective = effective_group_config({}, Config())

    assert effective == {name: row.default for name, row in GROUP_PROPERTIES.items()}


def test_a_group_follows_its_broker() -> None:
    config = Config({"group.consumer.session.timeout.ms": "50000", "group.share.max.size": "5"})

    assert effective_group_config({}, config)[SESSION] == 50_000


def test_what_a_group_sets_wins_even_when_the_bounds_have_moved_since() -> None:
    effective = effective_group_config({SESSION: "1", ASSIGNMENT: "99999"}, Config())

    assert (effective[SESSION], effective[ASSIGNMENT]) == (1, 99_999)


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {SESSION: "45000"},
        {SESSION: "60000"},
        {SESSION: " 50000 "},
        {HEARTBEAT: "5000"},
        {HEARTBEAT: "15000"},
        {ASSIGNMENT: "0"},
        {ASSIGNMENT: "15000"},
        {"share.session.timeout.ms": "60000", "share.heartbeat.interval.ms": "15000"},
        {"share.assignment.interval.ms": "15000"},
        {"share.record.lock.duration.ms": "15000"},
        {"share.delivery.count.limit": "10"},
        {"share.partition.max.record.locks": "4000"},
        {"share.auto.offset.reset": "by_duration:PT1H"},
        {"share.isolation.level": "read_committed"},
        {"share.renew.acknowledge.enable": "TRUE"},
        {"streams.num.standby.replicas": "2"},
        {"streams.initial.rebalance.delay.ms": "2147483647"},
    ],
    ids=str,
)
def test_what_kafka_lets_a_group_set_is_accepted(overrides: dict[str, str]) -> None:
    validate_group_configs(overrides, Config())


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            {"no.such": "1"},
            "no.such is not a group property; the description of any group shows them all",
        ),
        (
            {"consumer.assignor.offload.enable": "true"},
            (
                "consumer.assignor.offload.enable is not a group property;"
                " the description of any group shows them all"
            ),
        ),
        (
            {SESSION: "44999"},
            (
                f"{SESSION}=44999 is below the broker's"
                f" group.consumer.min.session.timeout.ms=45000; write {SESSION}=45000"
            ),
        ),
        (
            {SESSION: "60001"},
            (
                f"{SESSION}=60001 is above the broker's"
                f" group.consumer.max.session.timeout.ms=60000; write {SESSION}=60000"
            ),
        ),
        (
            {"streams.num.standby.replicas": "3"},
            (
                "streams.num.standby.replicas=3 is above the broker's"
                " group.streams.max.standby.replicas=2; write streams.num.standby.replicas=2"
            ),
        ),
        (
            {SESSION: "soon"},
            f"{SESSION}=soon is not a whole number of ms; write, for example, {SESSION}=45000",
        ),
        (
            {SESSION: "0"},
            f"{SESSION}=0 is not allowed: it must be at least 1; write {SESSION}=1",
        ),
    ],
    ids=str,
)
def test_what_a_group_cannot_set_is_refused_with_what_to_write(
    overrides: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        validate_group_configs(overrides, Config())

    assert (str(refused.value), refused.value.code) == (sentence, ErrorCode.INVALID_CONFIG)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (HEARTBEAT, "4999"),
        (HEARTBEAT, "15001"),
        (ASSIGNMENT, "-1"),
        (ASSIGNMENT, "15001"),
        ("share.session.timeout.ms", "60001"),
        ("share.heartbeat.interval.ms", "4999"),
        ("share.record.lock.duration.ms", "60001"),
        ("share.delivery.count.limit", "11"),
        ("share.partition.max.record.locks", "4001"),
        ("share.assignment.interval.ms", "15001"),
        ("share.auto.offset.reset", "none"),
        ("share.isolation.level", "READ_COMMITTED"),
        ("share.renew.acknowledge.enable", "yes"),
        ("streams.session.timeout.ms", "44999"),
        ("streams.heartbeat.interval.ms", "15001"),
        ("streams.initial.rebalance.delay.ms", "-1"),
        ("streams.assignment.interval.ms", "15001"),
    ],
)
def test_each_kind_of_group_has_bounds(name: str, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        validate_group_configs({name: text}, Config())

    assert refused.value.code is ErrorCode.INVALID_CONFIG


@pytest.mark.parametrize("kind", ["consumer", "share", "streams"])
def test_a_session_is_longer_than_a_heartbeat_of_the_group_or_of_its_broker(kind: str) -> None:
    config = load(
        overrides=[
            f"group.{kind}.min.session.timeout.ms=1",
            f"group.{kind}.min.heartbeat.interval.ms=1",
        ]
    )
    session, heartbeat = f"{kind}.session.timeout.ms", f"{kind}.heartbeat.interval.ms"

    validate_group_configs({session: "5001"}, config)
    validate_group_configs({session: "50", heartbeat: "49"}, config)

    for overrides in ({session: "5000"}, {session: "50", heartbeat: "50"}):
        with pytest.raises(ConfigError, match="must be smaller than"):
            validate_group_configs(overrides, config)


def test_an_old_value_out_of_bounds_is_refused_with_the_next_change() -> None:
    with pytest.raises(ConfigError, match="below the broker's"):
        validate_group_configs({SESSION: "1000", HEARTBEAT: "6000"}, Config())
