"""Records of __consumer_offsets are the bytes that Kafka 4.3 writes, and older ones are read."""

from __future__ import annotations

from contextlib import suppress
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pykbroker.coordinator import records as r
from pykbroker.coordinator.record_codec import MESSAGES, decode, encode
from pykbroker.errors import ProtocolError
from pykbroker.wire.messages.share_group_records import SHARE_GROUP_RECORDS

TOPIC_ID, OTHER_ID = bytes(range(16)), bytes(range(16, 32))
MANY = settings(max_examples=60, deadline=None, derandomize=True)

AN_OFFSET = r.OffsetRecord(
    "grp", "top", 7, r.CommittedOffset(5, 3, "note", 1000, topic_id=TOPIC_ID)
)
A_CLASSIC_GROUP = r.ClassicGroupRecord(
    "grp",
    r.StoredGroup(
        protocol_type="consumer",
        generation=4,
        protocol="range",
        leader="m",
        state_timestamp_ms=1000,
        members=(
            r.StoredMember(
                member_id="m",
                group_instance_id="i",
                client_id="c",
                client_host="/h",
                rebalance_timeout_ms=300,
                session_timeout_ms=200,
                subscription=b"wants",
                assignment=b"has",
            ),
        ),
    ),
)
A_MEMBER = r.MemberRecord(
    "grp",
    "m",
    r.MemberSubscription(
        instance_id="i",
        rack_id=None,
        client_id="c",
        client_host="/h",
        subscribed_topic_names=("a", "b"),
        subscribed_topic_regex="x.*",
        rebalance_timeout_ms=300,
        server_assignor=None,
        classic=r.ClassicMember(200, (("range", b"wants"),)),
    ),
)
A_CURRENT = r.CurrentRecord(
    "grp",
    "m",
    r.CurrentAssignment(
        member_epoch=9,
        previous_member_epoch=8,
        state=r.MemberState.UNREVOKED_PARTITIONS,
        assigned={TOPIC_ID: {2: 9, 1: 7}},
        revoking={OTHER_ID: {0: 5}},
    ),
)

GROUP_KEY = b"\0\3grp"
MEMBER_KEY = GROUP_KEY + b"\0\1m"
WRITTEN: dict[str, tuple[r.Record, bytes, bytes]] = {
    "an offset": (
        AN_OFFSET,
        b"\0\1" + GROUP_KEY + b"\0\3top" + pack(">i", 7),
        # version 4; the topic id is the tagged field 0
        b"\0\4" + pack(">qi", 5, 3) + b"\5note" + pack(">q", 1000) + b"\1\0\x10" + TOPIC_ID,
    ),
    "an offset of an unknown topic id": (
        r.OffsetRecord("grp", "top", 7, r.CommittedOffset(5, commit_timestamp_ms=1000)),
        b"\0\1" + GROUP_KEY + b"\0\3top" + pack(">i", 7),
        b"\0\4" + pack(">qi", 5, -1) + b"\1" + pack(">q", 1000) + b"\0",
    ),
    "an offset with a time of its own to expire": (
        r.OffsetRecord(
            "grp",
            "top",
            7,
            r.CommittedOffset(5, metadata="note", commit_timestamp_ms=1, expire_timestamp_ms=2),
        ),
        b"\0\1" + GROUP_KEY + b"\0\3top" + pack(">i", 7),
        b"\0\1" + pack(">q", 5) + b"\0\4note" + pack(">qq", 1, 2),
    ),
    "a classic group": (
        A_CLASSIC_GROUP,
        b"\0\2" + GROUP_KEY,
        b"\0\3\0\x08consumer" + pack(">i", 4) + b"\0\5range\0\1m" + pack(">qi", 1000, 1)
        + b"\0\1m\0\1i\0\1c\0\2/h" + pack(">ii", 300, 200) + b"\0\0\0\5wants\0\0\0\3has",
    ),
    "an empty classic group": (
        r.ClassicGroupRecord("grp", r.StoredGroup("", 0, None, None, 1000, ())),
        b"\0\2" + GROUP_KEY,
        b"\0\3\0\0" + pack(">i", 0) + b"\xff\xff\xff\xff" + pack(">qi", 1000, 0),
    ),
    "a group epoch": (
        r.GroupEpochRecord("grp", r.GroupEpoch(9, -2)),
        b"\0\3" + GROUP_KEY,
        b"\0\0" + pack(">i", 9) + b"\1\0\x08" + pack(">q", -2),
    ),
    "a group epoch without a hash": (
        r.GroupEpochRecord("grp", r.GroupEpoch(9)),
        b"\0\3" + GROUP_KEY,
        b"\0\0" + pack(">i", 9) + b"\0",
    ),
    "a member": (
        A_MEMBER,
        b"\0\5" + MEMBER_KEY,
        b"\0\0\2i\0\2c\3/h\3\2a\2b\4x.*" + pack(">i", 300) + b"\0"
        + b"\1\0\x14\1" + pack(">i", 200) + b"\2\6range\6wants\0\0",
    ),
    "a target epoch": (
        r.TargetEpochRecord("grp", r.TargetEpoch(9, 1000)),
        b"\0\6" + GROUP_KEY,
        b"\0\0" + pack(">i", 9) + b"\1\0\x08" + pack(">q", 1000),
    ),
    "a target": (
        r.TargetRecord("grp", "m", {OTHER_ID: frozenset({0}), TOPIC_ID: frozenset({2, 1})}),
        b"\0\7" + MEMBER_KEY,
        b"\0\0\3" + TOPIC_ID + b"\3" + pack(">ii", 1, 2) + b"\0"
        + OTHER_ID + b"\2" + pack(">i", 0) + b"\0\0",
    ),
    "an empty target": (
        r.TargetRecord("grp", "m", {}), b"\0\7" + MEMBER_KEY, b"\0\0\1\0"
    ),
    "a current assignment": (
        A_CURRENT,
        b"\0\x08" + MEMBER_KEY,
        b"\0\0" + pack(">iib", 9, 8, 1)
        + b"\2" + TOPIC_ID + b"\3" + pack(">ii", 1, 2) + b"\1\0\x09\3" + pack(">ii", 7, 9)
        + b"\2" + OTHER_ID + b"\2" + pack(">i", 0) + b"\1\0\5\2" + pack(">i", 5) + b"\0",
    ),
    "a pattern": (
        r.RegexRecord("grp", "x.*", r.ResolvedRegex(frozenset({"xb", "xa"}), 12, 1000)),
        b"\0\x10" + GROUP_KEY + b"\0\3x.*",
        b"\0\0\3\3xa\3xb" + pack(">qq", 12, 1000) + b"\0",
    ),
}  # fmt: skip
TOMBSTONES: dict[bytes, r.Record] = {
    b"\0\1" + GROUP_KEY + b"\0\3top" + pack(">i", 7): r.OffsetRecord("grp", "top", 7, None),
    b"\0\2" + GROUP_KEY: r.ClassicGroupRecord("grp", None),
    b"\0\3" + GROUP_KEY: r.GroupEpochRecord("grp", None),
    b"\0\4" + GROUP_KEY: r.PartitionMetadataRecord("grp"),
    b"\0\5" + MEMBER_KEY: r.MemberRecord("grp", "m", None),
    b"\0\6" + GROUP_KEY: r.TargetEpochRecord("grp", None),
    b"\0\7" + MEMBER_KEY: r.TargetRecord("grp", "m", None),
    b"\0\x08" + MEMBER_KEY: r.CurrentRecord("grp", "m", None),
    b"\0\x10" + GROUP_KEY + b"\0\3x.*": r.RegexRecord("grp", "x.*", None),
}

written = pytest.mark.parametrize(("record", "key", "value"), WRITTEN.values(), ids=WRITTEN)


@written
def test_a_record_is_written_as_kafka_writes_it(record: r.Record, key: bytes, value: bytes) -> None:
    assert encode(record) == (key, value)


@written
def test_what_is_written_is_read_again(record: r.Record, key: bytes, value: bytes) -> None:
    assert decode(key, value) == record
    assert decode(memoryview(key), memoryview(value)) == record  # type: ignore[arg-type]


@pytest.mark.parametrize("key", TOMBSTONES, ids=lambda key: str(key[1]))
def test_a_record_without_a_value_is_a_tombstone(key: bytes) -> None:
    assert encode(TOMBSTONES[key]) == (key, None)
    assert decode(key, None) == TOMBSTONES[key]


def test_every_kind_of_record_is_tried_here() -> None:
    kinds = {type(record) for record, _, _ in WRITTEN.values()}

    assert kinds | {r.PartitionMetadataRecord} == set(r.Record.__args__)
    assert {type(record) for record in TOMBSTONES.values()} == set(r.Record.__args__)


# -- what is no record -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*SHARE_GROUP_RECORDS, 17, 30_000, -1])
def test_records_of_other_coordinators_are_none_of_ours(kind: int) -> None:
    assert decode(pack(">h", kind) + b"anything", b"\0\0 at all") is None


@written
def test_a_record_that_is_cut_anywhere_is_broken(
    record: r.Record, key: bytes, value: bytes
) -> None:
    for size in range(len(key)):
        with pytest.raises(ProtocolError):
            decode(key[:size], value)
    for size in range(len(value)):
        with pytest.raises(ProtocolError):
            decode(key, value[:size])


@pytest.mark.parametrize(
    ("kind", "version"),
    [(0, 1), (1, -1), (1, 5), (2, 5), (3, 1), (5, 1), (6, 1), (7, 1), (8, 1), (16, -7)],
)
def test_a_version_that_nobody_knows_is_broken(kind: int, version: int) -> None:
    key = pack(">h", kind) + MESSAGES[kind][0].version(0).build({})

    with pytest.raises(ProtocolError):
        decode(key, pack(">h", version) + bytes(100))


@MANY
@given(st.sampled_from([*WRITTEN.values()]), st.data())
def test_damaged_records_raise_nothing_but_protocol_errors(
    example: tuple[r.Record, bytes, bytes], data: st.DataObject
) -> None:
    _, key, value = example
    damaged = [bytearray(key), bytearray(value)]
    for part in damaged:
        for _ in range(data.draw(st.integers(0, 3))):
            part[data.draw(st.integers(0, len(part) - 1))] = data.draw(st.integers(0, 255))

    with suppress(ProtocolError):
        decode(bytes(damaged[0]), bytes(damaged[1]))
