"""A crowd of clients that ask a classic group anything in any order, and the laws it keeps.

Clients remember what they were told and sometimes lie about it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import strategies as st

from pykbroker.coordinator.classic.group import ClassicGroup, ClassicGroupState
from pykbroker.coordinator.classic.storing import created_record, group_record, replay
from pykbroker.coordinator.commands import DeleteGroupCommand, JoinReply, MemberRefused
from pykbroker.coordinator.records import ClassicGroupRecord, Record
from tests.coordinator.classic.groups import (
    GROUP,
    a_heartbeat,
    a_join,
    a_leave,
    a_partition,
    a_sync,
)
from tests.coordinator.driven import Driven

INSTANCES = (None, None, "i", "j")
PROTOCOLS = (
    (("range", b"1"), ("sticky", b"2")),
    (("sticky", b"2"), ("range", b"1")),
    (("range", b"3"),),
    (("sticky", b"4"),),
    (("range", b"1"), ("range", b"5")),
)
EMPTY, PREPARING, COMPLETING, STABLE, _ = ClassicGroupState

_clients = st.integers(0, 4)
_lies = st.sampled_from((0, 0, 0, 0, 0, 1, -1))
OPERATIONS = st.one_of(
    st.tuples(st.just("join"), _clients, st.integers(0, 4), st.integers(0, 7)),
    st.tuples(st.just("join"), _clients, st.just(0), st.just(3)),
    st.tuples(st.just("settle"), st.integers(1, 5)),
    st.tuples(st.just("gather"), st.integers(1, 5)),
    st.tuples(st.just("sync"), _clients, _lies),
    st.tuples(st.just("heartbeat"), _clients, _lies),
    st.tuples(st.just("leave"), _clients, st.booleans()),
    st.tuples(st.just("forget"), _clients),
    st.tuples(st.just("pass"), st.sampled_from((0, 0, 0, 1_000, 4_000, 10_000, 60_000))),
    st.tuples(st.just("restart")),
    st.tuples(st.just("delete")),
)


class Crowd:
    """Five clients of one group; two of them may be the static instances "i" and "j"."""

    def __init__(self, initial_delay_ms: int, size_max: int) -> None:
        self.driven: Driven = a_partition(
            group_initial_rebalance_delay_ms=initial_delay_ms, group_max_size=size_max
        )
        self.member_ids = [""] * 5
        self.generations = [0] * 5
        self.parked: dict[int, int] = {}
        """By token: the client that waits for a join."""
        self.generation_id = 0
        self.identity: object = None

    def do(self, operation: tuple[Any, ...]) -> None:
        """Let one thing happen."""
        getattr(self, "_" + operation[0])(*operation[1:])
        self._hear()

    def _join(self, client: int, protocols: int, flags: int) -> None:
        command = a_join(
            self.member_ids[client],
            group_instance_id=self._instance(client),
            protocols=PROTOCOLS[protocols],
            session_timeout_ms=8_000 + 2_000 * client,
            rebalance_timeout_ms=5_000 * client if flags & 4 else 20_000,
            knows_member_id_required=bool(flags & 1),
            knows_skip_assignment=bool(flags & 2),
        )
        self.parked[self.driven.send(command)] = client

    def _gather(self, count: int) -> None:
        """Let so many clients join as they should, and the rebalance end."""
        for _ in range(2):
            for client in range(count):
                if client not in self.parked.values():
                    self._join(client, client % 2, 3)
                self._hear()
        self.driven.pass_time(7_000)

    def _settle(self, count: int) -> None:
        """Let so many clients join as they should, and all sync."""
        self._gather(count)
        self._hear()
        for client in (*range(count), *range(count)):
            self._sync(client, 0)

    def _sync(self, client: int, lie: int) -> None:
        group = self.driven.shard.groups.get(GROUP)
        members = group.members if isinstance(group, ClassicGroup) else {}
        shares = {member_id: member_id.encode() for member_id in list(members)[1:]}
        generation_id = self.generations[client] + lie
        command = a_sync(self.member_ids[client], generation_id, shares, protocol_name=None)
        self.driven.send(command)

    def _heartbeat(self, client: int, lie: int) -> None:
        self.driven.send(a_heartbeat(self.member_ids[client], self.generations[client] + lie))

    def _leave(self, client: int, by_instance: bool) -> None:
        instance_id = self._instance(client)
        member_id = "" if by_instance and instance_id else self.member_ids[client]
        self.driven.send(a_leave((member_id, instance_id)))

    def _forget(self, client: int) -> None:
        self.member_ids[client] = ""

    def _pass(self, ms: int) -> None:
        self.driven.pass_time(ms)

    def _restart(self) -> None:
        self.driven.restart()

    def _delete(self) -> None:
        self.driven.send(DeleteGroupCommand(GROUP))

    def _instance(self, client: int) -> str | None:
        return (*INSTANCES, None)[client]

    def _hear(self) -> None:
        for token, client in tuple(self.parked.items()):
            reply = self.driven.replies.get(token)
            if isinstance(reply, JoinReply):
                self.member_ids[client] = reply.member_id
                self.generations[client] = reply.generation_id
            elif isinstance(reply, MemberRefused):
                self.member_ids[client] = reply.member_id
            if reply is not None:
                del self.parked[token]

    def check(self) -> None:
        """Hold the group to what is true of any."""
        group = self.driven.shard.groups.get(GROUP)
        if not isinstance(group, ClassicGroup):
            return
        if group is self.identity:
            assert group.generation_id >= self.generation_id
        self.identity, self.generation_id = group, group.generation_id
        check_counts(group)
        check_states(group)
        if group.state in (EMPTY, STABLE):
            check_stored(group, self.driven.log)


def check_counts(group: ClassicGroup) -> None:
    """Hold what is counted to what there is to count."""
    members = group.members.values()
    assert list(group.members) == [each.member_id for each in members]
    assert group.awaiting_join == sum(each.awaits_join for each in members)
    assert group.supporters == Counter(name for each in members for name in each.protocol_names)
    assert group.static_members == {
        each.group_instance_id: each.member_id for each in members if each.is_static
    }
    assert group.pending_joins.isdisjoint(group.members)
    assert group.pending_syncs <= group.members.keys()
    if group.members:
        assert group.leader_id in group.members
        assert {each.protocol_type for each in members} == {group.protocol_type}
    else:
        assert group.leader_id is None


def check_states(group: ClassicGroup) -> None:
    """Hold the group to what its state says."""
    members = group.members.values()
    if group.state in (COMPLETING, STABLE):
        assert members
        assert group.protocol_name is not None
        assert all(group.protocol_name in each.protocol_names for each in members)
    if group.members:
        assert group.select_protocol()
    assert group.state is not EMPTY or not members
    assert group.state is PREPARING or not group.awaiting_join
    assert group.state is PREPARING or group.initial_delay is None
    assert group.state is COMPLETING or not any(each.awaits_sync for each in members)
    assert group.state in (COMPLETING, STABLE) or not group.pending_syncs


def check_stored(group: ClassicGroup, log: list[Record]) -> None:
    """Hold a coordinator that reads the log to what this one knows."""
    shard = a_partition().shard
    for record in log:
        assert isinstance(record, ClassicGroupRecord)
        replay(shard, record)
    loaded = shard.groups[GROUP]
    assert isinstance(loaded, ClassicGroup)
    assert loaded.state is group.state
    assert loaded.subscribed_topics == group.subscribed_topics or group.generation_id == 0
    if group.generation_id or group.members:
        assert group_record(loaded) == group_record(group)
    else:
        assert created_record(loaded) == created_record(group)
