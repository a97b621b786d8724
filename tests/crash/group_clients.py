"""Clients of one group, and what they know of it: what was told, and what may be there beside it.

An answer makes one thing certain. What was not answered, or by a code that has clients ask again,
was done or was not: both may be found, until one of them is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.delete_groups import DeleteGroups
from pykbroker.wire.messages.offset_commit import OffsetCommit
from pykbroker.wire.messages.offset_delete import OffsetDelete
from pykbroker.wire.messages.offset_fetch import OffsetFetch
from tests.kafka_client import Client

RETRIABLE = frozenset(
    {
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
    }
)
"""All that clients may be told while the broker dies and comes back."""
TOPICS = ("first", "second")
PARTITIONS = 4
GONE = -1
"""As an offset: none is committed."""
SECONDS_MAX = 20
"""A coordinator that has not read its log by then is stuck."""
_PAUSE_SECONDS = 0.005
_METADATA_BYTES = 1_000

Place = tuple[str, int]
"""Topic and partition."""


class AskAgainError(Exception):
    """The coordinator does not serve now; whether it did what was asked is not known."""


@dataclass
class Judged:
    """What was wrong, and what was seen, of all groups."""

    wrong: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def expect(self, condition: bool, otherwise: str) -> None:
        """Note what is wrong unless the condition holds."""
        if not condition:
            self.wrong.append(otherwise)


@dataclass
class GroupClient:
    """Clients of one group, all of one thread, as a task."""

    group_id: str
    judged: Judged
    random: Random
    offsets: dict[Place, list[int]] = field(default_factory=dict)
    """What each may be by now, the last one sent last."""
    _sent: int = 0
    _client: Client | None = None

    def work(self, client: Client) -> None:
        """Do one thing, with nothing in doubt before it; raises AskAgainError."""
        raise NotImplementedError

    def compare_members(self, client: Client) -> None:
        """Find out what is there of the members, and compare; raises AskAgainError."""

    def step(self, client: Client) -> None:
        """Compare on a new connection, then do one thing after the other."""
        try:
            if client is not self._client:
                self.compare(client)
                self._client = client
            self.work(client)
        except AskAgainError:
            self._client = None
            time.sleep(_PAUSE_SECONDS)

    def settle(self, client: Client) -> None:
        """Compare, once the coordinator serves."""
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            try:
                return self.compare(client)
            except AskAgainError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_SECONDS)

    def check(self, client: Client) -> None:
        """`settle` leaves nothing to be compared."""

    def compare(self, client: Client) -> None:
        """Find out what is there, and compare; raises AskAgainError."""
        self.compare_members(client)
        self.fetch(client)
        self.judged.seen["comparisons"] += 1

    def expect(self, condition: bool, otherwise: str) -> None:
        """Note what is wrong with this group unless the condition holds."""
        self.judged.expect(condition, f"{self.group_id}: {otherwise}")

    def told(self, code: int, what: str, *allowed: ErrorCode) -> ErrorCode:
        """Judge the code of an answer; raises AskAgainError for one that has clients ask again."""
        error = ErrorCode(code)
        if error in RETRIABLE:
            self.judged.seen[error.name] += 1
            raise AskAgainError(what)
        self.expect(error is ErrorCode.NONE or error in allowed, f"{what} gives {error.name}")
        return error

    # -- offsets

    def commit(self, client: Client, **member: Any) -> None:
        """Commit an offset above all earlier ones, for some partitions."""
        self._sent += 1
        every = [(topic, index) for topic in TOPICS for index in range(PARTITIONS)]
        places = self.random.sample(every, self.random.randint(1, PARTITIONS))
        for place in places:
            self.offsets.setdefault(place, [GONE]).append(self._sent)
        fields = {"committed_offset": self._sent, "committed_metadata": _metadata(self._sent)}
        topics = _by_topic(places, lambda index: {"partition_index": index, **fields})
        request = {"group_id": self.group_id, "topics": topics, **member}
        answer = client.call(OffsetCommit, request, version=9)
        for topic in answer.topics:
            for each in topic.partitions:
                if self.told(each.error_code, "OffsetCommit") is ErrorCode.NONE:
                    self.offsets[topic.name, each.partition_index] = [self._sent]
        self.judged.seen["commits"] += 1

    def fetch(self, client: Client) -> None:
        """Compare all offsets; each is certain from now on."""
        request = {"groups": [{"group_id": self.group_id, "topics": None}]}
        group = client.call(OffsetFetch, request, version=9).groups[0]
        self.told(group.error_code, "OffsetFetch")
        found = {
            (topic.name, each.partition_index): (each.committed_offset, each.metadata)
            for topic in group.topics
            for each in topic.partitions
        }
        for place, may_be in self.offsets.items():
            offset, metadata = found.pop(place, (GONE, ""))
            self.expect(offset in may_be, f"{place} is {offset}, none of {may_be}")
            self.expect(metadata == _metadata(offset), f"{place} has {metadata[:20]!r}")
            self.offsets[place] = [offset]
        self.expect(not found, f"{found} were never committed")
        self.judged.seen["offsets compared"] += len(self.offsets)

    @property
    def may_have_nothing(self) -> bool:
        """Whether it may be that no offset is committed."""
        return all(GONE in may_be for may_be in self.offsets.values())

    @property
    def where_nothing_is(self) -> tuple[ErrorCode, ...]:
        """What deleting may be told beside success."""
        return (ErrorCode.GROUP_ID_NOT_FOUND,) if self.may_have_nothing else ()

    def delete_offsets(self, client: Client) -> None:
        """Delete some offsets."""
        places = self.random.sample(sorted(self.offsets), len(self.offsets) // 2)
        allowed = self.where_nothing_is
        for place in places:
            self.offsets[place].append(GONE)
        topics = _by_topic(places, lambda index: {"partition_index": index})
        answer = client.call(OffsetDelete, {"group_id": self.group_id, "topics": topics})
        self.told(answer.error_code, "OffsetDelete", *allowed)
        for topic in answer.topics:
            for each in topic.partitions:
                self.told(each.error_code, "OffsetDelete")
        for place in places:
            self.offsets[place] = [GONE]
        self.judged.seen["offsets deleted"] += len(places)

    def delete_group(self, client: Client) -> None:
        """Delete the group, which has no members, with all its offsets."""
        allowed = self.where_nothing_is
        for may_be in self.offsets.values():
            may_be.append(GONE)
        answer = client.call(DeleteGroups, {"groups_names": [self.group_id]}, version=2)
        self.told(answer.results[0].error_code, "DeleteGroups", *allowed)
        for place in self.offsets:
            self.offsets[place] = [GONE]
        self.judged.seen["groups deleted"] += 1


@dataclass
class SimpleGroup(GroupClient):
    """Commits without members, as who assigns partitions by hand."""

    def work(self, client: Client) -> None:
        dice = self.random.random()
        if dice < 0.8:
            self.commit(client)
        elif dice < 0.9:
            self.fetch(client)
        elif dice < 0.97:
            self.delete_offsets(client)
        else:
            self.delete_group(client)


def _metadata(offset: int) -> str:
    """Give what is attached to an offset; it fills segments, for the log to be compacted."""
    return "" if offset == GONE else str(offset).zfill(_METADATA_BYTES)


def _by_topic(
    places: Iterable[Place], partition: Callable[[int], Mapping[str, Any]]
) -> list[dict[str, Any]]:
    by_topic: dict[str, list[Mapping[str, Any]]] = {}
    for topic, index in places:
        by_topic.setdefault(topic, []).append(partition(index))
    return [{"name": name, "partitions": partitions} for name, partitions in by_topic.items()]
