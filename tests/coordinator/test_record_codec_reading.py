"""Records of __consumer_offsets of every version are read, and any record as it was written."""

from __future__ import annotations

from struct import pack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pykbroker.coordinator import records as r
from pykbroker.coordinator.record_codec import MESSAGES, decode, encode

TOPIC_ID = bytes(range(16))
MANY = settings(max_examples=60, deadline=None, derandomize=True)
GROUP_KEY = b"\0\3grp"
MEMBER_KEY = GROUP_KEY + b"\0\1m"

# -- what older brokers wrote ------------------------------------------------------------------

OFFSET_KEY = GROUP_KEY + b"\0\3top" + pack(">i", 7)
OLD_OFFSETS = {
    "legacy": (
        b"\0\0" + OFFSET_KEY,
        b"\0\0" + pack(">q", 5) + b"\0\4note" + pack(">q", 1000),
        r.CommittedOffset(5, metadata="note", commit_timestamp_ms=1000),
    ),
    "version 0": (
        b"\0\1" + OFFSET_KEY,
        b"\0\0" + pack(">q", 5) + b"\0\4note" + pack(">q", 1000),
        r.CommittedOffset(5, metadata="note", commit_timestamp_ms=1000),
    ),
    "version 1 that names no time to expire": (
        b"\0\1" + OFFSET_KEY,
        b"\0\1" + pack(">q", 5) + b"\0\0" + pack(">qq", 1000, -1),
        r.CommittedOffset(5, commit_timestamp_ms=1000),
    ),
    "version 2": (
        b"\0\1" + OFFSET_KEY,
        b"\0\2" + pack(">q", 5) + b"\0\0" + pack(">q", 1000),
        r.CommittedOffset(5, commit_timestamp_ms=1000),
    ),
    "version 3": (
        b"\0\1" + OFFSET_KEY,
        b"\0\3" + pack(">qi", 5, 2) + b"\0\0" + pack(">q", 1000),
        r.CommittedOffset(5, 2, commit_timestamp_ms=1000),
    ),
    "version 4 with tagged fields of a newer broker": (
        b"\0\1" + OFFSET_KEY,
        b"\0\4" + pack(">qi", 5, 2) + b"\1" + pack(">q", 1000) + b"\1\7\2hi",
        r.CommittedOffset(5, 2, commit_timestamp_ms=1000),
    ),
}


@pytest.mark.parametrize(("key", "value", "offset"), OLD_OFFSETS.values(), ids=OLD_OFFSETS)
def test_an_offset_of_any_version_is_read(
    key: bytes, value: bytes, offset: r.CommittedOffset
) -> None:
    assert decode(key, value) == r.OffsetRecord("grp", "top", 7, offset)


def test_a_legacy_tombstone_forgets_the_offset() -> None:
    assert decode(b"\0\0" + OFFSET_KEY, None) == r.OffsetRecord("grp", "top", 7, None)


@pytest.mark.parametrize(
    ("version", "instance_id", "rebalance_timeout_ms", "state_timestamp_ms"),
    [
        # The session timeout was the rebalance timeout too before KIP-62.
        (0, None, 200, -1),
        (1, None, 300, -1),
        (2, None, 300, 1000),
        (3, "i", 300, 1000),
        (4, "i", 300, 1000),
    ],
)
def test_a_classic_group_of_any_version_is_read(
    version: int, instance_id: str | None, rebalance_timeout_ms: int, state_timestamp_ms: int
) -> None:
    member = {
        "member_id": "m",
        "group_instance_id": "i",
        "client_id": "c",
        "client_host": "/h",
        "rebalance_timeout": 300,
        "session_timeout": 200,
        "subscription": b"wants",
        "assignment": b"has",
    }
    fields = {
        "protocol_type": "consumer",
        "generation": 4,
        "protocol": "range",
        "leader": "m",
        "current_state_timestamp": 1000,
        "members": [member],
    }
    value = pack(">h", version) + MESSAGES[2][1].version(version).build(fields)

    read = r.StoredMember("m", instance_id, "c", "/h", rebalance_timeout_ms, 200, b"wants", b"has")
    group = r.StoredGroup("consumer", 4, "range", "m", state_timestamp_ms, (read,))
    assert decode(b"\0\2" + GROUP_KEY, value) == r.ClassicGroupRecord("grp", group)


@pytest.mark.parametrize(
    ("member_epoch", "epochs", "read"),
    [(9, None, 9), (-2, None, 0), (9, [], 9), (9, [4], 9), (-1, [4, 5, 6], 0)],
)
def test_partitions_without_an_epoch_each_were_assigned_at_the_members(
    member_epoch: int, epochs: list[int] | None, read: int
) -> None:
    topic = {"topic_id": TOPIC_ID, "partitions": [1, 2], "assignment_epochs": epochs}
    fields = {"member_epoch": member_epoch, "assigned_partitions": [topic]}

    record = decode(b"\0\x08" + MEMBER_KEY, b"\0\0" + MESSAGES[8][1].version(0).build(fields))

    assert isinstance(record, r.CurrentRecord)
    assert record.value is not None
    assert record.value.assigned == {TOPIC_ID: {1: read, 2: read}}


def test_a_state_of_a_newer_broker_is_unknown() -> None:
    record = decode(b"\0\x08" + MEMBER_KEY, b"\0\0" + pack(">iib", 9, 8, 55) + b"\1\1\0")

    assert isinstance(record, r.CurrentRecord)
    assert record.value is not None
    assert record.value.state is r.MemberState.UNKNOWN


def test_what_older_brokers_knew_of_topics_is_left_alone() -> None:
    assert decode(b"\0\4" + GROUP_KEY, b"\0\0\1\0") is None


# -- any record --------------------------------------------------------------------------------

text = st.text(max_size=5)
nullable_text = st.none() | text
int32 = st.integers(-(2**31), 2**31 - 1)
int64 = st.integers(-(2**63), 2**63 - 1)
topic_ids = st.binary(min_size=16, max_size=16)
partitions = st.dictionaries(topic_ids, st.frozensets(int32, min_size=1, max_size=4), max_size=3)
held = st.dictionaries(topic_ids, st.dictionaries(int32, int32, min_size=1, max_size=4), max_size=3)
offsets = st.builds(r.CommittedOffset, int64, int32, text, int64, st.none(), topic_ids) | st.builds(
    r.CommittedOffset,
    int64,
    metadata=text,
    commit_timestamp_ms=int64,
    expire_timestamp_ms=int64.filter(lambda ms: ms != -1),
)
members = st.builds(
    r.StoredMember, text, nullable_text, text, text, int32.filter(lambda ms: ms != -1), int32,
    st.binary(max_size=5), st.binary(max_size=5),
)  # fmt: skip
subscriptions = st.builds(
    r.MemberSubscription,
    instance_id=nullable_text,
    rack_id=nullable_text,
    client_id=text,
    client_host=text,
    subscribed_topic_names=st.sets(text, max_size=3).map(lambda names: tuple(sorted(names))),
    subscribed_topic_regex=nullable_text,
    rebalance_timeout_ms=int32,
    server_assignor=nullable_text,
    classic=st.none()
    | st.builds(
        r.ClassicMember,
        int32,
        st.lists(st.tuples(text, st.binary(max_size=5)), max_size=3).map(tuple),
    ),
)
EVERY_RECORD: dict[str, st.SearchStrategy[Any]] = {
    "offset": st.builds(r.OffsetRecord, text, text, int32, st.none() | offsets),
    "classic group": st.builds(
        r.ClassicGroupRecord,
        text,
        st.none()
        | st.builds(
            r.StoredGroup, text, int32, nullable_text, nullable_text, int64,
            st.lists(members, max_size=3).map(tuple),
        ),
    ),
    "group epoch": st.builds(
        r.GroupEpochRecord, text, st.none() | st.builds(r.GroupEpoch, int32, int64)
    ),
    "partition metadata": st.builds(r.PartitionMetadataRecord, text),
    "member": st.builds(r.MemberRecord, text, text, st.none() | subscriptions),
    "target epoch": st.builds(
        r.TargetEpochRecord, text, st.none() | st.builds(r.TargetEpoch, int32, int64)
    ),
    "target": st.builds(r.TargetRecord, text, text, st.none() | partitions),
    "current": st.builds(
        r.CurrentRecord,
        text,
        text,
        st.none()
        | st.builds(
            r.CurrentAssignment, int32, int32, st.sampled_from(r.MemberState), held, held
        ),
    ),
    "regex": st.builds(
        r.RegexRecord,
        text,
        text,
        st.none()
        | st.builds(r.ResolvedRegex, st.frozensets(text, max_size=3), int64, int64),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", EVERY_RECORD)
@MANY
@given(data=st.data())
def test_any_record_is_read_as_it_was_written(kind: str, data: st.DataObject) -> None:
    record = data.draw(EVERY_RECORD[kind])

    assert decode(*encode(record)) == record
