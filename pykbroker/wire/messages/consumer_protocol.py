"""What members of classic groups tell each other inside JoinGroup and SyncGroup.

The bytes begin with the version (int16), as the type "consumer" has it; brokers pass them on
unread, and read them only to convert a group to the consumer protocol (KIP-848).
"""

from pykbroker.wire.schema import Nullable, default, message, since
from pykbroker.wire.types import Array, Bytes, Int32, String, Struct

ConsumerProtocolSubscription = message(
    "ConsumerProtocolSubscription", versions="0-3", flexible="none",
    fields=Struct(
        "topics"           / Array(String),
        "user_data"        / default(None, Nullable(Bytes)),
        "owned_partitions" / since(1, Array(Struct(
            "topic"      / String,
            "partitions" / Array(Int32),
        ))),
        "generation_id"    / since(2, default(-1, Int32)),
        "rack_id"          / since(3, default(None, Nullable(String))),
    ),
)  # fmt: skip

ConsumerProtocolAssignment = message(
    "ConsumerProtocolAssignment", versions="0-3", flexible="none",
    fields=Struct(
        "assigned_partitions" / Array(Struct(
            "topic"      / String,
            "partitions" / Array(Int32),
        )),
        "user_data"           / default(None, Nullable(Bytes)),
    ),
)  # fmt: skip
