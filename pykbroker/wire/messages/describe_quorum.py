"""DescribeQuorum, API key 55: the metadata quorum's leader, voters and observers (KIP-595)."""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Int16, Int32, Int64, String, Struct, UInt16, Uuid

ReplicaState = Struct(
    "replica_id"               / Int32,
    "replica_directory_id"     / since(2, Uuid),  # KIP-853
    "log_end_offset"           / Int64,  # -1: unknown
    # ms; -1: the leader itself, or unknown, KIP-836
    "last_fetch_timestamp"     / since(1, default(-1, Int64)),
    "last_caught_up_timestamp" / since(1, default(-1, Int64)),  # ms; -1: unknown, KIP-836
)  # fmt: skip

DescribeQuorum = api(
    55, "DescribeQuorum", versions="0-2", flexible="0+",
    request=Struct(
        "topics" / Array(Struct(
            "topic_name" / String,
            "partitions" / Array(Struct(
                "partition_index" / Int32,
            )),
        )),
    ),
    response=Struct(
        "error_code"    / Int16,
        "error_message" / since(2, Nullable(String)),  # KIP-853
        "topics"        / Array(Struct(
            "topic_name" / String,
            "partitions" / Array(Struct(
                "partition_index" / Int32,
                "error_code"      / Int16,
                "error_message"   / since(2, Nullable(String)),  # KIP-853
                "leader_id"       / Int32,
                "leader_epoch"    / Int32,
                "high_watermark"  / Int64,
                "current_voters"  / Array(ReplicaState),
                "observers"       / Array(ReplicaState),
            )),
        )),
        "nodes"         / since(2, Array(Struct(  # KIP-853
            "node_id"   / Int32,
            "listeners" / Array(Struct(
                "name" / String,
                "host" / String,
                "port" / UInt16,
            )),
        ))),
    ),
)  # fmt: skip
