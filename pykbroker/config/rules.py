"""Rules between properties, as Kafka's KafkaConfig and GroupCoordinatorConfig have them.

Each rule is data; a broken one is told with both values, for either may be the wrong one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pykbroker.config.check import Value
from pykbroker.config.property import ConfigError

_BOUNDED = (
    "group.consumer.session.timeout.ms",
    "group.consumer.heartbeat.interval.ms",
    "group.consumer.assignment.interval.ms",
    "group.share.session.timeout.ms",
    "group.share.heartbeat.interval.ms",
    "group.share.assignment.interval.ms",
    "group.share.delivery.count.limit",
    "group.share.record.lock.duration.ms",
    "group.share.partition.max.record.locks",
    "group.streams.session.timeout.ms",
    "group.streams.heartbeat.interval.ms",
    "group.streams.assignment.interval.ms",
)
"""Properties with a `min` and a `max` beside them."""

_AT_MOST = (
    ("replica.fetch.wait.max.ms", "replica.socket.timeout.ms"),
    ("replica.fetch.wait.max.ms", "replica.lag.time.max.ms"),
    ("group.min.session.timeout.ms", "group.max.session.timeout.ms"),
    ("group.share.max.size", "group.share.max.share.sessions"),
    ("group.streams.num.standby.replicas", "group.streams.max.standby.replicas"),
    ("log.cleaner.min.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"),
)
"""The first must not exceed the second."""

_BELOW = (
    ("group.consumer.heartbeat.interval.ms", "group.consumer.session.timeout.ms"),
    ("group.share.heartbeat.interval.ms", "group.share.session.timeout.ms"),
    ("group.streams.heartbeat.interval.ms", "group.streams.session.timeout.ms"),
)
"""The first must be smaller than the second."""

_ASSIGNORS = ("uniform", "range")
_CODECS = range(5)
_AT_LEAST = (("log.roll.ms", 1), ("log.roll.jitter.ms", 0))
_MIB = 1 << 20


def check_rules(values: Mapping[str, Value]) -> None:
    """Raise ConfigError for the first rule between properties that `values` breaks."""
    for complaint in _complaints(values):
        raise ConfigError(complaint)


def check_topic_rules(values: Mapping[str, Value], *, remote_storage: bool) -> None:
    """Raise ConfigError for the first rule between a topic's properties that `values` breaks."""
    least, most = "min.compaction.lag.ms", "max.compaction.lag.ms"
    if _number(values, least) > _number(values, most):
        raise ConfigError(_exceeds(values, least, most))
    if values["remote.storage.enable"] and not remote_storage:
        raise ConfigError(
            "remote.storage.enable=true needs tiered storage, which this broker does not have;"
            " write remote.storage.enable=false"
        )


def _complaints(values: Mapping[str, Value]) -> Iterator[str]:
    if values["broker.id"] != values["node.id"]:
        yield (
            f"broker.id={values['broker.id']} and node.id={values['node.id']} are two names of one"
            " property; write node.id alone"
        )
    for name, limit in _AT_LEAST:
        if values[name] is not None and _number(values, name) < limit:
            yield f"{name}={values[name]} is not allowed: write {name}={limit} or more"
    for name in ("log.retention.ms", "log.retention.minutes", "log.retention.hours"):
        if values[name] == 0:
            yield f"{name}=0 would keep nothing; write {name}=1 or more, or -1 to keep everything"
    for smaller, larger in (*_AT_MOST, *_between(_BOUNDED)):
        if _number(values, smaller) > _number(values, larger):
            yield _exceeds(values, smaller, larger)
    for smaller, larger in _BELOW:
        if _number(values, smaller) >= _number(values, larger):
            yield (
                f"{smaller}={values[smaller]} must be smaller than {larger}={values[larger]};"
                " lower the one or raise the other"
            )
    yield from _special(values)


def _special(values: Mapping[str, Value]) -> Iterator[str]:
    threads = max(1, int(_number(values, "log.cleaner.threads")))
    if _number(values, "log.cleaner.dedupe.buffer.size") // threads <= _MIB:
        yield (
            "log.cleaner.dedupe.buffer.size must be above 1 MiB for each of log.cleaner.threads;"
            f" write {(_MIB + 1) * threads} or more"
        )
    queued = _number(values, "queued.max.request.bytes")
    if 0 < queued < _number(values, "socket.request.max.bytes"):
        yield _exceeds(values, "socket.request.max.bytes", "queued.max.request.bytes")
    if values["max.connections.per.ip"] == 0 and not values["max.connections.per.ip.overrides"]:
        yield (
            "max.connections.per.ip=0 lets nobody connect; write max.connections.per.ip.overrides"
            " for those who may"
        )
    idle = _number(values, "connections.max.idle.ms")
    if 0 <= idle <= _number(values, "connection.failed.authentication.delay.ms"):
        yield _exceeds(
            values, "connection.failed.authentication.delay.ms", "connections.max.idle.ms"
        )
    yield from _groups(values)
    roles = values["process.roles"]
    if isinstance(roles, tuple) and "broker" not in roles:
        yield "process.roles=controller: no node is a controller alone; write broker,controller"


def _groups(values: Mapping[str, Value]) -> Iterator[str]:
    protocols = values["group.coordinator.rebalance.protocols"]
    if isinstance(protocols, tuple) and "classic" not in protocols:
        yield "group.coordinator.rebalance.protocols must contain classic; add it to the list"
    names = values["group.consumer.assignors"]
    strange = [name for name in names if name not in _ASSIGNORS] if isinstance(names, tuple) else []
    if strange:
        yield (
            f"group.consumer.assignors names {', '.join(strange)}, which this broker does not have;"
            f" write group.consumer.assignors={','.join(_ASSIGNORS)}"
        )
    assignors = values["group.share.assignors"]
    if isinstance(assignors, tuple) and len(assignors) != 1:
        yield "group.share.assignors must name exactly one assignor; write simple"
    codec = values["offsets.topic.compression.codec"]
    if codec not in _CODECS:
        yield (
            f"offsets.topic.compression.codec={codec} is no codec; write 0 (none), 1 (gzip),"
            " 2 (snappy), 3 (lz4) or 4 (zstd)"
        )


def _between(bounded: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in bounded:
        kind, _, rest = name.removeprefix("group.").partition(".")
        least, most = f"group.{kind}.min.{rest}", f"group.{kind}.max.{rest}"
        yield least, most
        yield least, name
        yield name, most


def _exceeds(values: Mapping[str, Value], smaller: str, larger: str) -> str:
    return (
        f"{smaller}={values[smaller]} must not exceed {larger}={values[larger]};"
        " lower the one or raise the other"
    )


def _number(values: Mapping[str, Value], name: str) -> float:
    value = values[name]
    assert isinstance(value, int | float), name
    return value
