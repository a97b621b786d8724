"""Whatever members do: no partition has two owners, and the log makes the group that is live."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pykbroker.coordinator.consumer.group import ConsumerGroup, ConsumerGroupState
from pykbroker.coordinator.consumer.regexes import PAUSE_MS
from pykbroker.errors import KafkaError
from tests.coordinator.consumer.members import (
    GROUP,
    SESSION_MS,
    Consumer,
    a_heartbeat,
    a_shard,
)
from tests.coordinator.consumer.partitions import a_topic
from tests.coordinator.driven import Driven

SOFT = {"metadata_is_checked", "new_topics_revision"}
MEMBER_IDS = ("alice", "bob", "carol", "dave")
INSTANCES = {"carol": "one", "dave": "one"}
SUBSCRIPTIONS: tuple[dict[str, Any], ...] = (
    {"subscribed_topic_names": ("a",)},
    {"subscribed_topic_names": ("a", "b")},
    {"subscribed_topic_names": ()},
    {"subscribed_topic_names": ("c",), "subscribed_topic_regex": "[ab]"},
    {"subscribed_topic_names": (), "subscribed_topic_regex": ".*"},
    {"subscribed_topic_names": ("b",), "subscribed_topic_regex": ""},
)
PAUSES_MS = (0, 1, 1_000, PAUSE_MS + 1, SESSION_MS // 2, SESSION_MS)


@dataclass
class History:
    """Members that do what is drawn, and what is true after each step."""

    driven: Driven
    consumers: dict[str, Consumer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for member_id in MEMBER_IDS:
            instance_id = INSTANCES.get(member_id)
            self.consumers[member_id] = Consumer(self.driven, member_id, ("a",), instance_id)

    def step(self, member_id: str, action: str, number: int) -> None:
        """Do one thing; what is refused ends a member as it ends a client's membership."""
        consumer = self.consumers[member_id]
        subscription = SUBSCRIPTIONS[number % len(SUBSCRIPTIONS)]
        actions: dict[str, Callable[[], object]] = {
            "join": lambda: consumer.join(**subscription),
            "heartbeat": consumer.heartbeat,
            "say nothing": lambda: consumer.heartbeat(topic_partitions=None),
            "subscribe": lambda: consumer.heartbeat(**subscription),
            "be late": lambda: self.driven.ask(
                a_heartbeat(member_id, consumer.epoch - 1, topic_partitions={})
            ),
            "leave": consumer.leave,
            "leave for a while": lambda: consumer.leave(-2),
            "wait": lambda: self.driven.pass_time(PAUSES_MS[number % len(PAUSES_MS)]),
            "topics": lambda: self.driven.follow(
                a_topic("a", 3 + number % 3), *([a_topic("b", 2)] if number % 4 else [])
            ),
            "restart": self.driven.restart,
        }
        try:
            actions[action]()
        except KafkaError:
            consumer.epoch, consumer.has = 0, {}

    def check(self) -> None:
        """Check what is always true."""
        live = self.driven.shard.groups.get(GROUP)
        if live is None:
            return
        assert isinstance(live, ConsumerGroup)
        owned = [
            (topic, number)
            for member in live.members.values()
            for held in (member.current.assigned, member.current.revoking)
            for topic, numbers in held.items()
            for number in numbers
        ]
        assert len(owned) == len(set(owned)), "a partition has two owners"
        assert all(live.owner_of(*partition) for partition in owned)
        targets = [
            (topic, number)
            for target in live.targets.values()
            for topic, numbers in target.items()
            for number in numbers
        ]
        assert len(targets) == len(set(targets)), "a partition is to have two owners"
        assert live.targets.keys() <= live.members.keys()
        assert _hard(live) == _hard(self._replayed())

    def settle(self) -> None:
        """Let all that are let in go on for more than a session: then topic a has its owners."""
        self.driven.follow(a_topic("a", 4), a_topic("b", 2))
        for _ in range(8 + SESSION_MS // PAUSE_MS):
            for consumer in self.consumers.values():
                self._go_on(consumer)
            self.driven.pass_time(PAUSE_MS + 1)
        group = self.driven.group(GROUP)
        assert group.state is ConsumerGroupState.STABLE
        assert all(group.owner_of(a_topic("a", 4).topic_id, number) for number in range(4))

    def _go_on(self, consumer: Consumer) -> None:
        for heartbeat in (consumer.heartbeat, consumer.join):
            try:
                heartbeat(subscribed_topic_names=("a",), subscribed_topic_regex="")
            except KafkaError:
                continue
            return

    def _replayed(self) -> ConsumerGroup:
        other = a_shard()
        for record in self.driven.log:
            other.machine.replay(record)
        group = other.shard.groups[GROUP]
        assert isinstance(group, ConsumerGroup)
        return group


def _hard(group: ConsumerGroup) -> dict[str, object]:
    return {name: value for name, value in vars(group).items() if name not in SOFT}


ACTIONS = ("heartbeat", "heartbeat", "join", "say nothing", "subscribe", "be late", "leave")
RARE_ACTIONS = ("leave for a while", "wait", "topics", "restart")
STEPS = st.tuples(
    st.sampled_from(MEMBER_IDS),
    st.sampled_from(ACTIONS + RARE_ACTIONS),
    st.integers(0, 23),
)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(STEPS, max_size=40),
    interval_ms=st.sampled_from(["0", "1000"]),
    assignor=st.sampled_from(["uniform", "range"]),
)
def test_any_history_of_members_keeps_the_group_sound(
    steps: list[tuple[str, str, int]], interval_ms: str, assignor: str
) -> None:
    history = History(a_shard(assignment_interval_ms=interval_ms, assignors=assignor))

    for step in steps:
        history.step(*step)
        history.check()
    history.settle()
    history.check()
