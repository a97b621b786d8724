"""Which codes a coordinator may answer to which request.

What cannot happen in these histories (groups too large, malformed requests, policies) is not here.
"""

from __future__ import annotations

from pykbroker.coordinator import commands as c
from pykbroker.errors import ErrorCode

_JOIN = frozenset(
    {
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.REBALANCE_IN_PROGRESS,
        ErrorCode.MEMBER_ID_REQUIRED,
        ErrorCode.FENCED_INSTANCE_ID,
    }
)
_IN_GENERATION = frozenset(
    {
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.ILLEGAL_GENERATION,
        ErrorCode.REBALANCE_IN_PROGRESS,
        ErrorCode.FENCED_INSTANCE_ID,
    }
)

ALLOWED: dict[type, frozenset[ErrorCode]] = {
    c.JoinCommand: _JOIN,
    c.SyncCommand: _IN_GENERATION,
    c.HeartbeatCommand: _IN_GENERATION,
    c.LeaveCommand: frozenset({ErrorCode.NONE}),
    c.ConsumerHeartbeatCommand: frozenset(
        {
            ErrorCode.NONE,
            ErrorCode.UNKNOWN_MEMBER_ID,
            ErrorCode.FENCED_MEMBER_EPOCH,
            ErrorCode.UNRELEASED_INSTANCE_ID,
            ErrorCode.FENCED_INSTANCE_ID,
            ErrorCode.GROUP_ID_NOT_FOUND,
        }
    ),
    c.CommitCommand: _IN_GENERATION | {ErrorCode.STALE_MEMBER_EPOCH, ErrorCode.GROUP_ID_NOT_FOUND},
    c.ForgetPartitionsCommand: frozenset({ErrorCode.NONE}),
    c.DeleteGroupCommand: frozenset(
        {ErrorCode.NONE, ErrorCode.NON_EMPTY_GROUP, ErrorCode.GROUP_ID_NOT_FOUND}
    ),
}
"""By command: what may be answered; NOT_COORDINATOR comes from a restart alone."""
