"""Offsets that are part of a transaction which has not ended."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker, Topic
from interop.group_questions.offsets import commit, delete, fetch
from interop.group_questions.questions import Questions
from pykbroker.wire.messages.add_offsets_to_txn import AddOffsetsToTxn
from pykbroker.wire.messages.end_txn import EndTxn
from pykbroker.wire.messages.find_coordinator import FindCoordinator
from pykbroker.wire.messages.init_producer_id import InitProducerId
from pykbroker.wire.messages.txn_offset_commit import TxnOffsetCommit

OPEN_TRANSACTIONS = Questions("open_transactions")


class Transaction:
    """An open transaction with an offset of partition 0 in it."""

    def __init__(self, asker: Asker, group: str, topic: Topic, offset: int, **fields: Any) -> None:
        self.asker = asker
        self.name = asker.names.fresh("transaction")
        request = {"key_type": 1, "coordinator_keys": [self.name]}
        asker.until(
            lambda: asker.ask(FindCoordinator, request, version=4)["coordinators"][0],
            lambda coordinator: coordinator["error_code"] == 0,
        )
        self.producer = asker.until(self._begun, lambda answer: answer["error_code"] == 0)
        told = self._producer() | {"group_id": group}
        asker.ask(AddOffsetsToTxn, told, version=3)
        partition = {"partition_index": 0, "committed_offset": offset, "committed_metadata": "t"}
        offsets = {"topics": [{"name": topic, "partitions": [partition]}]}
        self.committed = asker.ask(TxnOffsetCommit, told | offsets | fields, version=3)

    def end(self, *, committed: bool) -> Any:
        """End it, as producers of the first kind of transactions do."""
        told = self._producer() | {"committed": committed}
        return self.asker.ask(EndTxn, told, version=3)

    def _begun(self) -> Any:
        told = {"transactional_id": self.name, "transaction_timeout_ms": 60_000}
        return self.asker.ask(InitProducerId, told, version=4)

    def _producer(self) -> dict[str, Any]:
        return {
            "transactional_id": self.name,
            "producer_id": self.producer["producer_id"],
            "producer_epoch": self.producer["producer_epoch"],
        }


@OPEN_TRANSACTIONS.about(106, version=[7, 8, 10])
def stable_offsets_are_asked_for(asker: Asker, version: int) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 5, 1: 6}})
    transaction = Transaction(asker, group, topic, 50)
    partitions = {topic: [0, 1, 2]}
    return (
        transaction.committed,
        fetch(asker, group, partitions, version=version, require_stable=True),
        fetch(asker, group, partitions, version=version),
        fetch(asker, group, version=version, require_stable=True),
    )


@OPEN_TRANSACTIONS.about(106, committed=[True, False])
def and_then_it_ends(asker: Asker, committed: bool) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 5}})
    ended = Transaction(asker, group, topic, 50).end(committed=committed)
    settled = asker.until(
        lambda: fetch(asker, group, {topic: [0]}, require_stable=True),
        lambda answer: answer["groups"][0]["topics"][0]["partitions"][0]["error_code"] == 0,
    )
    return ended, settled


@OPEN_TRANSACTIONS.about(106)
def in_a_group_nobody_knows(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    transaction = Transaction(asker, group, topic, 50)
    return (
        transaction.committed,
        fetch(asker, group, {topic: [0, 1]}, require_stable=True),
        fetch(asker, group, require_stable=True),
        asker.state(group),
    )


@OPEN_TRANSACTIONS.about(109)
def and_the_offset_is_deleted(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 5}})
    transaction = Transaction(asker, group, topic, 50)
    deleted = delete(asker, group, {topic: [0]})
    found = fetch(asker, group, {topic: [0]})
    transaction.end(committed=False)
    return deleted, found


@OPEN_TRANSACTIONS.about(103, member=["", "nobody"], generation=[-1, 1])
def as_a_member_of_an_unknown_group(asker: Asker, member: str, generation: int) -> Any:
    fields = {"member_id": member, "generation_id_or_member_epoch": generation}
    return Transaction(asker, asker.group(), asker.topic(), 50, **fields).committed
