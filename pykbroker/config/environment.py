"""Reads properties from environment variables as Kafka's official container image does.

`KAFKA_` is dropped, the rest is lower case, `_` is `.`, `__` is `_` and `___` is `-`
(`KafkaDockerWrapper`): KAFKA_LISTENER_NAME_A__B_SSL_KEY___X → listener.name.a_b.ssl.key-x.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from pykbroker.config.property import ConfigError
from pykbroker.config.table import broker_property

EXCLUDED = frozenset(
    {
        "KAFKA_VERSION",
        "KAFKA_HEAP_OPTS",
        "KAFKA_LOG4J_OPTS",
        "KAFKA_OPTS",
        "KAFKA_JMX_OPTS",
        "KAFKA_JVM_PERFORMANCE_OPTS",
        "KAFKA_GC_LOG_OPTS",
        "KAFKA_LOG4J_ROOT_LOGLEVEL",
        "KAFKA_LOG4J_LOGGERS",
        "KAFKA_TOOLS_LOG4J_LOGLEVEL",
        "KAFKA_JMX_HOSTNAME",
    }
)
"""Variables that steer Kafka's start script and name no property."""

_CLUSTER_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_HOST = re.compile(r"://[^:]*:")


class Environment(NamedTuple):
    """Properties by name, each with its variable, and the variables that name no property."""

    properties: Mapping[str, str]
    variables: Mapping[str, str]
    ignored: tuple[str, ...]


def property_of(variable: str) -> str:
    """Give the property that a variable would set: KAFKA_NUM_PARTITIONS → num.partitions."""
    dotted = variable.removeprefix("KAFKA_").lower().replace("_", ".")
    return dotted.replace("...", "-").replace("..", "_")


def read_environment(environment: Mapping[str, str]) -> Environment:
    """Take the properties out of `environment`.

    A variable that names no property is ignored as in Kafka, for a shell has many reasons to
    hold a KAFKA_ variable. As in the image, listeners follow advertised.listeners when only
    those are given, and CLUSTER_ID is the cluster id.
    """
    properties: dict[str, str] = {}
    variables: dict[str, str] = {}
    ignored: list[str] = []
    for variable, value in environment.items():
        if not variable.startswith("KAFKA_") or variable in EXCLUDED:
            continue
        name = property_of(variable)
        try:
            broker_property(name)
        except ConfigError as unknown:
            ignored.append(f"{variable} ({unknown.message})")
            continue
        properties[name], variables[name] = value, variable
    advertised = properties.get("advertised.listeners", "")
    if "://" in advertised and "listeners" not in properties:
        properties["listeners"] = _HOST.sub("://:", advertised)
        variables["listeners"] = variables["advertised.listeners"]
    if _CLUSTER_ID.fullmatch(environment.get("CLUSTER_ID", "")):
        properties["pykbroker.cluster.id"] = environment["CLUSTER_ID"]
        variables["pykbroker.cluster.id"] = "CLUSTER_ID"
    return Environment(properties, variables, tuple(ignored))
