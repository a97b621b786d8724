"""CreateDelegationToken, API key 38: hand out a token that authenticates in the owner's place.

Defined by KIP-48.
"""

from pykbroker.wire.schema import Nullable, api, since
from pykbroker.wire.types import Array, Bytes, Int16, Int32, Int64, String, Struct

CreateDelegationToken = api(
    38, "CreateDelegationToken", versions="1-3", flexible="2+",  # KIP-482
    request=Struct(
        "owner_principal_type" / since(3, Nullable(String)),  # null: the asker, KIP-373
        "owner_principal_name" / since(3, Nullable(String)),  # null: the asker, KIP-373
        "renewers"             / Array(Struct(
            "principal_type" / String,
            "principal_name" / String,
        )),
        "max_lifetime_ms"      / Int64,  # -1: the broker's maximum
    ),
    response=Struct(
        "error_code"                     / Int16,
        "principal_type"                 / String,
        "principal_name"                 / String,
        "token_requester_principal_type" / since(3, String),  # KIP-373
        "token_requester_principal_name" / since(3, String),  # KIP-373
        "issue_timestamp_ms"             / Int64,
        "expiry_timestamp_ms"            / Int64,
        "max_timestamp_ms"               / Int64,
        "token_id"                       / String,
        "hmac"                           / Bytes,
        "throttle_time_ms"               / Int32,
    ),
)  # fmt: skip
