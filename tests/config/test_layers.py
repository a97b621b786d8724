from __future__ import annotations

import pytest

from pykbroker.config import Config, ConfigError, load, validate_broker_config
from pykbroker.config.listeners import AUTO
from pykbroker.errors import ErrorCode


def test_a_property_that_nobody_set_has_kafkas_default() -> None:
    config = Config()

    assert config.integer("message.max.bytes") == 1048588
    assert config.boolean("auto.create.topics.enable") is True
    assert config.number("log.cleaner.min.cleanable.ratio") == 0.5
    assert config.items("log.cleanup.policy") == ("delete",)
    assert config.text("compression.type") == "producer"
    assert config["log.retention.ms"] is None
    assert config.text("broker.rack") == ""
    assert config.items("log.dirs") == ()


def test_a_property_where_we_differ_has_our_default() -> None:
    config = Config()

    assert config.items("advertised.listeners") == (AUTO,)
    assert config.integer("node.id") == config.integer("broker.id") == 1


def test_a_name_that_is_no_property_is_a_fault_of_the_caller() -> None:
    with pytest.raises(KeyError):
        Config()["num.partition"]


def test_each_layer_wins_over_the_one_before() -> None:
    static = {"message.max.bytes": "1", "log.retention.ms": "1", "log.segment.bytes": "1048576"}
    default = {"message.max.bytes": "2", "log.retention.ms": "2"}
    broker = {"message.max.bytes": "3"}

    config = Config(static).with_dynamic(default=default, broker=broker)

    assert config.integer("log.segment.bytes") == 1048576
    assert config.integer("log.retention.ms") == 2
    assert config.integer("message.max.bytes") == 3


def test_the_later_source_of_static_properties_wins() -> None:
    sources = {
        "offsets.topic.num.partitions": ["profile"],
        "num.partitions": ["profile", "file"],
        "node.id": ["profile", "file", "environment"],
        "compression.type": ["profile", "file", "environment", "override"],
    }

    config = load(
        profile="test",
        file=(
            "server.properties",
            {"num.partitions": "2", "node.id": "2", "compression.type": "gzip"},
        ),
        environment={"KAFKA_NODE_ID": "3", "KAFKA_COMPRESSION_TYPE": "lz4"},
        overrides=["compression.type = zstd"],
    )

    assert {name: config[name] for name in sources} == {
        "offsets.topic.num.partitions": 1,
        "num.partitions": 2,
        "node.id": 3,
        "compression.type": "zstd",
    }
    assert {name: config.origins[name] for name in sources} == {
        "offsets.topic.num.partitions": "profile test",
        "num.partitions": "server.properties",
        "node.id": "KAFKA_NODE_ID",
        "compression.type": "--override",
    }


@pytest.mark.parametrize("name", ["node.id", "broker.id"])
def test_node_id_and_broker_id_are_one(name: str) -> None:
    config = load(overrides=[f"{name}=5"])

    assert config.static == {"node.id": "5", "broker.id": "5"}
    assert config["node.id"] == config["broker.id"] == 5
    assert Config({name: "5"})["node.id"] == Config({name: "5"})["broker.id"] == 5


def test_a_fault_is_told_with_the_place_where_it_was_written() -> None:
    with pytest.raises(ConfigError) as refused:
        load(file=("my.properties", {"num.partition": "1"}))

    assert str(refused.value) == (
        "my.properties: num.partition is not a broker property; did you mean num.partitions?"
    )


@pytest.mark.parametrize("text", ["num.partitions", "=3", ""])
def test_an_override_without_name_or_value_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not name=value"):
        load(overrides=[text])


def test_an_ignored_variable_is_remarked() -> None:
    config = load(environment={"KAFKA_HOME": "/opt/kafka"})

    assert config.static == {}
    assert len(config.remarks) == 1
    assert config.remarks[0].startswith(
        "environment variables that are no property are ignored: KAFKA_HOME"
    )


def test_a_port_replaces_the_only_listeners_port() -> None:
    config = load(overrides=["num.partitions=2"], port=0)

    assert config.static["listeners"] == "PLAINTEXT://127.0.0.1:0"
    assert config.origins["listeners"] == "--port"


def test_a_listener_may_have_its_own_value() -> None:
    config = Config({"listener.name.internal.ssl.client.auth": "required"})

    assert config.get("ssl.client.auth", "INTERNAL") == "required"
    assert config.get("ssl.client.auth", "OTHER") == "none"
    assert config.get("ssl.client.auth") == "none"


def test_a_plug_ins_property_is_kept_and_not_read() -> None:
    config = Config({"super.users": "User:a"})

    assert config.is_set("super.users")
    assert not config.is_set("num.partitions")


def test_dynamic_properties_that_break_a_rule_are_an_invalid_request() -> None:
    with pytest.raises(ConfigError) as refused:
        Config().with_dynamic(default={"log.cleaner.max.compaction.lag.ms": "1"}).with_dynamic(
            broker={
                "log.cleaner.min.compaction.lag.ms": "2",
                "log.cleaner.max.compaction.lag.ms": "1",
            }
        )

    assert refused.value.code is ErrorCode.INVALID_REQUEST


def test_a_dynamic_property_may_be_set_for_one_broker_or_for_all() -> None:
    assert validate_broker_config("log.retention.ms", "5", per_broker=True) == 5
    assert validate_broker_config("log.retention.ms", "5", per_broker=False) == 5
    assert validate_broker_config("ssl.client.auth", "none", per_broker=True) == "none"


@pytest.mark.parametrize(
    ("name", "text", "per_broker", "sentence"),
    [
        ("num.partitions", "2", True, "cannot be changed while the broker runs"),
        ("ssl.client.auth", "none", False, "is each broker's own; name the broker's id"),
        ("ssl.keystore.location", "/x", True, "cannot be changed while the broker runs"),
        ("listener.name.a.sasl.jaas.config", "x", True, "cannot be changed while the broker runs"),
        ("super.users", "User:a", True, "cannot be changed while the broker runs"),
        ("log.retention.mss", "2", True, "did you mean log.retention.ms?"),
        ("log.retention.ms", "soon", True, "is not a whole number of ms"),
    ],
)
def test_a_change_at_run_time_that_cannot_be_is_an_invalid_request(
    name: str, text: str, per_broker: bool, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence) as refused:
        validate_broker_config(name, text, per_broker=per_broker)

    assert refused.value.code is ErrorCode.INVALID_REQUEST
