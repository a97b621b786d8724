"""A broker for your tests: in this process, in memory, ready in a blink, gone without a trace.

    from pykbroker.testing import Broker

    with Broker(num_partitions=3) as broker:
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers)

With pytest, the fixture `kafka_broker` gives one to a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pykbroker.testing.broker import Broker, BrokerError

__all__ = ["Broker", "BrokerError"]


def __getattr__(name: str) -> object:
    """Import the broker when it is first asked for: pytest loads the plugin in every suite."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pykbroker.testing import broker

    return getattr(broker, name)
