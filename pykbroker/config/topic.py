"""A topic's properties: what it sets itself, and what it follows of its broker's.

The value that holds is the topic's own, else that of the strongest broker property that somebody
set among its synonyms, else Kafka's default (`KafkaConfig.extractLogConfigMap`).
"""

from __future__ import annotations

from collections.abc import Mapping

from pykbroker.config.check import Value
from pykbroker.config.layers import Config
from pykbroker.config.property import ConfigError
from pykbroker.config.rules import check_topic_rules
from pykbroker.config.table import TOPIC_PROPERTIES, topic_property

TEXT_MAX = 32_767
"""Longest text of one value, in characters (Kafka's Short.MAX_VALUE)."""

_MS = {"hours": 3_600_000, "minutes": 60_000}


def validate_topic_config(name: str, text: str | None) -> Value:
    """Give the value of a topic property that somebody wants to set.

    Raises ConfigError (INVALID_CONFIG) for an unknown name, no text, a wrong type or a value
    that is not allowed.
    """
    row = topic_property(name)
    if text is None:
        raise ConfigError(f"{name} has no value; write one, or leave the property out")
    if len(text) > TEXT_MAX:
        raise ConfigError(f"{name} has {len(text)} characters; write {TEXT_MAX} at most")
    return row.parse(text)


def validate_topic_configs(overrides: Mapping[str, str | None], config: Config) -> None:
    """Check all that a topic sets, one by one and together with what it follows.

    Raises ConfigError (INVALID_CONFIG) for the first fault, as Kafka's LogConfig.validate.
    """
    for name, text in overrides.items():
        validate_topic_config(name, text)
    given = {name: text for name, text in overrides.items() if text is not None}
    values = effective_topic_config(given, config)
    check_topic_rules(values, remote_storage=config.boolean("remote.log.storage.system.enable"))


def effective_topic_config(overrides: Mapping[str, str], config: Config) -> dict[str, Value]:
    """Give every property of a topic that sets `overrides`, by name.

    Lists are tuples and times are in ms, also where the broker has hours. Raises ConfigError for
    an override that is wrong.
    """
    return {
        name: row.parse(overrides[name]) if name in overrides else followed(name, config)
        for name, row in TOPIC_PROPERTIES.items()
    }


def followed(name: str, config: Config) -> Value:
    """Give the value of a topic property for topics that do not set it."""
    row = TOPIC_PROPERTIES[name]
    for synonym in row.synonyms:
        value = config[synonym]
        if value is not None:
            return in_ms(synonym, value)
    return row.default


def in_ms(synonym: str, value: Value) -> Value:
    """Give the value of a broker property in the unit of the topic property that follows it.

    Any negative retention is -1, as in KafkaConfig.logRetentionTimeMillis.
    """
    if isinstance(value, int) and synonym.startswith("log.retention.") and value < 0:
        return -1 if synonym != "log.retention.bytes" else value
    factor = _MS.get(synonym.rpartition(".")[2])
    return value * factor if factor and isinstance(value, int) else value
