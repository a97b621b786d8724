"""The world of one history: two clocks, a slow network, topics, and all that acts at its time.

Time only passes from one thing to the next: a message that travels, a member that acts, a deadline
of the coordinator. Elapsed time never jumps; the wall clock does, where the history says so.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random

from pykbroker.coordinator.assignors.assignment import TopicShape
from pykbroker.coordinator.commands import ForgetPartitionsCommand
from tests.coordinator.driven import a_topic, topics_of
from tests.coordinator.model.coordinator import Asked, Coordinator

GROUP = "group"
SESSION_MS = 3_000
REBALANCE_MS = 4_000
HEARTBEAT_MS = 500
METADATA_MS = 700
"""How long a client may know an older state of the topics."""

Action = Callable[[], None]
Partition = tuple[bytes, int]
"""Topic id and partition."""


class World:
    """Where the members of one group and their coordinator live."""

    def __init__(
        self,
        seed: int,
        partitions: tuple[int, ...] = (),
        *,
        initial_delay_ms: int = 0,
        assignment_interval_ms: int = 0,
        migration_policy: str = "bidirectional",
    ) -> None:
        self.random = Random(seed)
        """How long messages travel and what applications take; never what happens."""
        self._agenda: list[tuple[int, int, Action]] = []
        self._entries = 0
        self._topics_made = 0
        self.shapes: dict[str, TopicShape] = {}
        """The topics there are, by name."""
        self.offsets: dict[Partition, int] = {}
        """How far each partition was read; only grows."""
        for number, count in enumerate(partitions):
            if count:
                self._put(f"t{number}", count)
        self.coordinator = Coordinator(
            {
                "group.initial.rebalance.delay.ms": str(initial_delay_ms),
                "group.min.session.timeout.ms": "1000",
                "group.consumer.min.session.timeout.ms": "1000",
                "group.consumer.session.timeout.ms": str(SESSION_MS),
                "group.consumer.min.heartbeat.interval.ms": "100",
                "group.consumer.heartbeat.interval.ms": str(HEARTBEAT_MS),
                "group.consumer.assignment.interval.ms": str(assignment_interval_ms),
                "group.consumer.migration.policy": migration_policy,
            },
            topics_of(self.shapes.values()),
        )

    # -- time ----------------------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        """The clock that never jumps."""
        return self.coordinator.elapsed_ms

    def at(self, ms: int, action: Action) -> None:
        """Let something happen at a time, after all that is to happen then already."""
        self._entries += 1
        heappush(self._agenda, (max(ms, self.now_ms), self._entries, action))

    def later(self, ms: int, action: Action) -> None:
        """Let something happen in a while."""
        self.at(self.now_ms + ms, action)

    def pass_time(self, ms: int) -> None:
        """Let happen all that is due until then."""
        end_ms = self.now_ms + ms
        while True:
            due_ms = self.coordinator.next_deadline_ms()
            next_ms = self._agenda[0][0] if self._agenda else end_ms + 1
            if due_ms is not None and due_ms <= min(next_ms, end_ms):
                self.coordinator.pass_time(max(due_ms - self.now_ms, 0))
            elif next_ms <= end_ms:
                self.coordinator.pass_time(max(next_ms - self.now_ms, 0))
                heappop(self._agenda)[2]()
            else:
                self.coordinator.pass_time(end_ms - self.now_ms)
                return

    def jump(self, ms: int) -> None:
        """Put the wall clock on, or back."""
        self.coordinator.wall_ms += ms

    def travel_ms(self) -> int:
        """Tell how long one message is on its way."""
        return self.random.choice((0, 0, 1, 1, 2, 3, 5, 30))

    # -- topics --------------------------------------------------------------------------------

    def create(self, name: str, partitions: int) -> None:
        """Create a topic, unless it exists."""
        if name not in self.shapes:
            self._put(name, partitions)
            self._tell()

    def grow(self, name: str, by: int) -> None:
        """Give a topic more partitions, if it exists."""
        shape = self.shapes.get(name)
        if shape is not None:
            self.shapes[name] = TopicShape(shape.topic_id, name, shape.partitions + by)
            self._tell()

    def drop(self, name: str) -> bool:
        """Delete a topic, and what was committed for it; tell whether it existed."""
        if self.shapes.pop(name, None) is None:
            return False
        self._tell()
        forgetting = ForgetPartitionsCommand(frozenset({name}))
        self.coordinator.submit(Asked(forgetting, None, lambda _: None))
        return True

    def next_offset(self, partition: Partition) -> int:
        """Read on in a partition; give how far it was read by then."""
        self.offsets[partition] = self.offsets.get(partition, 0) + 1
        return self.offsets[partition]

    def topic_id(self, name: str) -> bytes | None:
        """Give the id of a topic; None where there is none."""
        shape = self.shapes.get(name)
        return None if shape is None else shape.topic_id

    def _put(self, name: str, partitions: int) -> None:
        self._topics_made += 1
        self.shapes[name] = a_topic(name, partitions, number=self._topics_made)

    def _tell(self) -> None:
        self.coordinator.follow(*self.shapes.values())
