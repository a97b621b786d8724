"""InitProducerId, API key 22: give a producer its id and epoch (KIP-98).

v3 resumes after an epoch was lost (KIP-360), v4 may say PRODUCER_FENCED (KIP-588), v5
TRANSACTION_ABORTABLE (KIP-890). v6, two-phase commit, is unstable: advertised only when unstable
versions are enabled.
"""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Boolean, Int16, Int32, Int64, String, Struct

InitProducerId = api(
    22, "InitProducerId", versions="0-6", flexible="2+",  # KIP-482
    unstable=6,
    request=Struct(
        "transactional_id"       / Nullable(String),  # null: idempotent only
        "transaction_timeout_ms" / Int32,
        "producer_id"            / since(3, default(-1, Int64)),  # KIP-360
        "producer_epoch"         / since(3, default(-1, Int16)),  # KIP-360
        "enable_2pc"             / since(6, Boolean),  # KIP-939
        "keep_prepared_txn"      / since(6, Boolean),  # KIP-939
    ),
    response=Struct(
        "throttle_time_ms"           / Int32,
        "error_code"                 / Int16,
        "producer_id"                / default(-1, Int64),
        "producer_epoch"             / Int16,
        "ongoing_txn_producer_id"    / since(6, default(-1, Int64)),  # -1: none, KIP-939
        "ongoing_txn_producer_epoch" / since(6, default(-1, Int16)),  # -1: none, KIP-939
    ),
)  # fmt: skip
