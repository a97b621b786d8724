from __future__ import annotations

import struct
from typing import Any

import pytest

from pykbroker.errors import ProtocolError
from pykbroker.storage.dump.decoding import Decoded, decode_control, decoder_of
from pykbroker.wire.messages.control_records import VotersRecord
from pykbroker.wire.messages.offsets_records import OffsetCommitKey, OffsetCommitValue
from pykbroker.wire.messages.transaction_records import TransactionLogKey, TransactionLogValue
from pykbroker.wire.records import Record
from pykbroker.wire.schema import Message

COMMIT_KEY = {"group": "g", "topic": "orders", "partition": 3}
COMMIT = {"offset": 42, "leader_epoch": 1, "metadata": "m", "commit_timestamp": 5}


def encoded(message: Message, version: int, fields: dict[str, Any], number: int) -> bytes:
    return struct.pack(">h", number) + message.version(version).build(fields)


def a_record(key: bytes | None, value: bytes | None) -> Record:
    return Record(0, 0, key, value, ())


def decoded(topic: str, key: bytes | None, value: bytes | None) -> Decoded:
    decode = decoder_of(topic)
    assert decode is not None
    return decode(a_record(key, value))


def test_records_of_other_topics_are_not_decoded() -> None:
    assert decoder_of("orders") is None


def test_a_committed_offset_is_decoded() -> None:
    key = encoded(OffsetCommitKey, 0, COMMIT_KEY, number=1)

    for version in (3, 4):
        value = encoded(OffsetCommitValue, version, COMMIT, number=version)
        assert decoded("__consumer_offsets", key, value) == Decoded(
            "OffsetCommitValue",
            COMMIT_KEY,
            {**COMMIT, "expire_timestamp": -1, "topic_id": "A" * 22},
        )


def test_a_tombstone_has_a_key_alone() -> None:
    key = encoded(OffsetCommitKey, 0, COMMIT_KEY, number=1)

    assert decoded("__consumer_offsets", key, None) == Decoded(
        "OffsetCommitValue", COMMIT_KEY, None
    )


def test_a_transaction_is_decoded() -> None:
    key = encoded(TransactionLogKey, 0, {"transactional_id": "t"}, number=0)
    fields = {
        "producer_id": 1,
        "producer_epoch": 2,
        "transaction_timeout_ms": 3,
        "transaction_status": 4,
        "transaction_partitions": [{"topic": "orders", "partition_ids": [0, 2]}],
        "transaction_last_update_timestamp_ms": 5,
        "transaction_start_timestamp_ms": 6,
    }
    value = encoded(TransactionLogValue, 1, fields, number=1)

    found = decoded("__transaction_state", key, value)

    assert (found.name, found.key) == ("TransactionLogValue", {"transactional_id": "t"})
    assert found.value is not None
    assert found.value.items() >= fields.items()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, None),
        (b"", b""),
        (b"\0", b""),
        (b"\0\x63", b""),  # no such type
        (b"\0\1\0\1g", None),  # cut off
        (encoded(OffsetCommitKey, 0, COMMIT_KEY, number=1), b"\0\x63"),  # no such version
        (encoded(OffsetCommitKey, 0, COMMIT_KEY, number=1), b"\0\3\0"),
    ],
)
def test_what_is_no_such_record_is_refused(key: bytes | None, value: bytes | None) -> None:
    with pytest.raises(ProtocolError):
        decoded("__consumer_offsets", key, value)


def test_markers_are_decoded() -> None:
    value = struct.pack(">hi", 0, 17)

    aborted = decode_control(a_record(struct.pack(">hh", 0, 0), value))
    committed = decode_control(a_record(struct.pack(">hh", 0, 1), value))

    assert aborted == Decoded("ABORT", None, {"coordinator_epoch": 17})
    assert committed == Decoded("COMMIT", None, {"coordinator_epoch": 17})


def test_control_records_of_the_metadata_log_are_decoded() -> None:
    value = VotersRecord.version(0).build({"version": 0, "voters": []})

    found = decode_control(a_record(struct.pack(">hh", 0, 6), value))

    assert found == Decoded("KRAFT_VOTERS", None, {"version": 0, "voters": []})


def test_an_unknown_control_record_is_named_by_its_number() -> None:
    found = decode_control(a_record(struct.pack(">hh", 0, 99), b"\0\0"))

    assert found == Decoded("UNKNOWN_99", None, None)


@pytest.mark.parametrize(("key", "value"), [(None, b""), (b"\0\0", b""), (b"\0\0\0\1", b"\0\0")])
def test_a_broken_control_record_is_refused(key: bytes | None, value: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_control(a_record(key, value))
