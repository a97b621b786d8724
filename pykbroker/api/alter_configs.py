"""AlterConfigs: what is named becomes all that a resource overrides (KIP-133).

Not served: resources other than topics, groups and brokers.
"""

from __future__ import annotations

from typing import Any

from pykbroker.api.config_alteration import alter
from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.replication.config_changes import ConfigEdit, ResourceEdits, replaced
from pykbroker.wire.messages.alter_configs import AlterConfigs


@handles(AlterConfigs, versions="0-2")
async def alter_configs(parts: Parts, request: Any, asker: Asker) -> Response:
    """Replace the overrides of each resource."""
    del asker
    resources = [
        ResourceEdits(
            resource.resource_type,
            resource.resource_name,
            tuple(ConfigEdit(config.name, config.value) for config in resource.configs),
        )
        for resource in request.resources
    ]
    return {
        "responses": await alter(parts, resources, replaced, validate_only=request.validate_only)
    }
