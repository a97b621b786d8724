"""RemoveRaftVoter, API key 81: take a voter out of the metadata quorum (KIP-853)."""

from pykbroker.wire.schema import Nullable, api
from pykbroker.wire.types import Int16, Int32, String, Struct, Uuid

RemoveRaftVoter = api(
    81, "RemoveRaftVoter", versions="0", flexible="0+",
    request=Struct(
        "cluster_id"         / Nullable(String),
        "voter_id"           / Int32,
        "voter_directory_id" / Uuid,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "error_message"    / Nullable(String),
    ),
)  # fmt: skip
