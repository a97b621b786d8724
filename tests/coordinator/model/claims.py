"""Who has which partition, as far as the coordinator has told and heard.

A member has what it was told to have, until it was told of less and has said that it has no more,
or until it is no member. In a consumer group no two members ever have the same partition; in a
classic group no two were ever told the same one in one generation, and each just what its leader
said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from pykbroker.coordinator import commands as c
from tests.coordinator.model import leading
from tests.coordinator.model.coordinator import Asked
from tests.coordinator.model.faults import Fault

Partition = tuple[bytes, int]
_NONE: frozenset[Partition] = frozenset()


class Claims:
    """What the members of one group have."""

    def __init__(self, topic_id: Callable[[str], bytes | None]) -> None:
        self._topic_id = topic_id
        self.held: dict[str, frozenset[Partition]] = {}
        """By member id: what it may have."""
        self._told: dict[str, frozenset[Partition]] = {}
        """By member id: what it was told last."""
        self._plans: dict[int, dict[str, bytes]] = {}
        """By generation: what the leader said."""
        self._shares: dict[int, dict[str, leading.Named]] = {}
        """By generation of the classic group that is: what members were told."""

    def joined(self, asked: Asked, reply: c.JoinReply) -> None:
        """A classic member has said what it has, and was let in.

        One that was no member any more has nothing, whatever it says.
        """
        assert asked.reported is not None
        self.held[reply.member_id] = asked.reported & self.held.get(reply.member_id, _NONE)
        self._told[reply.member_id] = _NONE

    def plans(self, command: c.SyncCommand) -> bool:
        """A leader says who is to have what; tell whether it says so for the first time.

        What it says in a stable group counts for nothing.
        """
        if not command.assignments or command.generation_id in self._plans:
            return False
        self._plans[command.generation_id] = dict(command.assignments)
        return True

    def synced(
        self,
        command: c.SyncCommand,
        reply: c.SyncReply,
        static: Collection[str],
        *,
        gives_up: bool,
    ) -> None:
        """A classic member was told what to have.

        `static`: who had its instance before. `gives_up`: whether the member has no more than that
        from now on, as in classic groups, where nobody waits for it to say so.
        """
        named = leading.read_assignment(reply.assignment)
        given = frozenset(
            (topic_id, number)
            for name, number in named
            if (topic_id := self._topic_id(name)) is not None
        )
        member_id = command.member_id
        self._told[member_id] = given
        self.held[member_id] = given if gives_up else self.held.get(member_id, _NONE) | given
        plan = self._plans.get(command.generation_id)
        if plan is None:
            return
        names = [member_id, *static]
        said = next((plan[name] for name in names if name in plan), b"")
        if said != reply.assignment:
            raise Fault(
                "one owner in a generation",
                f"{member_id} was told {sorted(named)} in generation {command.generation_id},"
                f" its leader said {sorted(leading.read_assignment(said))}",
            )
        self._share(command.generation_id, member_id, named, names)

    def _share(
        self, generation_id: int, member_id: str, named: leading.Named, own: Collection[str]
    ) -> None:
        shares = self._shares.setdefault(generation_id, {})
        for other, theirs in shares.items():
            if other not in own and not theirs.isdisjoint(named):
                raise Fault(
                    "one owner in a generation",
                    f"{member_id} and {other} were both told {sorted(theirs & named)} in"
                    f" generation {generation_id}",
                )
        shares[member_id] = named

    def beaten(self, asked: Asked, reply: c.ConsumerHeartbeatReply) -> None:
        """A member of the consumer protocol has said what it has, and was told what to have."""
        member_id = reply.member_id
        told = self._told.get(member_id, _NONE)
        if reply.assignment is not None:
            told = frozenset((topic, p) for topic, each in reply.assignment.items() for p in each)
        has = asked.reported
        if has is None:
            has = self.held.get(member_id, _NONE)
        self._told[member_id] = told
        self.held[member_id] = has | told

    def gone(self, member_id: str) -> None:
        """Somebody is no member any more."""
        self.held.pop(member_id, None)
        self._told.pop(member_id, None)

    def forget_generations(self) -> None:
        """The group is another one, or of another kind, and counts anew."""
        self._plans.clear()
        self._shares.clear()

    def forget_unstored(self, generation_id: int) -> None:
        """The coordinator has lost what came after a generation."""
        for known in (*self._plans,):
            if known > generation_id:
                del self._plans[known]

    def check_distinct(self) -> None:
        """Tell of two members of a consumer group that have one partition."""
        owners: dict[Partition, str] = {}
        for member_id, partitions in self.held.items():
            for partition in partitions:
                if partition in owners:
                    raise Fault(
                        "one owner",
                        f"{owners[partition]} and {member_id} both have {partition}",
                    )
                owners[partition] = member_id

    def owner_of(self, partition: Partition, but: str) -> str | None:
        """Give another member that may have a partition."""
        return next(
            (
                member_id
                for member_id, held in self.held.items()
                if member_id != but and partition in held
            ),
            None,
        )
