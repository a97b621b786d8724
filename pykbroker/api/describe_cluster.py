"""DescribeCluster: the cluster's id and its brokers (KIP-700).

Not served: controllers as endpoints (KIP-919); there is no quorum of controllers to reach.
"""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.partition_state import CLUSTER_OPERATIONS, NOT_ASKED
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.describe_cluster import DescribeCluster

BROKERS, CONTROLLERS = 1, 2


@handles(DescribeCluster, versions="0-2")
async def describe_cluster(parts: Parts, request: Any, asker: Asker) -> Response:
    """Tell the cluster's id, its live brokers, and a broker that takes what is for controllers."""
    if request.endpoint_type != BROKERS:
        known = request.endpoint_type == CONTROLLERS
        return {
            "error_code": ErrorCode.MISMATCHED_ENDPOINT_TYPE
            if known
            else ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
            "error_message": "this address is a broker's; ask it for brokers (endpoint type 1)",
        }
    endpoints = parts.endpoints(asker)
    return {
        "endpoint_type": BROKERS,
        "cluster_id": parts.image.cluster_id,
        "controller_id": parts.random.choice(tuple(endpoints)) if endpoints else -1,
        "brokers": [
            {"broker_id": node, "host": host, "port": port, "rack": parts.image.brokers[node].rack}
            for node, (host, port) in endpoints.items()
        ],
        "cluster_authorized_operations": CLUSTER_OPERATIONS
        if request.include_cluster_authorized_operations
        else NOT_ASKED,
    }
