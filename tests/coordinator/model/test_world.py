"""The world that members live in: what happens when, and what a process that is troubled does."""

from __future__ import annotations

from typing import Any

from pykbroker.coordinator.commands import Command, HeartbeatCommand
from pykbroker.errors import ErrorCode
from tests.coordinator.model.classic_member import ClassicMember
from tests.coordinator.model.leading import Subscription
from tests.coordinator.model.process import Process, code_of
from tests.coordinator.model.world import GROUP, World

BEAT = HeartbeatCommand(GROUP, 1, "nobody", None)


class Teller(Process):
    """A process that only remembers what it heard."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "teller", None)
        self.heard: list[Any] = []

    def cut_off(self) -> None:
        """Remember that the connection broke."""
        self.heard.append("cut off")

    def reported(self, command: Command) -> None:
        """Say nothing of partitions."""

    def beat(self) -> None:
        """Ask something that is refused at once."""
        self.ask(lambda: BEAT, lambda reply: self.heard.append(code_of(reply)))


def a_slow_world() -> World:
    """Give a world in which every message takes 10 ms."""
    world = World(0)
    world.travel_ms = lambda: 10  # type: ignore[method-assign]
    return world


def test_what_happens_happens_in_order_and_at_its_time() -> None:
    world, seen = World(0), list[tuple[str, int]]()
    start_ms = world.now_ms
    world.later(20, lambda: seen.append(("later", world.now_ms - start_ms)))
    world.later(10, lambda: seen.append(("sooner", world.now_ms - start_ms)))
    world.later(30, lambda: seen.append(("too late", 0)))

    world.pass_time(29)

    assert seen == [("sooner", 10), ("later", 20)]
    assert world.now_ms - start_ms == 29


def test_only_the_wall_clock_jumps() -> None:
    world = World(0)
    elapsed_ms, wall_ms = world.coordinator.now.elapsed_ms, world.coordinator.now.wall_ms

    world.jump(-5_000)
    world.pass_time(1)

    assert world.coordinator.now == (wall_ms - 4_999, elapsed_ms + 1)


def test_an_answer_takes_two_journeys() -> None:
    world = a_slow_world()
    teller = Teller(world)
    teller.beat()

    world.pass_time(19)
    early = list(teller.heard)
    world.pass_time(1)

    assert early == []
    assert teller.heard == [ErrorCode.UNKNOWN_MEMBER_ID]


def test_who_sleeps_does_everything_when_it_wakes() -> None:
    world = a_slow_world()
    teller = Teller(world)
    teller.beat()
    teller.later(5, lambda: teller.heard.append("acted"))
    teller.sleep(100)

    world.pass_time(99)
    asleep = list(teller.heard)
    world.pass_time(1)

    assert asleep == []
    assert teller.heard == ["acted", ErrorCode.UNKNOWN_MEMBER_ID]


def test_who_is_dead_hears_nothing_but_what_it_asked_arrives() -> None:
    world = a_slow_world()
    teller = Teller(world)
    teller.beat()
    teller.die()

    world.pass_time(1_000)

    assert teller.heard == []
    assert world.coordinator.decisions > 1


def test_what_was_on_its_way_to_a_broken_connection_arrives_or_not_and_is_never_answered() -> None:
    for arrives in (True, False):
        world = a_slow_world()
        teller, decisions = Teller(world), world.coordinator.decisions
        teller.beat()

        teller.cut(arrives=arrives)
        world.pass_time(1_000)

        assert teller.heard == ["cut off"]
        assert world.coordinator.decisions - decisions == arrives


def test_who_waits_when_the_coordinator_is_lost_is_told_so() -> None:
    world = World(0, initial_delay_ms=1_000)
    teller = Teller(world)
    member = ClassicMember(world, "m", "i", assignors=("range",), topics=("t",))
    teller.ask(
        lambda: member.joining(Subscription(("t",))),
        lambda reply: teller.heard.append(code_of(reply)),
    )
    world.pass_time(500)

    world.coordinator.restart()
    world.pass_time(500)

    assert teller.heard == [ErrorCode.NOT_COORDINATOR]
