"""One member of a classic group, and what of it is parked.

A member changes through its group only, which counts what it changes.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pykbroker.coordinator.commands import JoinCommand, JoinedMember

if TYPE_CHECKING:
    from pykbroker.coordinator.effects import Token

Protocols = tuple[tuple[str, bytes], ...]
"""Name and metadata, the preferred one first."""


class Told(NamedTuple):
    """What a member says of itself whenever it joins; times in ms."""

    protocols: Protocols
    rebalance_timeout_ms: int
    session_timeout_ms: int

    @classmethod
    def by(cls, command: JoinCommand) -> Told:
        """Give what a JoinGroup says."""
        return cls(command.protocols, command.rebalance_timeout_ms, command.session_timeout_ms)


@dataclass(slots=True)
class ClassicMember:
    """A member; times in ms (Kafka's ClassicGroupMember)."""

    member_id: str
    group_instance_id: str | None
    """None: a dynamic member."""
    client_id: str
    client_host: str
    rebalance_timeout_ms: int
    session_timeout_ms: int
    protocol_type: str
    protocols: Protocols
    assignment: bytes = b""
    join_token: Token | None = None
    """Who waits for the member's JoinGroup; set through the group."""
    sync_token: Token | None = None
    """Who waits for the member's SyncGroup."""
    is_new: bool = False
    """Whether the member was not in any generation yet, so that it can send no heartbeats."""

    @property
    def is_static(self) -> bool:
        """Whether it keeps its place while it is away (KIP-345)."""
        return self.group_instance_id is not None

    @property
    def told(self) -> Told:
        """What it said when it joined last."""
        return Told(self.protocols, self.rebalance_timeout_ms, self.session_timeout_ms)

    @property
    def awaits_join(self) -> bool:
        """Whether its JoinGroup is parked."""
        return self.join_token is not None

    @property
    def awaits_sync(self) -> bool:
        """Whether its SyncGroup is parked."""
        return self.sync_token is not None

    @property
    def needs_no_heartbeat(self) -> bool:
        """Whether it may be silent: the group has yet to answer it.

        Not a new member: who never comes back for its answer must go at some time.
        """
        return not self.is_new and (self.awaits_join or self.awaits_sync)

    @property
    def protocol_names(self) -> frozenset[str]:
        """The protocols it can take part in."""
        return frozenset(name for name, _ in self.protocols)

    def metadata(self, protocol_name: str) -> bytes:
        """Give what it says under a protocol, which it must support."""
        return next(metadata for name, metadata in self.protocols if name == protocol_name)

    def vote(self, candidates: Container[str]) -> str:
        """Give the candidate it prefers; it must support one."""
        return next(name for name, _ in self.protocols if name in candidates)

    def joined(self, protocol_name: str) -> JoinedMember:
        """Tell of it as its leader is told."""
        return JoinedMember(
            member_id=self.member_id,
            group_instance_id=self.group_instance_id,
            metadata=self.metadata(protocol_name),
        )
