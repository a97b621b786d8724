"""What becomes of requests to alter configurations."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import ConfigType
from pykbroker.replication.config_changes import (
    ConfigEdit,
    ConfigOperation,
    ResourceEdits,
    altered,
    check_resources,
    replaced,
)
from tests.replication.clusters import a_cluster, a_topic

SET, DELETE = ConfigOperation.SET, ConfigOperation.DELETE
APPEND, SUBTRACT = ConfigOperation.APPEND, ConfigOperation.SUBTRACT
TOPIC, BROKER, BROKER_LOGGER, GROUP = 2, 4, 8, 32


class Schema:
    """Knows a list `policy` with the default "delete", and a plain key `size`."""

    def is_list(self, kind: ConfigType, name: str) -> bool:
        return name in ("policy", "empty")

    def default_text(self, kind: ConfigType, name: str) -> str | None:
        return "delete" if name == "policy" else None

    def check(self, kind: ConfigType, name: str, overrides: Mapping[str, str]) -> None:
        if "unknown" in overrides:
            raise KafkaError(ErrorCode.INVALID_CONFIG, f"Unknown {kind} config")


def edits(*edits: ConfigEdit, name: str = "t", resource_type: int = TOPIC) -> ResourceEdits:
    return ResourceEdits(resource_type, name, edits)


def an_image(**overrides: str) -> ClusterImage:
    return a_cluster(a_topic("t"), configs={("topic", "t"): overrides})


def alter(resource: ResourceEdits, **before: str) -> dict[str, str]:
    return altered(an_image(**before), resource, Schema())


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        ({}, ConfigEdit("size", "1"), {"size": "1"}),
        ({"size": "1", "other": "2"}, ConfigEdit("size", "3"), {"size": "3", "other": "2"}),
        ({"size": "1"}, ConfigEdit("size", None, DELETE), {}),
        ({}, ConfigEdit("size", None, DELETE), {}),
        ({}, ConfigEdit("policy", "compact", APPEND), {"policy": "delete,compact"}),
        ({"policy": "a"}, ConfigEdit("policy", "b,a,c", APPEND), {"policy": "a,b,c"}),
        ({"policy": ""}, ConfigEdit("policy", "b", APPEND), {"policy": "b"}),
        ({}, ConfigEdit("empty", "b,", APPEND), {"empty": "b"}),
        ({}, ConfigEdit("empty", "", APPEND), {"empty": ""}),
        ({"policy": "a"}, ConfigEdit("policy", ",", APPEND), {"policy": "a"}),
        ({}, ConfigEdit("policy", "delete", SUBTRACT), {"policy": ""}),
        ({"policy": "a,b,c"}, ConfigEdit("policy", "c,a,x", SUBTRACT), {"policy": "b"}),
    ],
)
def test_edits_set_delete_append_and_subtract(
    before: dict[str, str], edit: ConfigEdit, after: dict[str, str]
) -> None:
    assert alter(edits(edit), **before) == after


def test_the_legacy_request_replaces_everything() -> None:
    resource = edits(ConfigEdit("a", "1"), ConfigEdit("b", "2"))

    assert replaced(an_image(size="9", a="0"), resource, Schema()) == {"a": "1", "b": "2"}
    assert replaced(an_image(size="9"), edits(), Schema()) == {}


@pytest.mark.parametrize(
    "edit",
    [
        ConfigEdit("size", "1", APPEND),
        ConfigEdit("size", "1", SUBTRACT),
        ConfigEdit("unknown", "1"),
        ConfigEdit("size", "x" * 32_768),
    ],
)
def test_row_42_what_a_key_cannot_be_is_refused_and_nothing_of_the_resource_changes(
    edit: ConfigEdit,
) -> None:
    with pytest.raises(KafkaError) as refusal:
        alter(edits(ConfigEdit("a", "1"), edit))
    assert refusal.value.code is ErrorCode.INVALID_CONFIG


def test_a_long_value_that_stands_already_does_not_hinder_other_edits() -> None:
    long = "x" * 32_768

    assert alter(edits(ConfigEdit("a", "1")), size=long) == {"a": "1", "size": long}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("missing", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("not a name", ErrorCode.INVALID_TOPIC_EXCEPTION),
    ],
)
@pytest.mark.parametrize("decide", [altered, replaced])
def test_row_42_a_missing_topic_has_no_configuration(
    name: str, code: ErrorCode, decide: object
) -> None:
    with pytest.raises(KafkaError) as refusal:
        decide(an_image(), edits(ConfigEdit("size", "1"), name=name), Schema())  # type: ignore[operator]
    assert refusal.value.code is code


def test_a_broker_needs_no_topic() -> None:
    resource = edits(ConfigEdit("size", "1"), name="", resource_type=BROKER)

    assert alter(resource) == {"size": "1"}
    assert resource.kind is ConfigType.BROKER


def refusals(*resources: ResourceEdits) -> list[str | None]:
    found = check_resources(resources, node_id=1)
    assert {refusal.code for refusal in found if refusal} <= {ErrorCode.INVALID_REQUEST}
    return [refusal.message if refusal else None for refusal in found]


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (edits(ConfigEdit("a", "1"), ConfigEdit("b", None, DELETE)), None),
        (edits(name="1", resource_type=BROKER), None),
        (edits(name="", resource_type=BROKER), None),
        (edits(name="g", resource_type=GROUP), None),
        (edits(ConfigEdit("a", "1"), ConfigEdit("a", "2")), "Error due to duplicate config keys"),
        (
            edits(ConfigEdit("a", None), ConfigEdit("b", None, APPEND)),
            "Null value not supported for : a, b",
        ),
        (edits(ConfigEdit("a", "1", 9)), "Unknown operations type 9"),
        (edits(resource_type=0), "Unknown resource type 0"),
        (edits(resource_type=BROKER_LOGGER), "Unknown resource type 8"),
        (
            edits(name="2", resource_type=BROKER),
            "Unexpected broker id, expected 1, but received 2",
        ),
        (edits(name="x", resource_type=BROKER), "Node id must be an integer, but it is: x"),
        (
            edits(name="01", resource_type=BROKER),
            "Unexpected broker id, expected 1, but received 01",
        ),
        (edits(name=""), "Default topic resources are not allowed."),
        (edits(name="", resource_type=GROUP), "Default group resources are not allowed."),
    ],
)
def test_row_42_a_resource_that_cannot_be_altered_is_refused(
    resource: ResourceEdits, message: str | None
) -> None:
    assert refusals(resource) == [message]


def test_row_42_a_resource_named_twice_is_refused_and_the_others_are_not() -> None:
    assert refusals(edits(), edits(name="u"), edits(ConfigEdit("a", "1"))) == [
        "Each resource must appear at most once.",
        None,
        "Each resource must appear at most once.",
    ]
