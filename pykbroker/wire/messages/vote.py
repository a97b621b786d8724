"""Vote, API key 52: ask a voter of the metadata quorum for its vote (KIP-595).

v1 names voters by directory (KIP-853), v2 adds the pre-vote (KIP-996).
"""

from pykbroker.wire.schema import Nullable, api, default, since, tagged
from pykbroker.wire.types import Array, Boolean, Int16, Int32, Int64, String, Struct, UInt16, Uuid

Vote = api(
    52, "Vote", versions="0-2", flexible="0+",
    request=Struct(
        "cluster_id" / default(None, Nullable(String)),
        "voter_id"   / since(1, default(-1, Int32)),  # KIP-853
        "topics"     / Array(Struct(
            "topic_name" / String,
            "partitions" / Array(Struct(
                "partition_index"      / Int32,
                "replica_epoch"        / Int32,
                "replica_id"           / Int32,
                "replica_directory_id" / since(1, Uuid),  # KIP-853
                "voter_directory_id"   / since(1, Uuid),  # KIP-853
                "last_offset_epoch"    / Int32,
                "last_offset"          / Int64,
                # true: nobody remembers the vote, KIP-996
                "pre_vote"             / since(2, Boolean),
            )),
        )),
    ),
    response=Struct(
        "error_code"     / Int16,
        "topics"         / Array(Struct(
            "topic_name" / String,
            "partitions" / Array(Struct(
                "partition_index" / Int32,
                "error_code"      / Int16,
                "leader_id"       / Int32,
                "leader_epoch"    / Int32,
                "vote_granted"    / Boolean,
            )),
        )),
        "node_endpoints" / since(1, tagged(0, Array(Struct(  # KIP-853
            "node_id" / Int32,
            "host"    / String,
            "port"    / UInt16,
        )))),
    ),
)  # fmt: skip
