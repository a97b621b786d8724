"""Transactions as this broker writes them: guarded by who it is, settled when a reply is lost.

A transaction is never sent twice blindly. After `Unknown` its first op is looked for: found, the
transaction happened, since guards make it one revision; not found, it counts as refused, and a
later attempt that fails its guards on our own value is recognised in the same way.
"""

from __future__ import annotations

import errno
import logging
import math
from collections.abc import Sequence

import trio

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.feed import ImageFeed
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import Keys
from pykbroker.metadata.store import (
    KV,
    CreateRev,
    Delete,
    Guard,
    MetadataStore,
    Put,
    TxnResult,
    Unknown,
)
from pykbroker.metadata.values import NO_EPOCH

log = logging.getLogger("pykbroker.metadata")

ATTEMPTS_MAX = 10
"""How often a change is decided anew because another writer came first."""
CATCH_UP_SECONDS = 1.0


class Commits:
    """The one way by which this broker changes the store."""

    def __init__(self, store: MetadataStore, keys: Keys, feed: ImageFeed) -> None:
        self.store = store
        self.keys = keys
        self.feed = feed
        self.broker_id = -1
        self.broker_epoch = NO_EPOCH
        self.topics_in_hand: set[bytes] = set()
        """Topics a task of this broker is creating or deleting now."""

    @property
    def image(self) -> ClusterImage:
        """The newest image."""
        return self.feed.image

    @property
    def is_controller(self) -> bool:
        """Whether the newest image has this run of this broker as the controller."""
        controller = self.image.controller
        me = (self.broker_id, self.broker_epoch)
        return controller is not None and (controller.broker_id, controller.broker_epoch) == me

    def as_controller(self) -> Guard:
        """Give the guard of a controller's transactions; raise NOT_CONTROLLER for another."""
        controller = self.image.controller
        if controller is None or not self.is_controller:
            raise KafkaError(ErrorCode.NOT_CONTROLLER)
        return CreateRev(self.keys.controller, controller.epoch)

    async def txn(self, guards: Sequence[Guard], ops: Sequence[Put | Delete]) -> TxnResult:
        """Carry out a transaction; raise KAFKA_STORAGE_ERROR when the store's disk fails."""
        try:
            return await self.store.txn(guards, ops)
        except OSError as failure:
            # The disk is at fault, not the code: a traceback would tell nobody anything.
            is_full = failure.errno == errno.ENOSPC
            advice = "free some space" if is_full else "mend the disk and restart the broker"
            log.error("metadata not stored: %s; %s", failure, advice)  # noqa: TRY400
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, str(failure)) from failure

    async def commit(self, guards: Sequence[Guard], ops: Sequence[Put | Delete]) -> TxnResult:
        """Carry out the transaction once.

        The first op must be one that no other writer would make, or one that serves as well when
        another made it: it tells whether the transaction happened.
        """
        try:
            result = await self.txn(guards, ops)
        except Unknown:
            snapshot = await self.store.load(ops[0].key)
            result = TxnResult(False, snapshot.rev, snapshot.kvs)
            found = _is_done(ops[0], snapshot.kvs.get(ops[0].key))
        else:
            witness = result.current.get(ops[0].key)
            found = witness is not None and _is_done(ops[0], witness)
        if result.ok or not found:
            return result
        kv = result.current.get(ops[0].key)
        return TxnResult(True, kv.mod_rev if kv else result.rev)

    async def catch_up(self, result: TxnResult) -> None:
        """Wait until the image shows what the transaction made, or what refused it.

        A refusal is waited for CATCH_UP_SECONDS at most, since its revision may be one of keys
        outside this cluster.
        """
        patience = math.inf if result.ok else CATCH_UP_SECONDS
        with trio.move_on_after(patience):
            await self.feed.image_at(result.rev)


def _is_done(op: Put | Delete, kv: KV | None) -> bool:
    if isinstance(op, Delete):
        return kv is None
    return kv is not None and kv.value == op.value
