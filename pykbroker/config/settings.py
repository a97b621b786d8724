"""What a broker is started with, and what its log says about that first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pykbroker.config.layers import Config
from pykbroker.config.listeners import read_listeners
from pykbroker.config.table import DEFAULTS, PROPERTIES


@dataclass(frozen=True, slots=True)
class DataDirectories:
    """Where a broker keeps what must outlive it."""

    log_dirs: tuple[str, ...]
    """At least one."""
    metadata_dir: str
    """One of `log_dirs`, or another."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the command line decides about a broker."""

    config: Config
    data: DataDirectories | None
    """Where the logs and the metadata are; None keeps all in memory."""
    ready_file: str | None
    """The file that gets the addresses when the broker is ready."""


def data_directories(config: Config) -> DataDirectories:
    """Give the directories that log.dirs, else log.dir, and metadata.log.dir name.

    The metadata is in the first directory of logs where nothing else is said, as in Kafka.
    """
    log_dirs = config.items("log.dirs") or config.items("log.dir")
    return DataDirectories(log_dirs, config.text("metadata.log.dir") or log_dirs[0])


def start_notices(config: Config) -> tuple[str, ...]:
    """Give the sentences for the log about properties that do not do what they say.

    Raises ConfigError when the listeners make no sense.
    """
    return (*config.remarks, *read_listeners(config).notices, *_notices(config))


def _notices(config: Config) -> Iterator[str]:
    unserved = [
        name
        for name in config.static
        if name in PROPERTIES
        and not PROPERTIES[name].served
        and config[name] != DEFAULTS[name]
        and not config.origins.get(name, "").startswith("profile ")
        and not name.startswith("controller.quorum.")
    ]
    if unserved:
        yield f"accepted, not acted upon yet: {', '.join(unserved)}"
    plugins = [name for name in config.static if name not in PROPERTIES]
    if plugins:
        yield f"accepted, never read: {', '.join(plugins)}"
    voters = config.items("controller.quorum.voters")
    if len(voters) > 1:
        yield (
            f"controller.quorum.voters names {len(voters)} nodes, but this broker is a cluster of"
            " its own"
        )
