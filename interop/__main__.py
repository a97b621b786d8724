"""`python -m interop`: every client writes a text with every codec and finds it again.

Each client creates a topic for each codec and produces the text; the broker is stopped by SIGTERM
and started again, everything is read by partition, by offset and by timestamp; then the same after
SIGKILL. Prints a matrix; exits with 1 where a cell failed.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from interop.client import CODECS, InteropClient
from interop.process import BrokerProcess
from interop.text import PARTITIONS, TextRecord, of_partition, text_records

RECORDS = 100_000
LOOK_UPS = 3


@dataclass(frozen=True)
class Written:
    """One topic as a client wrote it."""

    client: InteropClient
    topic: str
    records: list[TextRecord]


def main() -> int:
    options = _options()
    clients = [client for client in _clients() if client.name in options.clients]
    cells: dict[tuple[str, str], str] = {}
    with tempfile.TemporaryDirectory() as directory:
        broker = BrokerProcess(Path(directory) / "data")
        broker.start()
        try:
            _run(broker, clients, options.records, cells)
        finally:
            broker.stop()
    _print_matrix(clients, cells, options.records)
    return int(any(cell.startswith("FAILED") for cell in cells.values()))


def _run(
    broker: BrokerProcess,
    clients: Sequence[InteropClient],
    number: int,
    cells: dict[tuple[str, str], str],
) -> None:
    written = []
    for client in clients:
        for codec in CODECS:
            topic = f"{client.name}-{codec}"
            records = text_records(number)

            def write(client: InteropClient = client, topic: str = topic, codec: str = codec,
                      records: list[TextRecord] = records) -> None:  # fmt: skip
                client.create_topic(broker.bootstrap_servers, topic, PARTITIONS)
                client.produce(broker.bootstrap_servers, topic, codec, records)

            if _cell(cells, client.name, f"write {codec}", write):
                written.append(Written(client, topic, records))
    for number_of_signal in (signal.SIGTERM, signal.SIGKILL):
        broker.restart(number_of_signal)
        for each in written:
            column = f"read {each.topic.rpartition('-')[2]}"
            _cell(
                cells,
                each.client.name,
                f"{column} after {number_of_signal.name}",
                lambda each=each: _check(broker.bootstrap_servers, each),  # type: ignore[misc]
            )


def _check(servers: str, written: Written) -> None:
    """Read a topic by partition, by offset and by timestamp; raise AssertionError if it differs."""
    client, topic = written.client, written.topic
    for partition in range(PARTITIONS):
        wanted = of_partition(written.records, partition)
        found = client.read(servers, topic, partition, 0, len(wanted))
        assert len(found) == len(wanted), f"{len(found)} of {len(wanted)} records"
        if client.sets_timestamps:
            assert found == wanted, f"partition {partition} differs"
        else:
            texts = [(record.key, record.value) for record in found]
            assert texts == [(record.key, record.value) for record in wanted]
            assert all(r.headers[1] == ("partition", b"%d" % partition) for r in found)
        step = max(len(wanted) // LOOK_UPS, 1)
        for offset in range(step // 2, len(wanted), step):
            assert client.read(servers, topic, partition, offset, 1) == found[offset : offset + 1]
            timestamp = found[offset].timestamp_ms
            first = next(n for n, record in enumerate(found) if record.timestamp_ms >= timestamp)
            assert client.offset_at(servers, topic, partition, timestamp) == first


def _cell(
    cells: dict[tuple[str, str], str], client: str, column: str, work: Callable[[], None]
) -> bool:
    began = time.monotonic()
    try:
        work()
    except Exception as fault:  # noqa: BLE001 - a cell of the matrix says what went wrong
        traceback.print_exc()
        cells[client, column] = f"FAILED: {fault}"
    else:
        cells[client, column] = f"ok {time.monotonic() - began:5.1f} s"
    print(f"{client:16} {column:28} {cells[client, column]}", flush=True)
    return cells[client, column].startswith("ok")


def _print_matrix(
    clients: Sequence[InteropClient], cells: dict[tuple[str, str], str], number: int
) -> None:
    print(f"\n{number} records of a text for each client and codec, in {PARTITIONS} partitions\n")
    columns = list(dict.fromkeys(column for _, column in cells))
    for client in clients:
        mine = [cells.get((client.name, column), "missing") for column in columns]
        good = sum(cell.startswith("ok") for cell in mine)
        print(f"{client.name:16} {client.version():40} {good} of {len(columns)} ok")


def _clients() -> list[InteropClient]:
    from interop.aiokafka_client import Aiokafka
    from interop.confluent_client import Confluent
    from interop.kafka_python_client import KafkaPython

    clients: list[InteropClient] = [KafkaPython(), Confluent(), Aiokafka()]
    if shutil.which("kcat"):
        from interop.kcat_client import Kcat

        clients.append(Kcat())
    return clients


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m interop", description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS, help="per client and codec")
    names = ["kafka-python", "confluent-kafka", "aiokafka", "kcat"]
    parser.add_argument("--clients", nargs="+", default=names, choices=names)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
