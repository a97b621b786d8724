"""A broker's properties in layers, the strongest first: dynamic, dynamic default, static, default.

A `Config` never changes; a dynamic change makes another one. Every text in it has been parsed and
checked, so that a lookup cannot fail for a property that exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pykbroker.config.check import Value
from pykbroker.config.environment import read_environment
from pykbroker.config.listeners import replace_port
from pykbroker.config.profiles import DEFAULT_PROFILE, profile_properties
from pykbroker.config.property import ConfigError, Update, shortened
from pykbroker.config.rules import check_rules
from pykbroker.config.table import DEFAULTS, broker_property, names_code_or_place
from pykbroker.errors import ErrorCode

_NOBODY: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Config:
    """The properties of one broker; every text is as somebody wrote it."""

    static: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where each static property was written: a file, a variable, --override, a profile."""
    dynamic_default: Mapping[str, str] = field(default_factory=dict)
    """Set at run time for all brokers."""
    dynamic_broker: Mapping[str, str] = field(default_factory=dict)
    """Set at run time for this broker."""
    remarks: tuple[str, ...] = ()
    """What the reader of the log should know about where the properties come from."""
    _values: Mapping[str, Value] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Parse and check every text; raise ConfigError, naming the origin, for the first fault."""
        values = dict(DEFAULTS)
        for layer in (self.static, self.dynamic_default, self.dynamic_broker):
            for name, text in layer.items():
                try:
                    row = broker_property(name)
                    if row is not None:
                        values[name] = row.parse(text)
                except ConfigError as fault:
                    raise self._located(fault, name) from None
        for name, other in (("node.id", "broker.id"), ("broker.id", "node.id")):
            if self.is_set(other) and not self.is_set(name):
                values[name] = values[other]
        check_rules(values)
        object.__setattr__(self, "_values", values)

    def __getitem__(self, name: str) -> Value:
        """Give the value of a property; KeyError for a name that is none."""
        return self._values[name]

    def get(self, name: str, listener: str | None = None) -> Value:
        """Give the value of a property as it is for `listener` (`listener.name.LISTENER.`)."""
        if listener is not None:
            prefixed = f"listener.name.{listener.lower()}.{name}"
            if prefixed in self._values:
                return self._values[prefixed]
        return self._values[name]

    def integer(self, name: str) -> int:
        """Give the value of a property whose type is int, long or short."""
        value = self._values[name]
        assert isinstance(value, int) and not isinstance(value, bool), name  # noqa: PT018
        return value

    def number(self, name: str) -> float:
        """Give the value of a property whose type is double."""
        value = self._values[name]
        assert isinstance(value, float), name
        return value

    def boolean(self, name: str) -> bool:
        """Give the value of a property whose type is boolean."""
        value = self._values[name]
        assert isinstance(value, bool), name
        return value

    def text(self, name: str) -> str:
        """Give the value of a property whose type is string; "" when it is not set."""
        value = self._values[name]
        assert value is None or isinstance(value, str), name
        return value or ""

    def items(self, name: str) -> tuple[str, ...]:
        """Give the value of a property whose type is list; () when it is not set."""
        value = self._values[name]
        assert value is None or isinstance(value, tuple), name
        return value or ()

    def is_set(self, name: str) -> bool:
        """Tell whether somebody has set the property, be it to its default."""
        layers = (self.static, self.dynamic_default, self.dynamic_broker)
        return any(name in layer for layer in layers)

    def with_dynamic(
        self, *, default: Mapping[str, str] = _NOBODY, broker: Mapping[str, str] = _NOBODY
    ) -> Config:
        """Make the config in which these are the dynamic layers.

        Raises ConfigError with INVALID_REQUEST, as Kafka for a broker's dynamic properties.
        """
        try:
            return Config(self.static, self.origins, dict(default), dict(broker), self.remarks)
        except ConfigError as fault:
            raise ConfigError(fault.message, ErrorCode.INVALID_REQUEST) from None

    def _located(self, fault: ConfigError, name: str) -> ConfigError:
        origin = self.origins.get(name) if name in self.static else None
        return ConfigError(f"{origin}: {fault.message}" if origin else fault.message)


def load(
    *,
    profile: str = DEFAULT_PROFILE,
    file: tuple[str, Mapping[str, str]] = ("", _NOBODY),
    environment: Mapping[str, str] = _NOBODY,
    overrides: Sequence[str] = (),
    port: int | None = None,
) -> Config:
    """Put a broker's static properties together; the later of these arguments wins.

    `file` is the name and the properties of a file, `overrides` are texts `name=value`, `port`
    replaces the port of the only listener. Raises ConfigError with a sentence saying what to
    write instead.
    """
    static: dict[str, str] = {}
    origins: dict[str, str] = {}

    def lay(properties: Mapping[str, str], origin: str | Mapping[str, str]) -> None:
        for name, text in properties.items():
            static[name] = text
            origins[name] = origin if isinstance(origin, str) else origin[name]

    lay(profile_properties(profile), f"profile {profile}")
    lay(file[1], file[0])
    variables = read_environment(environment)
    lay(variables.properties, variables.variables)
    lay(dict(_override(text) for text in overrides), "--override")
    for name, other in (("node.id", "broker.id"), ("broker.id", "node.id")):
        if other in static and name not in static:  # Kafka's populateSynonyms
            lay({name: static[other]}, origins[other])
    config = Config(static, origins, remarks=_remarks(variables.ignored))
    if port is None:
        return config
    lay(replace_port(config, port), "--port")
    return Config(static, origins, remarks=config.remarks)


def validate_broker_config(name: str, text: str, *, per_broker: bool) -> Value:
    """Give the value of a broker property that a client wants to set at run time.

    `per_broker` tells a change for one broker from one for all. Raises ConfigError with
    INVALID_REQUEST, as Kafka's ConfigAdminManager, when the property is unknown, wrong, read-only
    or for one broker only, or when it names code or a place (see `names_code_or_place`).
    """
    try:
        row = broker_property(name)
        value = row.parse(text) if row is not None else None
    except ConfigError as fault:
        raise ConfigError(fault.message, ErrorCode.INVALID_REQUEST) from None
    refusal = None
    if row is None or row.update is Update.READ_ONLY or names_code_or_place(row):
        refusal = (
            f"{shortened(name)} cannot be changed while the broker runs;"
            " write it in the broker's properties file and restart it"
        )
    elif row.update is Update.PER_BROKER and not per_broker:
        refusal = f"{name} is each broker's own; name the broker's id as the resource"
    if refusal is not None:
        raise ConfigError(refusal, ErrorCode.INVALID_REQUEST)
    return value


def _override(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"--override {text} is not name=value; write --override {text}=VALUE")
    return name.strip(), value.strip()


def _remarks(ignored: tuple[str, ...]) -> tuple[str, ...]:
    if not ignored:
        return ()
    return (f"environment variables that are no property are ignored: {', '.join(ignored)}",)
