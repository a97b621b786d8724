"""DescribeUserScramCredentials, API key 50: which SCRAM mechanisms users have, never their secrets.

Defined by KIP-554.
"""

from pykbroker.wire.schema import Nullable, api
from pykbroker.wire.types import Array, Int8, Int16, Int32, String, Struct

DescribeUserScramCredentials = api(
    50, "DescribeUserScramCredentials", versions="0", flexible="0+",
    request=Struct(
        "users" / Nullable(Array(Struct(  # null or empty: all
            "name" / String,
        ))),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "error_message"    / Nullable(String),
        "results"          / Array(Struct(
            "user"             / String,
            "error_code"       / Int16,
            "error_message"    / Nullable(String),
            "credential_infos" / Array(Struct(
                "mechanism"  / Int8,  # 1: SCRAM-SHA-256, 2: SCRAM-SHA-512
                "iterations" / Int32,
            )),
        )),
    ),
)  # fmt: skip
