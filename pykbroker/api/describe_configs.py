"""DescribeConfigs: every property of a topic, group or broker, its source and synonyms (KIP-133).

Not served: resources of other types (broker loggers, client metrics).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pykbroker.api.handler import Asker, Response, answer, handles
from pykbroker.api.parts import Parts
from pykbroker.config import (
    Entry,
    describe_broker,
    describe_broker_default,
    describe_group,
    describe_topic,
)
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.keys import ConfigType
from pykbroker.replication.topic_names import check_topic_name
from pykbroker.wire.messages.describe_configs import DescribeConfigs

TOPIC, BROKER, GROUP = 2, 4, 32


@handles(DescribeConfigs, versions="1-4")
async def describe_configs(parts: Parts, request: Any, asker: Asker) -> Response:
    """Describe each resource; null or no configuration keys are all of them."""
    del asker

    async def describe(resource: Any) -> Response:
        entries = _entries(parts, resource)
        keys = resource.configuration_keys
        return {
            "configs": [
                _config(entry, request) for entry in entries if not keys or entry.name in keys
            ]
        }

    return {
        "results": [
            {"resource_type": resource.resource_type, "resource_name": resource.resource_name}
            | await answer(describe(resource), error_message=None)
            for resource in request.resources
        ]
    }


def _entries(parts: Parts, resource: Any) -> Iterable[Entry]:
    name = resource.resource_name
    if resource.resource_type == TOPIC:
        check_topic_name(name)
        if name not in parts.image.topics:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "")
        return describe_topic(parts.image.config(ConfigType.TOPIC, name), parts.config)
    if resource.resource_type == BROKER:
        if not name:
            return describe_broker_default(parts.config)
        if name != str(parts.node_id):
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"this is broker {parts.node_id}; ask broker {name} itself, or for no name the"
                " defaults of all brokers",
            )
        return describe_broker(parts.config)
    if resource.resource_type == GROUP:
        if not name:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "a group has a name; this one is empty")
        return describe_group(parts.image.config(ConfigType.GROUP, name), parts.config)
    raise KafkaError(
        ErrorCode.INVALID_REQUEST,
        f"resource type {resource.resource_type} has no configuration here;"
        f" {TOPIC} is a topic, {BROKER} a broker, {GROUP} a group",
    )


def _config(entry: Entry, request: Any) -> dict[str, Any]:
    return {
        "name": entry.name,
        "value": entry.value,
        "read_only": entry.read_only,
        "config_source": entry.source,
        "is_sensitive": entry.is_sensitive,
        "synonyms": [synonym._asdict() for synonym in entry.synonyms]
        if request.include_synonyms
        else [],
        "config_type": entry.kind,
        "documentation": entry.documentation if request.include_documentation else None,
    }
