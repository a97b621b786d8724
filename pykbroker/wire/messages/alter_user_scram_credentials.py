"""AlterUserScramCredentials, API key 51: set and remove SCRAM credentials (KIP-554)."""

from pykbroker.wire.schema import Nullable, api
from pykbroker.wire.types import Array, Bytes, Int8, Int16, Int32, String, Struct

AlterUserScramCredentials = api(
    51, "AlterUserScramCredentials", versions="0", flexible="0+",
    request=Struct(
        "deletions"  / Array(Struct(
            "name"      / String,
            "mechanism" / Int8,  # 1: SCRAM-SHA-256, 2: SCRAM-SHA-512
        )),
        "upsertions" / Array(Struct(
            "name"            / String,
            "mechanism"       / Int8,  # 1: SCRAM-SHA-256, 2: SCRAM-SHA-512
            "iterations"      / Int32,
            "salt"            / Bytes,
            "salted_password" / Bytes,
        )),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "results"          / Array(Struct(
            "user"          / String,
            "error_code"    / Int16,
            "error_message" / Nullable(String),
        )),
    ),
)  # fmt: skip
