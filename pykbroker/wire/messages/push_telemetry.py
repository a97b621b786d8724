"""PushTelemetry, API key 72: a client pushes its metrics (KIP-714)."""

from pykbroker.wire.schema import api
from pykbroker.wire.types import Boolean, Bytes, Int8, Int16, Int32, Struct, Uuid

PushTelemetry = api(
    72, "PushTelemetry", versions="0", flexible="0+",
    request=Struct(
        "client_instance_id" / Uuid,
        "subscription_id"    / Int32,
        "terminating"        / Boolean,
        "compression_type"   / Int8,
        "metrics"            / Bytes,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
    ),
)  # fmt: skip
