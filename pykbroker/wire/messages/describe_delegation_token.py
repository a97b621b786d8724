"""DescribeDelegationToken, API key 41: the delegation tokens one may see (KIP-48)."""

from pykbroker.wire.schema import Nullable, api, since
from pykbroker.wire.types import Array, Bytes, Int16, Int32, Int64, String, Struct

DescribeDelegationToken = api(
    41, "DescribeDelegationToken", versions="1-3", flexible="2+",  # KIP-482
    request=Struct(
        "owners" / Nullable(Array(Struct(  # null: all
            "principal_type" / String,
            "principal_name" / String,
        ))),
    ),
    response=Struct(
        "error_code"       / Int16,
        "tokens"           / Array(Struct(
            "principal_type"                 / String,
            "principal_name"                 / String,
            "token_requester_principal_type" / since(3, String),  # KIP-373
            "token_requester_principal_name" / since(3, String),  # KIP-373
            "issue_timestamp"                / Int64,  # ms
            "expiry_timestamp"               / Int64,  # ms
            "max_timestamp"                  / Int64,
            "token_id"                       / String,
            "hmac"                           / Bytes,
            "renewers"                       / Array(Struct(
                "principal_type" / String,
                "principal_name" / String,
            )),
        )),
        "throttle_time_ms" / Int32,
    ),
)  # fmt: skip
