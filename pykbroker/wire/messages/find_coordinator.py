"""FindCoordinator, API key 10: who coordinates a group, a transaction or a share-partition.

v4 asks for several keys at once (KIP-699), v6 for share-partitions, whose key reads
`group:topic_id:partition` (KIP-932).
"""

from pykbroker.wire.schema import Nullable, api, since, until
from pykbroker.wire.types import Array, Int8, Int16, Int32, String, Struct

FindCoordinator = api(
    10, "FindCoordinator", versions="0-6", flexible="3+",  # KIP-482
    request=Struct(
        "key"              / until(3, String),
        "key_type"         / since(1, Int8),  # 0: group, 1: transaction, 2: share-partition, KIP-98
        "coordinator_keys" / since(4, Array(String)),  # KIP-699
    ),
    response=Struct(
        "throttle_time_ms" / since(1, Int32),  # KIP-98
        "error_code"       / until(3, Int16),
        "error_message"    / since(1, until(3, Nullable(String))),  # KIP-98
        "node_id"          / until(3, Int32),
        "host"             / until(3, String),
        "port"             / until(3, Int32),
        "coordinators"     / since(4, Array(Struct(  # KIP-699
            "key"           / String,
            "node_id"       / Int32,
            "host"          / String,
            "port"          / Int32,
            "error_code"    / Int16,
            "error_message" / Nullable(String),
        ))),
    ),
)  # fmt: skip
