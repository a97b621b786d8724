"""Words for questions about groups of the consumer protocol (KIP-848): heartbeats and members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interop.group_questions.asker import Asker, Topic
from interop.group_questions.offsets import topic_id_of
from pykbroker.wire.messages.consumer_group_describe import ConsumerGroupDescribe
from pykbroker.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeat

NEWEST_BEAT, NEWEST_DESCRIBE = 1, 1
ASSIGNMENT_INTERVAL_MS = 1_000
"""How long after an assignment Kafka computes no other, by default."""

LEAVE, LEAVE_FOR_A_WHILE = -1, -2


def topic_for_members(asker: Asker, partitions: int = 3) -> Topic:
    """Create a topic, and wait until members get its partitions: coordinators hear of it late."""
    topic = asker.topic(partitions)
    asker.until(lambda: _is_shared_out(asker, topic), bool)
    return topic


def _is_shared_out(asker: Asker, topic: str) -> bool:
    group = asker.names.fresh("group to try a topic")
    answer = first_beat(asker, group, subscribed_topic_names=[topic])
    beat(asker, group, "alice", LEAVE)
    return bool(answer["assignment"]["topic_partitions"])


def until_next_assignment(asker: Asker) -> None:
    """Wait until a change of the group is acted on at once."""
    asker.sleep_ms(ASSIGNMENT_INTERVAL_MS + 100)


def beat(asker: Asker, group: str, member_id: str, epoch: int, **fields: Any) -> Any:
    """Send a heartbeat with nothing but `fields` beside the member."""
    version = fields.pop("version", NEWEST_BEAT)
    request = {"group_id": group, "member_id": member_id, "member_epoch": epoch} | fields
    return asker.ask(ConsumerGroupHeartbeat, request, version=version)


def first_beat(asker: Asker, group: str, member_id: str = "alice", **fields: Any) -> Any:
    """Send a heartbeat that joins, complete but for `fields`, which replace or add."""
    told = {"rebalance_timeout_ms": 60_000, "subscribed_topic_names": [], "topic_partitions": []}
    return beat(asker, group, member_id, 0, **(told | fields))


def partitions_of(shares: Mapping[str, Iterable[int]]) -> list[dict[str, Any]]:
    """Give a request's `topic_partitions` by topic."""
    return [
        {"topic_id": topic_id_of(topic), "partitions": list(partitions)}
        for topic, partitions in shares.items()
    ]


def describe(asker: Asker, *groups: str, version: int = NEWEST_DESCRIBE, **fields: Any) -> Any:
    """Describe groups of the consumer protocol."""
    request = {"group_ids": groups} | fields
    return asker.ask(ConsumerGroupDescribe, request, version=version)


class Consumer:
    """A member that remembers its epoch and its share, as clients do."""

    def __init__(
        self, asker: Asker, group: str, member_id: str = "alice", *topics: str, **fields: Any
    ) -> None:
        self.asker, self.group, self.member_id = asker, group, member_id
        self.topics = list(topics)
        self.fields = fields
        """What is told when joining, and then with every heartbeat: `instance_id`, say."""
        self.epoch = 0
        self.share: list[dict[str, Any]] = []

    def join(self, **fields: Any) -> Any:
        """Join, or join again."""
        told = self.fields | {"subscribed_topic_names": self.topics} | fields
        return self._heard(first_beat(self.asker, self.group, self.member_id, **told))

    def beat(self, **fields: Any) -> Any:
        """Say nothing but that one is there."""
        told = self._instance() | fields
        return self._heard(beat(self.asker, self.group, self.member_id, self.epoch, **told))

    def own(self, **fields: Any) -> Any:
        """Tell that one owns exactly the share that was assigned."""
        return self.beat(topic_partitions=self.share, **fields)

    def leave(self, epoch: int = LEAVE) -> Any:
        """Leave, for a while or for good."""
        return beat(self.asker, self.group, self.member_id, epoch, **self._instance())

    def owns_all_of(self, epoch: int) -> Any:
        """Go on owning what is assigned until an epoch is reached; give the answer that told it."""
        return self.asker.until(self.own, lambda answer: answer["member_epoch"] >= epoch)

    def _instance(self) -> dict[str, Any]:
        return {name: told for name, told in self.fields.items() if name == "instance_id"}

    def _heard(self, answer: Any) -> Any:
        if answer["error_code"] == 0:
            self.epoch = answer["member_epoch"]
            self.member_id = answer["member_id"]
            if answer["assignment"] is not None:
                self.share = [dict(each) for each in answer["assignment"]["topic_partitions"]]
        return answer


def a_consumer(asker: Asker, *topics: str, member_id: str = "alice", **fields: Any) -> Consumer:
    """Give a member that has joined a new group, owns its share and need not wait for another."""
    member = Consumer(asker, asker.group(), member_id, *topics, **fields)
    answer = member.join()
    if answer["error_code"]:
        raise RuntimeError(f"not joined: {answer}")
    member.own()
    return member


def joined_by(member: Consumer, member_id: str = "bob", **fields: Any) -> tuple[Consumer, Any]:
    """Let another member join with the same topics, once it is acted on; give it and its answer."""
    until_next_assignment(member.asker)
    other = Consumer(member.asker, member.group, member_id, *member.topics, **fields)
    return other, other.join()


def a_settled_pair(asker: Asker, *topics: str, **fields: Any) -> tuple[Consumer, Consumer]:
    """Give two members of a group, both of epoch 2, that own their shares."""
    one = a_consumer(asker, *topics, **fields)
    two, _ = joined_by(one)
    one.own()
    one.own()
    two.own()
    two.own()
    return one, two
