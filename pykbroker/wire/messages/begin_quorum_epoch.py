"""BeginQuorumEpoch, API key 53: a new leader of the metadata quorum introduces itself (KIP-595)."""

from pykbroker.wire.schema import Nullable, api, default, since, tagged
from pykbroker.wire.types import Array, Int16, Int32, String, Struct, UInt16, Uuid

BeginQuorumEpoch = api(
    53, "BeginQuorumEpoch", versions="0-1", flexible="1+",  # KIP-482
    request=Struct(
        "cluster_id"       / default(None, Nullable(String)),
        "voter_id"         / since(1, default(-1, Int32)),  # KIP-853
        "topics"           / Array(Struct(
            "topic_name" / String,
            "partitions" / Array(Struct(
                "partition_index"    / Int32,
                "voter_directory_id" / since(1, Uuid),  # KIP-853
                "leader_id"          / Int32,
                "leader_epoch"       / Int32,
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
