"""CreateTopics, API key 19: create topics.

v4 takes the broker's defaults for -1 (KIP-464), v5 tells the new topic's configuration (KIP-525),
v6 may throttle (KIP-599), v7 tells the topic id (KIP-516).
"""

from pykbroker.wire.schema import Nullable, api, default, since, tagged
from pykbroker.wire.types import Array, Boolean, Int8, Int16, Int32, String, Struct, Uuid

CreateTopics = api(
    19, "CreateTopics", versions="2-7", flexible="5+",  # KIP-482
    request=Struct(
        "topics"        / Array(Struct(
            "name"               / String,
            "num_partitions"     / Int32,  # -1: by assignment or default
            "replication_factor" / Int16,  # -1: by assignment or default
            "assignments"        / Array(Struct(  # empty: the broker chooses
                "partition_index" / Int32,
                "broker_ids"      / Array(Int32),
            )),
            "configs"            / Array(Struct(
                "name"  / String,
                "value" / Nullable(String),
            )),
        )),
        "timeout_ms"    / default(60_000, Int32),
        "validate_only" / Boolean,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "topics"           / Array(Struct(
            "name"                    / String,
            "topic_id"                / since(7, Uuid),  # KIP-516
            "error_code"              / Int16,
            "error_message"           / Nullable(String),
            "topic_config_error_code" / since(5, tagged(0, Int16)),  # KIP-525
            # -1: not told, KIP-525
            "num_partitions"          / since(5, default(-1, Int32)),
            # -1: not told, KIP-525
            "replication_factor"      / since(5, default(-1, Int16)),
            "configs"                 / since(5, Nullable(Array(Struct(  # KIP-525
                "name"          / String,
                "value"         / Nullable(String),
                "read_only"     / Boolean,
                "config_source" / default(-1, Int8),
                "is_sensitive"  / Boolean,
            )))),
        )),
    ),
)  # fmt: skip
