"""AlterPartition, API key 56: a leader asks the controller for another in-sync set (KIP-497)."""

from pykbroker.wire.schema import api, default, since, until
from pykbroker.wire.types import Array, Int8, Int16, Int32, Int64, Struct, Uuid

AlterPartition = api(
    56, "AlterPartition", versions="2-3", flexible="0+",
    request=Struct(
        "broker_id"    / Int32,
        "broker_epoch" / default(-1, Int64),  # -1: do not check
        "topics"       / Array(Struct(
            "topic_id"   / Uuid,
            "partitions" / Array(Struct(
                "partition_index"       / Int32,
                "leader_epoch"          / Int32,
                "new_isr"               / until(2, Array(Int32)),
                "new_isr_with_epochs"   / since(3, Array(Struct(  # KIP-903
                    "broker_id"    / Int32,
                    "broker_epoch" / default(-1, Int64),  # -1: do not check
                ))),
                "leader_recovery_state" / Int8,  # 1: recovering from an unclean election
                "partition_epoch"       / Int32,
            )),
        )),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "topics"           / Array(Struct(
            "topic_id"   / Uuid,
            "partitions" / Array(Struct(
                "partition_index"       / Int32,
                "error_code"            / Int16,
                "leader_id"             / Int32,
                "leader_epoch"          / Int32,
                "isr"                   / Array(Int32),
                "leader_recovery_state" / Int8,  # 1: recovering from an unclean election
                "partition_epoch"       / Int32,
            )),
        )),
    ),
)  # fmt: skip
