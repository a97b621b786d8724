"""AddRaftVoter, API key 80: add a voter to the metadata quorum (KIP-853)."""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Boolean, Int16, Int32, String, Struct, UInt16, Uuid

AddRaftVoter = api(
    80, "AddRaftVoter", versions="0-1", flexible="0+",
    request=Struct(
        "cluster_id"         / Nullable(String),
        "timeout_ms"         / Int32,
        "voter_id"           / Int32,
        "voter_directory_id" / Uuid,
        "listeners"          / Array(Struct(
            "name" / String,
            "host" / String,
            "port" / UInt16,
        )),
        "ack_when_committed" / since(1, default(True, Boolean)),  # KIP-1186
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "error_message"    / Nullable(String),
    ),
)  # fmt: skip
