"""Members of both protocols come, go, fall silent and change sides in any order.

Whatever happens: nobody is told to have what another member still has, every request is answered
once, the log says what is, and in the end every partition is somebody's.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pykbroker.coordinator.classic.group import ClassicGroup, ClassicGroupState
from pykbroker.coordinator.classic.storing import group_record
from pykbroker.coordinator.consumer.group import ConsumerGroup
from tests.coordinator.consumer.mixed_clients import ClassicClient, Client, ConsumerClient
from tests.coordinator.consumer.mixed_groups import GROUP, a_broker
from tests.coordinator.driven import Driven, a_topic

SLOTS = 4
PARTITIONS = {"a": 4, "b": 2}
SUBSCRIPTIONS = ("a", "ab", "b")


class What(Enum):
    """What happens to a slot, or to all."""

    STEP = auto()
    LEAVE = auto()
    CRASH = auto()
    """It is gone without a word."""
    CHANGE = auto()
    """It crashes and comes back with the other protocol, a static one as the same instance."""
    PASS = auto()
    """Time passes in which nobody acts."""
    RESTART = auto()


EVENTS = (
    *[What.STEP] * 12,
    *[What.CHANGE] * 2,
    What.LEAVE,
    What.CRASH,
    What.PASS,
    What.RESTART,
)
PAUSES_MS = (1, 1_000, 4_000, 9_000, 12_000, 50_000)


@dataclass
class History:
    """A group, its clients, and what must hold."""

    driven: Driven
    is_eager: bool
    clients: dict[int, Client] = field(default_factory=dict)
    came: int = 0
    was_cut: bool = False
    """Whether a restart cut a rebalance short. One in the rebalance of a group that just turned
    classic finds the group stable and calls nobody to take what the last target gave it, as does
    Kafka's: it takes a member that joins again."""

    def happen(self, what: What, slot: int, number: int) -> None:
        """Let one thing happen, and look."""
        match what:
            case What.STEP:
                self.client(slot).step()
            case What.LEAVE if slot in self.clients:
                self.clients.pop(slot).stop()
            case What.CRASH:
                self.clients.pop(slot, None)
            case What.CHANGE if slot in self.clients:
                was_classic = isinstance(self.clients[slot], ClassicClient)
                self.clients[slot] = self.new_client(slot, is_classic=not was_classic)
            case What.PASS:
                self.driven.pass_time(PAUSES_MS[number])
            case What.RESTART:
                self.restart()
            case _:
                pass
        self.check()

    def client(self, slot: int) -> Client:
        """Give who is there, or comes now."""
        if slot not in self.clients:
            self.clients[slot] = self.new_client(slot, is_classic=slot % 2 == 0)
        return self.clients[slot]

    def new_client(self, slot: int, *, is_classic: bool) -> Client:
        """Start a process; the last two slots are static members."""
        self.came += 1
        instance_id = f"i{slot}" if slot >= SLOTS - 2 else None
        who = (self.driven, f"c{self.came}", instance_id, SUBSCRIPTIONS[slot % 3])
        if is_classic:
            return ClassicClient(*who, is_eager=self.is_eager)
        return ConsumerClient(*who)

    # -- what must hold ------------------------------------------------------------------------

    def check(self) -> None:
        """Look at the group, and at what its members have."""
        group = self.driven.shard.groups.get(GROUP)
        held: Counter[Any] = Counter()
        if isinstance(group, ConsumerGroup):
            for member in group.members.values():
                for each in (member.current.assigned, member.current.revoking):
                    held.update((key, number) for key, epochs in each.items() for number in epochs)
        twice = [partition for partition, owners in held.items() if owners > 1]
        held = Counter()
        for client in self.clients.values():
            if not self.is_heard(client):
                client.outlived = client.has
            elif client.has is not client.outlived:
                held.update(client.has)
        twice += [partition for partition, owners in held.items() if owners > 1]
        assert not twice, f"{twice} in {group}"

    def is_heard(self, client: Client) -> bool:
        """Whether the group takes the client for a member, as of the generation it is at."""
        group = self.driven.shard.groups.get(GROUP)
        if not isinstance(group, ClassicGroup | ConsumerGroup):
            return False
        if client.member_id not in group.members or client.waits:
            return client.member_id in group.members
        if isinstance(group, ClassicGroup):
            return client.epoch == group.generation_id
        return client.epoch == group.members[client.member_id].member_epoch

    def restart(self) -> None:
        """Build the machine anew from its log; it must be as it was."""
        before = hard_state(self.driven)
        self.was_cut |= before is None
        self.driven.restart()
        assert before in (None, hard_state(self.driven))
        for client in self.clients.values():
            client.lose_connection()

    def settle(self) -> None:
        """Let everybody act until each partition is somebody's, and nothing moves any more."""
        rounds = 0
        while not self.is_settled():
            assert rounds < 200, [client.in_words() for client in self.clients.values()]
            self.act(calls_all=self.was_cut and rounds == 70)
            rounds += 1

    def act(self, *, calls_all: bool = False) -> None:
        """Let everybody act once, and a second pass."""
        for client in self.clients.values():
            client.step()
            self.check()
            if calls_all:
                client.ask_anew()
        self.driven.pass_time(1_000)

    def is_settled(self) -> bool:
        """Whether members are who is there, and what they subscribe to has one owner each."""
        group = self.driven.shard.groups.get(GROUP)
        members = getattr(group, "members", {}).keys()
        wanted = {name for client in self.clients.values() for name in client.subscribed}
        has = Counter(partition for client in self.clients.values() for partition in client.has)
        return (
            members == {client.member_id for client in self.clients.values()}
            and not any(client.waits for client in self.clients.values())
            and has == Counter(f"{name}{n}" for name in wanted for n in range(PARTITIONS[name]))
        )


def hard_state(driven: Driven) -> Any:
    """Give what the log must say of the group; None while a classic one rebalances."""
    group = driven.shard.groups.get(GROUP)
    if isinstance(group, ConsumerGroup):
        return group.description(), group.targets, group.metadata_hash
    if isinstance(group, ClassicGroup) and group.state is ClassicGroupState.STABLE:
        return group_record(group)
    return None


def a_history(random: Random) -> History:
    """Let a group live through anything."""
    driven = a_broker(
        *(a_topic(name, count) for name, count in PARTITIONS.items()),
        group_consumer_assignment_interval_ms=random.choice((0, 0, 1_000)),
        group_initial_rebalance_delay_ms=random.choice((0, 0, 3_000)),
    )
    history = History(driven, is_eager=random.random() < 0.5)
    for _ in range(random.randrange(5, 120)):
        history.happen(random.choice(EVENTS), random.randrange(SLOTS), random.randrange(6))
    return history


@settings(max_examples=200, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1 << 32))
def test_no_partition_is_told_to_two_members_and_none_is_lost(seed: int) -> None:
    history = a_history(Random(seed))
    if seed % 2:
        history.restart()
    history.settle()
