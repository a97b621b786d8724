"""`python -m benchmarks.mock_cluster`: librdkafka's mock cluster, alone in a process.

A producer that produces nothing owns it. Ends when killed, or when its parent is gone.
"""

from __future__ import annotations

import os
import time

from confluent_kafka import Producer

POLL_SECONDS = 1


def start() -> tuple[Producer, str]:
    """Start a cluster of one broker; give its owner and its address, host:port."""
    producer = Producer(
        {
            "bootstrap.servers": "127.0.0.1:1",  # replaced by the mock cluster's
            "test.mock.num.brokers": 1,
            "log_level": 0,
        }
    )
    broker = next(iter(producer.list_topics(timeout=10).brokers.values()))
    return producer, f"{broker.host}:{broker.port}"


def main() -> None:
    """Start the cluster, tell its address, and wait to be killed."""
    producer, address = start()
    parent = os.getppid()
    print(f"mock ready: {address}", flush=True)
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    del producer


if __name__ == "__main__":
    main()
