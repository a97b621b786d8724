"""Reconciliation: a member gives up first, is given then, and partitions keep their epochs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from pykbroker.coordinator.consumer.reconciliation import Goal, reconcile
from pykbroker.coordinator.records import CurrentAssignment, MemberState
from pykbroker.errors import ErrorCode, KafkaError
from tests.coordinator.consumer.partitions import held, some, topic_id

STABLE, UNKNOWN = MemberState.STABLE, MemberState.UNKNOWN
UNREVOKED, UNRELEASED = MemberState.UNREVOKED_PARTITIONS, MemberState.UNRELEASED_PARTITIONS


def has(
    state: MemberState,
    assigned: str,
    *,
    revoking: str = "",
    epoch: int = 10,
    previous: int = 10,
) -> CurrentAssignment:
    """A member's assignment; partitions were given at epoch 10 unless they say otherwise."""
    return CurrentAssignment(epoch, previous, state, held(assigned), held(revoking))


def goal(
    target: str,
    *,
    epoch: int = 11,
    taken: str = "",
    subscribed: Iterable[str] = "ab",
    is_news: bool = False,
    subscribes: bool = True,
) -> Goal:
    """What is aimed at; others have the partitions that are `taken`."""
    others = some(taken)
    return Goal(
        epoch,
        target=some(target),
        subscribed=frozenset(map(topic_id, subscribed)),
        is_taken=lambda topic, partition: partition in others.get(topic, ()),
        is_subscription_changed=is_news,
        subscribes=subscribes,
    )


@dataclass(frozen=True)
class Step:
    """One step: from where, aimed at what, reporting what, to where."""

    before: CurrentAssignment
    goal: Goal
    owned: str | None
    after: CurrentAssignment


STEPS = {
    "a new epoch with the same target changes the epoch alone": Step(
        has(STABLE, "a1@5 b4@5"),
        goal("a1 b4", taken="a1 b4"),
        None,
        has(STABLE, "a1@5 b4@5", epoch=11),
    ),
    "free partitions are given at the new epoch, the others keep theirs": Step(
        has(STABLE, "a1 b4"),
        goal("a1 a2 b4 b5"),
        None,
        has(STABLE, "a1 a2@11 b4 b5@11", epoch=11),
    ),
    "what leaves the target is asked back at the old epoch, and nothing is given yet": Step(
        has(STABLE, "a1 a2 b4"),
        goal("a2 a3"),
        None,
        has(UNREVOKED, "a2", revoking="a1 b4"),
    ),
    "what leaves the target and is reported no more is given up at once": Step(
        has(STABLE, "a1 a2"),
        goal("a2 a3"),
        "a2",
        has(STABLE, "a2 a3@11", epoch=11),
    ),
    "what others have is waited for at the new epoch": Step(
        has(STABLE, "a1"),
        goal("a1 a2 b1", taken="a2 b1"),
        None,
        has(UNRELEASED, "a1", epoch=11),
    ),
    "what is free is given while the rest is waited for": Step(
        has(STABLE, "a1"),
        goal("a1 a2 a3", taken="a2"),
        None,
        has(UNRELEASED, "a1 a3@11", epoch=11),
    ),
    "one topic is waited for though all of another is free": Step(
        has(STABLE, ""),
        goal("a1 b1", taken="a1"),
        None,
        has(UNRELEASED, "b1@11", epoch=11),
    ),
    "what is given up already does not keep from waiting for others": Step(
        has(STABLE, "a1 b4 b6"),
        goal("a1 b4 b7", taken="b7"),
        "",
        has(UNRELEASED, "a1 b4", epoch=11),
    ),
    "without news a stable member at the target's epoch stays as it is": Step(
        has(STABLE, "a1"), goal("a1 a2", epoch=10), "a1", has(STABLE, "a1")
    ),
    "who gives up stays while it reports one of the partitions": Step(
        has(UNREVOKED, "a2", revoking="a1 b4"),
        goal("a2", epoch=12),
        "a2 b4",
        has(UNREVOKED, "a2", revoking="a1 b4"),
    ),
    "who gives up stays while it says nothing of what it has": Step(
        has(UNREVOKED, "a2", revoking="a1"),
        goal("a2", epoch=12),
        None,
        has(UNREVOKED, "a2", revoking="a1"),
    ),
    "who has given up goes on to the newest target": Step(
        has(UNREVOKED, "a2", revoking="a1"),
        goal("a2 a3", epoch=12),
        "a2",
        has(STABLE, "a2 a3@12", epoch=12),
    ),
    "who has given up is asked for more by a newer target": Step(
        has(UNREVOKED, "a2 a3", revoking="a1"),
        goal("a3", epoch=12),
        "a2 a3",
        has(UNREVOKED, "a3", revoking="a2"),
    ),
    "who has given up waits for what others have": Step(
        has(UNREVOKED, "a2", epoch=10, previous=9),
        goal("a2 a4", taken="a4"),
        "a2",
        has(UNRELEASED, "a2", epoch=11),
    ),
    "what a member gave up comes back at the new epoch though nobody else let it go": Step(
        has(UNREVOKED, "a2", revoking="a4"),
        goal("a2 a4 b7", epoch=12, taken="a4"),
        "a2",
        has(STABLE, "a2 a4@12 b7@12", epoch=12),
    ),
    "who waits is given what became free": Step(
        has(UNRELEASED, "a2", epoch=11),
        goal("a2 a4"),
        "a2",
        has(STABLE, "a2 a4@11", epoch=11, previous=11),
    ),
    "who waits is given some of it and waits on": Step(
        has(UNRELEASED, "a2", epoch=11),
        goal("a2 a4 a5", taken="a5"),
        "a2",
        has(UNRELEASED, "a2 a4@11", epoch=11, previous=11),
    ),
    "who waits for what a newer target does not give waits no more": Step(
        has(UNRELEASED, "a2", epoch=11),
        goal("a2", epoch=12),
        "a2",
        has(STABLE, "a2", epoch=12, previous=11),
    ),
    "who waits may be asked to give up by a newer target": Step(
        has(UNRELEASED, "a2 a3", epoch=11),
        goal("a3", epoch=12),
        "a2 a3",
        has(UNREVOKED, "a3", revoking="a2", epoch=11, previous=11),
    ),
    "who has nothing comes back from a state nobody here knows": Step(
        has(UNKNOWN, "a3", revoking="a2"),
        goal("a3", epoch=12),
        "",
        has(STABLE, "a3", epoch=12),
    ),
    "a target of topics not subscribed to any more gives nothing": Step(
        has(STABLE, "a1 b4", previous=9),
        goal("a1 b4", subscribed="b"),
        "b4",
        has(STABLE, "b4", epoch=11),
    ),
    "topics not subscribed to any more are asked back with the new epoch": Step(
        has(STABLE, "a1 b4", previous=9),
        goal("a1 b4", subscribed="b", is_news=True),
        "a1 b4",
        has(UNREVOKED, "b4", revoking="a1"),
    ),
    "topics not subscribed to any more are asked back before there is a new target": Step(
        has(STABLE, "a1 b4", previous=9),
        goal("a1 b4", epoch=10, subscribed="b", is_news=True),
        "a1 b4",
        has(UNREVOKED, "b4", revoking="a1"),
    ),
    "topics not subscribed to any more and reported no more are taken at once": Step(
        has(STABLE, "a1 b4", previous=9),
        goal("a1 b4", epoch=10, subscribed="b", is_news=True),
        "b4",
        has(STABLE, "b4"),
    ),
    "all topics are asked back from who subscribes to nothing": Step(
        has(STABLE, "a1 b4"),
        goal("a1 b4", epoch=10, subscribed="", is_news=True, subscribes=False),
        "a1 b4",
        has(UNREVOKED, "", revoking="a1 b4"),
    ),
    "who has nothing and subscribes to nothing more counts as having come to its epoch": Step(
        has(STABLE, "", previous=9),
        goal("", epoch=10, subscribed="", is_news=True, subscribes=False),
        "",
        has(STABLE, ""),
    ),
    "who gives up is asked for what it does not subscribe to any more as well": Step(
        has(UNREVOKED, "a2 a3 b5", revoking="a1 b4"),
        goal("a1 a3 b6", epoch=12, subscribed="b", is_news=True),
        "a1 a2 a3 b4 b5",
        has(UNREVOKED, "b5", revoking="a1 a2 a3 b4"),
    ),
    "a subscription that still has all topics takes nothing": Step(
        has(STABLE, "a1 b4", previous=9),
        goal("a1 b4", epoch=10, is_news=True),
        "a1 b4",
        has(STABLE, "a1 b4", previous=9),
    ),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_steps(step: Step) -> None:
    owned = None if step.owned is None else some(step.owned)

    after = reconcile(step.before, step.goal, owned)

    assert after == step.after


@pytest.mark.parametrize("owned", [None, "a3", "b9"])
def test_who_is_in_a_state_unknown_here_is_fenced_while_it_may_have_partitions(
    owned: str | None,
) -> None:
    with pytest.raises(KafkaError) as refused:
        reconcile(has(UNKNOWN, "a3"), goal("a3"), None if owned is None else some(owned))

    assert refused.value.code is ErrorCode.FENCED_MEMBER_EPOCH


def test_what_does_not_change_is_the_same_value() -> None:
    before = has(UNREVOKED, "a2", revoking="a1")

    assert reconcile(before, goal("a2"), None) is before


@pytest.mark.parametrize(
    ("state", "owned", "after"),
    [
        (STABLE, "a1", UNREVOKED),
        (STABLE, "", STABLE),
        (UNREVOKED, "a1", UNREVOKED),
        (UNREVOKED, "", STABLE),
        (UNRELEASED, "a1", UNREVOKED),
        (UNRELEASED, "", STABLE),
        (UNKNOWN, "", STABLE),
    ],
)
def test_every_state_leads_where_it_may_when_everything_is_asked_back(
    state: MemberState, owned: str, after: MemberState
) -> None:
    revoking = "a1" if state is UNREVOKED else ""
    before = has(state, "" if revoking else "a1", revoking=revoking)

    assert reconcile(before, goal(""), some(owned)).state is after
