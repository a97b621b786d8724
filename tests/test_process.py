"""The broker as a process of its own: the ready line, signals, exit statuses, what it refuses."""

from __future__ import annotations

import gc
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trio

from pykbroker import process
from pykbroker.broker import Ready
from pykbroker.config import Settings, load
from pykbroker.disk import StartError
from pykbroker.storage.checkpoint import CLEAN_SHUTDOWN_FILE
from pykbroker.wire.messages.fetch import Fetch
from pykbroker.wire.messages.metadata import Metadata
from tests.addresses import several_loopback_addresses
from tests.api.requests import create_topic, fetch_one, produce
from tests.kafka_client import Client
from tests.processes import BrokerProcess, popen

STOP_SECONDS = 5

Run = Callable[..., BrokerProcess]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts broker processes on free ports; whatever still runs after the test is killed."""
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(
            BrokerProcess("--port", "0", *options, log=tmp_path / "log")
        )


def refused(tmp_path: Path, *options: str) -> tuple[int, str, str]:
    """Start a broker that cannot start; give exit status, stdout and the last of stderr."""
    log = tmp_path / "refused"
    started = popen(*options, "--log-level", "warning", log=log)
    written, _ = started.communicate(timeout=STOP_SECONDS)
    return started.returncode, written, log.read_text()


def test_one_line_tells_when_it_is_ready_and_stopping_adds_none(run: Run) -> None:
    broker = run("--memory")

    with Client(broker.bootstrap_servers) as client:
        assert client.call(Metadata, {"topics": []}).controller_id == 1

    assert broker.stop() == (0, "")


@several_loopback_addresses
def test_the_ready_file_gets_the_addresses_of_all_listeners(run: Run, tmp_path: Path) -> None:
    listeners = "listeners=ONE://127.0.0.1:0,TWO://127.0.0.2:0"
    names = "listener.security.protocol.map=ONE:PLAINTEXT,TWO:PLAINTEXT"
    broker = BrokerProcess(
        *("--memory", "--ready-file", str(tmp_path / "ready"), "--override", listeners),
        *("--override", names, "--override", "inter.broker.listener.name=ONE"),
        log=tmp_path / "log",
    )

    with broker:
        assert (tmp_path / "ready").read_text() == broker.bootstrap_servers + "\n"
        assert [address.split(":")[0] for address in broker.addresses] == ["127.0.0.1", "127.0.0.2"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_time_while_a_consumer_waits_and_a_producer_writes(
    run: Run, tmp_path: Path, number: signal.Signals
) -> None:
    data = tmp_path / "data"
    broker = run("--data-dir", str(data))
    acknowledged: list[int] = []

    def write(client: Client) -> None:
        try:
            while True:
                acknowledged.append(produce(client, "words"))
        except (EOFError, OSError):
            pass

    with (
        Client(broker.bootstrap_servers) as consumer,
        Client(broker.bootstrap_servers) as producer,
    ):
        create_topic(consumer, "words")
        create_topic(consumer, "silence")
        wanted = {"topic": "silence", "partitions": [{"partition": 0, "partition_max_bytes": 9}]}
        waiting = {"max_wait_ms": 60_000, "min_bytes": 1, "max_bytes": 9, "session_epoch": -1}
        consumer.send(Fetch, waiting | {"topics": [wanted]}, version=12)
        writer = threading.Thread(target=write, args=(producer,))
        writer.start()
        while len(acknowledged) < 10:
            time.sleep(0.001)
        began = time.monotonic()

        status, _ = broker.stop(number)

        assert time.monotonic() - began < STOP_SECONDS
        assert status == 0
        (partition,) = consumer.receive(Fetch, version=12).responses[0].partitions
        assert (partition.error_code, len(partition.records)) == (0, 0)
        assert consumer.is_closed_by_broker()
        writer.join()
    assert (data / CLEAN_SHUTDOWN_FILE).exists()
    assert acknowledged == list(range(len(acknowledged)))
    with Client(run("--data-dir", str(data)).bootstrap_servers) as client:
        assert fetch_one(client, "words").high_watermark >= len(acknowledged)


def ask_and_take_nothing(client: Client) -> None:
    """Ask for more than the sockets hold, so that the answer keeps the broker waiting."""
    create_topic(client, "large")
    for _ in range(8):
        produce(client, "large", values=[bytes(1_000_000)])
    wanted = {"topic": "large", "partitions": [{"partition": 0, "partition_max_bytes": 1 << 30}]}
    for _ in range(8):
        request = {"max_bytes": 1 << 30, "session_epoch": -1, "topics": [wanted]}
        client.send(Fetch, request, version=12)


def test_a_client_that_takes_nothing_does_not_keep_it_from_stopping_in_order(
    run: Run, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    limit = ("--override", "pykbroker.shutdown.timeout.ms=300")
    broker = run("--data-dir", str(data), *limit)

    with Client(broker.bootstrap_servers) as stuck:
        ask_and_take_nothing(stuck)
        began = time.monotonic()

        assert broker.stop() == (0, "")

    assert 0.3 <= time.monotonic() - began < STOP_SECONDS
    assert (data / CLEAN_SHUTDOWN_FILE).exists()


def test_stopping_leaves_a_second_to_flush_by_default() -> None:
    assert load().integer("pykbroker.shutdown.timeout.ms") / 1000 <= STOP_SECONDS - 1


def test_a_second_signal_ends_it_at_once(run: Run) -> None:
    broker = run("--memory", "--override", "pykbroker.shutdown.timeout.ms=60000")

    with Client(broker.bootstrap_servers) as stuck:
        ask_and_take_nothing(stuck)
        broker.send(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            broker.running.wait(0.3)

        status, _ = broker.stop(signal.SIGTERM)

    assert status == -signal.SIGTERM


def test_a_data_directory_in_use_is_refused(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = run("--data-dir", str(data))

    assert refused(tmp_path, "--data-dir", str(data), "--port", "0") == (
        1,
        "",
        (
            f"pykbroker: cannot start: {data} is in use by another process; stop that one or"
            " choose another log.dirs\n"
        ),
    )
    assert first.stop() == (0, "")


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        assert refused(tmp_path, "--memory", "--port", str(port)) == (
            1,
            "",
            (
                f"pykbroker: cannot start: listener PLAINTEXT cannot listen at 127.0.0.1:{port}"
                " (Address already in use); stop what listens there or choose another port\n"
            ),
        )


def test_the_ready_line_comes_once_and_later_signals_are_the_systems(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def serve(*_: object, stop: trio.Event, ready: Ready) -> None:
        ready([("127.0.0.1", 9092), ("::1", 9093)])
        signal.raise_signal(signal.SIGTERM)
        await stop.wait()

    monkeypatch.setattr(process, "serve", serve)
    before = {number: signal.getsignal(number) for number in process.STOP_SIGNALS}
    try:
        status = process.run(Settings(load(port=0), None, str(tmp_path / "ready")))

        assert status == 0
        assert capsys.readouterr().out == "pykbroker ready: 127.0.0.1:9092,[::1]:9093\n"
        assert (tmp_path / "ready").read_text() == "127.0.0.1:9092,[::1]:9093\n"
        assert [path.name for path in tmp_path.iterdir()] == ["ready"]
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_ready_file_that_cannot_be_written_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nowhere" / "ready"

    assert process.run(Settings(load(port=0), None, str(path))) == 1

    assert capsys.readouterr() == (
        "",
        (
            f"pykbroker: cannot start: --ready-file {path} cannot be written (No such file or"
            " directory); write a path in a directory that exists\n"
        ),
    )


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (StartError("no disk"), "pykbroker: cannot start: no disk\n"),
        (
            OSError(28, "No space left on device"),
            "pykbroker: ended by a fault of the system: [Errno 28] No space left on device\n",
        ),
    ],
)
def test_what_ends_it_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: Exception,
    told: str,
) -> None:
    async def serve(*_: object, **__: object) -> None:
        raise ExceptionGroup("", [fault])

    monkeypatch.setattr(process, "serve", serve)

    assert process.run(Settings(load(port=0), None, None)) == 1

    assert capsys.readouterr() == ("", told)


def test_as_many_files_may_be_open_as_the_system_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    seen = []

    async def serve(*_: object, **__: object) -> None:
        seen.append(resource.getrlimit(resource.RLIMIT_NOFILE))

    monkeypatch.setattr(process, "serve", serve)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    try:
        process.run(Settings(load(port=0), None, None))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert seen == [(hard, hard)]


def test_a_bug_is_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(process, "serve", serve)

    with pytest.raises(ExceptionGroup) as risen:
        process.run(Settings(load(port=0), None, None))

    assert risen.group_contains(ZeroDivisionError)


def test_what_starting_made_is_kept_and_garbage_is_looked_for_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gc.disable()
    try:
        process._tell(None, [("127.0.0.1", 9092)])

        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.enable()
        gc.unfreeze()
    assert capsys.readouterr().out == "pykbroker ready: 127.0.0.1:9092\n"
