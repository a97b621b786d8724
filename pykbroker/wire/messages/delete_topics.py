"""DeleteTopics, API key 20: delete topics, by name or (from v6) by id."""

from pykbroker.wire.schema import Nullable, api, default, since, until
from pykbroker.wire.types import Array, Int16, Int32, String, Struct, Uuid

DeleteTopics = api(
    20, "DeleteTopics", versions="1-6", flexible="4+",  # KIP-482
    request=Struct(
        "topics"      / since(6, Array(Struct(  # KIP-516
            "name"     / default(None, Nullable(String)),
            "topic_id" / Uuid,
        ))),
        "topic_names" / until(5, Array(String)),
        "timeout_ms"  / Int32,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "responses"        / Array(Struct(
            "name"          / Nullable(String, since=6),
            "topic_id"      / since(6, Uuid),  # KIP-516
            "error_code"    / Int16,
            "error_message" / since(5, default(None, Nullable(String))),  # KIP-599
        )),
    ),
)  # fmt: skip
