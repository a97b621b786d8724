"""What may be configured at run time: the table of properties under the broker's present config."""

from __future__ import annotations

import pytest

from pykbroker.config import load
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.keys import ConfigType
from pykbroker.replication.config_schema import TableSchema

TOPIC, BROKER, GROUP = ConfigType.TOPIC, ConfigType.BROKER, ConfigType.GROUP
METRICS = ConfigType.CLIENT_METRICS


def a_schema(*overrides: str) -> TableSchema:
    config = load(profile="kafka", overrides=overrides)
    return TableSchema(lambda: config)


@pytest.mark.row(42)
def test_lists_are_known_by_their_kind_and_unknown_keys_are_none() -> None:
    schema = a_schema()

    assert schema.is_list(TOPIC, "cleanup.policy")
    assert schema.is_list(BROKER, "log.cleanup.policy")
    assert not schema.is_list(TOPIC, "retention.ms")
    assert not schema.is_list(TOPIC, "no.such")
    assert not schema.is_list(GROUP, "cleanup.policy")
    assert not schema.is_list(GROUP, "consumer.session.timeout.ms")


@pytest.mark.row(42)
def test_a_default_is_what_the_broker_makes_of_it() -> None:
    schema = a_schema("log.cleanup.policy=compact", "group.consumer.session.timeout.ms=50000")

    assert schema.default_text(TOPIC, "cleanup.policy") == "compact"
    assert schema.default_text(BROKER, "log.cleanup.policy") == "compact"
    assert schema.default_text(TOPIC, "segment.bytes") == "1073741824"
    assert schema.default_text(GROUP, "consumer.session.timeout.ms") == "50000"


@pytest.mark.row(42)
@pytest.mark.parametrize(
    ("kind", "name", "overrides", "code"),
    [
        (TOPIC, "t", {"no.such": "1"}, ErrorCode.INVALID_CONFIG),
        (BROKER, "1", {"no.such": "1"}, ErrorCode.INVALID_REQUEST),
        (BROKER, "", {"log.cleaner.threads": "x"}, ErrorCode.INVALID_REQUEST),
        (GROUP, "g", {"no.such": "1"}, ErrorCode.INVALID_CONFIG),
        (GROUP, "g", {"consumer.session.timeout.ms": "44999"}, ErrorCode.INVALID_CONFIG),
        (METRICS, "m", {"interval.ms": "1000"}, ErrorCode.INVALID_REQUEST),
    ],
)
def test_what_cannot_be_is_refused_with_the_code_of_its_kind(
    kind: ConfigType, name: str, overrides: dict[str, str], code: ErrorCode
) -> None:
    with pytest.raises(KafkaError) as refusal:
        a_schema().check(kind, name, overrides)

    assert refusal.value.code is code


@pytest.mark.row(42)
@pytest.mark.parametrize("name", ["", "1"])
def test_properties_of_a_broker_that_contradict_each_other_are_refused(name: str) -> None:
    least, most = "log.cleaner.min.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"
    contradiction = {least: "100", most: "50"}

    with pytest.raises(KafkaError) as refusal:
        a_schema().check(BROKER, name, contradiction)

    assert refusal.value.code is ErrorCode.INVALID_REQUEST
    assert refusal.value.message
