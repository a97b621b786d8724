"""What may be configured at run time, as the table of properties has it (`ConfigSchema`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pykbroker.config import (
    GROUP_PROPERTIES,
    PROPERTIES,
    TOPIC_PROPERTIES,
    Config,
    ConfigError,
    Kind,
    Property,
    effective_group_config,
    effective_topic_config,
    validate_broker_config,
    validate_group_configs,
    validate_topic_configs,
)
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.keys import ConfigType

_TABLES: Mapping[ConfigType, Mapping[str, Property]] = {
    ConfigType.TOPIC: TOPIC_PROPERTIES,
    ConfigType.BROKER: PROPERTIES,
    ConfigType.GROUP: GROUP_PROPERTIES,
}


class TableSchema:
    """The table of properties under the broker's present config."""

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config

    def is_list(self, kind: ConfigType, name: str) -> bool:
        """Tell whether the key exists and its value is a list."""
        row = _TABLES.get(kind, {}).get(name)
        return row is not None and row.kind is Kind.LIST

    def default_text(self, kind: ConfigType, name: str) -> str | None:
        """Give what the key is where nobody overrides it, as text."""
        row = _TABLES[kind][name]
        if kind is ConfigType.TOPIC:
            return row.render(effective_topic_config({}, self._config())[name])
        if kind is ConfigType.GROUP:
            return row.render(effective_group_config({}, self._config())[name])
        return row.render(self._config()[name])

    def check(self, kind: ConfigType, name: str, overrides: Mapping[str, str]) -> None:
        """Raise INVALID_CONFIG for a topic's or a group's overrides that cannot be.

        Raises INVALID_REQUEST for a broker's, and for resources of other kinds, which have nothing
        to configure here.
        """
        if kind is ConfigType.TOPIC:
            validate_topic_configs(overrides, self._config())
        elif kind is ConfigType.BROKER:
            self._check_broker(name, overrides)
        elif kind is ConfigType.GROUP:
            validate_group_configs(overrides, self._config())
        else:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"configuration of {kind} resources is not served; topics, groups and brokers have"
                " some",
            )

    def _check_broker(self, name: str, overrides: Mapping[str, str]) -> None:
        for key, text in overrides.items():
            validate_broker_config(key, text, per_broker=bool(name))
        config = self._config()
        try:
            if name:
                config.with_dynamic(default=config.dynamic_default, broker=overrides)
            else:
                config.with_dynamic(default=overrides, broker=config.dynamic_broker)
        except ConfigError as fault:
            raise KafkaError(ErrorCode.INVALID_REQUEST, fault.message) from fault
