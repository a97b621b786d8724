from __future__ import annotations

import pytest

from pykbroker.config import PROPERTIES, TOPIC_PROPERTIES, Config, load, parse_properties
from pykbroker.config.listing import list_differences, list_properties, list_topic_properties


def read_back(config: Config) -> dict[str, str]:
    return parse_properties("\n".join(list_properties(config)), source="the listing")


@pytest.mark.parametrize("profile", ["kafka", "test"])
def test_the_listing_is_a_properties_file_that_means_the_same(profile: str) -> None:
    config = load(profile=profile, overrides=["broker.rack=\t a \\ b"])

    again = load(file=("the listing", read_back(config)))

    assert {name: again[name] for name in PROPERTIES} == {name: config[name] for name in PROPERTIES}


def test_a_property_is_listed_with_its_sentence_its_facts_and_its_value() -> None:
    lines = list(list_properties(Config({"num.partitions": "3"})))

    at = lines.index("num.partitions=3")
    assert lines[at - 2 : at + 2] == [
        "# Partitions of a topic whose creator names no number.",
        "# int; [1,...]; read-only",
        "num.partitions=3",
        "",
    ]


def test_a_property_without_effect_or_value_is_listed_as_such() -> None:
    lines = list(list_properties(Config()))

    at = lines.index("#num.replica.alter.log.dirs.threads=")
    assert lines[at - 1] == "# int; read-only; accepted, not acted upon yet"
    assert "# int (bytes); [4,...]; cluster-wide" in lines


def test_a_secret_is_not_listed() -> None:
    lines = list(list_properties(Config({"ssl.key.password": "hunter2"})))

    assert "#ssl.key.password=" in lines
    assert "hunter2" not in "".join(lines)


def test_the_topics_properties_are_listed_with_what_they_follow() -> None:
    lines = list(list_topic_properties())

    assert sum(1 for line in lines if line == "") == len(TOPIC_PROPERTIES) - 1
    at = lines.index("retention.ms=604800000")
    assert lines[at - 1] == (
        "# long (ms); [-1,...];"
        " follows log.retention.ms, log.retention.minutes, log.retention.hours"
    )


def test_the_differences_from_kafka_are_listed_with_their_reasons() -> None:
    config = load(profile="test", overrides=["num.partitions=4", "ssl.key.password=hunter2"])

    text = "\n".join(list_differences(config, "test"))

    for paragraph in (
        (
            "# Kafka: PLAINTEXT://:9092. Kafka listens on every interface.\n"
            "listeners=PLAINTEXT://127.0.0.1:9092\n"
        ),
        (
            "# Kafka: 3000. A group's first member need not wait for others.\n"
            "group.initial.rebalance.delay.ms=0\n"
        ),
        "# Kafka: 1. Set by --override.\nnum.partitions=4\n",
        "# Kafka: none. Set by --override.\n#ssl.key.password=\n",
    ):
        assert paragraph in text
    assert "log.flush.interval.messages" not in text


def test_a_difference_from_an_empty_default_says_so() -> None:
    text = "\n".join(list_differences(Config({"config.providers": "env"}), "kafka"))

    assert "# Kafka: empty. Set by the broker.\nconfig.providers=env\n" in text
