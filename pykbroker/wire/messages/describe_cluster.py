"""DescribeCluster, API key 60: the cluster's id, controller and brokers (KIP-700)."""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Boolean, Int8, Int16, Int32, String, Struct

DescribeCluster = api(
    60, "DescribeCluster", versions="0-2", flexible="0+",
    request=Struct(
        "include_cluster_authorized_operations" / Boolean,
        # 1: brokers, 2: controllers, KIP-919
        "endpoint_type"                         / since(1, default(1, Int8)),
        "include_fenced_brokers"                / since(2, Boolean),  # KIP-1073
    ),
    response=Struct(
        "throttle_time_ms"              / Int32,
        "error_code"                    / Int16,
        "error_message"                 / default(None, Nullable(String)),
        # 1: brokers, 2: controllers, KIP-919
        "endpoint_type"                 / since(1, default(1, Int8)),
        "cluster_id"                    / String,
        "controller_id"                 / default(-1, Int32),
        "brokers"                       / Array(Struct(
            "broker_id" / Int32,
            "host"      / String,
            "port"      / Int32,
            "rack"      / default(None, Nullable(String)),
            "is_fenced" / since(2, Boolean),  # KIP-1073
        )),
        "cluster_authorized_operations" / default(-(2**31), Int32),  # bit set; minimum: not asked
    ),
)  # fmt: skip
