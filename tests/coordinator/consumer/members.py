"""Members of the consumer protocol as a client plays them, and groups of them to begin with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pykbroker.coordinator.assignors.assignment import TopicShape
from pykbroker.coordinator.commands import ConsumerHeartbeatCommand, ConsumerHeartbeatReply
from pykbroker.coordinator.consumer.group import ConsumerGroup
from pykbroker.coordinator.records import Partitions
from pykbroker.errors import ErrorCode
from tests.coordinator.consumer.partitions import a_topic, told
from tests.coordinator.driven import Driven, topics_of

GROUP = "group"
SESSION_MS = 45_000
REBALANCE_MS = 300_000
AT_ONCE = {"group.consumer.assignment.interval.ms": "0"}
"""A target follows each change of epoch at once."""


def a_shard(*topics: TopicShape, **properties: str) -> Driven:
    """Give a machine with topics a (3 partitions) and b (2), or those given.

    Properties are named without `group.consumer.` and with _ for dots.
    """
    named = {f"group.consumer.{name.replace('_', '.')}": text for name, text in properties.items()}
    shapes = topics or (a_topic("a", 3), a_topic("b", 2))
    return Driven(properties=AT_ONCE | named, topics=topics_of(shapes))


def a_heartbeat(member_id: str, epoch: int, **fields: Any) -> ConsumerHeartbeatCommand:
    """Give a heartbeat that says nothing but what is given."""
    nothing = ConsumerHeartbeatCommand(
        group_id=GROUP,
        member_id=member_id,
        member_epoch=epoch,
        instance_id=None,
        rack_id=None,
        rebalance_timeout_ms=-1,
        subscribed_topic_names=None,
        subscribed_topic_regex=None,
        server_assignor=None,
        topic_partitions=None,
        client_id="client",
        client_host="/127.0.0.1",
    )
    return nothing._replace(**fields)


def a_join(member_id: str, *topics: str, **fields: Any) -> ConsumerHeartbeatCommand:
    """Give the first heartbeat of a member, which says everything."""
    said: dict[str, Any] = {
        "rebalance_timeout_ms": REBALANCE_MS,
        "subscribed_topic_names": topics,
        "topic_partitions": {},
    }
    return a_heartbeat(member_id, 0, **(said | fields))


@dataclass
class Consumer:
    """A client: it takes what it is told, gives up what it is asked to, and says what it has."""

    driven: Driven
    member_id: str
    topics: tuple[str, ...] = ("a",)
    instance_id: str | None = None
    epoch: int = 0
    has: Partitions = field(default_factory=dict)
    """What it knows to be assigned to it."""

    def join(self, **fields: Any) -> ConsumerHeartbeatReply:
        """Join, or join again with nothing."""
        self.has = {}
        said = {"instance_id": self.instance_id} | fields
        return self._ask(a_join(self.member_id, *self.topics, **said))

    def heartbeat(self, **fields: Any) -> ConsumerHeartbeatReply:
        """Heartbeat with what it has; it has given up all that it was asked to."""
        said = {"instance_id": self.instance_id, "topic_partitions": self.has} | fields
        return self._ask(a_heartbeat(self.member_id, self.epoch, **said))

    def leave(self, epoch: int = -1) -> ConsumerHeartbeatReply:
        """Leave, with -2 for a while."""
        said = {"instance_id": self.instance_id}
        reply: ConsumerHeartbeatReply = self.driven.ask(a_heartbeat(self.member_id, epoch, **said))
        return reply

    def refusal(self, **fields: Any) -> ErrorCode:
        """Heartbeat and give the code with which that is refused."""
        said = {"instance_id": self.instance_id, "topic_partitions": self.has} | fields
        epoch = said.pop("member_epoch", self.epoch)
        return self.driven.refusal(a_heartbeat(self.member_id, epoch, **said))

    @property
    def share(self) -> str | None:
        """What it has, in short."""
        return told(self.has)

    def _ask(self, command: ConsumerHeartbeatCommand) -> ConsumerHeartbeatReply:
        reply: ConsumerHeartbeatReply = self.driven.ask(command)
        self.epoch = reply.member_epoch
        if reply.assignment is not None:
            self.has = reply.assignment
        return reply


def members(driven: Driven, *member_ids: str, topics: tuple[str, ...] = ("a",)) -> list[Consumer]:
    """Let members join and heartbeat until all have their share."""
    consumers = [Consumer(driven, member_id, topics) for member_id in member_ids]
    for consumer in consumers:
        consumer.join()
    settle(consumers)
    return consumers


def settle(consumers: Iterable[Consumer]) -> None:
    """Let members heartbeat in turn until nothing changes any more."""
    everybody = list(consumers)
    for _ in range(2 * len(everybody) + 2):
        before = [(each.epoch, each.has) for each in everybody]
        for consumer in everybody:
            consumer.heartbeat()
        if [(each.epoch, each.has) for each in everybody] == before:
            return
    raise AssertionError("the group does not settle")


def group_of(driven: Driven) -> ConsumerGroup:
    """Give the group."""
    group = driven.group(GROUP)
    assert isinstance(group, ConsumerGroup)
    return group


def shares(driven: Driven) -> dict[str, str | None]:
    """Tell what each member is to have."""
    return {member_id: told(target) for member_id, target in group_of(driven).targets.items()}
