"""A client process: it acts, asks one thing at a time, and may sleep, lose its connection or die.

What it has asked arrives even if it dies; what it is told does not. A process that sleeps does at
once, when it wakes, all that it had to do meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from pykbroker.coordinator.commands import Command, CommitCommand, OffsetToCommit
from pykbroker.errors import ErrorCode, KafkaError
from tests.coordinator.model.coordinator import Asked
from tests.coordinator.model.world import GROUP, Action, Partition, World

BACKOFF_MS = 100
COMMIT_MS = 400
React = Callable[[Any], None]


class Process:
    """What classic and consumer members have in common; each kind says what it asks."""

    def __init__(self, world: World, name: str, instance_id: str | None) -> None:
        self.world = world
        self.name = name
        self.instance_id = instance_id
        self.member_id = ""
        self.is_alive = True
        self.fate: ErrorCode | None = None
        """The refusal that it did not survive."""
        self.awake_at_ms = 0
        self._overslept: deque[Action] = deque()
        self.drag_ms = 0
        """How long its application takes when it is next called to rebalance."""
        self.owned: frozenset[Partition] = frozenset()
        """What it reads, as far as it knows."""
        self._names: dict[bytes, str] = {}
        """Of topics that it has, or had."""
        self._connection = 0
        self._arrives_at_ms = 0
        self._on_its_way: Action = lambda: None
        self._is_asking = False
        self._asked: Asked | None = None
        """What is asked and has arrived."""
        self._unsent: deque[tuple[Callable[[], Command | None], React]] = deque()

    # -- what each kind says -------------------------------------------------------------------

    @property
    def is_settled(self) -> bool:
        """Whether it has all that it is to have, as far as it knows."""
        raise NotImplementedError

    def wants(self) -> frozenset[Partition]:
        """Give the partitions there are of the topics it subscribes to."""
        raise NotImplementedError

    def start(self) -> None:
        """Begin."""
        raise NotImplementedError

    def stop(self) -> None:
        """End in good order."""
        raise NotImplementedError

    def subscribe(self, number: int) -> None:
        """Subscribe to other topics."""
        raise NotImplementedError

    def cut_off(self) -> None:
        """Go on after the connection broke, when what was asked is lost or will not be told."""
        raise NotImplementedError

    # -- life ----------------------------------------------------------------------------------

    def die(self, fate: ErrorCode | None = None) -> None:
        """Never act again."""
        self._hang_up()
        self.is_alive = False
        self.fate = fate

    def sleep(self, ms: int) -> None:
        """Do nothing for a while."""
        self.awake_at_ms = max(self.awake_at_ms, self.world.now_ms + ms)
        self.world.at(self.awake_at_ms, self._wake_in_time)

    def wake(self) -> None:
        """Sleep no more; do all that was to be done meanwhile."""
        self.awake_at_ms = 0
        while self._overslept:
            self._act(self._overslept.popleft())

    def _wake_in_time(self) -> None:
        if self.world.now_ms >= self.awake_at_ms:
            self.wake()

    def later(self, ms: int, action: Action) -> None:
        """Do something in a while, if it lives, and when it is awake."""
        self.world.later(ms, lambda: self._act(action))

    def _act(self, action: Action) -> None:
        if not self.is_alive:
            return
        if self.world.now_ms < self.awake_at_ms:
            self._overslept.append(action)
        else:
            action()

    # -- network -------------------------------------------------------------------------------

    @property
    def is_asking(self) -> bool:
        """Whether it waits for an answer, or has more to ask."""
        return self._is_asking or bool(self._unsent)

    def ask(self, command: Callable[[], Command | None], react: React) -> None:
        """Ask when all before is answered; what, is made up then, None: nothing after all."""
        self._unsent.append((command, react))
        self._send()

    def tell(self, command: Command) -> None:
        """Ask at once, whatever else was asked, and want no answer."""
        self._travel(command, lambda _: None)

    def cut(self, arrives: bool) -> None:
        """Break the connection; what is on its way arrives now, or never."""
        on_its_way, self._on_its_way = self._on_its_way, lambda: None
        self._connection += 1
        if not self._is_asking:
            return
        if arrives:
            on_its_way()
        self._hang_up()
        self._is_asking = False
        self._unsent.clear()
        self.later(BACKOFF_MS, self.cut_off)

    def _hang_up(self) -> None:
        """Be there no more for the answer."""
        if self._asked is not None:
            self._asked.is_awaited = False

    def reported(self, command: Command) -> frozenset[Partition] | None:
        """Tell what a request says it has; None where it says nothing."""
        raise NotImplementedError

    def _send(self) -> None:
        while self._unsent and not self._is_asking:
            make, react = self._unsent.popleft()
            command = make()
            if command is not None:
                self._is_asking = True
                self._travel(command, react)

    def _travel(self, command: Command, react: React) -> None:
        connection = self._connection

        def answer(reply: Any) -> None:
            self.world.later(self.world.travel_ms(), lambda: self._act(lambda: hear(reply)))

        def hear(reply: Any) -> None:
            if connection == self._connection:
                self._is_asking = False
                react(reply)
                self._send()

        reported = self.reported(command)
        is_there = False

        def arrive() -> None:
            nonlocal is_there
            if not is_there:
                is_there = True
                self._asked = Asked(self._passed(command), reported, answer)
                self._asked.is_awaited = self.is_alive and connection == self._connection
                self.world.coordinator.submit(self._asked)

        self._on_its_way = arrive
        self._arrives_at_ms = max(self._arrives_at_ms, self.world.now_ms + self.world.travel_ms())

        def arrives_in_time() -> None:
            if self._on_its_way is arrive or connection == self._connection:
                arrive()

        self.world.at(self._arrives_at_ms, arrives_in_time)

    def _passed(self, command: Command) -> Command:
        """Give what a broker passes on to the coordinator: no commit for what is no more."""
        if not isinstance(command, CommitCommand):
            return command
        there = tuple(
            each for each in command.offsets if self.world.topic_id(each.topic) == each.topic_id
        )
        return command._replace(offsets=there)

    # -- reading -------------------------------------------------------------------------------

    def name_of(self, topic_id: bytes) -> str | None:
        """Give a topic's name: as it is now, or as it was when there was one."""
        for name, shape in self.world.shapes.items():
            if shape.topic_id == topic_id:
                self._names[topic_id] = name
        return self._names.get(topic_id)

    def commit_of(
        self, partitions: frozenset[Partition], generation_id_or_member_epoch: int
    ) -> CommitCommand | None:
        """Give a commit that goes further in each of these partitions; None where there are none.

        Of topics that are no more nothing can be committed: no broker lets that pass.
        """
        there = [
            (self.name_of(topic_id) or "", topic_id, number)
            for topic_id, number in sorted(partitions)
            if self.world.topic_id(self.name_of(topic_id) or "") == topic_id
        ]
        if not there:
            return None
        return CommitCommand(
            group_id=GROUP,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
            generation_id_or_member_epoch=generation_id_or_member_epoch,
            offsets=tuple(
                OffsetToCommit(
                    topic=name,
                    partition=number,
                    topic_id=topic_id,
                    committed_offset=self.world.next_offset((topic_id, number)),
                    committed_leader_epoch=0,
                    committed_metadata="",
                )
                for name, topic_id, number in there
            ),
            knows_consumer_groups=True,
        )


def code_of(reply: Any) -> ErrorCode:
    """Give the code of an answer."""
    return reply.code if isinstance(reply, KafkaError) else ErrorCode.NONE
