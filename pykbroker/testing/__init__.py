"""A broker for your tests: in this process, in memory, ready in a blink, gone without a trace.

    from pykbroker.testing import Broker

    with Broker(num_partitions=3) as broker:
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers)

With pytest, the fixture `kafka_broker` gives one to a test.
"""

from pykbroker.testing.broker import Broker, BrokerError

__all__ = ["Broker", "BrokerError"]
