"""BrokerHeartbeat, API key 63: a broker tells the controller that it lives, and what it wants.

Defined by KIP-631.
"""

from pykbroker.wire.schema import Nullable, api, default, since, tagged
from pykbroker.wire.types import Array, Boolean, Int16, Int32, Int64, Struct, Uuid

BrokerHeartbeat = api(
    63, "BrokerHeartbeat", versions="0-2", flexible="0+",
    request=Struct(
        "broker_id"               / Int32,
        "broker_epoch"            / default(-1, Int64),
        "current_metadata_offset" / Int64,
        "want_fence"              / Boolean,
        "want_shut_down"          / Boolean,
        "offline_log_dirs"        / since(1, tagged(0, Array(Uuid))),  # KIP-858
        # null: not known yet, KIP-1066
        "cordoned_log_dirs"       / since(2, tagged(1, default(None, Nullable(Array(Uuid))))),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "is_caught_up"     / Boolean,
        "is_fenced"        / default(True, Boolean),
        "should_shut_down" / Boolean,
    ),
)  # fmt: skip
