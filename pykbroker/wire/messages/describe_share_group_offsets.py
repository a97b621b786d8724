"""DescribeShareGroupOffsets, API key 90: where share groups start reading (KIP-932)."""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Int16, Int32, Int64, String, Struct, Uuid

DescribeShareGroupOffsets = api(
    90, "DescribeShareGroupOffsets", versions="0-1", flexible="0+",
    request=Struct(
        "groups" / Array(Struct(
            "group_id" / String,
            "topics"   / Nullable(Array(Struct(  # null: all
                "topic_name" / String,
                "partitions" / Array(Int32),
            ))),
        )),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "groups"           / Array(Struct(
            "group_id"      / String,
            "topics"        / Array(Struct(
                "topic_name" / String,
                "topic_id"   / Uuid,
                "partitions" / Array(Struct(
                    "partition_index" / Int32,
                    "start_offset"    / Int64,
                    "leader_epoch"    / Int32,
                    "lag"             / since(1, default(-1, Int64)),  # -1: unknown, KIP-1226
                    "error_code"      / Int16,
                    "error_message"   / default(None, Nullable(String)),
                )),
            )),
            "error_code"    / Int16,
            "error_message" / default(None, Nullable(String)),
        )),
    ),
)  # fmt: skip
