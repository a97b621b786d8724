from __future__ import annotations

import pytest

from pykbroker.config.environment import EXCLUDED, Environment, property_of, read_environment


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("KAFKA_NUM_PARTITIONS", "num.partitions"),
        ("KAFKA_LISTENER_NAME_A__B_SSL_KEYSTORE_TYPE", "listener.name.a_b.ssl.keystore.type"),
        (
            "KAFKA_LISTENER_NAME_X_SCRAM___SHA___256_SASL_JAAS_CONFIG",
            "listener.name.x.scram-sha-256.sasl.jaas.config",
        ),
        ("KAFKA_A____B", "a-.b"),
    ],
)
def test_one_underscore_is_a_dot_two_are_one_and_three_are_a_dash(variable: str, name: str) -> None:
    assert property_of(variable) == name


def test_variables_that_name_a_property_set_it() -> None:
    environment = {"KAFKA_NUM_PARTITIONS": "3", "PATH": "/bin", "KAFKA_NODE_ID": "7"}

    assert read_environment(environment) == Environment(
        properties={"num.partitions": "3", "node.id": "7"},
        variables={"num.partitions": "KAFKA_NUM_PARTITIONS", "node.id": "KAFKA_NODE_ID"},
        ignored=(),
    )


def test_variables_of_kafkas_start_script_are_passed_over_in_silence() -> None:
    assert read_environment(dict.fromkeys(EXCLUDED, "x")) == Environment({}, {}, ())


def test_a_variable_that_names_no_property_is_ignored_and_told() -> None:
    read = read_environment({"KAFKA_NUM_PARTITION": "3"})

    assert read.properties == {}
    assert read.ignored == (
        (
            "KAFKA_NUM_PARTITION (num.partition is not a broker property;"
            " did you mean num.partitions?)"
        ),
    )


def test_listeners_follow_advertised_listeners_with_any_host_as_in_the_image() -> None:
    read = read_environment(
        {"KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://kafka:9092,OUTSIDE://example.org:9094"}
    )

    assert read.properties["listeners"] == "PLAINTEXT://:9092,OUTSIDE://:9094"


@pytest.mark.parametrize(
    "environment",
    [
        {"KAFKA_ADVERTISED_LISTENERS": "auto"},
        {"KAFKA_ADVERTISED_LISTENERS": "A://h:1", "KAFKA_LISTENERS": "A://127.0.0.1:1"},
    ],
)
def test_listeners_do_not_follow_when_they_are_given_or_cannot(
    environment: dict[str, str],
) -> None:
    listeners = read_environment(environment).properties.get("listeners")

    assert listeners == environment.get("KAFKA_LISTENERS")


@pytest.mark.parametrize(
    ("text", "cluster_id"), [("5L6g3nShT-eMCtK--X86sw", "5L6g3nShT-eMCtK--X86sw"), ("prod", None)]
)
def test_cluster_id_is_taken_when_it_is_one(text: str, cluster_id: str | None) -> None:
    read = read_environment({"CLUSTER_ID": text})

    assert read.properties.get("pykbroker.cluster.id") == cluster_id
