"""`python -m benchmarks.in_process OURS|MOCK`: how long a broker takes to start where tests run it.

Prints milliseconds from the call that starts it to the first acknowledged record, imports done: the
first start of the process and the median of later ones.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from statistics import median

from benchmarks.client import Client
from benchmarks.requests import batch_of, check_one_produced, make_topic, produce_frame

LATER_STARTS = 5


@contextmanager
def ours() -> Iterator[str]:
    """Run this project's broker in memory."""
    from pykbroker.testing import Broker

    with Broker(num_partitions=4) as broker:
        yield broker.bootstrap_servers


@contextmanager
def mock() -> Iterator[str]:
    """Run librdkafka's mock cluster."""
    from benchmarks.mock_cluster import start

    producer, address = start()
    yield address
    del producer


def main(kind: str) -> None:
    """Start, produce one record, stop; a few times."""
    run: Callable[[], AbstractContextManager[str]]
    if kind == "ours":
        import pykbroker.broker  # noqa: F401 - its import is not part of the start

        run = ours
    else:
        import benchmarks.mock_cluster  # noqa: F401 - nor is its

        run = mock
    frame = produce_frame("started", batch_of(records=1, value_bytes=100))
    times = []
    for _ in range(1 + LATER_STARTS):
        begin = time.perf_counter()
        with run() as address:
            host, _, port = address.rpartition(":")
            with Client((host, int(port))) as client:
                make_topic(client, "started")
                client.socket.sendall(frame)
                check_one_produced(client.receive())
            times.append((time.perf_counter() - begin) * 1000)
    print(times[0], median(times[1:]))


if __name__ == "__main__":
    main(sys.argv[1])
