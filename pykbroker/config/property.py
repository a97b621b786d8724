"""One row of the table: a property's name, type, default, limits and words, as Kafka has them.

Text becomes a value in `Property.parse` only and a value becomes text in `Property.render` only;
both follow `org.apache.kafka.common.config.ConfigDef`, so that what DescribeConfigs shows is
spelled as Kafka spells it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, IntEnum

from pykbroker.config.check import Check, Value
from pykbroker.errors import ErrorCode, KafkaError

INT_MAX = 2**31 - 1
LONG_MAX = 2**63 - 1

_INTEGER = re.compile(r"([+-]?)([0-9]+)")
_DOUBLE = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_QUANTITY = re.compile(r"([0-9][0-9_.,]*) *([a-zA-Z]*)")
_COMMA = re.compile(r"\s*,\s*")
_YES = frozenset({"yes", "y", "on", "1", "t", "enable", "enabled"})
_FACTORS = {
    "bytes": {"": 1, "b": 1}
    | {
        suffix: 1 << shift
        for shift, suffixes in ((10, "k kb kib"), (20, "m mb mib"), (30, "g gb gib"))
        for suffix in suffixes.split()
    },
    "ms": {"": 1, "ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000}
    | {"d": 86_400_000, "days": 86_400_000},
    "s": {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600},
    "minutes": {"": 1, "m": 1, "min": 1, "h": 60, "d": 1440},
    "hours": {"": 1, "h": 1, "d": 24},
    "": {"": 1, "k": 1000, "m": 1_000_000},
}
_UNITS = (
    (".bytes.per.second", "bytes/s"),
    (".buffer.size", "bytes"),
    (".bytes", "bytes"),
    (".max.bytes", "bytes"),
    ("receive.size", "bytes"),
    (".ms", "ms"),
    (".millis", "ms"),
    (".secs", "s"),
    (".seconds", "s"),
    (".minutes", "minutes"),
    (".hours", "hours"),
)


_SHOWN_CHARS_MAX = 200


def shortened(text: str) -> str:
    """Give the beginning of what somebody wrote, for a sentence about it."""
    return text if len(text) <= _SHOWN_CHARS_MAX else text[:_SHOWN_CHARS_MAX] + "..."


class ConfigError(KafkaError):
    """A property's name or value is wrong; `message` is one sentence saying what to write."""

    def __init__(self, message: str, code: ErrorCode = ErrorCode.INVALID_CONFIG) -> None:
        super().__init__(code, message)
        self.message: str = message

    def __str__(self) -> str:
        return self.message


class Kind(IntEnum):
    """A property's type, with the number that DescribeConfigs gives it."""

    UNKNOWN = 0
    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


class Update(Enum):
    """How a broker property may change while the broker runs (Kafka's update modes)."""

    READ_ONLY = "read-only"
    PER_BROKER = "per-broker"
    CLUSTER_WIDE = "cluster-wide"


BOOLEAN, STRING, INT, SHORT = Kind.BOOLEAN, Kind.STRING, Kind.INT, Kind.SHORT
LONG, DOUBLE, LIST, CLASS, PASSWORD = Kind.LONG, Kind.DOUBLE, Kind.LIST, Kind.CLASS, Kind.PASSWORD
READ_ONLY, PER_BROKER, CLUSTER_WIDE = Update.READ_ONLY, Update.PER_BROKER, Update.CLUSTER_WIDE

_DIGITS_MAX = 20
"""Enough to be out of range; int() refuses thousands of digits with a fault of its own."""

_BITS = {INT: 31, SHORT: 15, LONG: 63}
_WHOLE = {INT: "32-bit", SHORT: "16-bit", LONG: "64-bit"}


@dataclass(frozen=True, slots=True)
class Property:
    """One property; `default` is Kafka's, None where Kafka has none."""

    name: str
    kind: Kind
    default: Value
    check: Check | None = None
    update: Update = Update.READ_ONLY
    served: bool = False
    """Whether this broker acts on it; else it is accepted, shown, and without effect."""
    internal: bool = False
    """Shown only when somebody has set it, as Kafka's internal properties."""
    synonyms: tuple[str, ...] = ()
    """Of a topic property: the broker properties that are its default, the strongest first."""
    doc: str = ""

    @property
    def is_sensitive(self) -> bool:
        """Whether the value must never be shown."""
        return self.kind is Kind.PASSWORD

    @property
    def unit(self) -> str:
        """What the number counts: bytes, bytes/s, ms, s, minutes, hours, or nothing."""
        if self.kind in (Kind.INT, Kind.LONG, Kind.SHORT, Kind.DOUBLE):
            for suffix, unit in _UNITS:
                if self.name.endswith(suffix):
                    return unit
        return ""

    def parse(self, text: str) -> Value:
        """Give the value that `text` stands for; raise ConfigError when there is none."""
        value = self._typed(text.strip())
        if self.check is not None and not self.check.admits(value):
            instead = self.check.nearest(value)
            raise ConfigError(
                f"{self._shown(text)} is not allowed: it must be {self.check.rule};"
                f" write {self.name}={instead}"
            )
        return value

    def render(self, value: Value) -> str | None:
        """Give the text of `value` as Kafka shows it; None when it is not set."""
        match value:
            case None | str():
                return value
            case bool():
                return "true" if value else "false"
            case float():
                return _java_double(value)
            case tuple():
                return ",".join(value)
            case _:
                return str(value)

    def _typed(self, text: str) -> Value:
        match self.kind:
            case Kind.BOOLEAN:
                return self._boolean(text)
            case Kind.INT | Kind.LONG | Kind.SHORT:
                return self._integer(text)
            case Kind.DOUBLE:
                if not _DOUBLE.fullmatch(text):
                    raise self._wrong(text, "a number", self.render(self.default) or "0.5")
                return float(text)
            case Kind.LIST:
                return tuple(_COMMA.split(text)) if text else ()
            case _:
                return text

    def _boolean(self, text: str) -> bool:
        if text.lower() not in ("true", "false"):
            instead = "true" if text.lower() in _YES else "false"
            raise self._wrong(text, "true or false", instead)
        return text.lower() == "true"

    def _integer(self, text: str) -> int:
        parts = _INTEGER.fullmatch(text)
        if parts is None:
            unit = f" of {self.unit}" if self.unit else ""
            raise self._wrong(text, f"a whole number{unit}", self._whole_number(text))
        value = int(parts[1] + (parts[2].lstrip("0") or "0")[:_DIGITS_MAX])
        limit = 1 << _BITS[self.kind]
        if not -limit <= value < limit:
            nearest = str(limit - 1 if value > 0 else -limit)
            raise self._wrong(text, f"a {_WHOLE[self.kind]} number", nearest)
        return value

    def _whole_number(self, text: str) -> str:
        quantity = _QUANTITY.fullmatch(text)
        factor = quantity and _FACTORS.get(self.unit, {"": 1}).get(quantity[2].lower())
        if quantity and factor:
            digits = quantity[1].replace("_", "").replace(",", "")
            if digits.count(".") < 2 and len(digits) <= _DIGITS_MAX:
                return str(int(float(digits) * factor))
        return self.render(self.default) or "1"

    def _wrong(self, text: str, wanted: str, instead: str) -> ConfigError:
        return ConfigError(
            f"{self._shown(text)} is not {wanted}; write, for example, {self.name}={instead}"
        )

    def _shown(self, text: str) -> str:
        return f"{self.name}={'[hidden]' if self.is_sensitive else shortened(text)}"


def _java_double(value: float) -> str:
    """Spell a double as Java's Double.toString: `0.5`, `1.0E10`, `1.7976931348623157E308`."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(float(value))
    shortest = next(text for digits in range(18) if float(text := f"{value:.{digits}e}") == value)
    digits, _, exponent = shortest.partition("e")
    if "." not in digits:
        digits += ".0"
    return f"{digits}E{int(exponent)}"
