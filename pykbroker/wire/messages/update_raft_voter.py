"""UpdateRaftVoter, API key 82: a voter of the metadata quorum tells its new endpoints and versions.

Defined by KIP-853.
"""

from pykbroker.wire.schema import Nullable, api, default, tagged
from pykbroker.wire.types import Array, Int16, Int32, String, Struct, UInt16, Uuid

KRaftVersionFeature = Struct(
    "min_supported_version" / Int16,
    "max_supported_version" / Int16,
)  # fmt: skip

CurrentLeader = Struct(
    "leader_id"    / default(-1, Int32),  # -1: unknown
    "leader_epoch" / default(-1, Int32),
    "host"         / String,
    "port"         / Int32,
)  # fmt: skip

UpdateRaftVoter = api(
    82, "UpdateRaftVoter", versions="0", flexible="0+",
    request=Struct(
        "cluster_id"            / Nullable(String),
        "current_leader_epoch"  / Int32,
        "voter_id"              / Int32,
        "voter_directory_id"    / Uuid,
        "listeners"             / Array(Struct(
            "name" / String,
            "host" / String,
            "port" / UInt16,
        )),
        "kraft_version_feature" / KRaftVersionFeature,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "current_leader"   / tagged(0, CurrentLeader),
    ),
)  # fmt: skip
