"""What becomes of requests to alter configurations: Kafka's ConfigurationControlManager.

Pure: an image and the edits in, the overrides that the resource shall have out, all or nothing per
resource. What keys exist and which values they take is asked of a ConfigSchema.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from pykbroker.config.property import shortened
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import ConfigType
from pykbroker.replication.topic_names import check_topic_name

CONFIG_VALUE_CHARS_MAX = 32_767

RESOURCE_TYPES: Mapping[int, ConfigType] = {
    2: ConfigType.TOPIC,
    4: ConfigType.BROKER,
    16: ConfigType.CLIENT_METRICS,
    32: ConfigType.GROUP,
}
"""Kafka's ConfigResource.Type ids whose configuration is kept (BROKER_LOGGER's is not)."""


class ConfigOperation(IntEnum):
    """What an edit does to its key (Kafka's AlterConfigOp.OpType)."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


@dataclass(frozen=True, slots=True)
class ConfigEdit:
    """One key's edit; operation is a ConfigOperation, or whatever the client sent."""

    name: str
    value: str | None
    operation: int = ConfigOperation.SET


@dataclass(frozen=True, slots=True)
class ResourceEdits:
    """The edits of one resource; resource_type is Kafka's number."""

    resource_type: int
    name: str
    edits: tuple[ConfigEdit, ...]

    @property
    def kind(self) -> ConfigType:
        """The kind of configuration, for a resource that `check_resources` let pass."""
        return RESOURCE_TYPES[self.resource_type]


class ConfigSchema(Protocol):
    """What there is to configure."""

    def is_list(self, kind: ConfigType, name: str) -> bool:
        """Tell whether the key exists and its value is a list."""
        ...

    def default_text(self, kind: ConfigType, name: str) -> str | None:
        """Give the key's default as text, None where it has none."""
        ...

    def check(self, kind: ConfigType, name: str, overrides: Mapping[str, str]) -> None:
        """Raise INVALID_CONFIG for overrides the resource cannot have.

        For a broker's, raise INVALID_REQUEST, as Kafka's ConfigAdminManager does.
        """
        ...


def check_resources(resources: Sequence[ResourceEdits], *, node_id: int) -> list[KafkaError | None]:
    """Give for each resource of a request what is wrong with it before any value is looked at."""
    asked = Counter((resource.resource_type, resource.name) for resource in resources)
    refusals: list[KafkaError | None] = []
    for resource in resources:
        fault = _fault(resource, node_id)
        if asked[resource.resource_type, resource.name] > 1:
            fault = "Each resource must appear at most once."
        refusals.append(KafkaError(ErrorCode.INVALID_REQUEST, fault) if fault else None)
    return refusals


def altered(image: ClusterImage, resource: ResourceEdits, schema: ConfigSchema) -> dict[str, str]:
    """Give the overrides after the edits (IncrementalAlterConfigs).

    Raises INVALID_CONFIG, and UNKNOWN_TOPIC_OR_PARTITION or INVALID_TOPIC_EXCEPTION for a topic.
    """
    before = image.config(resource.kind, resource.name)
    overrides = dict(before)
    for edit in resource.edits:
        value = _edited(overrides.get(edit.name), edit, resource.kind, schema)
        if value is None:
            overrides.pop(edit.name, None)
        else:
            overrides[edit.name] = value
    _check(image, resource, before, overrides, schema)
    return overrides


def replaced(image: ClusterImage, resource: ResourceEdits, schema: ConfigSchema) -> dict[str, str]:
    """Give the edits' values as all the overrides there are (AlterConfigs); raise as `altered`."""
    before = image.config(resource.kind, resource.name)
    overrides = {edit.name: edit.value for edit in resource.edits if edit.value is not None}
    _check(image, resource, before, overrides, schema)
    return overrides


def check_value_sizes(overrides: Mapping[str, str]) -> None:
    """Raise INVALID_CONFIG for a value that is too long."""
    if any(len(value) > CONFIG_VALUE_CHARS_MAX for value in overrides.values()):
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            "The configuration value cannot be added because it exceeds the maximum value size "
            f"of {CONFIG_VALUE_CHARS_MAX} bytes.",
        )


def _fault(resource: ResourceEdits, node_id: int) -> str | None:
    counts = Counter(edit.name for edit in resource.edits)
    if any(count > 1 for count in counts.values()):
        return "Error due to duplicate config keys"
    nulls = [
        edit.name
        for edit in resource.edits
        if edit.value is None and edit.operation != ConfigOperation.DELETE
    ]
    if nulls:
        return f"Null value not supported for : {shortened(', '.join(nulls))}"
    for edit in resource.edits:
        if edit.operation not in tuple(ConfigOperation):
            return f"Unknown operations type {edit.operation}"
    match RESOURCE_TYPES.get(resource.resource_type):
        case None:
            return f"Unknown resource type {resource.resource_type}"
        case ConfigType.BROKER:
            return _broker_fault(resource.name, node_id)
        case ConfigType.TOPIC | ConfigType.GROUP | ConfigType.CLIENT_METRICS as kind:
            return None if resource.name else f"Default {kind} resources are not allowed."


def _broker_fault(name: str, node_id: int) -> str | None:
    if not name:
        return None
    try:
        broker_id = int(name)
    except ValueError:
        return f"Node id must be an integer, but it is: {shortened(name)}"
    if broker_id != node_id or name != str(node_id):  # "01" would be kept and never looked at
        return f"Unexpected broker id, expected {node_id}, but received {shortened(name)}"
    return None


def _edited(
    present: str | None, edit: ConfigEdit, kind: ConfigType, schema: ConfigSchema
) -> str | None:
    operation = ConfigOperation(edit.operation)
    if operation is ConfigOperation.SET:
        return edit.value
    if operation is ConfigOperation.DELETE:
        return None
    if not schema.is_list(kind, edit.name):
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"Can't {operation.name} to key {shortened(edit.name)} because its type is not LIST.",
        )
    whole = schema.default_text(kind, edit.name) if present is None else present
    items = [item for item in (whole or "").split(",") if item]
    for item in _items(edit.value or ""):
        if operation is ConfigOperation.SUBTRACT:
            if item in items:
                items.remove(item)
        elif item not in items:
            items.append(item)
    return ",".join(items)


def _items(text: str) -> list[str]:
    """Split as Java does: trailing empty items count for nothing, an empty text for one."""
    items = text.split(",")
    while len(items) > 1 and not items[-1]:
        items.pop()
    return items if text == "" or items != [""] else []


def _check(
    image: ClusterImage,
    resource: ResourceEdits,
    before: Mapping[str, str],
    overrides: Mapping[str, str],
    schema: ConfigSchema,
) -> None:
    check_value_sizes({k: v for k, v in overrides.items() if v != before.get(k)})
    if resource.kind is ConfigType.TOPIC:
        check_topic_name(resource.name)
    schema.check(resource.kind, resource.name, overrides)
    if resource.kind is ConfigType.TOPIC and resource.name not in image.topics:
        raise KafkaError(
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"The topic '{resource.name}' does not exist."
        )
