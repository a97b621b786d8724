"""StreamsGroupTopologyDescriptionUpdate, API key 93: a member hands in its topology's description.

Defined by KIP-1331.
"""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Array, Int8, Int16, Int32, String, Struct

TopologyDescriptionNode = Struct(
    "name"          / String,
    "node_type"     / Int8,  # 1: source, 2: processor, 3: sink
    "source_topics" / Array(String),
    "sink_topic"    / default(None, Nullable(String)),
    "stores"        / Array(String),
    "successors"    / Array(String),
)  # fmt: skip

TopologyDescription = Struct(
    "subtopologies" / Array(Struct(
        "subtopology_id" / String,
        "nodes"          / Array(TopologyDescriptionNode),
    )),
    "global_stores" / Array(Struct(
        "source"    / TopologyDescriptionNode,
        "processor" / TopologyDescriptionNode,
    )),
)  # fmt: skip

StreamsGroupTopologyDescriptionUpdate = api(
    93, "StreamsGroupTopologyDescriptionUpdate", versions="0", flexible="0+",
    request=Struct(
        "group_id"             / String,
        "member_id"            / String,
        "topology_epoch"       / Int32,
        "topology_description" / TopologyDescription,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "error_message"    / default(None, Nullable(String)),
    ),
)  # fmt: skip
