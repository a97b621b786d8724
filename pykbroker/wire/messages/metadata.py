"""Metadata, API key 3: who leads which partition, and where the brokers are.

An empty list of topics means none, null means all; in v0, which knows no null, empty means all.
Topic ids are told from v10 and understood from v12 (KIP-516); v13 can send a client back to its
bootstrap servers (KIP-1102).
"""

from pykbroker.wire.schema import Nullable, api, default, since, until
from pykbroker.wire.types import Array, Boolean, Int16, Int32, String, Struct, Uuid

Metadata = api(
    3, "Metadata", versions="0-13", flexible="9+",  # KIP-482
    request=Struct(
        "topics"                                / Nullable(Array(Struct(
            "topic_id" / since(10, Uuid),  # KIP-516
            "name"     / Nullable(String, since=10),
        )), since=1),
        "allow_auto_topic_creation"             / since(4, default(True, Boolean)),
        "include_cluster_authorized_operations" / since(8, until(10, Boolean)),  # KIP-430
        "include_topic_authorized_operations"   / since(8, Boolean),  # KIP-430
    ),
    response=Struct(
        "throttle_time_ms"              / since(3, Int32),  # KIP-124
        "brokers"                       / Array(Struct(
            "node_id" / Int32,
            "host"    / String,
            "port"    / Int32,
            "rack"    / since(1, default(None, Nullable(String))),  # KIP-4
        )),
        "cluster_id"                    / since(2, default(None, Nullable(String))),  # KIP-78
        "controller_id"                 / since(1, default(-1, Int32)),  # KIP-4
        "topics"                        / Array(Struct(
            "error_code"                  / Int16,
            "name"                        / Nullable(String, since=12),
            "topic_id"                    / since(10, Uuid),  # KIP-516
            "is_internal"                 / since(1, Boolean),  # KIP-4
            "partitions"                  / Array(Struct(
                "error_code"       / Int16,
                "partition_index"  / Int32,
                "leader_id"        / Int32,
                "leader_epoch"     / since(7, default(-1, Int32)),  # KIP-320
                "replica_nodes"    / Array(Int32),
                "isr_nodes"        / Array(Int32),
                "offline_replicas" / since(5, Array(Int32)),  # KIP-112
            )),
            # bit set; minimum: not asked, KIP-430
            "topic_authorized_operations" / since(8, default(-(2**31), Int32)),
        )),
        # bit set; minimum: not asked, KIP-430
        "cluster_authorized_operations" / since(8, until(10, default(-(2**31), Int32))),
        "error_code"                    / since(13, Int16),  # KIP-1102
    ),
)  # fmt: skip
