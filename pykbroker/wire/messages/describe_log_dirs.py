"""DescribeLogDirs, API key 35: what lies in the log directories of a broker (KIP-113)."""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Boolean, Int16, Int32, Int64, String, Struct

DescribeLogDirs = api(
    35, "DescribeLogDirs", versions="1-5", flexible="2+",  # KIP-482
    request=Struct(
        "topics" / Nullable(Array(Struct(  # null: all
            "topic"      / String,
            "partitions" / Array(Int32),
        ))),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / since(3, Int16),  # KIP-784
        "results"          / Array(Struct(
            "error_code"   / Int16,
            "log_dir"      / String,
            "topics"       / Array(Struct(
                "name"       / String,
                "partitions" / Array(Struct(
                    "partition_index" / Int32,
                    "partition_size"  / Int64,
                    # behind the high watermark, or for a future replica behind the current one
                    "offset_lag"      / Int64,
                    "is_future_key"   / Boolean,  # a move to this directory is under way
                )),
            )),
            "total_bytes"  / since(4, default(-1, Int64)),  # KIP-827
            "usable_bytes" / since(4, default(-1, Int64)),  # KIP-827
            "is_cordoned"  / since(5, Boolean),  # KIP-1066
        )),
    ),
)  # fmt: skip
