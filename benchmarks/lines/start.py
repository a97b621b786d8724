"""From nothing to the first acknowledged record: a process of its own, or a thread of this one."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.client import Client
from benchmarks.line import Sample, Scale
from benchmarks.peers import MOCK, Started, clean_environment
from benchmarks.requests import (
    batch_of,
    check_one_produced,
    make_topic,
    produce_frame,
)


def first_acknowledged(started: Started, topic: str, _scale: Scale) -> Sample:
    """Give ms from the spawn of the process to the first acknowledged record of a new topic."""
    with Client(started.address) as client:
        make_topic(client, topic)
        client.socket.sendall(produce_frame(topic, batch_of(records=1, value_bytes=100)))
        check_one_produced(client.receive())
        milliseconds = (time.perf_counter() - started.process.began) * 1000
    return Sample({"start.process": milliseconds})


def in_process(peer: str) -> Sample:
    """Give ms of a start within a process, its imports done: the first, and later ones."""
    kind = "mock" if peer == MOCK else "ours"
    command = [sys.executable, "-m", "benchmarks.in_process", kind]
    told = subprocess.run(
        command, env=clean_environment(), check=True, capture_output=True, text=True
    ).stdout.split()
    return Sample({"start.first": float(told[0]), "start.later": float(told[1])})
