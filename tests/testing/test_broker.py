"""The broker that users start in their tests: what it keeps, what it leaves, what it tells."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from pykbroker.config import ConfigError
from pykbroker.testing import Broker, BrokerError
from pykbroker.testing import broker as module
from pykbroker.wire.messages.describe_configs import DescribeConfigs
from pykbroker.wire.messages.fetch import Fetch
from pykbroker.wire.messages.metadata import Metadata
from tests.api.requests import create_topic, fetch_one, produce
from tests.kafka_client import Client

DESCRIPTORS = Path("/proc/self/fd")
STOP_SECONDS = 1


def describe(client: Client, *names: str) -> list[str]:
    """Give the values of broker properties."""
    resource = {"resource_type": 4, "resource_name": "1", "configuration_keys": list(names)}
    answer = client.call(DescribeConfigs, {"resources": [resource]})
    found = {config.name: config.value for config in answer.results[0].configs}
    return [found[name] for name in names]


def topics(client: Client) -> list[str]:
    return [topic.name for topic in client.call(Metadata, {"topics": None}).topics]


def traces() -> tuple[set[str], set[str]]:
    """Give the threads and the open descriptors of this process."""
    descriptors = set()
    for path in DESCRIPTORS.iterdir():
        try:
            descriptors.add(f"{path.name} {path.readlink()}")
        except FileNotFoundError:  # the one that lists them
            continue
    return {thread.name for thread in threading.enumerate()}, descriptors


def test_a_broker_is_ready_when_the_block_begins() -> None:
    with Broker() as broker, Client(broker.bootstrap_servers) as client:
        create_topic(client, "words")

        assert produce(client, "words") == 0


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="descriptors are not listed here")
@pytest.mark.parametrize("durable", [False, True])
def test_a_broker_is_gone_without_a_trace(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], *, durable: bool
) -> None:
    data = tmp_path / "data" if durable else None
    with Broker(data_dir=data):  # what the first one imports and starts stays
        pass
    before = traces()

    with Broker(data_dir=data) as broker:
        for _ in range(3):
            with Client(broker.bootstrap_servers) as client:
                create_topic(client, f"words-{client.socket.getsockname()[1]}", partitions=3)
        lost = Client(broker.bootstrap_servers)
        assert traces() != before

    lost.socket.close()
    settled = time.monotonic() + 10  # idle worker threads live on for that long
    while traces()[0] != before[0] and time.monotonic() < settled:
        time.sleep(0.01)
    assert traces()[1] == before[1]
    assert {name for name in traces()[0] if "pykbroker" in name} == set()
    assert list(tmp_path.iterdir()) == ([data] if durable else [])
    assert capfd.readouterr() == ("", "")


def test_in_memory_a_stopped_broker_comes_back_empty_on_its_port() -> None:
    broker = Broker()
    broker.start()
    first = broker.bootstrap_servers
    with Client(first) as client:
        create_topic(client, "words")
    broker.stop()

    broker.start()

    try:
        assert broker.bootstrap_servers == first == f"127.0.0.1:{broker.port}"
        with Client(first) as client:
            assert topics(client) == []
    finally:
        broker.stop()


def test_with_a_data_directory_a_stopped_broker_comes_back_with_its_data(tmp_path: Path) -> None:
    broker = Broker(data_dir=tmp_path)
    with broker, Client(broker.bootstrap_servers) as client:
        first = broker.bootstrap_servers
        create_topic(client, "words")
        produce(client, "words", values=[b"kept"])

    with broker, Client(first) as client:
        assert b"kept" in bytes(fetch_one(client, "words").records)
        assert produce(client, "words") == 1
    with Broker(data_dir=tmp_path) as other, Client(other.bootstrap_servers) as client:
        assert topics(client) == ["words"]
        assert fetch_one(client, "words").high_watermark == 2


def test_properties_are_taken_by_keyword_and_verbatim() -> None:
    properties: dict[str, object] = {
        "message.max.bytes": 2_000_000,
        "log.cleanup.policy": ["compact", "delete"],
    }
    names = (
        "num.partitions",
        "message.max.bytes",
        "log.cleanup.policy",
        "auto.create.topics.enable",
    )

    with (
        Broker(num_partitions=3, auto_create_topics_enable=False, properties=properties) as broker,
        Client(broker.bootstrap_servers) as client,
    ):
        assert describe(client, *names) == ["3", "2000000", "compact,delete", "false"]


def test_the_data_directory_is_shown_in_the_properties(tmp_path: Path) -> None:
    with Broker(data_dir=tmp_path) as broker, Client(broker.bootstrap_servers) as client:
        assert describe(client, "log.dirs") == [str(tmp_path)]


def test_the_profile_is_that_of_tests_unless_another_is_asked_for() -> None:
    with Broker() as broker, Client(broker.bootstrap_servers) as client:
        assert describe(client, "offsets.topic.num.partitions") == ["1"]
    with Broker(profile="kafka") as broker, Client(broker.bootstrap_servers) as client:
        assert describe(client, "offsets.topic.num.partitions") == ["50"]


def test_several_listeners_are_all_told() -> None:
    broker = Broker(
        listeners=["ONE://127.0.0.1:0", "TWO://localhost:0"],
        listener_security_protocol_map="ONE:PLAINTEXT,TWO:PLAINTEXT",
        inter_broker_listener_name="ONE",
    )

    with broker:
        first, *others = broker.bootstrap_servers.split(",")
        assert first == f"127.0.0.1:{broker.port}"
        assert others
        for address in (first, *others):
            with Client(address.replace("[", "").replace("]", "")) as client:
                assert topics(client) == []


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: Broker(num_partition=3),
            "Broker: num.partition is not a broker property; did you mean num.partitions?",
        ),
        (
            lambda: Broker(num_partitions="three"),
            (
                "Broker: num.partitions=three is not a whole number;"
                " write, for example, num.partitions=1"
            ),
        ),
        (
            lambda: Broker(listeners="PLAINTEXT://0.0.0.0:0"),
            (
                "listener PLAINTEXT://0.0.0.0:0 would let anyone who reaches this machine read and"
                " write without a password; write 127.0.0.1, or"
                " pykbroker.allow.open.plaintext=true if that is what you want"
            ),
        ),
    ],
)
def test_a_wrong_property_is_refused_with_what_to_write(
    make: Callable[[], Broker], sentence: str
) -> None:
    broker = make()

    with pytest.raises(ConfigError) as refused:
        broker.start()

    assert refused.value.message == sentence


def test_an_address_in_use_is_refused_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        broker = Broker(port=port)

        with pytest.raises(BrokerError) as refused:
            broker.start()

        assert str(refused.value) == (
            f"the broker did not start: listener PLAINTEXT cannot listen at 127.0.0.1:{port}"
            " (Address already in use); stop what listens there or choose another port"
        )
    with broker:  # the port is free now
        assert broker.bootstrap_servers == f"127.0.0.1:{port}"


def test_a_broker_that_runs_cannot_be_started_again() -> None:
    with Broker() as broker, pytest.raises(BrokerError, match="running already"):
        broker.start()


def test_a_broker_that_does_not_run_has_no_address_and_stops_at_no_cost() -> None:
    broker = Broker()

    broker.stop()

    assert broker.port == 0
    with pytest.raises(BrokerError, match=r"not running; call start\(\) or use it in `with`"):
        _ = broker.bootstrap_servers


def test_a_broker_that_ended_by_itself_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    async def serve(*_: object, ready: Callable[[object], None], **__: object) -> None:
        ready([("127.0.0.1", 9092)])
        await trio.to_thread.run_sync(ended.wait)
        raise ExceptionGroup("", [OSError(5, "Input/output error")])

    monkeypatch.setattr(module, "serve", serve)
    broker = Broker()
    broker.start()
    assert broker.bootstrap_servers == "127.0.0.1:9092"
    ended.set()
    while broker._failure is None:
        time.sleep(0.001)

    told = r"^the broker ended by itself: \[Errno 5\] Input/output error$"
    with pytest.raises(BrokerError, match=told):
        _ = broker.bootstrap_servers
    with pytest.raises(BrokerError, match=told) as failed:
        broker.stop()

    assert isinstance(failed.value.__cause__, OSError)
    broker.stop()  # told once


def test_stopping_waits_for_no_consumer() -> None:
    with Broker() as broker, Client(broker.bootstrap_servers) as consumer:
        create_topic(consumer, "silence")
        wanted = {"topic": "silence", "partitions": [{"partition": 0, "partition_max_bytes": 9}]}
        waiting = {"max_wait_ms": 60_000, "min_bytes": 1, "max_bytes": 9, "session_epoch": -1}
        with Client(broker.bootstrap_servers) as idle:
            consumer.send(Fetch, waiting | {"topics": [wanted]}, version=12)
            began = time.monotonic()

            broker.stop()

            assert time.monotonic() - began < STOP_SECONDS
            assert consumer.receive(Fetch, version=12).responses[0].partitions[0].error_code == 0
            assert consumer.is_closed_by_broker()
            assert idle.is_closed_by_broker()


def test_brokers_run_side_by_side() -> None:
    with Broker() as one, Broker() as two, Client(one.bootstrap_servers) as client:
        create_topic(client, "words")

        with Client(two.bootstrap_servers) as other:
            assert topics(other) == []
        assert topics(client) == ["words"]
