"""Deadlines come due once each, at the time last set and in order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pykbroker.coordinator.timers import TimerKey, TimerKind, Timers

ALICE = TimerKey(TimerKind.CLASSIC_SESSION, "group", "alice")
BOB = TimerKey(TimerKind.CLASSIC_SESSION, "group", "bob")


def popped(timers: Timers, elapsed_ms: int) -> list[TimerKey]:
    """Take everything that is due."""
    taken = []
    while (key := timers.pop(elapsed_ms)) is not None:
        taken.append(key)
    return taken


def test_nothing_is_due_where_nothing_was_set() -> None:
    timers = Timers()

    assert (timers.next_due_ms, timers.pop(10**9), timers.due_ms(ALICE)) == (None, None, None)


def test_a_deadline_is_due_at_its_time_and_only_once() -> None:
    timers = Timers()
    timers.set(ALICE, 100)

    assert (timers.next_due_ms, timers.due_ms(ALICE)) == (100, 100)
    assert timers.pop(99) is None
    assert popped(timers, 100) == [ALICE]
    assert popped(timers, 10**9) == []
    assert (timers.next_due_ms, timers.due_ms(ALICE)) == (None, None)


def test_deadlines_come_by_their_times_and_then_in_the_order_set() -> None:
    timers = Timers()
    third, fourth = ALICE._replace(member_id="carol"), ALICE._replace(member_id="dave")
    for key, due_ms in ((BOB, 200), (third, 100), (ALICE, 200), (fourth, 300)):
        timers.set(key, due_ms)

    assert popped(timers, 250) == [third, BOB, ALICE]


def test_members_that_come_and_go_leave_nothing_behind() -> None:
    timers = Timers()
    timers.set(ALICE, 100)
    timers.set(BOB, 100)
    for number in range(10_000):
        gone = ALICE._replace(member_id=f"{number}")
        timers.set(gone, 1_000)
        timers.cancel(gone)
        timers.set(BOB, 100 + number)

    assert len(timers._heap) == len(timers._entered) < 100
    assert popped(timers, 10**9) == [ALICE, BOB]


def test_a_deadline_that_is_put_off_is_not_due_before() -> None:
    timers = Timers()
    timers.set(ALICE, 100)
    timers.set(ALICE, 300)

    assert timers.next_due_ms == 300
    assert popped(timers, 299) == []
    assert popped(timers, 300) == [ALICE]


def test_a_deadline_that_is_brought_forward_is_due_then_and_not_again() -> None:
    timers = Timers()
    timers.set(ALICE, 300)
    timers.set(ALICE, 100)

    assert popped(timers, 100) == [ALICE]
    assert popped(timers, 300) == []


def test_a_cancelled_deadline_is_never_due() -> None:
    timers = Timers()
    timers.set(ALICE, 100)
    timers.cancel(ALICE)
    timers.cancel(BOB)

    assert timers.next_due_ms is None
    assert popped(timers, 100) == []


def test_a_cancelled_deadline_may_be_set_again_earlier_or_later() -> None:
    timers = Timers()
    for key, due_ms in ((ALICE, 50), (BOB, 150)):
        timers.set(key, 100)
        timers.cancel(key)
        timers.set(key, due_ms)

    assert popped(timers, 100) == [ALICE]
    assert popped(timers, 150) == [BOB]


def test_what_a_deadline_left_behind_does_not_make_its_next_one_due() -> None:
    timers = Timers()
    timers.set(ALICE, 100)
    timers.set(ALICE, 50)
    assert popped(timers, 50) == [ALICE]

    timers.set(ALICE, 200)

    assert popped(timers, 199) == []
    assert popped(timers, 200) == [ALICE]


def test_heartbeats_without_end_keep_one_entry_for_each_member() -> None:
    timers = Timers()

    for beat in range(10_000):
        timers.set(ALICE, 30_000 + beat * 3_000)
        timers.set(BOB, 30_000 + beat * 3_000)
        assert timers.pop(beat * 3_000) is None

    assert len(timers._heap) == 2


keys = st.builds(
    TimerKey, st.sampled_from(list(TimerKind)[:2]), st.just("g"), st.sampled_from("ab")
)


class TimersModel(RuleBasedStateMachine):
    """Any use of timers against the plainest thing that does the same."""

    def __init__(self) -> None:
        super().__init__()
        self.timers = Timers()
        self.due: dict[TimerKey, int] = {}
        self.now_ms = 0

    @rule(key=keys, after_ms=st.integers(-1, 9))
    def put(self, key: TimerKey, after_ms: int) -> None:
        self.timers.set(key, self.now_ms + after_ms)
        self.due[key] = self.now_ms + after_ms

    @rule(key=keys)
    def cancel(self, key: TimerKey) -> None:
        self.timers.cancel(key)
        self.due.pop(key, None)

    @rule(after_ms=st.integers(0, 6))
    def pass_time(self, after_ms: int) -> None:
        self.now_ms += after_ms

    @rule()
    def pop(self) -> None:
        key = self.timers.pop(self.now_ms)
        if key is None:
            assert all(due_ms > self.now_ms for due_ms in self.due.values())
        else:
            assert self.due[key] == min(self.due.values()) <= self.now_ms
            del self.due[key]

    @invariant()
    def agrees(self) -> None:
        assert self.timers.next_due_ms == min(self.due.values(), default=None)
        assert {key: self.timers.due_ms(key) for key in self.due} == self.due


TimersModel.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, derandomize=True
)
TestAnyUse = TimersModel.TestCase
