"""A connection that puts questions: it makes fresh names, and answers come back as plain values.

An answer holds the fields its version has, in wire order, without throttle_time_ms. What a broker
made up stays in it as it came, so that it can be sent back; `plain` gives it a name at the end.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from interop.group_questions.consumer_bytes import WELL_KNOWN
from interop.group_questions.plain import Answer, Names, Several, plain
from pykbroker.wire.messages.create_partitions import CreatePartitions
from pykbroker.wire.messages.create_topics import CreateTopics
from pykbroker.wire.messages.delete_topics import DeleteTopics
from pykbroker.wire.messages.describe_groups import DescribeGroups
from pykbroker.wire.messages.metadata import Metadata
from pykbroker.wire.resolved import Fields, Many, Optional, Root
from pykbroker.wire.schema import Api
from tests.kafka_client import Client

PATIENCE_SECONDS = 15
PAUSE_SECONDS = 0.01


class Asker(Client):
    """One connection of a question; `another` opens more of them, which share its names.

    The topics it made are deleted at the end.
    """

    def __init__(
        self, bootstrap_servers: str, *, client_id: str | None = "asker", names: Names | None = None
    ) -> None:
        super().__init__(bootstrap_servers, client_id=client_id)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.bootstrap_servers = bootstrap_servers
        self.names = names or Names(port=self.socket.getpeername()[1], known=WELL_KNOWN)
        self._others: list[Asker] = []
        self._topics: list[str] = []

    def __exit__(self, *_: object) -> None:
        if self._topics:
            with suppress(OSError, EOFError):
                self._delete_topics()
        for other in self._others:
            other.__exit__()
        super().__exit__()

    def _delete_topics(self) -> None:
        with Client(self.bootstrap_servers) as client:
            told = [{"name": topic, "topic_id": bytes(16)} for topic in self._topics]
            client.call(DeleteTopics, {"topics": told, "timeout_ms": 10_000}, version=6)

    def another(self, client_id: str | None = "another") -> Asker:
        """Open a second connection, closed with this one."""
        other = Asker(self.bootstrap_servers, client_id=client_id, names=self.names)
        self._others.append(other)
        return other

    def ask(self, api: Api, request: Mapping[str, Any], *, version: int) -> Any:
        """Send a request and give its answer as a dict of the fields that the version has."""
        self.send(api, request, version=version)
        return self.answer(api, version=version)

    def answer(self, api: Api, *, version: int) -> Any:
        """Give the answer to a request sent before, which may have been waiting."""
        value = self.receive(api, version=version)
        answer = _told(api.response(version).construct, value)
        self.names.see(answer)
        return answer

    def closes(self, api: Api, request: Mapping[str, Any], *, version: int) -> bool:
        """Send a request and tell whether the broker closes the connection for it."""
        self.send(api, request, version=version)
        return self.is_closed_by_broker()

    def group(self) -> str:
        """Make up a group id that no other question has."""
        return self.names.fresh("group")

    def topic(self, partitions: int = 3, *, name: str | None = None) -> Topic:
        """Create a topic that no other question has; it has a leader when this returns."""
        name = name or self.names.fresh("topic")
        created = self.call(
            CreateTopics,
            {
                "topics": [
                    {
                        "name": name,
                        "num_partitions": partitions,
                        "replication_factor": 1,
                        "assignments": [],
                        "configs": [],
                    }
                ]
            },
            version=7,
        ).topics[0]
        if created.error_code:
            raise RuntimeError(f"no topic: {created}")
        self._topics.append(name)
        self.names.know(created.topic_id, name)
        self.until(lambda: self._leaders(name), lambda leaders: len(leaders) == partitions)
        return Topic(name, created.topic_id)

    def grow(self, topic: str, partitions: int) -> None:
        """Give a topic more partitions, and wait until they have leaders."""
        told = [{"name": topic, "count": partitions, "assignments": None}]
        self.call(CreatePartitions, {"topics": told, "timeout_ms": 10_000}, version=3)
        self.until(lambda: self._leaders(topic), lambda leaders: len(leaders) == partitions)

    def delete_topic(self, topic: str) -> None:
        """Delete a topic."""
        told = [{"name": topic, "topic_id": bytes(16)}]
        self.call(DeleteTopics, {"topics": told, "timeout_ms": 10_000}, version=6)

    def _leaders(self, topic: str) -> list[int]:
        request = {"topics": [{"name": topic}], "allow_auto_topic_creation": False}
        told = self.call(Metadata, request, version=12).topics[0]
        return [each.leader_id for each in told.partitions if each.leader_id >= 0]

    def until(self, question: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
        """Repeat a question until its answer is wanted; give the last answer in any case."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not wanted(answer := question()) and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)
        return answer

    def state(self, group_id: str) -> str:
        """Give the state of a classic group, as DescribeGroups v5 tells it."""
        described = self.call(DescribeGroups, {"groups": [group_id]}, version=5)
        state: str = described.groups[0].group_state
        return state

    def wait_for_state(self, group_id: str, state: str) -> None:
        """Wait until a classic group is in a state. Raises RuntimeError if it never is."""
        seen = self.until(lambda: self.state(group_id), lambda found: found == state)
        if seen != state:
            raise RuntimeError(f"the group is {seen}, not {state}")

    def sleep_ms(self, duration_ms: int) -> None:
        """Let time pass: only slow questions do."""
        time.sleep(duration_ms / 1000)

    def plain(self, value: Any) -> Any:
        """Give a question's value in the form that is compared."""
        return plain(value, self.names)


class Topic(str):
    """A topic's name that knows its id."""

    __slots__ = ("topic_id",)

    def __new__(cls, name: str, topic_id: bytes) -> Topic:
        made = super().__new__(cls, name)
        made.topic_id = topic_id
        return made


def random_id() -> bytes:
    """Make up a topic id that no topic has."""
    return secrets.token_bytes(16)


def _told(shape: Any, value: Any) -> Any:
    """Turn a decoded value into plain containers, with the fields of its version only."""
    if isinstance(shape, Root | Optional):
        return None if value is None else _told(shape.subcon, value)
    if isinstance(shape, Many):
        return None if value is None else Several(_told(shape.element, each) for each in value)
    if isinstance(shape, Fields):
        fields = {field.name: field.subcon for field in shape.fields}
        fields |= {tag.name: tag.content for tag in shape.tags}
        return Answer(
            (name, _told(subcon, value[name]))
            for name, subcon in fields.items()
            if name != "throttle_time_ms"
        )
    return value
