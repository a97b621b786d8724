"""The command `groups`: list, describe, reset and delete groups of any Kafka cluster.

What fails for one group or partition is told, and does not keep the others from being done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pykbroker.commands.admin.cluster import Answered, Cluster
from pykbroker.commands.admin.failure import CommandFailedError, code_name, refusal
from pykbroker.commands.admin.listing import listed_groups
from pykbroker.commands.admin.offsets import by_topic, codes_of, committed_offsets
from pykbroker.commands.admin.run import Row, Run
from pykbroker.commands.admin.topic import TopicPartition
from pykbroker.commands.groups_describe import describe_groups
from pykbroker.commands.groups_reset import reset_offsets
from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.delete_groups import DeleteGroups
from pykbroker.wire.messages.offset_delete import OffsetDelete


def list_groups(run: Run, cluster: Cluster) -> Iterable[str]:
    """Print the groups of all brokers, in order."""
    return run.shown(
        listed_groups(cluster, states=run.options.state, types=run.options.type),
        ("GROUP", "TYPE", "STATE", "PROTOCOL"),
        optional=("TYPE", "STATE"),
    )


def delete_groups(run: Run, cluster: Cluster) -> Iterable[str]:
    """Delete groups; give a line for each."""

    def ask(node_id: int, groups: list[str]) -> dict[str, Answered]:
        answer = cluster.call(DeleteGroups, {"groups_names": groups}, node_id=node_id)
        return {each.group_id: (each.error_code, each.error_message) for each in answer.results}

    answers = cluster.ask_coordinators(run.options.groups, ask)
    for group in dict.fromkeys(run.options.groups):
        code, message = answers[group]
        if code == ErrorCode.GROUP_ID_NOT_FOUND:
            run.problems.append(
                f"group {group} does not exist; `pykbroker groups list` shows those that do"
            )
        elif code == ErrorCode.NON_EMPTY_GROUP:
            run.problems.append(
                f"group {group} has members and was not deleted; stop its consumers first"
                f" (`pykbroker groups describe {group} --members` shows them)"
            )
        elif code:
            run.problems.append(refusal(f"group {group} was not deleted", code, message))
        else:
            yield run.said({"group": group, "deleted": True}, f"deleted {group}")


def delete_offsets(run: Run, cluster: Cluster) -> Iterable[str]:
    """Delete offsets of a group; show those that are gone."""
    group = run.options.group
    committed = committed_offsets(cluster, (group,))[group]
    chosen = []
    for topic, partitions in run.options.topics:
        some = [key for key in committed if key.topic == topic]
        if partitions is not None:
            named = [TopicPartition(topic, partition) for partition in partitions]
            some = [key for key in named if key in committed]
            run.problems += [_nothing(group, str(key)) for key in named if key not in committed]
        elif not some:
            run.problems.append(_nothing(group, topic))
        chosen += some
    rows: list[Row] = []
    still_read: set[str] = set()
    for key, code in _deleted(cluster, group, dict.fromkeys(chosen)).items():
        if code == ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC:
            still_read.add(key.topic)
        elif code:
            run.problems.append(refusal(f"the offset of {key} was not deleted", code))
        else:
            place = {"group": group, "topic": key.topic, "partition": key.partition}
            rows.append({**place, "deleted_offset": committed[key].offset})
    run.problems += [
        f"the offsets of {topic} were not deleted: group {group} has members that read it; stop"
        " them first"
        for topic in sorted(still_read)
    ]
    return run.shown(rows, ("GROUP", "TOPIC", "PARTITION", "DELETED-OFFSET"))


def _nothing(group: str, what: str) -> str:
    return f"group {group} has no offset of {what}; `pykbroker groups describe {group}` shows all"


def _deleted(
    cluster: Cluster, group: str, keys: Iterable[TopicPartition]
) -> dict[TopicPartition, int]:
    topics = by_topic(keys, lambda key: {"partition_index": key.partition})
    if not topics:
        return {}

    def ask(node_id: int, _: list[str]) -> dict[str, Answered]:
        request = {"group_id": group, "topics": topics}
        answer = cluster.call(OffsetDelete, request, node_id=node_id)
        return {group: (answer.error_code, codes_of(answer.topics))}

    code, codes = cluster.ask_coordinators((group,), ask)[group]
    if code:
        raise CommandFailedError(f"no offset of group {group} was deleted: {code_name(code)}")
    return dict(codes)


ACTIONS: Mapping[str, Callable[[Run, Cluster], Iterable[str]]] = {
    "list": list_groups,
    "describe": describe_groups,
    "reset-offsets": reset_offsets,
    "delete": delete_groups,
    "delete-offsets": delete_offsets,
}
