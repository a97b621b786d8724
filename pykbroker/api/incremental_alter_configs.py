"""IncrementalAlterConfigs: set, delete, append to or subtract from single keys (KIP-339).

Not served: resources other than topics, groups and brokers.
"""

from __future__ import annotations

from typing import Any

from pykbroker.api.config_alteration import alter
from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.replication.config_changes import ConfigEdit, ResourceEdits, altered
from pykbroker.wire.messages.incremental_alter_configs import IncrementalAlterConfigs


@handles(IncrementalAlterConfigs, versions="0-1")
async def incremental_alter_configs(parts: Parts, request: Any, asker: Asker) -> Response:
    """Edit the overrides of each resource."""
    del asker
    resources = [
        ResourceEdits(
            resource.resource_type,
            resource.resource_name,
            tuple(
                ConfigEdit(config.name, config.value, config.config_operation)
                for config in resource.configs
            ),
        )
        for resource in request.resources
    ]
    return {
        "responses": await alter(parts, resources, altered, validate_only=request.validate_only)
    }
