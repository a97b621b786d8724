"""Prints the table of properties as a properties file that a broker can be started with.

`pykbroker config > server.properties` is the reference page; each property has its sentence, its
type, unit and range, how it may change, and whether this broker acts on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from pykbroker.config.java_properties import render_properties
from pykbroker.config.layers import Config
from pykbroker.config.profiles import PROFILES
from pykbroker.config.property import Property
from pykbroker.config.table import PROPERTIES, TOPIC_PROPERTIES
from pykbroker.config.tables.own import DIFFERENCES


def list_properties(config: Config) -> Iterator[str]:
    """Give the lines of every broker property with its value in `config`."""
    for row in PROPERTIES.values():
        if not row.internal or config.is_set(row.name):
            yield from _lines(row, _text(row, config))


def list_topic_properties() -> Iterator[str]:
    """Give the lines of every topic property with Kafka's default."""
    for row in TOPIC_PROPERTIES.values():
        if not row.internal:
            yield from _lines(row, row.render(row.default))


def list_differences(config: Config, profile: str) -> Iterator[str]:
    """Give the lines of the properties that are not Kafka's default, each with a reason."""
    reasons = {name: why for name, (_, why) in {**DIFFERENCES, **PROFILES[profile]}.items()}
    for name, row in PROPERTIES.items():
        if config[name] == row.default:
            continue
        why = reasons.get(name, f"Set by {config.origins.get(name, 'the broker')}.")
        yield f"# Kafka: {_shown(row.render(row.default))}. {why}"
        yield from _assignment(row, _text(row, config))
        yield ""


def _text(row: Property, config: Config) -> str | None:
    if row.is_sensitive and config[row.name] is not None:
        return None
    return row.render(config[row.name])


def _lines(row: Property, text: str | None) -> Iterator[str]:
    yield f"# {row.doc}"
    facts = [row.kind.name.lower()]
    if row.unit:
        facts[0] += f" ({row.unit})"
    if row.check is not None and str(row.check):
        facts.append(str(row.check))
    if row.synonyms:
        facts.append(f"follows {', '.join(row.synonyms)}")
    elif row.name in PROPERTIES:
        facts.append(row.update.value)
    if not row.served:
        facts.append("accepted, not acted upon yet")
    yield f"# {'; '.join(facts)}"
    yield from _assignment(row, text)
    yield ""


def _assignment(row: Property, text: str | None) -> Iterator[str]:
    if text is None:
        yield f"#{row.name}="
    else:
        yield render_properties({row.name: text}).rstrip("\n")


def _shown(text: str | None) -> str:
    return "none" if text is None else text or "empty"
