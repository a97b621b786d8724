"""Many groups, and one group of many members: until they are stable, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks.client import Client, frame_of, response_of
from benchmarks.line import Sample, Scale
from benchmarks.lines.groups import (
    JOIN_VERSION,
    SYNC_VERSION,
    find_coordinator,
    join_alone,
)
from benchmarks.lines.produce import MB
from benchmarks.peers import Started
from benchmarks.processes import Stretch
from benchmarks.requests import PARTITIONS, make_topic
from pykbroker.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeat
from pykbroker.wire.messages.heartbeat import Heartbeat
from pykbroker.wire.messages.join_group import JoinGroup
from pykbroker.wire.messages.sync_group import SyncGroup

GROUPS, MEMBERS = 1000, 500
HEARTBEAT_VERSION, CONSUMER_VERSION = 3, 1
METADATA = b"\0\0\0\0\0\0\0\0\0\0"
STABLE_SECONDS_MAX = 60


def many_groups(started: Started, topic: str, scale: Scale) -> Sample:
    """Give the seconds until all groups of one member are stable, and what they cost."""
    names = [f"{topic}-{number}" for number in range(scale.count(GROUPS))]
    before = started.process.resident_bytes()
    with Client(started.address) as client:
        find_coordinator(client, names[0])
        with Stretch(started.process) as stretch:
            members = [_stable_alone(client, name) for name in names]
        frames = [
            frame_of(
                Heartbeat,
                HEARTBEAT_VERSION,
                {"group_id": name, "member_id": member_id, "generation_id": generation_id},
            )
            for name, (member_id, generation_id) in zip(names, members, strict=True)
        ]
        with Stretch(started.process) as beating:
            for frame in frames:
                client.socket.sendall(frame)
                reply = response_of(Heartbeat, HEARTBEAT_VERSION, client.receive())
                assert reply.error_code == 0, reply
    return Sample(
        {
            "groups.stable": stretch.seconds,
            "groups.cpu": stretch.cpu_per(1),
            "groups.heartbeat": beating.cpu_per(len(names) / 1e6),
            "groups.grown": _grown(started, before),
        }
    )


def _stable_alone(client: Client, group: str) -> tuple[str, int]:
    member_id, generation_id = join_alone(client, group, 300_000)
    asked = {"group_id": group, "member_id": member_id, "generation_id": generation_id}
    assigned = [{"member_id": member_id, "assignment": b"all"}]
    synced = client.ask(SyncGroup, SYNC_VERSION, asked | {"assignments": assigned})
    assert synced.error_code == 0, synced
    return member_id, generation_id


def one_large_classic_group(started: Started, topic: str, scale: Scale) -> Sample:
    """Give the seconds until a classic group of many members, each on a connection, is stable."""
    count = scale.count(MEMBERS)
    before = started.process.resident_bytes()
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(started.address)) for _ in range(count)]
        find_coordinator(clients[0], topic)
        with Stretch(started.process) as stretch:
            leader_id, _ = _stable_alone(clients[0], topic)
            ids = [leader_id, *(_new_member_id(client, topic) for client in clients[1:])]
            for client, member_id in zip(clients[1:], ids[1:], strict=True):
                client.socket.sendall(frame_of(JoinGroup, JOIN_VERSION, _joining(topic, member_id)))
            clients[0].socket.sendall(frame_of(JoinGroup, JOIN_VERSION, _joining(topic, leader_id)))
            _sync_all(clients, topic, ids)
    return Sample(
        {
            "group_500.stable": stretch.seconds,
            "group_500.cpu": stretch.cpu_per(1),
            "group_500.grown": _grown(started, before),
        }
    )


def _joining(group: str, member_id: str) -> dict[str, object]:
    return {
        "group_id": group,
        "session_timeout_ms": 300_000,
        "rebalance_timeout_ms": 60_000,
        "member_id": member_id,
        "protocol_type": "consumer",
        "protocols": [{"name": "range", "metadata": METADATA}],
    }


def _new_member_id(client: Client, group: str) -> str:
    member_id: str = client.ask(JoinGroup, JOIN_VERSION, _joining(group, "")).member_id
    return member_id


def _sync_all(clients: Sequence[Client], group: str, ids: Sequence[str]) -> None:
    """Take all JoinGroup replies, hand in the leader's assignment, take all SyncGroup replies."""
    joined = [response_of(JoinGroup, JOIN_VERSION, client.receive()) for client in clients]
    assert {reply.error_code for reply in joined} == {0}, joined[:3]
    assert len(joined[0].members) == len(ids)
    assignments = [{"member_id": each, "assignment": each.encode()} for each in ids]
    for client, reply in zip(clients, joined, strict=True):
        asked = {
            "group_id": group,
            "member_id": reply.member_id,
            "generation_id": reply.generation_id,
            "assignments": assignments if reply.member_id == reply.leader else [],
        }
        client.socket.sendall(frame_of(SyncGroup, SYNC_VERSION, asked))
    for client, member_id in zip(clients, ids, strict=True):
        synced = response_of(SyncGroup, SYNC_VERSION, client.receive())
        assert synced.assignment == member_id.encode(), synced


def one_large_consumer_group(started: Started, topic: str, scale: Scale) -> Sample:
    """Give the seconds until a consumer group (KIP-848) of many members is stable."""
    before = started.process.resident_bytes()
    with Client(started.address) as client:
        make_topic(client, topic)
        find_coordinator(client, topic)
        with Stretch(started.process) as stretch:
            _until_stable(client, topic, scale.count(MEMBERS))
    return Sample(
        {
            "group_848_500.stable": stretch.seconds,
            "group_848_500.cpu": stretch.cpu_per(1),
            "group_848_500.grown": _grown(started, before),
        }
    )


def _until_stable(client: Client, topic: str, count: int) -> None:
    epochs = {f"member-{number}": 0 for number in range(count)}
    owned: dict[str, list[dict[str, object]]] = {member_id: [] for member_id in epochs}
    deadline = time.monotonic() + STABLE_SECONDS_MAX
    for member_id in epochs:
        _beat(client, topic, member_id, epochs, owned)
    while time.monotonic() < deadline:
        before = dict(epochs)
        for member_id in epochs:
            _beat(client, topic, member_id, epochs, owned)
        held = sum(len(each["partitions"]) for parts in owned.values() for each in parts)  # type: ignore[arg-type]
        if before == epochs and len(set(epochs.values())) == 1 and held == PARTITIONS:
            return
    raise TimeoutError(f"{count} members are not stable after {STABLE_SECONDS_MAX} s")


def _beat(
    client: Client,
    topic: str,
    member_id: str,
    epochs: dict[str, int],
    owned: dict[str, list[dict[str, object]]],
) -> None:
    epoch = epochs[member_id]
    asked: dict[str, object] = {
        "group_id": topic,
        "member_id": member_id,
        "member_epoch": epoch,
        "topic_partitions": owned[member_id],
    }
    if epoch == 0:
        asked |= {"rebalance_timeout_ms": 60_000, "subscribed_topic_names": [topic]}
    reply = client.ask(ConsumerGroupHeartbeat, CONSUMER_VERSION, asked)
    assert reply.error_code == 0, reply
    epochs[member_id] = reply.member_epoch
    if reply.assignment is not None:
        owned[member_id] = [
            {"topic_id": each.topic_id, "partitions": list(each.partitions)}
            for each in reply.assignment.topic_partitions
        ]


def _grown(started: Started, before: int | None) -> float | None:
    after = started.process.resident_bytes()
    return None if before is None or after is None else (after - before) / MB
