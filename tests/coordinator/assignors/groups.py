"""Groups to hand to assignors: written by hand with names, or drawn at random."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from pykbroker.coordinator.assignors.assignment import (
    Assignment,
    Assignor,
    MemberSpec,
    TopicPartition,
    TopicShape,
)

TOPIC_NAMES = ("apples", "berries", "cherries", "dates")
MEMBER_IDS = ("alice", "bob", "carol", "dave", "erin", "Frank", "ünal")
RACKS = ("a", "b", "c")


def topic_id(name: str) -> bytes:
    """Give the id of a topic, which sorts unlike its name."""
    return name.encode()[::-1].ljust(16, b"\0")


def a_topic(name: str, partitions: int, *racks: str) -> TopicShape:
    """A topic; each of `racks` lists one partition's racks, a letter each."""
    return TopicShape(topic_id(name), name, partitions, tuple(map(frozenset, racks)))


def a_member(
    *subscribed: str,
    has: Mapping[str, Iterable[int]] | None = None,
    rack: str | None = None,
    instance_id: str | None = None,
) -> MemberSpec:
    """A member and what it has now, by topic names."""
    return MemberSpec(
        subscribed=frozenset(map(topic_id, subscribed)),
        rack=rack,
        instance_id=instance_id,
        assigned={topic_id(name): frozenset(numbers) for name, numbers in (has or {}).items()},
    )


@dataclass(frozen=True, slots=True)
class Group:
    """What an assignor is asked."""

    members: dict[str, MemberSpec]
    topics: dict[bytes, TopicShape]

    def assigned(self, assignor: Assignor) -> dict[str, Assignment]:
        """Ask the assignor."""
        return assignor(self.members, self.topics)

    def shares(self, assignor: Assignor) -> dict[str, dict[str, list[int]]]:
        """Ask the assignor, and tell its answer in topic names and sorted numbers."""
        return {
            member_id: {
                self.topics[each].name: sorted(share[each])
                for each in sorted(share, key=lambda each: self.topics[each].name)
            }
            for member_id, share in self.assigned(assignor).items()
        }

    def having(self, assigned: Mapping[str, Assignment]) -> Group:
        """The same group, later: its members have what was assigned to them."""
        members = {
            member_id: replace(spec, assigned=assigned.get(member_id, {}))
            for member_id, spec in self.members.items()
        }
        return Group(members, self.topics)

    def current(self) -> dict[str, Assignment]:
        """Give what its members have now."""
        return {member_id: spec.assigned for member_id, spec in self.members.items()}

    def without_racks(self) -> Group:
        """The same group as nobody knows any rack."""
        return Group(
            {member_id: replace(spec, rack=None) for member_id, spec in self.members.items()},
            {each: replace(topic, racks=()) for each, topic in self.topics.items()},
        )


def a_group(*topics: TopicShape, **members: MemberSpec) -> Group:
    """A group of members by member id, and the topics that exist."""
    return Group(dict(members), {topic.topic_id: topic for topic in topics})


def owners(assigned: Mapping[str, Assignment]) -> dict[TopicPartition, str]:
    """Give the owner of each assigned partition; fail when one has two."""
    pairs = [
        ((each, number), member_id)
        for member_id, share in assigned.items()
        for each, numbers in share.items()
        for number in numbers
    ]
    assert len(dict(pairs)) == len(pairs), "a partition has two owners"
    return dict(pairs)


def sizes(assigned: Mapping[str, Assignment]) -> dict[str, int]:
    """Give how many partitions each member has."""
    return {member_id: sum(map(len, share.values())) for member_id, share in assigned.items()}


def moved(group: Group, assigned: Mapping[str, Assignment]) -> dict[TopicPartition, str]:
    """Give the new owner of each partition that one member had and another one gets."""
    before = owners(group.current())
    return {
        each: owner for each, owner in owners(assigned).items() if before.get(each, owner) != owner
    }


def near(group: Group, assigned: Mapping[str, Assignment]) -> int:
    """Count the partitions with a replica in their owner's rack."""
    return sum(
        group.members[owner].rack in group.topics[each].racks[number]
        for (each, number), owner in owners(assigned).items()
        if number < len(group.topics[each].racks)
    )


@st.composite
def groups(draw: st.DrawFn, *, alike: bool | None = None, racks: bool = False) -> Group:
    """Draw a group, with whatever its members may have now.

    `alike`: whether all members subscribe the same; None when that does not matter.
    """
    counts = draw(st.lists(st.integers(1, 9), min_size=1, max_size=len(TOPIC_NAMES)))
    topics = [
        a_topic(name, count, *(draw(_replica_racks(count)) if racks else ()))
        for name, count in zip(TOPIC_NAMES, counts, strict=False)
    ]
    names = [topic.name for topic in topics]
    some = st.lists(st.sampled_from([*names, "missing"]), unique=True)
    everybody = st.just(draw(some))
    same = draw(st.booleans()) if alike is None else alike
    members = {
        member_id: a_member(
            *draw(everybody if same else some),
            rack=draw(st.sampled_from([None, *RACKS])) if racks else None,
        )
        for member_id in draw(st.lists(st.sampled_from(MEMBER_IDS), min_size=1, unique=True))
    }
    had = [*topics, a_topic("deleted", 2)]
    group = a_group(*topics, **members)
    return group.having(draw(_anything(list(members), had)))


@st.composite
def _anything(
    draw: st.DrawFn, members: list[str], topics: list[TopicShape]
) -> dict[str, dict[bytes, frozenset[int]]]:
    """Draw owners for some partitions, whether they subscribe the topic or not."""
    assigned: dict[str, dict[bytes, frozenset[int]]] = {member_id: {} for member_id in members}
    for topic in topics:
        for number in range(topic.partitions):
            owner = draw(st.sampled_from([None, members[0], *members]))
            if owner is not None:
                share = assigned[owner]
                share[topic.topic_id] = share.get(topic.topic_id, frozenset()) | {number}
    return assigned


def _replica_racks(partitions: int) -> st.SearchStrategy[list[str]]:
    replicas = st.lists(st.sampled_from(RACKS), max_size=2, unique=True).map("".join)
    return st.lists(replicas, min_size=partitions, max_size=partitions)
