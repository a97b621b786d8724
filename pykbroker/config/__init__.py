"""THE table of properties: names, types, defaults, ranges and words, and the values in force.

Names are Kafka's, verbatim. Nothing else in the project knows a property's default or reads a
properties file; a package receives its own small frozen dataclass.
"""

from pykbroker.config.check import Value
from pykbroker.config.describe import (
    Entry,
    Source,
    Synonym,
    created_topic,
    describe_broker,
    describe_broker_default,
    describe_group,
    describe_topic,
)
from pykbroker.config.group_overrides import effective_group_config, validate_group_configs
from pykbroker.config.java_properties import parse_properties
from pykbroker.config.layers import Config, load, validate_broker_config
from pykbroker.config.listeners import AUTO, Address, Listener, Listeners, read_listeners
from pykbroker.config.profiles import DEFAULT_PROFILE, PROFILES
from pykbroker.config.property import ConfigError, Kind, Property, Update
from pykbroker.config.settings import (
    DataDirectories,
    Settings,
    data_directories,
    start_notices,
)
from pykbroker.config.table import GROUP_PROPERTIES, PROPERTIES, TOPIC_PROPERTIES
from pykbroker.config.topic import (
    effective_topic_config,
    validate_topic_config,
    validate_topic_configs,
)

__all__ = [
    "AUTO",
    "DEFAULT_PROFILE",
    "GROUP_PROPERTIES",
    "PROFILES",
    "PROPERTIES",
    "TOPIC_PROPERTIES",
    "Address",
    "Config",
    "ConfigError",
    "DataDirectories",
    "Entry",
    "Kind",
    "Listener",
    "Listeners",
    "Property",
    "Settings",
    "Source",
    "Synonym",
    "Update",
    "Value",
    "created_topic",
    "data_directories",
    "describe_broker",
    "describe_broker_default",
    "describe_group",
    "describe_topic",
    "effective_group_config",
    "effective_topic_config",
    "load",
    "parse_properties",
    "read_listeners",
    "start_notices",
    "validate_broker_config",
    "validate_group_configs",
    "validate_topic_config",
    "validate_topic_configs",
]
