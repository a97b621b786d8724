"""What members write down as they go, a line each, and the judgement over all of it.

Times are seconds of the system's monotonic clock, which all processes of a machine share. A member
writes what it got before it commits, so what is committed is in the history of somebody.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Event = dict[str, Any]


def read_events(path: Path) -> list[Event]:
    """Give the whole lines of a member's file; a kill may have cut the last one."""
    text = path.read_text() if path.exists() else ""
    whole, _, _ = text.rpartition("\n")
    return [json.loads(line) for line in whole.splitlines() if line]


@dataclass
class Verdict:
    """What was found."""

    got: int = 0
    """Records delivered, repetitions included."""
    repeated: int = 0
    """Records delivered more than once, all of them after an assignment from a committed offset."""
    assignments: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.got} delivered, {self.repeated} again, {self.assignments} assignments, "
            f"{len(self.faults)} faults"
        )


def judge(
    members: Mapping[str, list[Event]],
    produced: Mapping[int, Mapping[int, str]],
    watched: Iterable[Mapping[int, int]],
) -> Verdict:
    """Compare what members saw with what was acknowledged, `{partition: {offset: value}}`.

    `watched` are the group's committed offsets, looked at from time to time, in order.
    """
    verdict = Verdict()
    commits = _commits(members)
    seen: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for name, events in members.items():
        _follow(name, events, commits, produced, seen, verdict)
    for partition, values in produced.items():
        missing = [offset for offset in values if not seen[partition][offset]]
        if missing:
            verdict.faults.append(
                f"lost: partition {partition}, {len(missing)} offsets, first {missing[0]}"
            )
    verdict.repeated = sum(n - 1 for offsets in seen.values() for n in offsets.values() if n > 1)
    _check_monotonic(watched, verdict)
    return verdict


def _commits(members: Mapping[str, list[Event]]) -> dict[int, list[tuple[float, int]]]:
    """Give by partition when which offset was known to be committed."""
    commits: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for events in members.values():
        for event in events:
            for partition, offset in event.get("committed", {}).items():
                commits[int(partition)].append((event["at"], offset))
    return commits


def _follow(
    name: str,
    events: Iterable[Event],
    commits: Mapping[int, list[tuple[float, int]]],
    produced: Mapping[int, Mapping[int, str]],
    seen: Mapping[int, dict[int, int]],
    verdict: Verdict,
) -> None:
    next_offset: dict[int, int | None] = {}
    assigned_at: dict[int, float] = {}
    for event in events:
        for partition in event.get("assigned", ()):
            verdict.assignments += 1
            next_offset[partition] = None
            assigned_at[partition] = event["at"]
        for partition, offset, value in event.get("got", ()):
            verdict.got += 1
            seen[partition][offset] += 1
            expected = next_offset.get(partition)
            if partition not in next_offset:
                verdict.faults.append(f"{name} got {partition}:{offset} without an assignment")
            elif expected is None:
                floor = max(
                    (o for at, o in commits.get(partition, ()) if at < assigned_at[partition]),
                    default=0,
                )
                if offset != floor and offset < floor:
                    verdict.faults.append(
                        f"{name} began {partition} at {offset}, committed was {floor}"
                    )
            elif offset != expected:
                verdict.faults.append(f"{name} got {partition}:{offset}, expected {expected}")
            next_offset[partition] = offset + 1
            if produced.get(partition, {}).get(offset, value) != value:
                verdict.faults.append(f"{name} got another value at {partition}:{offset}")


def _check_monotonic(watched: Iterable[Mapping[int, int]], verdict: Verdict) -> None:
    highest: dict[int, int] = {}
    for offsets in watched:
        for partition, offset in offsets.items():
            if offset < highest.get(partition, -1):
                verdict.faults.append(
                    f"committed of {partition} went back from {highest[partition]} to {offset}"
                )
            highest[partition] = max(offset, highest.get(partition, -1))
