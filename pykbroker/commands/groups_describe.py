"""`groups describe`: three views of groups, of their offsets, their members or their state.

A view shows all groups in one table; what it cannot show of a group, it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pykbroker.commands.admin.cluster import Cluster
from pykbroker.commands.admin.group import (
    REBALANCING,
    Group,
    Member,
)
from pykbroker.commands.admin.group import describe_groups as described
from pykbroker.commands.admin.listing import listed_groups
from pykbroker.commands.admin.offsets import (
    LATEST,
    CommittedOffsets,
    committed_offsets,
    log_offsets,
)
from pykbroker.commands.admin.run import Row, Run
from pykbroker.commands.admin.topic import TopicPartition
from pykbroker.config.property import ConfigError

_OF_CONSUMERS = ("", "consumer")
"""The protocols of groups that read topics; "" is of those that only keep offsets."""


def describe_groups(run: Run, cluster: Cluster) -> Iterable[str]:
    """Show the groups that are named, or all consumer groups."""
    options = run.options
    if bool(options.groups) == options.all_groups:
        raise ConfigError("name the groups to describe, or give --all-groups")
    names = sorted(set(options.groups or _all_consumer_groups(cluster)))
    groups = []
    for one in described(cluster, names).values():
        if isinstance(one, Group):
            groups.append(one)
        elif not (one.is_missing and options.all_groups):  # it went while we looked
            run.problems.append(one.sentence)
    for group in groups:
        if group.state in REBALANCING:
            run.note(f"group {group.group_id} is rebalancing; its partitions are about to move")
        elif not group.members:
            run.note(f"group {group.group_id} has no members")
    return _VIEWS[options.view](run, cluster, groups)


def _all_consumer_groups(cluster: Cluster) -> Iterator[str]:
    for row in listed_groups(cluster):
        if row["protocol"] in _OF_CONSUMERS and row["type"] not in ("share", "streams"):
            yield row["group"]


def _offsets(run: Run, cluster: Cluster, groups: Sequence[Group]) -> Iterable[str]:
    committed = committed_offsets(cluster, (group.group_id for group in groups))
    read = {group.group_id: _readers(group, committed[group.group_id]) for group in groups}
    ends = log_offsets(cluster, {key for pairs in read.values() for key, _ in pairs}, LATEST)
    rows: list[Row] = []
    for group_id, pairs in read.items():
        if not pairs:
            run.note(f"group {group_id} has neither offsets nor partitions")
        for key, member in pairs:
            rows.append(_place(group_id, key, committed[group_id], end=ends[key]) | _who(member))
    columns = ("GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG")
    return run.shown(rows, (*columns, "CONSUMER-ID", "HOST", "CLIENT-ID"))


def _readers(
    group: Group, committed: CommittedOffsets
) -> list[tuple[TopicPartition, Member | None]]:
    """Pair partitions with their readers; None for those with an offset that nobody reads."""
    read = [(key, member) for member in group.members for key in member.assignment]
    owned = {key for key, _ in read}
    read_by_nobody = [(key, None) for key in committed if key not in owned]
    return sorted([*read, *read_by_nobody], key=lambda pair: pair[0])


def _place(
    group_id: str, key: TopicPartition, committed: CommittedOffsets, *, end: int | None
) -> dict[str, object]:
    there = committed.get(key)
    return {
        "group": group_id,
        "topic": key.topic,
        "partition": key.partition,
        "current_offset": there and there.offset,
        "log_end_offset": end,
        "lag": end - there.offset if there is not None and end is not None else None,
        "leader_epoch": there and there.leader_epoch,
        "metadata": there and there.metadata,
    }


def _who(member: Member | None) -> dict[str, object]:
    return {
        "consumer_id": member and member.member_id,
        "host": member and member.host,
        "client_id": member and member.client_id,
    }


def _members(run: Run, _: Cluster, groups: Sequence[Group]) -> Iterable[str]:
    rows: list[Row] = [
        {"group": group.group_id}
        | _who(member)
        | {
            "group_instance_id": member.instance_id,
            "protocol": member.protocol or group.type,
            "epoch": member.epoch,
            "partitions": len(member.assignment),
            "assignment": _by_topic(member.assignment),
            "target_assignment": _by_topic(member.target_assignment),
        }
        for group in groups
        for member in group.members
    ]
    if run.options.json:
        return run.shown(rows, ())
    columns = ("GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "PROTOCOL")
    assigned = ("EPOCH", "#PARTITIONS", "ASSIGNMENT", "TARGET-ASSIGNMENT")
    return run.shown(
        [_in_text(row) for row in rows],
        (*columns, *assigned),
        optional=("GROUP-INSTANCE-ID", "EPOCH", "TARGET-ASSIGNMENT"),
    )


def _in_text(row: Row) -> Row:
    """Write assignments as a cell; the target only where a member is not there yet."""
    now, target = row["assignment"], row["target_assignment"]
    return {
        **row,
        "assignment": _cell(now),
        "target_assignment": None if target in (None, now) else _cell(target) or "nothing",
    }


def _cell(assignment: object) -> str:
    assert isinstance(assignment, Mapping)
    return ";".join(
        f"{topic}:{','.join(map(str, numbers))}" for topic, numbers in assignment.items()
    )


def _by_topic(keys: Iterable[TopicPartition] | None) -> dict[str, list[int]] | None:
    if keys is None:
        return None
    topics: dict[str, list[int]] = {}
    for key in keys:
        topics.setdefault(key.topic, []).append(key.partition)
    return topics


def _state(run: Run, _: Cluster, groups: Sequence[Group]) -> Iterable[str]:
    rows: list[Row] = [
        {
            "group": group.group_id,
            "type": group.type,
            "state": group.state,
            "protocol": group.protocol_type,
            "coordinator": group.coordinator and str(group.coordinator),
            "coordinator_id": group.coordinator_id,
            "assignment_strategy": group.assignor,
            "group_epoch": group.group_epoch,
            "assignment_epoch": group.assignment_epoch,
            "members": len(group.members),
        }
        for group in groups
    ]
    columns = ("GROUP", "TYPE", "STATE", "#MEMBERS", "COORDINATOR", "COORDINATOR-ID")
    epochs = ("ASSIGNMENT-STRATEGY", "GROUP-EPOCH", "ASSIGNMENT-EPOCH")
    return run.shown(rows, (*columns, *epochs), optional=("GROUP-EPOCH", "ASSIGNMENT-EPOCH"))


_VIEWS: Mapping[str, Callable[[Run, Cluster, Sequence[Group]], Iterable[str]]] = {
    "offsets": _offsets,
    "members": _members,
    "state": _state,
}
