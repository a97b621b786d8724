"""The table holds Kafka's facts, checked against what Kafka 4.3.1 says of itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

import pykbroker
from pykbroker.config import GROUP_PROPERTIES, PROPERTIES, TOPIC_PROPERTIES, ConfigError, Property
from pykbroker.config.table import (
    broker_property,
    group_property,
    names_code_or_place,
    topic_property,
)
from pykbroker.config.tables.own import DIFFERENCES, OWN

READING = re.compile(r"config\.(?:integer|boolean|number|text|items)\(\"([a-z.]+)\"\)")
DYNAMIC_ONLY = {
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
}


def kafkas_rows(scope: str) -> dict[str, tuple[str, ...]]:
    """Type, default, range, update mode and internal of each property, as text."""
    lines = (Path(__file__).parent / "kafka-4.3.tsv").read_text().splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {name: tuple(facts) for of, name, *facts in rows if of == scope}


def our_rows(table: Mapping[str, Property], *, update: bool) -> dict[str, tuple[str, ...]]:
    return {
        name: (
            row.kind.name,
            default if (default := row.render(row.default)) is not None else "-",
            str(row.check) or "-" if shown(row) else "-",
            row.update.value if update else "-",
            "internal" if row.internal else "-",
        )
        for name, row in table.items()
    }


def shown(row: Property) -> bool:
    """Whether Kafka tells a range of this kind (it keeps words in any case for itself)."""
    return row.check is not None and not str(row.check).startswith(
        ("non-empty", "(any case)", "[partitionId]")
    )


def test_every_broker_property_of_kafka_has_its_type_default_range_and_update_mode() -> None:
    ours = our_rows(PROPERTIES, update=True)

    for name in DYNAMIC_ONLY | {row.name for row in OWN}:
        del ours[name]
    assert ours == kafkas_rows("broker")


def test_every_topic_property_of_kafka_has_its_type_default_and_range() -> None:
    assert our_rows(TOPIC_PROPERTIES, update=False) == kafkas_rows("topic")


def test_every_group_property_of_kafka_has_its_type_default_and_range() -> None:
    assert our_rows(GROUP_PROPERTIES, update=False) == kafkas_rows("group")


def test_quotas_that_kafka_lets_be_set_at_run_time_only_are_known() -> None:
    assert {name for name in DYNAMIC_ONLY if PROPERTIES[name].internal} == DYNAMIC_ONLY


@pytest.mark.parametrize("table", [PROPERTIES, TOPIC_PROPERTIES, GROUP_PROPERTIES])
def test_every_property_is_documented_by_one_sentence_of_its_own(
    table: Mapping[str, Property],
) -> None:
    docs = [row.doc for row in table.values()]

    assert [doc for doc in docs if not doc.endswith(".") or len(doc) < 20] == []
    assert len(set(docs)) == len(docs)


@pytest.mark.parametrize("table", [TOPIC_PROPERTIES, GROUP_PROPERTIES])
def test_what_a_topic_or_group_follows_are_broker_properties_of_its_type(
    table: Mapping[str, Property],
) -> None:
    wrong = [
        (row.name, synonym)
        for row in table.values()
        for synonym in row.synonyms
        if PROPERTIES[synonym].kind is not row.kind and not synonym.endswith(("hours", "minutes"))
    ]

    assert wrong == []


@pytest.mark.parametrize("table", [TOPIC_PROPERTIES, GROUP_PROPERTIES])
def test_a_property_and_the_broker_property_it_follows_are_acted_on_alike(
    table: Mapping[str, Property],
) -> None:
    unlike = [
        row.name
        for row in table.values()
        if row.synonyms and PROPERTIES[row.synonyms[0]].served != row.served
    ]

    assert unlike == []


def test_a_property_that_the_broker_reads_is_marked_as_acted_on() -> None:
    root = Path(pykbroker.__file__).parent
    read = {
        name
        for file in root.rglob("*.py")
        if "config" not in file.relative_to(root).parts
        for name in READING.findall(file.read_text(encoding="utf-8"))
    }

    assert "num.partitions" in read
    assert [name for name in sorted(read) if not PROPERTIES[name].served] == []


def test_each_difference_from_kafka_is_a_difference_and_has_a_reason() -> None:
    for name, (text, reason) in DIFFERENCES.items():
        assert PROPERTIES[name].parse(text) != PROPERTIES[name].default
        assert reason.endswith(".")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("num.partitions", "num.partitions"),
        ("listener.name.internal.ssl.keystore.password", "ssl.keystore.password"),
        ("listener.name.internal.scram-sha-256.sasl.jaas.config", "sasl.jaas.config"),
        ("listener.name.internal.plain.connections.max.reauth.ms", "connections.max.reauth.ms"),
    ],
)
def test_a_broker_property_is_found_by_its_name_and_behind_a_listeners_prefix(
    name: str, found: str
) -> None:
    row = broker_property(name)

    assert row is not None
    assert row.name == found


@pytest.mark.parametrize(
    "name",
    ["super.users", "rsm.config.dir", "config.providers.env.class", "confluent.balancer.enable"],
)
def test_a_plug_ins_property_is_accepted_without_a_row(name: str) -> None:
    assert broker_property(name) is None


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("num.partition", "num.partition is not a broker property; did you mean num.partitions?"),
        ("NUM.PARTITIONS", "NUM.PARTITIONS is not a broker property; did you mean num.partitions?"),
        ("zzz", "zzz is not a broker property; `pykbroker config` shows them all"),
        (
            "z" * 5000,
            f"{'z' * 200}... is not a broker property; `pykbroker config` shows them all",
        ),
        (
            "retention.ms",
            "retention.ms is a property of topics: for the broker, write log.retention.ms",
        ),
        (
            "advertised.port",
            (
                "advertised.port is no property since Kafka 4.0:"
                " write advertised.listeners=PLAINTEXT://host:port instead"
            ),
        ),
        ("zookeeper.connect", "zookeeper.connect is no property since Kafka 4.0: delete the line"),
    ],
)
def test_an_unknown_broker_property_is_refused_with_what_was_probably_meant(
    name: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        broker_property(name)

    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "retension.ms",
            "retension.ms is not a topic property; did you mean retention.ms?",
        ),
        (
            "log.retention.hours",
            "log.retention.hours is a property of the broker: for a topic, write retention.ms",
        ),
        (
            "message.format.version",
            "message.format.version is no property since Kafka 4.0: delete the line",
        ),
    ],
)
def test_an_unknown_topic_property_is_refused_with_what_was_probably_meant(
    name: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        topic_property(name)

    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "consumer.session.timeout",
            (
                "consumer.session.timeout is not a group property;"
                " did you mean consumer.session.timeout.ms?"
            ),
        ),
        (
            "group.consumer.session.timeout.ms",
            (
                "group.consumer.session.timeout.ms is a property of the broker: for a group,"
                " write consumer.session.timeout.ms"
            ),
        ),
        ("zzz", "zzz is not a group property; the description of any group shows them all"),
    ],
)
def test_an_unknown_group_property_is_refused_with_what_was_probably_meant(
    name: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        group_property(name)

    assert str(refused.value) == sentence


def test_classes_files_and_addresses_are_told_from_other_properties() -> None:
    dynamic = {
        name
        for name, row in PROPERTIES.items()
        if names_code_or_place(row) and row.update.value != "read-only"
    }

    assert names_code_or_place(PROPERTIES["create.topic.policy.class.name"])
    assert not names_code_or_place(PROPERTIES["num.partitions"])
    assert dynamic == {
        "config.providers",
        "listener.security.protocol.map",
        "listeners",
        "metric.reporters",
        "principal.builder.class",
        "sasl.jaas.config",
        "sasl.kerberos.kinit.cmd",
        "ssl.engine.factory.class",
        "ssl.keystore.location",
        "ssl.truststore.location",
    }
