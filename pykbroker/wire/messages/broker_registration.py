"""BrokerRegistration, API key 62: a broker introduces itself to the controller (KIP-631)."""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Boolean, Int16, Int32, Int64, String, Struct, UInt16, Uuid

BrokerRegistration = api(
    62, "BrokerRegistration", versions="0-4", flexible="0+",
    request=Struct(
        "broker_id"              / Int32,
        "cluster_id"             / String,
        "incarnation_id"         / Uuid,
        "listeners"              / Array(Struct(
            "name"              / String,
            "host"              / String,
            "port"              / UInt16,
            "security_protocol" / Int16,
        )),
        "features"               / Array(Struct(
            "name"                  / String,
            "min_supported_version" / Int16,
            "max_supported_version" / Int16,
        )),
        "rack"                   / Nullable(String),
        "is_migrating_zk_broker" / since(1, Boolean),  # KIP-866
        "log_dirs"               / since(2, Array(Uuid)),  # KIP-858
        "previous_broker_epoch"  / since(3, default(-1, Int64)),  # KIP-966
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "broker_epoch"     / default(-1, Int64),  # -1: refused
    ),
)  # fmt: skip
