"""How AlterConfigs and IncrementalAlterConfigs change resources: each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pykbroker.api.handler import answer, refused
from pykbroker.api.parts import Parts
from pykbroker.metadata.image import ClusterImage
from pykbroker.replication.config_changes import ConfigSchema, ResourceEdits, check_resources
from pykbroker.replication.config_schema import TableSchema

Decide = Callable[[ClusterImage, ResourceEdits, ConfigSchema], dict[str, str]]
"""What the resource's overrides become."""


async def alter(
    parts: Parts, resources: Sequence[ResourceEdits], decide: Decide, *, validate_only: bool
) -> list[dict[str, Any]]:
    """Alter resources and give an answer for each; what was altered holds when this returns."""
    schema = TableSchema(lambda: parts.config)

    async def change(resource: ResourceEdits) -> dict[str, Any]:
        def overrides(image: ClusterImage) -> dict[str, str]:
            return decide(image, resource, schema)

        if validate_only:
            overrides(parts.metadata.image)
        else:
            await parts.metadata.alter_config(resource.kind, resource.name, overrides)
            await parts.applied()
        return {"error_message": None}

    answers = []
    refusals = check_resources(resources, node_id=parts.node_id)
    for resource, refusal in zip(resources, refusals, strict=True):
        about = {"resource_type": resource.resource_type, "resource_name": resource.name}
        if refusal is not None:
            answers.append(refused(refusal, **about, error_message=None))
        else:
            answers.append(about | await answer(change(resource), error_message=None))
    return answers
