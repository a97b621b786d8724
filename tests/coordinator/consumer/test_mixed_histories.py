"""Members of both protocols come, go, fall silent and change sides in any order.

Whatever happens: nobody is told to have what another member still has, every request is answered
once, the log says what is, and in the end every partition is somebody's.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from hypothesis import HealthCheck, given, settings
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


OTHERS = [What.LEAVE, What.CRASH, What.PASS, What.RESTART]
events = st.tuples(
    st.sampled_from([What.STEP] * 12 + [What.CHANGE] * 2 + OTHERS),
    st.integers(0, SLOTS - 1),
    st.integers(0, 5),
)
PAUSES_MS = (1, 1_000, 4_000, 9_000, 12_000, 50_000)


@dataclass
class History:
    """A group, its clients, and what must hold."""

    driven: Driven
    is_eager: bool
    clients: dict[int, Client] = field(default_factory=dict)
    came: int = 0

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
                self.driven.restart()
                for client in self.clients.values():
                    client.lose_connection()
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
        for client in self.clients.values():
            if self.is_member(client):
                held.update(client.has)
        twice = [partition for partition, owners in held.items() if owners > 1]
        assert not twice, f"{twice} in {group}"

    def is_member(self, client: Client) -> bool:
        """Whether the group answers the client; who missed a rebalance is refused, and hears so."""
        group = self.driven.shard.groups.get(GROUP)
        if isinstance(group, ClassicGroup):
            return client.member_id in group.members and client.epoch == group.generation_id
        if isinstance(group, ConsumerGroup) and client.member_id in group.members:
            return client.epoch == group.members[client.member_id].member_epoch
        return False

    def says_what_is(self) -> None:
        """Build the machine anew from its log."""
        before = hard_state(self.driven)
        self.driven.restart()
        assert before in (None, hard_state(self.driven))
        for client in self.clients.values():
            client.lose_connection()

    def settle(self) -> None:
        """Let everybody act until nothing moves; then nothing may be left over.

        Classic members begin with a join: a restart in the rebalance of a group that just turned
        classic finds it stable, and calls nobody to take what the last target gave it. So does
        Kafka's.
        """
        for client in self.clients.values():
            client.ask_anew()
        for _ in range(100):
            for client in self.clients.values():
                client.step()
                self.check()
            self.driven.pass_time(1_000)
        wanted = {name for client in self.clients.values() for name in client.subscribed}
        has = Counter(partition for client in self.clients.values() for partition in client.has)
        assert has == Counter(f"{name}{n}" for name in wanted for n in range(PARTITIONS[name]))


def hard_state(driven: Driven) -> Any:
    """Give what the log must say of the group; None while a classic one rebalances."""
    group = driven.shard.groups.get(GROUP)
    if isinstance(group, ConsumerGroup):
        return group.description(), group.targets, group.metadata_hash
    if isinstance(group, ClassicGroup) and group.state is ClassicGroupState.STABLE:
        return group_record(group)
    return None


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(happens=st.lists(events, max_size=50), is_eager=st.booleans())
def test_no_partition_is_told_to_two_members_and_none_is_lost(
    happens: list[tuple[What, int, int]], *, is_eager: bool
) -> None:
    topics = [a_topic(name, count) for name, count in PARTITIONS.items()]
    history = History(a_broker(*topics), is_eager)
    for each in happens:
        history.happen(*each)
    history.says_what_is()
    history.settle()
