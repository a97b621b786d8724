"""Records of the topic __share_group_state: what a share group has acquired and acknowledged.

Defined by KIP-932. A key is the record type (int16) and the key message in version 0; a value is
its version (int16) and the value message. A null value is a tombstone.
"""

from collections.abc import Mapping
from typing import Final

from pykbroker.wire.schema import Message, default, message, tagged
from pykbroker.wire.types import Array, Int8, Int16, Int32, Int64, String, Struct, Uuid

ShareSnapshotKey = message(
    "ShareSnapshotKey", versions="0", flexible="none",
    fields=Struct(
        "group_id"  / String,
        "topic_id"  / Uuid,
        "partition" / Int32,
    ),
)  # fmt: skip

ShareSnapshotValue = message(
    "ShareSnapshotValue", versions="0", flexible="0+",
    fields=Struct(
        "snapshot_epoch"          / Int32,
        "state_epoch"             / Int32,
        "leader_epoch"            / Int32,
        "start_offset"            / Int64,
        "delivery_complete_count" / tagged(0, default(-1, Int32)),  # KIP-1226
        "create_timestamp"        / Int64,  # ms
        "write_timestamp"         / Int64,  # ms
        "state_batches"           / Array(Struct(
            "first_offset"   / Int64,
            "last_offset"    / Int64,
            "delivery_state" / Int8,  # 0: available, 2: acknowledged, 4: archived
            "delivery_count" / Int16,
        )),
    ),
)  # fmt: skip

ShareUpdateKey = message(
    "ShareUpdateKey", versions="0", flexible="none",
    fields=Struct(
        "group_id"  / String,
        "topic_id"  / Uuid,
        "partition" / Int32,
    ),
)  # fmt: skip

ShareUpdateValue = message(
    "ShareUpdateValue", versions="0", flexible="0+",
    fields=Struct(
        "snapshot_epoch"          / Int32,
        "leader_epoch"            / Int32,
        "start_offset"            / Int64,  # -1: unchanged
        "delivery_complete_count" / tagged(0, default(-1, Int32)),  # KIP-1226
        "state_batches"           / Array(Struct(
            "first_offset"   / Int64,
            "last_offset"    / Int64,
            "delivery_state" / Int8,  # 0: available, 2: acknowledged, 4: archived
            "delivery_count" / Int16,
        )),
    ),
)  # fmt: skip

SHARE_RECORDS: Final[Mapping[int, tuple[Message, Message]]] = {
    0: (ShareSnapshotKey, ShareSnapshotValue),
    1: (ShareUpdateKey, ShareUpdateValue),
}
"""Record type, the number in front of the key, to the messages of key and value."""
