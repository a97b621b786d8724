"""ApiVersions: what this broker serves, computed from the table of handlers (KIP-35, KIP-511).

A version it does not know is answered in version 0 with UNSUPPORTED_VERSION and the versions of
ApiVersions itself, so that the client can ask again.

Not served: version 5 (KIP-1242, Kafka 4.4).
"""

from __future__ import annotations

import re
from typing import Any

from pykbroker.api.handler import Asker, Handler, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.api_versions import ApiVersions

SOFTWARE_SINCE = 3
"""KIP-511: clients tell their name and version."""
ZERO_MINIMUM_SINCE = 4
"""KAFKA-17011: older clients fail on a supported feature whose minimum is 0."""
FEATURES = {"metadata.version": (7, 30), "group.version": (0, 1)}
"""Lowest and highest level supported; 30 is Kafka 4.3-IV0."""

_SOFTWARE = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")


@handles(ApiVersions, versions="0-4", downgrade=0)
async def api_versions(parts: Parts, request: Any, asker: Asker) -> Response:
    """Tell every API served, with the versions that work."""
    own = parts.handlers[ApiVersions.key]
    if request is None:
        return {"error_code": ErrorCode.UNSUPPORTED_VERSION, "api_keys": [_range(own)]}
    if asker.api_version >= SOFTWARE_SINCE:
        name, version = request.client_software_name, request.client_software_version
        if not (_SOFTWARE.fullmatch(name) and _SOFTWARE.fullmatch(version)):
            return {"error_code": ErrorCode.INVALID_REQUEST}
        asker.software_name, asker.software_version = name, version
    return {
        "api_keys": [_range(handler) for _, handler in sorted(parts.handlers.items())],
        "supported_features": [
            {"name": name, "min_version": lowest, "max_version": highest}
            for name, (lowest, highest) in FEATURES.items()
            if lowest > 0 or asker.api_version >= ZERO_MINIMUM_SINCE
        ],
        "finalized_features_epoch": parts.image.revision,
        "finalized_features": [
            {"name": name, "max_version_level": level, "min_version_level": level}
            for name, level in parts.image.features.items()
        ],
    }


def _range(handler: Handler) -> dict[str, int]:
    return {
        "api_key": handler.api.key,
        "min_version": handler.advertised_from,
        "max_version": handler.max_version,
    }
