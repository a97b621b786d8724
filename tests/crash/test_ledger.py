"""The ledgers find every anomaly in a history made by hand, and none in a good one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.crash.ledger import Anomaly, Findings, PartitionLedger
from tests.crash.values import Mint, source_of

MINT = Mint(b"secret")
SENDER = 7


def a_ledger(
    *, sent: int = 4, acknowledged: Sequence[int] = (), **options: object
) -> PartitionLedger:
    """A partition to which SENDER sent records; each acknowledged one at the offset it is."""
    ledger = PartitionLedger("t-0", Findings(), **options)  # type: ignore[arg-type]
    for _ in range(sent):
        ledger.next_sequence(SENDER)
    for number in acknowledged:
        ledger.acknowledge(source_of(SENDER, number), number)
    return ledger


def read(
    ledger: PartitionLedger, *sequences: int | None, start: int = 0, end: int | None = None
) -> None:
    """Read sequences at the offsets from `start` on; None for an offset without a record."""
    reading = ledger.reading(start)
    for offset, sequence in enumerate(sequences, start):
        if sequence is not None:
            source = source_of(SENDER, sequence)
            reading.record(offset, source, ledger.key_of(source))
    reading.end(start + len(sequences) if end is None else end)


def anomalies(ledger: PartitionLedger) -> dict[Anomaly, int]:
    return dict(ledger.findings.counts)


def test_what_was_acknowledged_and_what_was_not_may_both_be_there() -> None:
    ledger = a_ledger(acknowledged=(0, 1))

    read(ledger, 0, 1, 2)
    read(ledger, 3, start=3)
    read(ledger, 0, 1, 2, 3)

    assert anomalies(ledger) == {}
    assert (ledger.acknowledged_count, ledger.findings.read, ledger.read_to) == (2, 8, 4)


def test_an_acknowledged_record_above_the_end_is_lost() -> None:
    ledger = a_ledger(acknowledged=(0, 1, 2))

    read(ledger, 0, 1)

    assert anomalies(ledger) == {Anomaly.LOST: 1}


def test_a_record_that_was_read_once_is_lost_when_it_is_gone() -> None:
    ledger = a_ledger()
    read(ledger, 0, 1)

    read(ledger, 0)

    assert anomalies(ledger) == {Anomaly.LOST: 1}


def test_an_offset_without_a_record_is_a_hole() -> None:
    ledger = a_ledger(acknowledged=(0,))

    read(ledger, 0, None, 1)

    assert anomalies(ledger) == {Anomaly.HOLE: 1}


def test_a_record_that_was_never_sent_is_a_phantom() -> None:
    ledger = a_ledger(sent=1)

    read(ledger, 0, 1)

    assert anomalies(ledger) == {Anomaly.PHANTOM: 1}


def test_a_value_that_does_not_prove_itself_is_a_phantom() -> None:
    ledger = a_ledger()

    ledger.reading(0).record(0, None, b"key")

    assert anomalies(ledger) == {Anomaly.PHANTOM: 1}


def test_a_record_under_another_key_is_a_phantom() -> None:
    ledger = a_ledger()

    ledger.reading(0).record(0, source_of(SENDER, 0), b"key")

    assert anomalies(ledger) == {Anomaly.PHANTOM: 1}


def test_an_offset_acknowledged_for_one_record_must_not_hold_another() -> None:
    ledger = a_ledger(acknowledged=(0, 1))

    read(ledger, 0, 2)

    assert anomalies(ledger) == {Anomaly.CHANGED: 1}


def test_an_offset_never_changes_its_record() -> None:
    ledger = a_ledger()
    read(ledger, 0, 1)

    read(ledger, 0, 2)

    assert anomalies(ledger)[Anomaly.CHANGED] == 1


def test_one_offset_must_not_be_acknowledged_twice() -> None:
    ledger = a_ledger(acknowledged=(0,))

    ledger.acknowledge(source_of(SENDER, 1), 0)

    assert anomalies(ledger)[Anomaly.CHANGED] == 1


@pytest.mark.parametrize(
    ("idempotent", "expected"), [((SENDER,), {Anomaly.DUPLICATE: 1}), ((), {})]
)
def test_only_an_idempotent_producer_must_not_be_found_twice(
    idempotent: Sequence[int], expected: dict[Anomaly, int]
) -> None:
    ledger = a_ledger(idempotent=frozenset(idempotent))

    read(ledger, 0, 1, 1, 2)

    assert anomalies(ledger) == expected
    assert ledger.repeated == 1 - len(idempotent)


def test_a_producers_records_stay_in_order() -> None:
    ledger = a_ledger()

    read(ledger, 0, 2, 1)

    assert anomalies(ledger) == {Anomaly.DISORDER: 1}


def test_a_record_acknowledged_without_an_offset_must_be_somewhere() -> None:
    ledger = a_ledger()
    ledger.acknowledge(source_of(SENDER, 0), -1)
    ledger.acknowledge(source_of(SENDER, 1), -1)

    read(ledger, 0)
    ledger.finish()

    assert anomalies(ledger) == {Anomaly.LOST: 1}


def test_compaction_may_leave_out_what_a_later_record_replaces() -> None:
    ledger = a_ledger(acknowledged=(0, 1, 2, 3), keys=2)

    read(ledger, None, None, 2, 3)

    assert anomalies(ledger) == {}


def test_compaction_must_not_leave_out_the_last_record_of_a_key() -> None:
    ledger = a_ledger(acknowledged=(0, 1, 2, 3), keys=2)

    read(ledger, None, None, 2, None)

    assert anomalies(ledger) == {Anomaly.LOST: 2}  # of offset 1 too nothing is left


@pytest.mark.parametrize("place", [("t", 1), ("u", 0)])
def test_a_value_proves_where_it_was_sent(place: tuple[str, int]) -> None:
    value = MINT.make("t", 0, source_of(3, 5), b"padding")

    assert MINT.source("t", 0, value) == source_of(3, 5)
    assert MINT.source(*place, value) is None


def test_a_value_proves_every_byte_and_the_run_that_sent_it() -> None:
    value = MINT.make("t", 0, source_of(3, 5), b"padding")

    for position in range(len(value)):
        changed = bytearray(value)
        changed[position] ^= 1
        assert MINT.source("t", 0, bytes(changed)) is None
    assert Mint(b"another").source("t", 0, value) is None
    assert [MINT.source("t", 0, cut) for cut in (None, b"", value[1:])] == [None, None, None]
