"""What a broker is started with, and what its log says about that first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pykbroker.config.layers import Config
from pykbroker.config.listeners import read_listeners
from pykbroker.config.property import ConfigError
from pykbroker.config.table import DEFAULTS, PROPERTIES


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the command line decides about a broker."""

    config: Config
    data_dir: str | None
    """Where the logs and the metadata are; None keeps all in memory."""
    ready_file: str | None
    """The file that gets the addresses when the broker is ready."""


def data_dir(config: Config) -> str:
    """Give the directory that log.dirs or log.dir names; raise ConfigError when there are two."""
    directories = config.items("log.dirs") or config.items("log.dir")
    if len(directories) != 1:
        raise ConfigError(
            f"log.dirs={','.join(directories)} names {len(directories)} directories, and one is"
            f" served; write log.dirs={directories[0]}"
        )
    return directories[0]


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
