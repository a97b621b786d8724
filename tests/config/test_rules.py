from __future__ import annotations

import pytest

from pykbroker.config import Config, ConfigError


@pytest.mark.parametrize(
    ("static", "sentence"),
    [
        (
            {"replica.fetch.wait.max.ms": "60000", "replica.socket.timeout.ms": "60000"},
            (
                "replica.fetch.wait.max.ms=60000 must not exceed replica.lag.time.max.ms=30000;"
                " lower the one or raise the other"
            ),
        ),
        (
            {"node.id": "2", "broker.id": "3"},
            "broker.id=3 and node.id=2 are two names of one property; write node.id alone",
        ),
        ({"log.roll.ms": "0"}, "log.roll.ms=0 is not allowed: write log.roll.ms=1 or more"),
        (
            {"log.roll.jitter.ms": "-1"},
            "log.roll.jitter.ms=-1 is not allowed: write log.roll.jitter.ms=0 or more",
        ),
        (
            {"log.retention.hours": "0"},
            (
                "log.retention.hours=0 would keep nothing;"
                " write log.retention.hours=1 or more, or -1 to keep everything"
            ),
        ),
        (
            {"group.consumer.session.timeout.ms": "1000"},
            (
                "group.consumer.min.session.timeout.ms=45000 must not exceed"
                " group.consumer.session.timeout.ms=1000; lower the one or raise the other"
            ),
        ),
        (
            {"group.share.delivery.count.limit": "10", "group.share.max.delivery.count.limit": "9"},
            (
                "group.share.delivery.count.limit=10 must not exceed"
                " group.share.max.delivery.count.limit=9; lower the one or raise the other"
            ),
        ),
        (
            {
                "group.streams.heartbeat.interval.ms": "45000",
                "group.streams.max.heartbeat.interval.ms": "45000",
            },
            (
                "group.streams.heartbeat.interval.ms=45000 must be smaller than"
                " group.streams.session.timeout.ms=45000; lower the one or raise the other"
            ),
        ),
        (
            {"log.cleaner.threads": "128"},
            (
                "log.cleaner.dedupe.buffer.size must be above 1 MiB for each of"
                " log.cleaner.threads; write 134217856 or more"
            ),
        ),
        (
            {"queued.max.request.bytes": "1000"},
            (
                "socket.request.max.bytes=104857600 must not exceed queued.max.request.bytes=1000;"
                " lower the one or raise the other"
            ),
        ),
        (
            {"max.connections.per.ip": "0"},
            (
                "max.connections.per.ip=0 lets nobody connect;"
                " write max.connections.per.ip.overrides for those who may"
            ),
        ),
        (
            {"connections.max.idle.ms": "100"},
            (
                "connection.failed.authentication.delay.ms=100 must not exceed"
                " connections.max.idle.ms=100; lower the one or raise the other"
            ),
        ),
        (
            {"group.coordinator.rebalance.protocols": "consumer"},
            "group.coordinator.rebalance.protocols must contain classic; add it to the list",
        ),
        (
            {"group.share.assignors": "simple,other"},
            "group.share.assignors must name exactly one assignor; write simple",
        ),
        (
            {"group.consumer.assignors": "range,org.example.Mine"},
            (
                "group.consumer.assignors names org.example.Mine, which this broker does not have;"
                " write group.consumer.assignors=uniform,range"
            ),
        ),
        (
            {"offsets.topic.compression.codec": "5"},
            (
                "offsets.topic.compression.codec=5 is no codec; write 0 (none), 1 (gzip),"
                " 2 (snappy), 3 (lz4) or 4 (zstd)"
            ),
        ),
        (
            {"process.roles": "controller"},
            "process.roles=controller: no node is a controller alone; write broker,controller",
        ),
    ],
)
def test_a_broken_rule_between_properties_is_told(static: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Config(static)

    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "static",
    [
        {"log.retention.ms": "-1"},
        {"queued.max.request.bytes": "-1"},
        {"queued.max.request.bytes": "0"},
        {"connections.max.idle.ms": "-1"},
        {"max.connections.per.ip": "0", "max.connections.per.ip.overrides": "10.0.0.1:5"},
        {"log.cleaner.threads": "0"},
        {"group.consumer.assignors": "range"},
        {"offsets.topic.compression.codec": "4"},
        {"process.roles": "broker"},
        {"node.id": "3", "broker.id": "3"},
    ],
)
def test_what_looks_odd_and_is_allowed_is_accepted(static: dict[str, str]) -> None:
    Config(static)
