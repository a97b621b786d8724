"""The properties in force: what the broker was started with, under what clients set since.

Dynamic layers come from the image (resource type broker, named by id or "" for all brokers), so
that a change made anywhere holds here as soon as its image is applied.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pykbroker.config import Config, ConfigError, effective_topic_config
from pykbroker.metadata.keys import ConfigType
from pykbroker.storage.log_config import LogConfig

if TYPE_CHECKING:
    from pykbroker.metadata.image import ClusterImage

log = logging.getLogger("pykbroker.replication")

ALL_BROKERS = ""


class LiveSettings:
    """The broker's properties as they are now, and what topics make of them."""

    def __init__(self, config: Config, *, node_id: int) -> None:
        self.config = config
        self._node_id = str(node_id)

    def follow(self, image: ClusterImage) -> bool:
        """Take over the dynamic layers of `image`; tell whether anything changed.

        Layers that do not go with the static one, which a restart may have changed, or with each
        other have no effect and are told of, as in Kafka's DynamicBrokerConfig.
        """
        default = image.config(ConfigType.BROKER, ALL_BROKERS)
        broker = image.config(ConfigType.BROKER, self._node_id)
        before = self.config
        if before.dynamic_default == default and before.dynamic_broker == broker:
            return False
        try:
            self.config = before.with_dynamic(default=default, broker=broker)
        except ConfigError as fault:
            log.warning("properties set at run time have no effect, mend them: %s", fault)
            return False
        return True

    def log_config(self, overrides: Mapping[str, str]) -> LogConfig:
        """Give the configuration of the logs of a topic that sets `overrides`."""
        return LogConfig.from_properties(effective_topic_config(overrides, self.config))
