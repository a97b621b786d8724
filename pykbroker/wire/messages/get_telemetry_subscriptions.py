"""GetTelemetrySubscriptions, API key 71: which metrics a client should push (KIP-714)."""

from pykbroker.wire.schema import api
from pykbroker.wire.types import Array, Boolean, Int8, Int16, Int32, String, Struct, Uuid

GetTelemetrySubscriptions = api(
    71, "GetTelemetrySubscriptions", versions="0", flexible="0+",
    request=Struct(
        "client_instance_id" / Uuid,  # zero: not assigned yet
    ),
    response=Struct(
        "throttle_time_ms"           / Int32,
        "error_code"                 / Int16,
        "client_instance_id"         / Uuid,
        "subscription_id"            / Int32,
        "accepted_compression_types" / Array(Int8),
        "push_interval_ms"           / Int32,
        "telemetry_max_bytes"        / Int32,
        "delta_temporality"          / Boolean,  # true: deltas, false: totals
        "requested_metrics"          / Array(String),  # prefixes; empty: none, one empty: all
    ),
)  # fmt: skip
