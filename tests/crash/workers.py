"""Clients that work on a broker, each on a connection of its own, until the broker is gone."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.crash.workload import Task
from tests.kafka_client import Client
from tests.processes import BrokerProcess


class Worker(threading.Thread):
    """Repeats a task's step on a connection of its own until the broker is gone."""

    def __init__(self, task: Task, address: str) -> None:
        super().__init__(daemon=True)
        self.task = task
        self.address = address
        self.fault: Exception | None = None
        self.is_stopping = False

    def run(self) -> None:
        try:
            with Client(self.address) as client:
                while not self.is_stopping:
                    self.task.step(client)
        except (EOFError, OSError):
            pass
        except Exception as fault:  # noqa: BLE001 - raised again by who joins
            self.fault = fault


@contextmanager
def working(tasks: Sequence[Task], address: str) -> Iterator[list[Worker]]:
    """Let every task work; the block ends the broker, or fails. Raises what a task raised."""
    workers = [Worker(task, address) for task in tasks]
    for worker in workers:
        worker.start()
    try:
        yield workers
    except BaseException:
        for worker in workers:
            worker.is_stopping = True
        raise
    finally:
        for worker in workers:
            worker.join()
    for worker in workers:
        if worker.fault is not None:
            raise worker.fault


def work_until_it_dies(
    broker: BrokerProcess, tasks: Sequence[Task], seconds: float, number: signal.Signals
) -> None:
    """Let every task work for a while, then end the broker by a signal."""
    with working(tasks, broker.addresses[0]) as workers:
        time.sleep(seconds)
        gave_up = [worker.task for worker in workers if not worker.is_alive()]
        broker.stop(number)
    assert gave_up == []
