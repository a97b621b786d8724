"""What a machine decides: records to append, and replies to give once those are committed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pykbroker.coordinator.records import Record

Token = Hashable
"""Who asked, as the driver knows it; a machine may park it and name it in a later reply."""


class Now(NamedTuple):
    """One moment on two clocks: records carry the first, deadlines go by the second."""

    wall_ms: int
    """Milliseconds since 1970-01-01 UTC; may jump."""
    elapsed_ms: int
    """Milliseconds on a clock that never jumps; comparable within one run only."""


class Effect(NamedTuple):
    """One reply: for whom, and what, a refusal or the command's own kind of reply."""

    token: Token
    reply: object


@dataclass(frozen=True, slots=True)
class Effects:
    """The outcome of one decision.

    The driver appends `records`, replays each, and gives `replies` once all that the machine had
    applied then is committed.
    """

    records: tuple[Record, ...] = ()
    replies: tuple[Effect, ...] = ()
    otherwise: Callable[[], Effects] | None = field(default=None, compare=False, repr=False)
    """What is decided instead where the records are too large for the log: everybody in `replies`
    has heard UNKNOWN_SERVER_ERROR then. It must take back what may be lost and was changed already.
    """

    def __add__(self, other: Effects) -> Effects:
        otherwise = self.otherwise or other.otherwise
        return Effects(self.records + other.records, self.replies + other.replies, otherwise)


NOTHING = Effects()


def answered(token: Token, reply: object, records: Iterable[Record] = ()) -> Effects:
    """Give the effects of a decision that answers its asker at once."""
    return Effects(tuple(records), (Effect(token, reply),))
