"""Entries of DescribeConfigs and of CreateTopics: values as text, with sources and synonyms.

The order of synonyms is Kafka's: the layer counts before the synonym, and what comes before the
first synonym with the described name is left out (`ConfigHelper.configSynonyms`). So retention.ms
does not show log.retention.hours as a synonym, although it follows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from pykbroker.config.group_overrides import effective_group_config
from pykbroker.config.layers import Config
from pykbroker.config.property import Kind, Property, Update
from pykbroker.config.table import (
    DEFAULTS,
    GROUP_PROPERTIES,
    PROPERTIES,
    TOPIC_PROPERTIES,
    broker_property,
    names_code_or_place,
)
from pykbroker.config.topic import effective_topic_config


class Source(IntEnum):
    """Where a value comes from, with the number that DescribeConfigs gives it."""

    DYNAMIC_TOPIC_CONFIG = 1
    DYNAMIC_BROKER_CONFIG = 2
    DYNAMIC_DEFAULT_BROKER_CONFIG = 3
    STATIC_BROKER_CONFIG = 4
    DEFAULT_CONFIG = 5
    DYNAMIC_GROUP_CONFIG = 8


class Synonym(NamedTuple):
    """One property that was looked at for the value; `value` is None when it is sensitive."""

    name: str
    value: str | None
    source: Source


class Entry(NamedTuple):
    """One property as a client sees it; `value` is None when it is sensitive or not set."""

    name: str
    value: str | None
    source: Source
    kind: Kind
    read_only: bool
    is_sensitive: bool
    synonyms: tuple[Synonym, ...]
    documentation: str


_UNKNOWN_DOC = "A property of a plug-in, which this broker does not know."
_ALSO = (
    ("log.roll.ms", "log.roll.hours"),
    ("log.roll.jitter.ms", "log.roll.jitter.hours"),
    ("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
)


def describe_topic(overrides: Mapping[str, str], config: Config) -> tuple[Entry, ...]:
    """Give every property of a topic that sets `overrides`, for DescribeConfigs."""
    values = effective_topic_config(overrides, config)
    entries = []
    for name, row in TOPIC_PROPERTIES.items():
        if row.internal and name not in overrides:
            continue
        text = row.render(values[name])
        own = [Synonym(name, text, Source.DYNAMIC_TOPIC_CONFIG)] if name in overrides else []
        synonyms = (*own, *(_synonyms(row.synonyms[0], config) if row.synonyms else ()))
        source = synonyms[0].source if synonyms else Source.DEFAULT_CONFIG
        entries.append(_entry(row, name, text, source, False, synonyms))
    return tuple(entries)


def created_topic(overrides: Mapping[str, str], config: Config) -> tuple[Entry, ...]:
    """Give every property of a topic that sets `overrides`, for the answer of CreateTopics.

    Unlike DescribeConfigs it tells the source behind hours and minutes and no synonyms
    (`KafkaConfigSchema.resolveEffectiveTopicConfig`).
    """
    values = effective_topic_config(overrides, config)
    return tuple(
        _entry(row, name, row.render(values[name]), _origin(row, overrides, config), False, ())
        for name, row in TOPIC_PROPERTIES.items()
        if name in overrides or not row.internal
    )


def describe_group(overrides: Mapping[str, str], config: Config) -> tuple[Entry, ...]:
    """Give every property of a group that sets `overrides`, for DescribeConfigs.

    A property that follows none of the broker's has its default as its only synonym.
    """
    values = effective_group_config(overrides, config)
    entries = []
    for name, row in GROUP_PROPERTIES.items():
        text = row.render(values[name])
        own = [Synonym(name, text, Source.DYNAMIC_GROUP_CONFIG)] if name in overrides else []
        if row.synonyms:
            followed = tuple(_synonyms(row.synonyms[0], config))
        else:
            followed = (Synonym(name, row.render(row.default), Source.DEFAULT_CONFIG),)
        synonyms = (*own, *followed)
        entries.append(_entry(row, name, text, synonyms[0].source, False, synonyms))
    return tuple(entries)


def describe_broker(config: Config) -> tuple[Entry, ...]:
    """Give every property of this broker, for DescribeConfigs of a broker by its id."""
    shown = [name for name, row in PROPERTIES.items() if not row.internal or config.is_set(name)]
    prefixed = [
        name
        for layer in (config.static, config.dynamic_default, config.dynamic_broker)
        for name in layer
        if name not in PROPERTIES
    ]
    return tuple(_broker_entry(name, config) for name in (*shown, *dict.fromkeys(prefixed)))


def describe_broker_default(config: Config) -> tuple[Entry, ...]:
    """Give what was set for all brokers at run time, for DescribeConfigs without a broker id."""
    entries = []
    for name, text in config.dynamic_default.items():
        row = broker_property(name)
        source = Source.DYNAMIC_DEFAULT_BROKER_CONFIG
        synonyms = (_synonym(name, text, source),)
        entries.append(_entry(row, name, text, source, _is_read_only(row), synonyms))
    return tuple(entries)


def _broker_entry(name: str, config: Config) -> Entry:
    row = broker_property(name)
    synonyms = tuple(_synonyms(name, config))
    source = synonyms[0].source if synonyms else Source.DEFAULT_CONFIG
    text = None if row is None else row.render(config[name])
    return _entry(row, name, text, source, _is_read_only(row), synonyms)


def _entry(
    row: Property | None,
    name: str,
    text: str | None,
    source: Source,
    read_only: bool,
    synonyms: tuple[Synonym, ...],
) -> Entry:
    if row is None:
        return Entry(name, None, source, Kind.UNKNOWN, True, True, synonyms, _UNKNOWN_DOC)
    return Entry(
        name=name,
        value=None if row.is_sensitive else text,
        source=source,
        kind=row.kind,
        read_only=read_only,
        is_sensitive=row.is_sensitive,
        synonyms=synonyms,
        documentation=documentation(row),
    )


def documentation(row: Property) -> str:
    """Give a property's sentence, and whether this broker acts on it."""
    return row.doc if row.served else f"{row.doc} (Accepted, not acted upon yet.)"


def _is_read_only(row: Property | None) -> bool:
    return row is None or row.update is Update.READ_ONLY or names_code_or_place(row)


def _synonyms(name: str, config: Config) -> Iterator[Synonym]:
    """Give what was looked at for a broker property, from the first that has its name on."""
    found = False
    for synonym in _all_synonyms(_names(name), config):
        found = found or synonym.name == name
        if found:
            yield synonym


def _all_synonyms(names: tuple[str, ...], config: Config) -> Iterator[Synonym]:
    for layer, source in _layers(config):
        for name in names:
            if name in layer:
                yield _synonym(name, layer[name], source)
    for name in names:
        default = DEFAULTS.get(name)
        if default is not None:
            yield _synonym(name, PROPERTIES[name].render(default), Source.DEFAULT_CONFIG)


def _synonym(name: str, text: str | None, source: Source) -> Synonym:
    row = broker_property(name)
    return Synonym(name, None if row is None or row.is_sensitive else text, source)


def _layers(config: Config) -> tuple[tuple[Mapping[str, str], Source], ...]:
    return (
        (config.dynamic_broker, Source.DYNAMIC_BROKER_CONFIG),
        (config.dynamic_default, Source.DYNAMIC_DEFAULT_BROKER_CONFIG),
        (config.static, Source.STATIC_BROKER_CONFIG),
    )


def _names(name: str) -> tuple[str, ...]:
    """Give the names that stand in for each other (`DynamicBrokerConfig.brokerConfigSynonyms`)."""
    if name == "log.flush.interval.ms":
        return (name, "log.flush.scheduler.interval.ms")
    for group in _ALSO:
        if name in group:
            return group
    row = broker_property(name)
    return (name,) if row is None or row.name == name else (name, row.name)


def _origin(row: Property, overrides: Mapping[str, str], config: Config) -> Source:
    if row.name in overrides:
        return Source.DYNAMIC_TOPIC_CONFIG
    for layer, source in _layers(config):
        if any(synonym in layer for synonym in row.synonyms):
            return source
    return Source.DEFAULT_CONFIG
