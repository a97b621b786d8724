"""Whatever members of a classic group ask in whatever order, it keeps its laws."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode, KafkaError
from tests.coordinator.classic.groups import GROUP
from tests.coordinator.classic.histories import OPERATIONS, Crowd

MANY = settings(max_examples=60, deadline=None)
histories = st.lists(OPERATIONS, min_size=1, max_size=40)
delays = st.sampled_from((0, 3_000))
sizes = st.sampled_from((2, 100))


@MANY
@given(histories, delays, sizes)
def test_a_group_keeps_its_laws_through_any_history(
    history: list[tuple[Any, ...]], delay_ms: int, size_max: int
) -> None:
    crowd = Crowd(delay_ms, size_max)

    for operation in history:
        crowd.do(operation)
        crowd.check()

    faults = [each for each in crowd.driven.replies.values() if isinstance(each, KafkaError)]
    static_ones_that_lie = {ErrorCode.UNKNOWN_SERVER_ERROR}
    assert not {each.code for each in faults} & static_ones_that_lie


@MANY
@given(histories, delays)
def test_a_group_that_is_left_alone_becomes_empty_and_answers_who_waits(
    history: list[tuple[Any, ...]], delay_ms: int
) -> None:
    crowd = Crowd(delay_ms, 100)
    for operation in history:
        crowd.do(operation)

    crowd.driven.pass_time(20 * 60_000)

    group = crowd.driven.shard.groups.get(GROUP)
    if isinstance(group, ClassicGroup):
        assert (group.state_name, group.members, group.pending_joins) == ("Empty", {}, set())
    timers = crowd.driven.shard.timers
    assert timers.next_due_ms == timers.due_ms(TimerKey(TimerKind.OFFSET_EXPIRATION))
