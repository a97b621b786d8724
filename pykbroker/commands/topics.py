"""The command `topics`: list, create, describe, alter and delete topics of any Kafka cluster.

What can be refused is refused before anything is changed: an alteration of both partitions and
properties is tried out first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pykbroker.commands.admin.cluster import Cluster
from pykbroker.commands.admin.failure import (
    CommandFailedError,
    counted,
    refusal,
    unknown_topic,
)
from pykbroker.commands.admin.run import Row, Run
from pykbroker.commands.admin.table import lines_of
from pykbroker.commands.admin.topic import NO_LEADER, Topic, topic_id_text
from pykbroker.config.property import ConfigError
from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.create_partitions import CreatePartitions
from pykbroker.wire.messages.create_topics import CreateTopics
from pykbroker.wire.messages.delete_topics import DeleteTopics
from pykbroker.wire.messages.describe_configs import DescribeConfigs
from pykbroker.wire.messages.incremental_alter_configs import IncrementalAlterConfigs

_TOPIC_RESOURCE = 2
_SET_ON_TOPIC = 1
"""DescribeConfigs' source of a property that is set on the topic itself."""
_SET, _DELETE = 0, 1
_BROKERS_CHOICE = -1
_BROKERS_CHOICE_SINCE = 4
"""The first version of CreateTopics that leaves numbers to the broker (KIP-464)."""


def list_topics(run: Run, cluster: Cluster) -> Iterator[str]:
    """Print the topics' names, in order."""
    for topic in _chosen(run, cluster.topics().values()):
        row = {
            "topic": topic.name,
            "topic_id": topic.topic_id,
            "partitions": len(topic.partitions),
            "replication_factor": topic.replication_factor,
            "internal": topic.is_internal,
        }
        yield run.said(row, topic.name)


def create_topics(run: Run, cluster: Cluster) -> Iterator[str]:
    """Create topics; print a line for each."""
    options = run.options
    topic = {
        "num_partitions": options.partitions or _BROKERS_CHOICE,
        "replication_factor": options.replication_factor or _BROKERS_CHOICE,
        "configs": [{"name": name, "value": value} for name, value in options.config],
    }
    is_left_open = options.partitions is None or options.replication_factor is None
    answer = cluster.ask_controller(
        CreateTopics,
        {"topics": [{"name": name, **topic} for name in dict.fromkeys(options.topics)]},
        lambda answer: (each.error_code for each in answer.topics),
        least=_BROKERS_CHOICE_SINCE if is_left_open else 0,
    )
    for each in _in_order(options.topics, answer.topics):
        exists = each.error_code == ErrorCode.TOPIC_ALREADY_EXISTS
        if exists and options.if_not_exists:
            yield run.said({"topic": each.name, "created": False}, f"{each.name} exists already")
        elif exists:
            run.problems.append(
                f"topic {each.name} exists already; --if-not-exists takes that for done"
            )
        elif each.error_code:
            what = f"topic {each.name} was not created"
            run.problems.append(refusal(what, each.error_code, each.error_message))
        else:
            yield _created(run, each)


def describe_topics(run: Run, cluster: Cluster) -> Iterator[str]:
    """Print topics with what is set on them, and their partitions."""
    names = run.options.topics
    found = cluster.topics(names or None)
    for topic in found.values():
        if topic.error_code:
            run.problems.append(_missing(topic))
    topics = _chosen(run, (topic for topic in found.values() if not topic.error_code))
    overrides = _overrides(cluster, [topic.name for topic in topics])
    for topic in topics:
        yield from _description(run, topic, overrides[topic.name])


def alter_topic(run: Run, cluster: Cluster) -> Iterator[str]:
    """Add partitions, set and remove properties; print what is new."""
    options, name = run.options, run.options.topic
    changes: list[Callable[[bool], None]] = []
    if options.config or options.delete_config:
        changes.append(lambda is_trial: _alter_properties(run, cluster, is_trial=is_trial))
    if options.partitions is not None:
        changes.append(lambda is_trial: _add_partitions(run, cluster, is_trial=is_trial))
    if not changes:
        raise ConfigError("nothing to alter; give --partitions, --config or --delete-config")
    for is_trial in (True, False) if len(changes) > 1 else (False,):
        for change in changes:
            change(is_trial)
    row = {
        "topic": name,
        "partitions": options.partitions,
        "set": dict(options.config),
        "deleted": options.delete_config,
    }
    new = [] if options.partitions is None else [counted(options.partitions, "partition")]
    new += [f"{property_name}={value}" for property_name, value in options.config]
    new += [f"{property_name} at its default" for property_name in options.delete_config]
    yield run.said(row, f"{name}: {', '.join(new)}")


def delete_topics(run: Run, cluster: Cluster) -> Iterator[str]:
    """Delete topics; print a line for each."""
    names = list(dict.fromkeys(run.options.topics))
    answer = cluster.ask_controller(
        DeleteTopics,
        {"topics": [{"name": name} for name in names], "topic_names": names},
        lambda answer: (each.error_code for each in answer.responses),
    )
    for each in _in_order(names, answer.responses):
        is_missing = each.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if is_missing and run.options.if_exists:
            yield run.said({"topic": each.name, "deleted": False}, f"{each.name} does not exist")
        elif is_missing:
            run.problems.append(f"{unknown_topic(each.name)}; --if-exists takes that for done")
        elif each.error_code:
            what = f"topic {each.name} was not deleted"
            run.problems.append(refusal(what, each.error_code, each.error_message))
        else:
            yield run.said({"topic": each.name, "deleted": True}, f"deleted {each.name}")


ACTIONS: Mapping[str, Callable[[Run, Cluster], Iterable[str]]] = {
    "list": list_topics,
    "create": create_topics,
    "describe": describe_topics,
    "alter": alter_topic,
    "delete": delete_topics,
}


def _chosen(run: Run, topics: Iterable[Topic]) -> list[Topic]:
    without_internal = run.options.exclude_internal
    return sorted(
        (topic for topic in topics if not (without_internal and topic.is_internal)),
        key=lambda topic: topic.name,
    )


def _in_order(names: list[str], answered: Iterable[Any]) -> list[Any]:
    """Sort answers as the topics were named; brokers may shuffle them."""
    return sorted(answered, key=lambda each: names.index(each.name))


def _created(run: Run, answered: Any) -> str:
    told = answered.num_partitions >= 0
    partitions = answered.num_partitions if told else run.options.partitions
    replicas = answered.replication_factor if told else run.options.replication_factor
    row = {
        "topic": answered.name,
        "created": True,
        "topic_id": topic_id_text(answered.topic_id),
        "partitions": partitions,
        "replication_factor": replicas,
    }
    size = (
        f": {counted(partitions, 'partition')}, replication factor {replicas}"
        if partitions and replicas
        else ""
    )
    return run.said(row, f"created {answered.name}{size}")


def _missing(topic: Topic) -> str:
    if topic.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
        return unknown_topic(topic.name)
    return refusal(f"topic {topic.name} cannot be described", topic.error_code)


def _overrides(cluster: Cluster, names: list[str]) -> dict[str, dict[str, str | None]]:
    """Ask for the properties that are set on each topic itself; a secret's value is None."""
    if not names:
        return {}
    request = {
        "resources": [
            {"resource_type": _TOPIC_RESOURCE, "resource_name": name, "configuration_keys": None}
            for name in names
        ]
    }
    found: dict[str, dict[str, str | None]] = {}
    for each in cluster.call(DescribeConfigs, request).results:
        if each.error_code:
            what = f"the properties of topic {each.resource_name} were not told"
            raise CommandFailedError(refusal(what, each.error_code, each.error_message))
        found[each.resource_name] = {
            config.name: config.value
            for config in sorted(each.configs, key=lambda config: str(config.name))
            if config.config_source == _SET_ON_TOPIC
        }
    return found


def _description(run: Run, topic: Topic, overrides: Mapping[str, str | None]) -> Iterator[str]:
    partitions: list[Row] = [
        {
            "partition": partition.index,
            "leader": None if partition.leader == NO_LEADER else partition.leader,
            "replicas": partition.replicas,
            "isr": partition.isr,
        }
        for partition in topic.partitions
    ]
    row = {
        "topic": topic.name,
        "topic_id": topic.topic_id,
        "internal": topic.is_internal,
        "replication_factor": topic.replication_factor,
        "overrides": overrides,
        "partitions": partitions,
    }
    count = counted(len(partitions), "partition")
    identity = f", id {topic.topic_id}" if topic.topic_id else ""
    yield run.said(
        row, f"{topic.name}: {count}, replication factor {topic.replication_factor}{identity}"
    )
    if run.options.json:
        return
    if overrides:
        shown = (
            f"{name}={'(hidden)' if value is None else value}" for name, value in overrides.items()
        )
        yield f"  {', '.join(shown)}"
    listed = [
        {**each, "replicas": _joined(each["replicas"]), "isr": _joined(each["isr"])}
        for each in partitions
    ]
    yield from lines_of(listed, ("PARTITION", "LEADER", "REPLICAS", "ISR"), indent="  ")


def _alter_properties(run: Run, cluster: Cluster, *, is_trial: bool) -> None:
    options = run.options
    configs = [
        {"name": name, "config_operation": _SET, "value": value} for name, value in options.config
    ] + [
        {"name": name, "config_operation": _DELETE, "value": None} for name in options.delete_config
    ]
    resource = {"resource_type": _TOPIC_RESOURCE, "resource_name": options.topic}
    answer = cluster.call(
        IncrementalAlterConfigs,
        {"resources": [{**resource, "configs": configs}], "validate_only": is_trial},
    )
    _check_altered(options.topic, answer.responses)


def _add_partitions(run: Run, cluster: Cluster, *, is_trial: bool) -> None:
    topic = {"name": run.options.topic, "count": run.options.partitions, "assignments": None}
    answer = cluster.ask_controller(
        CreatePartitions,
        {"topics": [topic], "validate_only": is_trial},
        lambda answer: (each.error_code for each in answer.results),
    )
    _check_altered(run.options.topic, answer.results)


def _check_altered(name: str, answered: Iterable[Any]) -> None:
    for each in answered:
        if each.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
            raise CommandFailedError(unknown_topic(name))
        if each.error_code:
            what = f"topic {name} was not altered"
            raise CommandFailedError(refusal(what, each.error_code, each.error_message))


def _joined(numbers: Any) -> str:
    return ",".join(map(str, numbers))
