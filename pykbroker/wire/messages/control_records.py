"""Records of control batches: ends of transactions, and the metadata log's own.

Defined by KIP-98, KIP-595, KIP-630 and KIP-853. The key of a control record is a version (int16)
and ControlRecordTypeSchema: 0 abort, 1 commit, 2 leader change, 3 snapshot header, 4 snapshot
footer, 5 KRaft version, 6 voters. The value of 0 and 1 is a version (int16) and EndTxnMarker; the
others carry their version inside.
"""

from pykbroker.wire.schema import message, since
from pykbroker.wire.types import Array, Int16, Int32, Int64, String, Struct, UInt16, Uuid

ControlRecordTypeSchema = message(
    "ControlRecordTypeSchema", versions="0", flexible="none",
    fields=Struct(
        "type" / Int16,
    ),
)  # fmt: skip

EndTxnMarker = message(
    "EndTxnMarker", versions="0", flexible="none",
    fields=Struct(
        "coordinator_epoch" / Int32,
    ),
)  # fmt: skip

Voter = Struct(
    "voter_id"           / Int32,
    "voter_directory_id" / since(1, Uuid),
)  # fmt: skip

LeaderChangeMessage = message(
    "LeaderChangeMessage", versions="0-1", flexible="0+",
    fields=Struct(
        "version"         / Int16,
        "leader_id"       / Int32,
        "voters"          / Array(Voter),
        "granting_voters" / Array(Voter),
    ),
)  # fmt: skip

SnapshotHeaderRecord = message(
    "SnapshotHeaderRecord", versions="0", flexible="0+",
    fields=Struct(
        "version"                      / Int16,
        "last_contained_log_timestamp" / Int64,
    ),
)  # fmt: skip

SnapshotFooterRecord = message(
    "SnapshotFooterRecord", versions="0", flexible="0+",
    fields=Struct(
        "version" / Int16,
    ),
)  # fmt: skip

KRaftVersionRecord = message(
    "KRaftVersionRecord", versions="0", flexible="0+",
    fields=Struct(
        "version"       / Int16,
        "kraft_version" / Int16,
    ),
)  # fmt: skip

KRaftVersionFeature = Struct(
    "min_supported_version" / Int16,
    "max_supported_version" / Int16,
)  # fmt: skip

VotersRecord = message(
    "VotersRecord", versions="0", flexible="0+",
    fields=Struct(
        "version" / Int16,
        "voters"  / Array(Struct(
            "voter_id"              / Int32,
            "voter_directory_id"    / Uuid,
            "endpoints"             / Array(Struct(
                "name" / String,
                "host" / String,
                "port" / UInt16,
            )),
            "kraft_version_feature" / KRaftVersionFeature,
        )),
    ),
)  # fmt: skip
