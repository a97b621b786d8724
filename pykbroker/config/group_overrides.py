"""A group's properties: what it sets itself, and what it follows of its broker's.

A group may be configured before it exists, and keeps its configuration when it is deleted. What it
sets is judged together with what it follows, by the broker's bounds (Kafka's GroupConfig.validate).
"""

from __future__ import annotations

from collections.abc import Mapping

from pykbroker.config.check import Value
from pykbroker.config.layers import Config
from pykbroker.config.property import ConfigError
from pykbroker.config.table import GROUP_PROPERTIES, PROPERTIES, group_property

_ODD_BOUNDS = {"streams.num.standby.replicas": "group.streams.max.standby.replicas"}
_KINDS = ("consumer", "share", "streams")


def validate_group_configs(overrides: Mapping[str, str], config: Config) -> None:
    """Check all that a group sets, one by one and together with what it follows.

    Raises ConfigError (INVALID_CONFIG) for the first fault.
    """
    for name in overrides:
        group_property(name)
    values = effective_group_config(overrides, config)
    for name in overrides:
        _check_bounds(name, values[name], config)
    for kind in _KINDS:
        _check_heartbeat(kind, values)


def effective_group_config(overrides: Mapping[str, str], config: Config) -> dict[str, Value]:
    """Give every property of a group that sets `overrides`, by name, as it was set.

    A value that the broker's bounds have left behind since is not moved: that is for those who
    act on it (`consumer_group_times`). Raises ConfigError for an override that is wrong.
    """
    return {
        name: row.parse(overrides[name]) if name in overrides else followed_by_group(name, config)
        for name, row in GROUP_PROPERTIES.items()
    }


def followed_by_group(name: str, config: Config) -> Value:
    """Give the value of a group property for groups that do not set it."""
    row = GROUP_PROPERTIES[name]
    return config[row.synonyms[0]] if row.synonyms else row.default


def _check_bounds(name: str, value: Value, config: Config) -> None:
    kind, _, rest = name.partition(".")
    least = f"group.{kind}.min.{rest}"
    most = _ODD_BOUNDS.get(name, f"group.{kind}.max.{rest}")
    if least in PROPERTIES and _number(value) < config.integer(least):
        beyond, bound = "below", least
    elif most in PROPERTIES and _number(value) > config.integer(most):
        beyond, bound = "above", most
    else:
        return
    raise ConfigError(
        f"{name}={value} is {beyond} the broker's {bound}={config.integer(bound)};"
        f" write {name}={config.integer(bound)}"
    )


def _check_heartbeat(kind: str, values: Mapping[str, Value]) -> None:
    heartbeat, session = f"{kind}.heartbeat.interval.ms", f"{kind}.session.timeout.ms"
    if _number(values[session]) <= _number(values[heartbeat]):
        raise ConfigError(
            f"{heartbeat}={values[heartbeat]} must be smaller than {session}={values[session]};"
            " lower the one or raise the other"
        )


def _number(value: Value) -> int:
    assert isinstance(value, int)
    return value
