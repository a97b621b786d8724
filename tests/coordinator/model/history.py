"""Histories: what happens to the members of one group and to their coordinator, as plain values.

A history says everything: the same history runs the same way. Who rolls the dice is the caller's: a
seeded Random, or hypothesis, which then makes a failing history smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from random import Random

SLOTS = 5
"""How many members there may be at a time, but for twins and those that linger."""
TOPICS = 3


class Kind(Enum):
    """What happens."""

    START = "start"
    """The slot's member starts, where it does not run."""
    STOP = "stop"
    """It ends in good order: leaves if it is one that does."""
    CRASH = "crash"
    """It never acts again."""
    RESTART = "restart"
    """It crashes, and starts at once; a static one comes back as the same instance."""
    TWIN = "twin"
    """Another one with the same instance id starts while it goes on."""
    CONVERT = "convert"
    """It stops, and starts as a member of the other protocol, where the group has both."""
    SLEEP = "sleep"
    """It does nothing for a while, and then goes on as if nothing had been."""
    DRAG = "drag"
    """It takes its time to join again or to give partitions up, but heartbeats."""
    CUT = "cut"
    """Its connection breaks; what it had just asked may have arrived."""
    SUBSCRIBE = "subscribe"
    """It subscribes to other topics."""
    CREATE = "create"
    GROW = "grow"
    DROP = "drop"
    """A topic is created, gets more partitions, or is deleted."""
    JUMP = "jump"
    """The wall clock is put elsewhere."""
    RELOAD = "reload"
    """The coordinator is built anew from its log, of which a part may be compacted; sometimes it
    takes seconds."""
    REFUSE = "refuse"
    """The next append to the log fails."""
    DISMISS = "dismiss"
    """An administrator removes the member."""
    DELETE = "delete"
    """An administrator deletes the group, which must be empty for that."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens."""

    after_ms: int
    """How long after the one before it."""
    kind: Kind
    who: int = 0
    """The slot."""
    number: int = 0
    """How long, how much or which, from 0 to 999."""


class Protocols(Enum):
    """What classic members offer, by what assignors their group goes through."""

    EAGER = "eager"
    """All of them range, some more than that."""
    COOPERATIVE = "cooperative"
    """All of them cooperative-sticky, some range as well."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Who a member is."""

    is_classic: bool
    is_static: bool
    is_transitional: bool
    """Of a classic one: offers both assignors, and revokes all before it joins."""
    is_old: bool
    """Speaks the first version that has its protocol: its member id is the coordinator's to make,
    without a second JoinGroup, and it always assigns when it leads."""
    subscription: int


@dataclass(frozen=True, slots=True)
class Setting:
    """What a history begins with."""

    slots: tuple[Slot, ...]
    partitions: tuple[int, ...]
    """Of each topic; 0: it does not exist yet."""
    protocols: Protocols
    may_convert: bool
    migration_policy: str
    server_assignor: str | None
    """What consumers ask for, where they do; half of them."""
    initial_delay_ms: int
    assignment_interval_ms: int


@dataclass(frozen=True, slots=True)
class History:
    """Everything that happens, but for how long messages travel, which `seed` decides."""

    seed: int
    setting: Setting
    events: tuple[Event, ...]


_WEIGHTS = {
    Kind.START: 16,
    Kind.STOP: 6,
    Kind.CRASH: 7,
    Kind.RESTART: 7,
    Kind.TWIN: 2,
    Kind.CONVERT: 5,
    Kind.SLEEP: 6,
    Kind.DRAG: 5,
    Kind.CUT: 9,
    Kind.SUBSCRIBE: 7,
    Kind.CREATE: 3,
    Kind.GROW: 4,
    Kind.DROP: 2,
    Kind.JUMP: 4,
    Kind.RELOAD: 8,
    Kind.REFUSE: 4,
    Kind.DISMISS: 2,
    Kind.DELETE: 1,
}
_KINDS = tuple(kind for kind, weight in _WEIGHTS.items() for _ in range(weight))
_PAUSES_MS = (
    0,
    0,
    1,
    5,
    10,
    20,
    50,
    100,
    200,
    300,
    500,
    500,
    800,
    1_000,
    1_500,
    2_500,
    4_000,
    7_000,
)


def a_history(random: Random, events_max: int = 40) -> History:
    """Make up a history."""
    setting = _a_setting(random)
    started = random.randrange(1, SLOTS + 1)
    starts = [Event(random.choice((0, 0, 3, 40, 600)), Kind.START, who) for who in range(started)]
    events = [
        Event(
            random.choice(_PAUSES_MS),
            random.choice(_KINDS),
            who=random.randrange(SLOTS),
            number=random.randrange(1_000),
        )
        for _ in range(random.randrange(1, events_max))
    ]
    return History(random.randrange(1 << 16), setting, (*starts, *events))


def _a_setting(random: Random) -> Setting:
    mixture = random.choice(("classic", "consumer", "mixed"))
    statics = random.choice((0, 0, 1, 2))
    return Setting(
        slots=tuple(
            Slot(
                is_classic=mixture == "classic" or (mixture == "mixed" and random.random() < 0.5),
                is_static=random.randrange(3) < statics,
                is_transitional=random.randrange(3) == 0,
                is_old=random.randrange(5) == 0,
                subscription=random.randrange(1_000),
            )
            for _ in range(SLOTS)
        ),
        partitions=tuple(random.choice((3, 1, 5, 0)) for _ in range(TOPICS)),
        protocols=random.choice(tuple(Protocols)),
        may_convert=mixture == "mixed",
        migration_policy=random.choice((*["bidirectional"] * 4, "upgrade", "downgrade")),
        server_assignor=random.choice((None, None, "range", "uniform")),
        initial_delay_ms=random.choice((0, 0, 300)),
        assignment_interval_ms=random.choice((0, 0, 1_000)),
    )
