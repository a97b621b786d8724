"""Who is a member, since when it gave signs of life, and whether it was removed before its time.

A member goes when it says so, when an administrator does, when another one takes its instance, or
when it was silent for its session timeout or late for a rebalance by its rebalance timeout; both go
by the clock that never jumps, and count anew after a restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pykbroker.coordinator import commands as c
from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.consumer.group import ConsumerGroup
from pykbroker.coordinator.consumer.member import STATIC_LEAVE_EPOCH
from pykbroker.coordinator.records import MemberState
from tests.coordinator.model.faults import Fault
from tests.coordinator.model.world import REBALANCE_MS, SESSION_MS

PREPARES_MS = 2 * REBALANCE_MS + 1_000
"""How long a classic group may prepare a rebalance at most: one to which nobody comes goes twice as
long, and the first one of a group begins with a delay."""


@dataclass(slots=True)
class Presence:
    """What is known of a member."""

    instance_id: str | None
    last_sign_ms: int
    rebalances_since_ms: int | None = None
    """Since when it is late for something; None: it is not."""
    revokes_since_ms: int = 0
    """Since when it has what it has."""
    current: object = None
    owes_join: bool = False
    """Whether it was called to join."""
    owes_sync: bool = False
    """Whether it has joined and not asked for its assignment."""


class Memberships:
    """The members of one group, seen from outside after each decision."""

    def __init__(self) -> None:
        self.present: dict[str, Presence] = {}
        self._prepares_since_ms: int | None = None
        self._newcomer = ""
        """Who has just joined."""

    def sign(self, member_id: str, now_ms: int) -> None:
        """A member has given a sign of life."""
        if member_id in self.present:
            self.present[member_id].last_sign_ms = now_ms

    def joins(self, member_id: str) -> None:
        """A classic member has joined, and is to ask for its assignment."""
        presence = self.present.get(member_id)
        if presence is None:
            self._newcomer = member_id
        else:
            presence.owes_join, presence.owes_sync = False, True

    def syncs(self, member_id: str) -> None:
        """A classic member was told its assignment; if it was called to join, it still is."""
        if member_id in self.present:
            self.present[member_id].owes_sync = False

    def is_called(self, member_id: str) -> None:
        """A classic member is called to join."""
        if member_id in self.present:
            self.present[member_id].owes_join = True

    def sign_all(self, now_ms: int) -> None:
        """The next generation begins, and with it everybody's session."""
        for presence in self.present.values():
            presence.last_sign_ms = now_ms

    def begin_anew(self, now_ms: int) -> None:
        """Everybody has its time anew."""
        for presence in self.present.values():
            presence.last_sign_ms = presence.revokes_since_ms = now_ms
            if presence.rebalances_since_ms is not None:
                presence.rebalances_since_ms = now_ms
        self._prepares_since_ms = None

    def look(
        self, group: Any, cause: c.Command | None, now_ms: int, *, was_lost: bool
    ) -> list[str]:
        """Compare who is there with who was; give who has gone.

        `was_lost`: the machine was built anew, so that members that were not stored are gone.
        """
        members = {} if group is None else group.members
        gone = [member_id for member_id in self.present if member_id not in members]
        for member_id in gone:
            presence = self.present.pop(member_id)
            if not was_lost and not _may_go(member_id, presence, cause, now_ms):
                silent_ms = now_ms - presence.last_sign_ms
                raise Fault(
                    "nobody is removed too early",
                    f"{member_id} was removed {silent_ms} ms after a sign of life, by {cause}",
                )
        for member_id, member in members.items():
            if member_id not in self.present:
                self.present[member_id] = Presence(
                    _instance_id(member),
                    now_ms,
                    revokes_since_ms=now_ms,
                    owes_sync=member_id == self._newcomer,
                )
            self._look_at(group, member, self.present[member_id], now_ms)
        return gone

    def _look_at(self, group: Any, member: Any, presence: Presence, now_ms: int) -> None:
        if not _may_be_late(group, member, presence):
            presence.rebalances_since_ms = None
        elif presence.rebalances_since_ms is None:
            presence.rebalances_since_ms = now_ms
        current = getattr(member, "current", None)
        if current != presence.current:
            presence.current, presence.revokes_since_ms = current, now_ms

    def check_nobody_stays(self, group: Any, now_ms: int) -> None:
        """Tell of a member that is still there, long after its time was over."""
        is_classic = isinstance(group, ClassicGroup)
        prepares = is_classic and group.state is ClassicGroupState.PREPARING_REBALANCE
        if not prepares:
            self._prepares_since_ms = None
        elif self._prepares_since_ms is None:
            self._prepares_since_ms = now_ms
        elif now_ms - self._prepares_since_ms > PREPARES_MS:
            raise Fault("nobody is waited for too long", f"it rebalances for {PREPARES_MS} ms")
        for member_id, presence in self.present.items():
            member = group.members[member_id]
            waits = is_classic and (member.awaits_join or member.awaits_sync)
            silent_ms = now_ms - presence.last_sign_ms
            if silent_ms > SESSION_MS and not waits:
                what = f"{member_id} is a member after {silent_ms} ms of silence"
                raise Fault("nobody is waited for too long", what)
            revokes_ms = now_ms - presence.revokes_since_ms
            if not is_classic and _revokes(member) and revokes_ms > REBALANCE_MS:
                what = f"{member_id} has given up nothing for {revokes_ms} ms"
                raise Fault("nobody is waited for too long", what)


def _instance_id(member: Any) -> str | None:
    found: str | None = getattr(member, "instance_id", None) or getattr(
        member, "group_instance_id", None
    )
    return found


def _may_be_late(group: Any, member: Any, presence: Presence) -> bool:
    """Whether somebody waits for the member: then its rebalance timeout may end its membership."""
    if isinstance(group, ClassicGroup):
        is_preparing = group.state is ClassicGroupState.PREPARING_REBALANCE
        return (is_preparing and not member.awaits_join) or member.member_id in group.pending_syncs
    assert isinstance(group, ConsumerGroup)
    if member.is_classic:
        return presence.owes_join or presence.owes_sync
    return _revokes(member)


def _revokes(member: Any) -> bool:
    """Whether a member of the consumer protocol is to give up partitions."""
    state: MemberState = member.current.state
    is_away = member.member_epoch == STATIC_LEAVE_EPOCH
    return state is MemberState.UNREVOKED_PARTITIONS and not member.is_classic and not is_away


def _may_go(member_id: str, presence: Presence, cause: c.Command | None, now_ms: int) -> bool:
    match cause:
        case None:
            since_ms = presence.rebalances_since_ms
            is_silent = now_ms - presence.last_sign_ms >= SESSION_MS
            return is_silent or (since_ms is not None and now_ms - since_ms >= REBALANCE_MS)
        case c.LeaveCommand(members=members):
            return any(
                each.member_id == member_id
                or (not each.member_id and each.group_instance_id == presence.instance_id)
                for each in members
            )
        case c.ConsumerHeartbeatCommand(member_epoch=-1, member_id=leaving):
            return leaving == member_id
        case c.ConsumerHeartbeatCommand(member_epoch=0, instance_id=instance_id):
            return instance_id is not None and instance_id == presence.instance_id
        case c.JoinCommand(member_id="", group_instance_id=instance_id):
            return instance_id is not None and instance_id == presence.instance_id
    return False
