"""ElectLeaders, API key 43: elect preferred leaders, or any replica that lives (KIP-460)."""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Int8, Int16, Int32, String, Struct

ElectLeaders = api(
    43, "ElectLeaders", versions="0-2", flexible="2+",  # KIP-482
    request=Struct(
        # 0: preferred, 1: any live replica when none is in sync, KIP-460
        "election_type"    / since(1, Int8),
        "topic_partitions" / Nullable(Array(Struct(  # null: all
            "topic"      / String,
            "partitions" / Array(Int32),
        ))),
        "timeout_ms"       / default(60_000, Int32),
    ),
    response=Struct(
        "throttle_time_ms"         / Int32,
        "error_code"               / since(1, Int16),  # KIP-460
        "replica_election_results" / Array(Struct(
            "topic"            / String,
            "partition_result" / Array(Struct(
                "partition_id"  / Int32,
                "error_code"    / Int16,
                "error_message" / Nullable(String),
            )),
        )),
    ),
)  # fmt: skip
