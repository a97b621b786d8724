"""`groups reset-offsets`: plan where groups shall go on, show it, and do it when told to.

A plan is whole before anything is committed. A group that has members is refused, also for a
trial: they would commit their own offsets over the new ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pykbroker.clock import Clock, SystemClock
from pykbroker.commands.admin.cluster import Cluster
from pykbroker.commands.admin.failure import (
    CommandFailedError,
    counted,
    refusal,
    unknown_topic,
)
from pykbroker.commands.admin.group import WITHOUT_MEMBERS, Group, Undescribed, describe_groups
from pykbroker.commands.admin.offsets import (
    EARLIEST,
    LATEST,
    CommittedOffsets,
    commit,
    committed_offsets,
    log_offsets,
)
from pykbroker.commands.admin.run import Row, Run
from pykbroker.commands.admin.topic import NO_LEADER, Topic, TopicPartition
from pykbroker.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class Reset:
    """Where a group shall go on in one partition, and what a person should know of it."""

    offset: int
    note: str | None = None


Plan = Mapping[TopicPartition, Reset]


def reset_offsets(run: Run, cluster: Cluster, clock: Clock | None = None) -> Iterable[str]:
    """Show the new offsets of groups, committed with --execute."""
    now_ms = (clock or SystemClock()).now_ms()
    rows: list[Row] = []
    for group, found in describe_groups(cluster, run.options.groups).items():
        try:
            _check_idle(group, found)
            committed = committed_offsets(cluster, (group,))[group]
            plan = Planning(run, cluster, committed, now_ms=now_ms).plan(group)
            if isinstance(found, Undescribed) and not run.options.execute:
                run.note(f"group {group} is not there; --execute makes it", even_piped=True)
            done = _executed(run, cluster, group, plan) if run.options.execute else plan
        except CommandFailedError as fault:
            run.problems.append(str(fault))
            continue
        rows += [_row(run, group, key, committed, reset=reset) for key, reset in done.items()]
    if rows and not run.options.execute:
        run.note("nothing was changed; give --execute to do it", even_piped=True)
    columns = ("GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "NEW-OFFSET", "NOTE")
    return run.shown(rows, columns, optional=("NOTE",))


class Planning:
    """Works out the new offsets of one group, by what the options say."""

    def __init__(
        self, run: Run, cluster: Cluster, committed: CommittedOffsets, *, now_ms: int
    ) -> None:
        self._options = run.options
        self._cluster = cluster
        self._committed = committed
        self._now_ms = now_ms

    def plan(self, group: str) -> Plan:
        """Give where the group goes on, in order. Raises CommandFailedError."""
        keys = self._chosen(group)
        options = self._options
        if options.to_offset is not None:
            return self._within_logs(dict.fromkeys(keys, options.to_offset))
        if options.shift_by is not None:
            return self._shifted(group, keys)
        if options.to_datetime is not None:
            return self._since(keys, options.to_datetime)
        if options.by_duration is not None:
            return self._since(keys, self._now_ms - options.by_duration)
        if options.to == "current":
            return self._current(keys)
        timestamp = EARLIEST if options.to == "earliest" else LATEST
        return {key: Reset(offset) for key, offset in self._ends(keys, timestamp).items()}

    def _chosen(self, group: str) -> list[TopicPartition]:
        """Give the partitions that the options name, all of them led by a broker."""
        if self._options.all_topics and not self._committed:
            raise CommandFailedError(
                f"group {group} has no offsets that --all-topics could stand for; name topics"
                " with --topic"
            )
        named = self._options.topics or [(key.topic, (key.partition,)) for key in self._committed]
        topics = self._cluster.topics(topic for topic, _ in named)
        leaders = {
            TopicPartition(topic.name, partition.index): partition.leader
            for topic in topics.values()
            for partition in topic.partitions
        }
        keys: set[TopicPartition] = set()
        for name, partitions in named:
            _check_known(topics[name])
            some = range(len(topics[name].partitions)) if partitions is None else partitions
            keys |= {TopicPartition(name, partition) for partition in some}
        self._check(keys, leaders)
        return sorted(keys)

    def _check(self, keys: Iterable[TopicPartition], leaders: Mapping[TopicPartition, int]) -> None:
        missing = sorted(str(key) for key in keys if key not in leaders)
        if missing:
            raise CommandFailedError(
                f"there is no partition {', '.join(missing)}; `pykbroker topics describe` shows"
                " those that there are"
            )
        without = sorted(str(key) for key in keys if leaders[key] == NO_LEADER)
        if without:
            raise CommandFailedError(
                f"no broker leads {', '.join(without)}, so that no offsets are known there; wait"
                " until one does, or name other partitions"
            )

    def _ends(self, keys: Iterable[TopicPartition], timestamp: int) -> dict[TopicPartition, int]:
        keys = list(keys)
        found = {}
        for key, offset in log_offsets(self._cluster, keys, timestamp).items():
            if offset is None:
                raise CommandFailedError(f"the offsets of {key} are not known; try again")
            found[key] = offset
        return {key: found[key] for key in keys}

    def _within_logs(self, wanted: Mapping[TopicPartition, int]) -> Plan:
        starts, ends = self._ends(wanted, EARLIEST), self._ends(wanted, LATEST)
        plan = {}
        for key, offset in wanted.items():
            if offset > ends[key]:
                plan[key] = Reset(ends[key], f"{offset} is beyond the end")
            elif offset < starts[key]:
                plan[key] = Reset(starts[key], f"{offset} is before the start")
            else:
                plan[key] = Reset(offset)
        return plan

    def _shifted(self, group: str, keys: Iterable[TopicPartition]) -> Plan:
        without = [str(key) for key in keys if key not in self._committed]
        if without:
            raise CommandFailedError(
                f"group {group} has no offset of {', '.join(without)} that could be shifted; give"
                " it one, with --to-earliest for instance"
            )
        distance = self._options.shift_by
        return self._within_logs({key: self._committed[key].offset + distance for key in keys})

    def _since(self, keys: Iterable[TopicPartition], timestamp: int) -> Plan:
        # below 0 timestamps have meanings of their own; there are no older records
        found = log_offsets(self._cluster, keys, max(timestamp, 0))
        late = self._ends((key for key, offset in found.items() if offset is None), LATEST)
        plan = {
            key: Reset(late[key], "no record so late: the end") if offset is None else Reset(offset)
            for key, offset in found.items()
        }
        return dict(sorted(plan.items()))

    def _current(self, keys: Iterable[TopicPartition]) -> Plan:
        without = self._ends((key for key in keys if key not in self._committed), LATEST)
        return {
            key: Reset(without[key], "no offset so far: the end")
            if key in without
            else Reset(self._committed[key].offset)
            for key in keys
        }


def _check_known(topic: Topic) -> None:
    if topic.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
        raise CommandFailedError(unknown_topic(topic.name))
    if topic.error_code:
        raise CommandFailedError(refusal(f"topic {topic.name} is not told of", topic.error_code))


def _check_idle(group: str, found: Group | Undescribed) -> None:
    if isinstance(found, Undescribed):
        if not found.is_missing:  # a group that is not there comes to be with its first offset
            raise CommandFailedError(found.sentence)
    elif found.state not in WITHOUT_MEMBERS:
        raise CommandFailedError(
            f"group {group} has {counted(len(found.members), 'member')} (state {found.state}),"
            " which would go on from where they are and commit over the new offsets; stop its"
            f" consumers first (`pykbroker groups describe {group} --members` shows them)"
        )


def _executed(run: Run, cluster: Cluster, group: str, plan: Plan) -> Plan:
    """Commit the plan; give what of it was accepted."""
    codes = commit(cluster, group, {key: reset.offset for key, reset in plan.items()})
    if ErrorCode.UNKNOWN_MEMBER_ID in codes.values():
        raise CommandFailedError(
            f"group {group} was not changed: a consumer has joined it meanwhile; stop it first"
        )
    for key, code in codes.items():
        if code:
            run.problems.append(refusal(f"the offset of {key} in group {group} was not set", code))
    return {key: reset for key, reset in plan.items() if not codes[key]}


def _row(
    run: Run, group: str, key: TopicPartition, committed: CommittedOffsets, *, reset: Reset
) -> Row:
    return {
        "group": group,
        "topic": key.topic,
        "partition": key.partition,
        "current_offset": committed[key].offset if key in committed else None,
        "new_offset": reset.offset,
        "note": reset.note,
        "executed": run.options.execute,
    }
