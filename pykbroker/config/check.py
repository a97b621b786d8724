"""What a property admits beyond its type, and what to write instead of what it does not.

A check is a value: `admits` decides, `rule` completes the sentence "it must be …", `nearest` is a
value that is admitted, and `str()` is Kafka's notation for the range (`ConfigDef.Validator`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

Value = bool | int | float | str | tuple[str, ...] | None
"""A property's typed value; a list is a tuple, None is "not set"."""

_REPLICA = re.compile(r"\d+:\d+")
_DURATION = re.compile(
    r"([-+]?)P(?=[-+0-9T])(?:([-+]?[0-9]{1,18})D)?"
    r"(?:T(?=[-+0-9])(?:([-+]?[0-9]{1,18})H)?(?:([-+]?[0-9]{1,18})M)?"
    r"(?:([-+]?[0-9]{1,18})(?:[.,]([0-9]{0,9}))?S)?)?",
    re.IGNORECASE,
)


class Check(Protocol):
    """What a value must satisfy once its type is right."""

    @property
    def rule(self) -> str:
        """The end of the sentence "it must be …"."""
        ...

    def admits(self, value: Value) -> bool:
        """Decide about a value of the right type."""
        ...

    def nearest(self, value: Value) -> str:
        """Give the text of an admitted value that is close to a refused one."""
        ...


class Range(NamedTuple):
    """Numbers from `least` to `most`, both inclusive, and `also`; None is without limit."""

    least: float | None = None
    most: float | None = None
    also: int | None = None

    @property
    def rule(self) -> str:
        """The limits in words."""
        if self.most is None:
            return f"at least {self.least}"
        between = f"from {self.least} to {self.most}"
        return between if self.also is None else f"{between}, or {self.also}"

    def admits(self, value: Value) -> bool:
        """Compare with both limits."""
        if not isinstance(value, int | float) or value == self.also:
            return True
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    def nearest(self, value: Value) -> str:
        """Give the limit that was crossed."""
        assert isinstance(value, int | float)
        if self.least is not None and value < self.least:
            return str(self.least)
        return str(self.most)

    def __str__(self) -> str:
        tail = "" if self.most is None else f",{self.most}"
        return f"[{self.least},...{tail}]" + ("" if self.also is None else f" or {self.also}")


class Choice(NamedTuple):
    """One of a few words; `any_case` accepts them in any case."""

    words: tuple[str, ...]
    any_case: bool = False

    @property
    def rule(self) -> str:
        """The words."""
        return "one of " + ", ".join(self.words)

    def admits(self, value: Value) -> bool:
        """Look the word up."""
        assert isinstance(value, str)
        return value in self.words or (self.any_case and value.upper() in self.words)

    def nearest(self, value: Value) -> str:
        """Give the word that was probably meant, else the first one."""
        return closest(str(value), self.words) or self.words[0]

    def __str__(self) -> str:
        return ("(any case) " if self.any_case else "") + f"[{', '.join(self.words)}]"


class Items(NamedTuple):
    """A list without empty or repeated items, of the given words if there are any."""

    words: tuple[str, ...] = ()
    may_be_empty: bool = True

    @property
    def rule(self) -> str:
        """What the items are."""
        items = f"a list of {', '.join(self.words)}" if self.words else "a list with commas"
        return f"{items}, each once" + ("" if self.may_be_empty else " and not empty")

    def admits(self, value: Value) -> bool:
        """Look at the number of items and at each of them."""
        assert isinstance(value, tuple)
        return (
            (bool(value) or self.may_be_empty)
            and len(set(value)) == len(value)
            and all(item and (not self.words or item in self.words) for item in value)
        )

    def nearest(self, value: Value) -> str:
        """Give the list without repetitions and with the words that were probably meant."""
        assert isinstance(value, tuple)
        meant = (closest(item, self.words) if self.words else item for item in value)
        return ",".join(dict.fromkeys(item for item in meant if item)) or ",".join(self.words[:1])

    def __str__(self) -> str:
        return f"[{', '.join(self.words)}]" if self.words else ""


class NotEmpty(NamedTuple):
    """Text with at least one character."""

    @property
    def rule(self) -> str:
        """That there must be text."""
        return "some text"

    def admits(self, value: Value) -> bool:
        """Decide by length."""
        return value != ""

    def nearest(self, value: Value) -> str:
        """Give a placeholder: no text is closer than another."""
        return "..." if not value else str(value)

    def __str__(self) -> str:
        return "non-empty string"


class ThrottledReplicas(NamedTuple):
    """Replicas as partition:broker, or * for all (Kafka's ThrottledReplicaListValidator)."""

    @property
    def rule(self) -> str:
        """What the items are."""
        return "a list of partition:broker, or *"

    def admits(self, value: Value) -> bool:
        """Look at each item."""
        assert isinstance(value, tuple)
        return value == ("*",) or all(_REPLICA.fullmatch(item) for item in value)

    def nearest(self, value: Value) -> str:
        """Give the items that are right, else all replicas."""
        assert isinstance(value, tuple)
        return ",".join(item for item in value if _REPLICA.fullmatch(item)) or "*"

    def __str__(self) -> str:
        return "[partitionId]:[brokerId],[partitionId]:[brokerId],..."


class AutoOffsetReset(NamedTuple):
    """Where reading begins (Kafka's ShareGroupAutoOffsetResetStrategy)."""

    @property
    def rule(self) -> str:
        """The words, and what a duration looks like."""
        return "latest, earliest or by_duration: and an ISO 8601 duration, as in by_duration:PT1H"

    def admits(self, value: Value) -> bool:
        """Take a duration as Java's Duration.parse does, unless it is negative."""
        assert isinstance(value, str)
        if not value.startswith("by_duration:"):
            return value in ("latest", "earliest")
        parts = _DURATION.fullmatch(value.removeprefix("by_duration:"))
        if parts is None:
            return False
        days, hours, minutes, seconds = (int(parts[at] or "0") for at in range(2, 6))
        fraction = int((parts[6] or "").ljust(9, "0")) * (-1 if (parts[5] or "")[:1] == "-" else 1)
        total = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000_000_000 + fraction
        return total <= 0 if parts[1] == "-" else total >= 0

    def nearest(self, value: Value) -> str:
        """Give the word that was probably meant, else Kafka's default."""
        return closest(str(value), ("latest", "earliest")) or "latest"

    def __str__(self) -> str:
        return "[latest, earliest, by_duration:PnDTnHnMn.nS]"


def at_least(least: float) -> Range:
    """Make the check for numbers from `least` on."""
    return Range(least)


def between(least: float, most: float, *, also: int | None = None) -> Range:
    """Make the check for numbers from `least` to `most`, both inclusive, and `also`."""
    return Range(least, most, also)


def one_of(*words: str) -> Choice:
    """Make the check for one of some words."""
    return Choice(words)


def closest(word: str, words: Sequence[str]) -> str | None:
    """Give the one of `words` that was probably meant by `word`, None when none is close."""
    from difflib import get_close_matches

    folded = {candidate.lower(): candidate for candidate in words}
    found = get_close_matches(word.lower(), folded, n=1, cutoff=0.75)
    return folded[found[0]] if found else None
