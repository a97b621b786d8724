"""UpdateFeatures, API key 57: finalize, raise or lower feature levels of the cluster (KIP-584)."""

from pykbroker.wire.schema import Nullable, api, default, since, until
from pykbroker.wire.types import Array, Boolean, Int8, Int16, Int32, String, Struct

UpdateFeatures = api(
    57, "UpdateFeatures", versions="0-2", flexible="0+",
    request=Struct(
        "timeout_ms"      / default(60_000, Int32),
        "feature_updates" / Array(Struct(
            "feature"           / String,
            "max_version_level" / Int16,  # below 1: remove the feature
            "allow_downgrade"   / until(0, Boolean),
            # 1: up only, 2: down without loss, 3: down with loss, KIP-778
            "upgrade_type"      / since(1, default(1, Int8)),
        )),
        "validate_only"   / since(1, Boolean),  # KIP-778
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "error_message"    / Nullable(String),
        "results"          / until(1, Array(Struct(
            "feature"       / String,
            "error_code"    / Int16,
            "error_message" / Nullable(String),
        ))),
    ),
)  # fmt: skip
