"""EndQuorumEpoch, API key 54: a leader of the metadata quorum steps down (KIP-595)."""

from pykbroker.wire.schema import Nullable, api, default, since, tagged, until
from pykbroker.wire.types import Array, Int16, Int32, String, Struct, UInt16, Uuid

EndQuorumEpoch = api(
    54, "EndQuorumEpoch", versions="0-1", flexible="1+",  # KIP-482
    request=Struct(
        "cluster_id"       / default(None, Nullable(String)),
        "topics"           / Array(Struct(
            "topic_name" / String,
            "partitions" / Array(Struct(
                "partition_index"      / Int32,
                "leader_id"            / Int32,
                "leader_epoch"         / Int32,
                "preferred_successors" / until(0, Array(Int32)),
                "preferred_candidates" / since(1, Array(Struct(  # KIP-853
                    "candidate_id"           / Int32,
                    "candidate_directory_id" / Uuid,
                ))),
            )),
        )),
        "leader_endpoints" / since(1, Array(Struct(  # KIP-853
            "name" / String,
            "host" / String,
            "port" / UInt16,
        ))),
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
            )),
        )),
        "node_endpoints" / since(1, tagged(0, Array(Struct(  # KIP-853
            "node_id" / Int32,
            "host"    / String,
            "port"    / UInt16,
        )))),
    ),
)  # fmt: skip
