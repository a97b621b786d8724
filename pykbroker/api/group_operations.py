"""What a client may do with a group, as bits (KIP-430): everything, without an authorizer."""

from __future__ import annotations

from pykbroker.api.partition_state import NOT_ASKED
from pykbroker.errors import ErrorCode

GROUP_OPERATIONS = 0b1101_0100_1000
"""Read, delete, describe, describe and alter configurations."""


def authorized_operations(error_code: ErrorCode, *, asked: bool) -> int:
    """Give the operations; none are told of a group that cannot be described."""
    return GROUP_OPERATIONS if asked and error_code is ErrorCode.NONE else NOT_ASKED
