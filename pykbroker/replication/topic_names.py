"""Which topic names are allowed, taken, or the broker's own (Kafka's internals.Topic)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pykbroker.errors import ErrorCode, KafkaError

GROUP_METADATA_TOPIC = "__consumer_offsets"
TRANSACTION_STATE_TOPIC = "__transaction_state"
SHARE_GROUP_STATE_TOPIC = "__share_group_state"
CLUSTER_METADATA_TOPIC = "__cluster_metadata"
"""Clients may not create it; no broker has it as a topic."""

TOPIC_NAME_CHARS_MAX = 249

_INTERNAL = frozenset({GROUP_METADATA_TOPIC, TRANSACTION_STATE_TOPIC, SHARE_GROUP_STATE_TOPIC})
_LEGAL = re.compile(r"[a-zA-Z0-9._-]+")


def is_internal(name: str) -> bool:
    """Tell whether the topic holds the broker's own state."""
    return name in _INTERNAL


def check_topic_name(name: str) -> None:
    """Raise INVALID_TOPIC_EXCEPTION for a name that no topic can have."""
    reason = _fault(name)
    if reason is not None:
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"Topic name is invalid: {reason}")


def can_collide(name: str) -> bool:
    """Tell whether the name has a character that metrics do not keep apart."""
    return "." in name or "_" in name


def unified(name: str) -> str:
    """Write the name as metrics do, where '.' and '_' are the same."""
    return name.replace(".", "_")


def collisions(names: Iterable[str]) -> dict[str, str]:
    """Give a name by its unified form, for every name that can collide."""
    return {unified(name): name for name in names if can_collide(name)}


def _fault(name: str) -> str | None:
    if not name:
        return "the empty string is not allowed"
    if name in (".", ".."):
        return f"'{name}' is not allowed"
    if len(name) > TOPIC_NAME_CHARS_MAX:
        return f"'{name}' has {len(name)} characters, at most {TOPIC_NAME_CHARS_MAX} are allowed"
    if not _LEGAL.fullmatch(name):
        return f"'{name}' has characters other than ASCII letters, digits, '.', '_' and '-'"
    return None
