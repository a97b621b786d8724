"""Properties that one group has for itself, and what they change (KIP-848)."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.consumer import (
    Consumer,
    a_consumer,
    first_beat,
    topic_for_members,
)
from interop.group_questions.questions import Questions
from pykbroker.wire.messages.describe_configs import DescribeConfigs
from pykbroker.wire.messages.incremental_alter_configs import IncrementalAlterConfigs

GROUP_CONFIGS = Questions("group_configs")
GROUP_RESOURCE, SET, DELETE = 32, 0, 1
NEWS_MS = 300
"""How long a coordinator may take to hear of a property."""


def alter(asker: Asker, group: str, name: str, value: str | None, operation: int = SET) -> Any:
    """Set or delete a property of a group."""
    told = [{"name": name, "config_operation": operation, "value": value}]
    resource = {"resource_type": GROUP_RESOURCE, "resource_name": group, "configs": told}
    request = {"resources": [resource], "validate_only": False}
    return asker.ask(IncrementalAlterConfigs, request, version=1)


def described(asker: Asker, group: str, *names: str) -> Any:
    """Describe properties of a group, with where they come from."""
    resource = {
        "resource_type": GROUP_RESOURCE,
        "resource_name": group,
        "configuration_keys": names or None,
    }
    request = {"resources": [resource], "include_synonyms": True}
    return asker.ask(DescribeConfigs, request, version=4)


@GROUP_CONFIGS.about(112)
def consumer_properties_of_an_unknown_group(asker: Asker) -> Any:
    answer = described(asker, asker.group())
    for result in answer["results"]:
        consumers = (each for each in result["configs"] if each["name"].startswith("consumer."))
        result["configs"] = sorted(consumers, key=lambda each: each["name"])
    return answer


@GROUP_CONFIGS.about(112)
def properties_of_a_group_without_an_id(asker: Asker) -> Any:
    return described(asker, ""), alter(asker, "", "consumer.heartbeat.interval.ms", "6000")


@GROUP_CONFIGS.about(112)
def a_heartbeat_interval(asker: Asker) -> Any:
    group, name = asker.group(), "consumer.heartbeat.interval.ms"
    before = first_beat(asker, group)["heartbeat_interval_ms"]
    altered = alter(asker, group, name, "7000")
    asker.sleep_ms(NEWS_MS)
    between = first_beat(asker, group)["heartbeat_interval_ms"], described(asker, group, name)
    deleted = alter(asker, group, name, None, DELETE)
    asker.sleep_ms(NEWS_MS)
    return before, altered, between, deleted, first_beat(asker, group)["heartbeat_interval_ms"]


@GROUP_CONFIGS.about(112, name=["consumer.heartbeat.interval.ms", "consumer.session.timeout.ms",
                                "consumer.assignment.interval.ms"],
                     value=["-1", "0", "1", "44999", "60001", "x", ""])  # fmt: skip
def a_value(asker: Asker, name: str, value: str) -> Any:
    return alter(asker, asker.group(), name, value)["responses"][0]["error_code"]


@GROUP_CONFIGS.about(112, name=["consumer.no.such.property", "retention.ms", "",
                                "group.consumer.heartbeat.interval.ms"])  # fmt: skip
def an_unknown_property(asker: Asker, name: str) -> Any:
    return alter(asker, asker.group(), name, "6000")["responses"][0]["error_code"]


@GROUP_CONFIGS.about(112)
def a_session_timeout_shorter_than_the_heartbeat_interval(asker: Asker) -> Any:
    group = asker.group()
    return alter(asker, group, "consumer.session.timeout.ms", "46000")


@GROUP_CONFIGS.about(112)
def no_assignment_interval(asker: Asker) -> Any:
    topic, group = topic_for_members(asker), asker.group()
    alter(asker, group, "consumer.assignment.interval.ms", "0")
    asker.sleep_ms(NEWS_MS)
    one = Consumer(asker, group, "alice", topic)
    two = Consumer(asker, group, "bob", topic)
    return one.join(), two.join(), one.beat(), one.own(), two.own()


@GROUP_CONFIGS.about(112)
def a_longer_assignment_interval(asker: Asker) -> Any:
    one = a_consumer(asker, topic_for_members(asker))
    alter(asker, one.group, "consumer.assignment.interval.ms", "4000")
    asker.sleep_ms(1_500)
    two = Consumer(asker, one.group, "bob", *one.topics)
    at_once = two.join()
    return at_once, two.owns_all_of(two.epoch + 1)
