"""THE table: every property of a broker, of a topic and of a group, by name.

DescribeConfigs, the start-up check and `pykbroker config` all read it; a property exists when it
has a row, and its documentation is the row's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pykbroker.config.check import Value, closest
from pykbroker.config.property import ConfigError, Kind, Property, shortened
from pykbroker.config.tables.cluster import CLUSTER
from pykbroker.config.tables.groups import GROUPS
from pykbroker.config.tables.logs import LOGS
from pykbroker.config.tables.network import NETWORK
from pykbroker.config.tables.own import DIFFERENCES, OWN
from pykbroker.config.tables.per_group import PER_GROUP
from pykbroker.config.tables.security import SECURITY
from pykbroker.config.tables.tiered import TIERED
from pykbroker.config.tables.topics import TOPICS
from pykbroker.config.tables.transactions import TRANSACTIONS

_SUBJECTS = (NETWORK, CLUSTER, LOGS, GROUPS, TRANSACTIONS, SECURITY, TIERED, OWN)

PROPERTIES: Mapping[str, Property] = {row.name: row for subject in _SUBJECTS for row in subject}
"""The properties of a broker."""

TOPIC_PROPERTIES: Mapping[str, Property] = {row.name: row for row in TOPICS}
"""The properties of a topic."""

GROUP_PROPERTIES: Mapping[str, Property] = {row.name: row for row in PER_GROUP}
"""The properties of a group."""

DEFAULTS: Mapping[str, Value] = {name: row.default for name, row in PROPERTIES.items()} | {
    name: PROPERTIES[name].parse(text) for name, (text, _) in DIFFERENCES.items()
}
"""What a broker property is when nobody sets it: Kafka's default, or ours where it differs."""

_LISTENER_PREFIX = re.compile(r"listener\.name\.[^.]+\.(?:[^.]+\.(?=sasl\.|connections\.))?(.+)")
_PLUGIN = re.compile(
    r"(config\.providers\.|rsm\.config\.|rlmm\.config\.|confluent\.).+"
    r"|super\.users|allow\.everyone\.if\.no\.acl\.found"
)
_LISTENERS = "write listeners=PLAINTEXT://host:port instead"
_ADVERTISED = "write advertised.listeners=PLAINTEXT://host:port instead"
_DELETE = "delete the line"
_ADDRESSES = frozenset({"listeners", "listener.security.protocol.map"})
"""Where clients reach the broker, and how protected: read once, at the start."""
_MOVED: Mapping[str, str] = {
    "host.name": _LISTENERS,
    "port": _LISTENERS,
    "advertised.host.name": _ADVERTISED,
    "advertised.port": _ADVERTISED,
    "control.plane.listener.name": _DELETE,
    "broker.id.generation.enable": "write node.id instead",
    "reserved.broker.max.id": _DELETE,
    "inter.broker.protocol.version": _DELETE,
    "log.message.format.version": _DELETE,
    "log.message.downconversion.enable": _DELETE,
    "log.message.timestamp.difference.max.ms": "write log.message.timestamp.before.max.ms and"
    " log.message.timestamp.after.max.ms instead",
    "message.timestamp.difference.max.ms": "write message.timestamp.before.max.ms and"
    " message.timestamp.after.max.ms instead",
    "message.format.version": _DELETE,
    "message.downconversion.enable": _DELETE,
    "delegation.token.master.key": "write delegation.token.secret.key instead",
    "offsets.commit.required.acks": _DELETE,
    "controlled.shutdown.max.retries": _DELETE,
    "controlled.shutdown.retry.backoff.ms": _DELETE,
    "leader.imbalance.per.broker.percentage": _DELETE,
    "auto.include.jmx.reporter": _DELETE,
    "group.coordinator.new.enable": _DELETE,
    "group.share.enable": "add share to group.coordinator.rebalance.protocols instead",
}


def broker_property(name: str) -> Property | None:
    """Find the row of a broker property, also of `listener.name.NAME.` followed by its name.

    None for the properties of plug-ins, which are accepted and never read. Raises ConfigError
    for a name that nobody knows.
    """
    found = PROPERTIES.get(name)
    if found is not None:
        return found
    if prefixed := _LISTENER_PREFIX.fullmatch(name):
        return broker_property(prefixed[1])
    if _PLUGIN.fullmatch(name):
        return None
    if name in _MOVED or name.startswith(("zookeeper.", "password.encoder.")):
        instead = _MOVED.get(name, _DELETE)
        raise ConfigError(f"{name} is no property since Kafka 4.0: {instead}")
    if name in TOPIC_PROPERTIES and TOPIC_PROPERTIES[name].synonyms:
        synonym = TOPIC_PROPERTIES[name].synonyms[0]
        raise ConfigError(f"{name} is a property of topics: for the broker, write {synonym}")
    raise _unknown(name, "broker property", PROPERTIES)


def topic_property(name: str) -> Property:
    """Find the row of a topic property; raise ConfigError for a name that nobody knows."""
    found = TOPIC_PROPERTIES.get(name)
    if found is not None:
        return found
    if name in _MOVED:
        raise ConfigError(f"{name} is no property since Kafka 4.0: {_MOVED[name]}")
    for row in TOPICS:
        if name in row.synonyms:
            raise ConfigError(f"{name} is a property of the broker: for a topic, write {row.name}")
    raise _unknown(name, "topic property", TOPIC_PROPERTIES)


def group_property(name: str) -> Property:
    """Find the row of a group property; raise ConfigError for a name that nobody knows."""
    found = GROUP_PROPERTIES.get(name)
    if found is not None:
        return found
    for row in PER_GROUP:
        if name in row.synonyms:
            raise ConfigError(f"{name} is a property of the broker: for a group, write {row.name}")
    raise _unknown(name, "group property", GROUP_PROPERTIES, "the description of any group")


def names_code_or_place(row: Property) -> bool:
    """Tell whether a value names a class, a file or an address: no client may ever set that.

    CVE-2023-25194 and CVE-2025-27819 are what becomes of it otherwise.
    """
    tails = (".class", ".location", ".file", ".url", ".cmd", ".reporters", ".providers")
    return (
        row.kind is Kind.CLASS
        or row.name.endswith(tails)
        or "jaas" in row.name
        or row.name in _ADDRESSES
    )


def _unknown(
    name: str, what: str, known: Iterable[str], shown_by: str = "`pykbroker config`"
) -> ConfigError:
    meant = closest(name, tuple(known))
    hint = f"did you mean {meant}?" if meant else f"{shown_by} shows them all"
    return ConfigError(f"{shortened(name)} is not a {what}; {hint}")
