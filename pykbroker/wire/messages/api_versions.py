"""ApiVersions, API key 18: which APIs and versions this broker speaks.

The response header is always v0, and a request of an unknown version is answered in v0 with
UNSUPPORTED_VERSION (KIP-511). v4 may list features whose lowest level is 0 (KAFKA-17011), v5 lets a
client check whom it reached (KIP-1242).
"""

from pykbroker.wire.schema import Nullable, api, default, since, tagged
from pykbroker.wire.types import Array, Boolean, Int16, Int32, Int64, String, Struct

ApiVersions = api(
    18, "ApiVersions", versions="0-5", flexible="3+",  # KIP-482
    request=Struct(
        "client_software_name"    / since(3, String),
        "client_software_version" / since(3, String),
        "cluster_id"              / since(5, default(None, Nullable(String))),  # KIP-1242
        "node_id"                 / since(5, default(-1, Int32)),  # -1: do not check, KIP-1242
    ),
    response=Struct(
        "error_code"               / Int16,
        "api_keys"                 / Array(Struct(
            "api_key"     / Int16,
            "min_version" / Int16,
            "max_version" / Int16,
        )),
        "throttle_time_ms"         / since(1, Int32),  # KIP-124
        # before v4 without those whose lowest level is 0
        "supported_features"       / since(3, tagged(0, Array(Struct(
            "name"        / String,
            "min_version" / Int16,
            "max_version" / Int16,
        )))),
        "finalized_features_epoch" / since(3, tagged(1, default(-1, Int64))),  # -1: unknown
        "finalized_features"       / since(3, tagged(2, Array(Struct(
            "name"              / String,
            "max_version_level" / Int16,
            "min_version_level" / Int16,
        )))),
        "zk_migration_ready"       / since(3, tagged(3, Boolean)),
    ),
)  # fmt: skip
