from __future__ import annotations

import pytest

from pykbroker.config import (
    Address,
    Config,
    DataDirectories,
    Listener,
    data_directories,
    load,
    parse_properties,
    read_listeners,
    start_notices,
)

COMBINED = """
# What a node of Kafka that is broker and controller is given.
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,\\
    SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
log.dirs=/var/lib/kraft-combined-logs
num.partitions=1
num.recovery.threads.per.data.dir=2
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
#log.flush.interval.messages=10000
log.retention.hours=168
#log.retention.bytes=1073741824
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
"""

BROKER_ONLY = """
process.roles=broker
node.id=2
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://localhost:9092
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092
controller.listener.names=CONTROLLER
log.dirs=/var/lib/kraft-broker-logs
group.initial.rebalance.delay.ms=0
"""


def of(text: str) -> Config:
    return load(file=("server.properties", parse_properties(text, source="server.properties")))


def test_a_combined_nodes_file_starts_unchanged() -> None:
    config = of(COMBINED)

    assert read_listeners(config).listeners == (
        Listener(
            "PLAINTEXT", "PLAINTEXT", "127.0.0.1", 9092, advertised=Address("localhost", 9092)
        ),
    )
    assert data_directories(config) == DataDirectories(
        ("/var/lib/kraft-combined-logs",), "/var/lib/kraft-combined-logs"
    )
    assert [notice.split()[:2] for notice in start_notices(config)] == [
        ["listener", "PLAINTEXT"],
        ["controller", "listener"],
        ["accepted,", "not"],
    ]


def test_a_brokers_file_starts_unchanged() -> None:
    config = of(BROKER_ONLY)

    assert config["node.id"] == 2
    assert start_notices(config) == ()


def test_the_variables_of_a_container_start_unchanged() -> None:
    config = load(
        environment={
            "CLUSTER_ID": "4L6g3nShT-eMCtK--X86sw",
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,"
            "PLAINTEXT_HOST:PLAINTEXT",
            "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT_HOST://localhost:9092,"
            "PLAINTEXT://broker:19092",
            "KAFKA_LISTENERS": "CONTROLLER://:29093,PLAINTEXT_HOST://:9092,PLAINTEXT://:19092",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@broker:29093",
            "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_HEAP_OPTS": "-Xmx1G",
        }
    )

    assert [listener.name for listener in read_listeners(config).listeners] == [
        "PLAINTEXT_HOST",
        "PLAINTEXT",
    ]
    assert config.remarks == ()


def test_several_voters_are_told_that_this_is_a_cluster_of_its_own() -> None:
    config = Config({"controller.quorum.voters": "1@a:1,2@b:1,3@c:1"})

    assert start_notices(config) == (
        "controller.quorum.voters names 3 nodes, but this broker is a cluster of its own",
    )


def test_what_has_no_effect_is_told_unless_a_profile_set_it_or_it_is_the_default() -> None:
    config = load(
        profile="test",
        overrides=["num.io.threads=9", "num.network.threads=3", "super.users=User:a"],
    )

    assert start_notices(config) == (
        "accepted, not acted upon yet: num.io.threads",
        "accepted, never read: super.users",
    )


def test_listeners_own_properties_are_told_to_have_no_effect() -> None:
    config = Config({"listener.name.plaintext.ssl.client.auth": "required"})

    assert start_notices(config) == (
        "accepted, never read: listener.name.plaintext.ssl.client.auth",
    )


@pytest.mark.parametrize(
    ("static", "log_dirs"),
    [
        ({}, ("data",)),
        ({"log.dir": "/a"}, ("/a",)),
        ({"log.dir": "/a", "log.dirs": "/b"}, ("/b",)),
        ({"log.dirs": "/b,/a"}, ("/b", "/a")),
        ({"log.dir": "/c,/a"}, ("/c", "/a")),
    ],
)
def test_the_logs_are_in_log_dirs_else_in_log_dir(
    static: dict[str, str], log_dirs: tuple[str, ...]
) -> None:
    assert data_directories(Config(static)) == DataDirectories(log_dirs, log_dirs[0])


def test_the_metadata_is_where_its_own_property_says() -> None:
    config = Config({"log.dirs": "/a,/b", "metadata.log.dir": "/c"})

    assert data_directories(config) == DataDirectories(("/a", "/b"), "/c")
