"""ShareAcknowledge, API key 79: acknowledge records acquired from share-partitions (KIP-932).

v2 renews acquisitions (KIP-1222).
"""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Boolean, Int8, Int16, Int32, Int64, String, Struct, Uuid

LeaderIdAndEpoch = Struct(
    "leader_id"    / Int32,
    "leader_epoch" / Int32,
)  # fmt: skip

ShareAcknowledge = api(
    79, "ShareAcknowledge", versions="1-2", flexible="0+",
    request=Struct(
        "group_id"            / default(None, Nullable(String)),
        "member_id"           / Nullable(String),
        "share_session_epoch" / Int32,  # 0: open, -1: close
        "is_renew_ack"        / since(2, Boolean),  # KIP-1222
        "topics"              / Array(Struct(
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
    ),
    response=Struct(
        "throttle_time_ms"            / Int32,
        "error_code"                  / Int16,
        "error_message"               / default(None, Nullable(String)),
        "acquisition_lock_timeout_ms" / since(2, Int32),  # KIP-1222
        "responses"                   / Array(Struct(
            "topic_id"   / Uuid,
            "partitions" / Array(Struct(
                "partition_index" / Int32,
                "error_code"      / Int16,
                "error_message"   / default(None, Nullable(String)),
                "current_leader"  / LeaderIdAndEpoch,
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
