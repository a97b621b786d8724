"""ShareFetch, API key 78: acquire records of share-partitions, and acknowledge earlier ones.

Defined by KIP-932. v2 limits what is acquired (KIP-1206) and renews acquisitions (KIP-1222).
"""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import (
    Array,
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Records,
    String,
    Struct,
    Uuid,
)

LeaderIdAndEpoch = Struct(
    "leader_id"    / Int32,
    "leader_epoch" / Int32,
)  # fmt: skip

ShareFetch = api(
    78, "ShareFetch", versions="1-2", flexible="0+",
    request=Struct(
        "group_id"              / default(None, Nullable(String)),
        "member_id"             / Nullable(String),
        "share_session_epoch"   / Int32,  # 0: open, -1: close
        "max_wait_ms"           / Int32,
        "min_bytes"             / Int32,
        "max_bytes"             / default(0x7FFFFFFF, Int32),
        "max_records"           / Int32,
        "batch_size"            / Int32,
        # 0: whole batches, 1: at most max_records, KIP-1206
        "share_acquire_mode"    / since(2, Int8),
        "is_renew_ack"          / since(2, Boolean),  # KIP-1222
        "topics"                / Array(Struct(
            "topic_id"   / Uuid,
            "partitions" / Array(Struct(
                "partition_index"         / Int32,
                "acknowledgement_batches" / Array(Struct(
                    "first_offset"      / Int64,
                    "last_offset"       / Int64,
                    # 0: gap, 1: accept, 2: release, 3: reject, 4: renew
                    "acknowledge_types" / Array(Int8),
                )),
            )),
        )),
        "forgotten_topics_data" / Array(Struct(
            "topic_id"   / Uuid,
            "partitions" / Array(Int32),
        )),
    ),
    response=Struct(
        "throttle_time_ms"            / Int32,
        "error_code"                  / Int16,
        "error_message"               / default(None, Nullable(String)),
        "acquisition_lock_timeout_ms" / Int32,
        "responses"                   / Array(Struct(
            "topic_id"   / Uuid,
            "partitions" / Array(Struct(
                "partition_index"           / Int32,
                "error_code"                / Int16,
                "error_message"             / default(None, Nullable(String)),
                "acknowledge_error_code"    / Int16,
                "acknowledge_error_message" / default(None, Nullable(String)),
                "current_leader"            / LeaderIdAndEpoch,
                "records"                   / Records,
                "acquired_records"          / Array(Struct(
                    "first_offset"   / Int64,
                    "last_offset"    / Int64,
                    "delivery_count" / Int16,
                )),
            )),
        )),
        "node_endpoints"              / Array(Struct(
            "node_id" / Int32,
            "host"    / String,
            "port"    / Int32,
            "rack"    / default(None, Nullable(String)),
        )),
    ),
)  # fmt: skip
