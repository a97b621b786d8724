"""Fetch sessions: what a consumer asked before, so that it need not say it again. Pure (KIP-227).

A full fetch (epoch 0) may open a session; an incremental one (epoch 1, 2, …) names only what
changed and is answered only with partitions that changed. Follows `FetchManager`,
`FetchContext`, `FetchSession` and `FetchSessionCacheShard`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pykbroker.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from random import Random

NO_SESSION = 0
INITIAL_EPOCH = 0
FINAL_EPOCH = -1
EVICTION_MS = 120_000
"""How long a session is safe from being replaced by a larger one (`MIN_INCREMENTAL_…EVICTION`)."""
EPOCH_MAX = 2**31 - 1

Key = tuple[str | bytes, int]
"""A partition as the asker names it: topic id (Fetch v13 and later) or topic name, and index."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of one partition."""

    fetch_offset: int
    max_bytes: int
    current_leader_epoch: int = -1
    last_fetched_epoch: int = -1
    log_start_offset: int = -1
    """A follower's own log start; -1 from a consumer."""


@dataclass(slots=True)
class CachedPartition:
    """What is asked of one partition, and what its last answer said."""

    wanted: Wanted
    topic: str | None = None
    """The name its topic id stood for when first found; None while never found."""
    high_watermark: int = -1
    log_start_offset: int = -1

    def changed(self, answer: Mapping[str, Any]) -> bool:
        """Tell whether the answer is news to the asker, and remember it."""
        news = bool(answer["records"])
        if answer["high_watermark"] != self.high_watermark:
            news = True
            self.high_watermark = answer["high_watermark"]
        if answer["log_start_offset"] != self.log_start_offset:
            news = True
            self.log_start_offset = answer["log_start_offset"]
        if answer["error_code"] != ErrorCode.NONE:
            # The watermark is forgotten so that the partition is sent again when the error ends.
            self.high_watermark = -1
            news = True
        return news or "diverging_epoch" in answer or answer.get("preferred_read_replica", -1) >= 0


@dataclass(slots=True)
class FetchSession:
    """One asker's partitions in the order in which they are served."""

    session_id: int
    uses_topic_ids: bool
    from_follower: bool
    created_ms: int
    last_used_ms: int
    epoch: int = 1
    partitions: dict[Key, CachedPartition] = field(default_factory=dict)


@dataclass(slots=True)
class FetchContext:
    """One fetch: what is wanted now, and how its answer is told."""

    partitions: Mapping[Key, CachedPartition]
    session: FetchSession | None = None
    opens_session: bool = False
    uses_topic_ids: bool = False
    from_follower: bool = False
    expected_epoch: int = INITIAL_EPOCH


class FetchSessions:
    """The sessions of one broker, at most `slots`."""

    def __init__(self, *, slots: int, random: Random) -> None:
        self.slots = slots
        self._random = random
        self._sessions: dict[int, FetchSession] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def begin(
        self,
        *,
        session_id: int,
        session_epoch: int,
        wanted: Mapping[Key, Wanted],
        forgotten: Iterable[Key],
        uses_topic_ids: bool,
        from_follower: bool,
        now_ms: int,
    ) -> FetchContext:
        """Resolve what is wanted.

        Raises FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, and
        FETCH_SESSION_TOPIC_ID_ERROR when the asker changes between topic ids and names.
        """
        if session_epoch in (INITIAL_EPOCH, FINAL_EPOCH):
            self._sessions.pop(session_id, None)
            return FetchContext(
                partitions={key: CachedPartition(want) for key, want in wanted.items()},
                opens_session=session_epoch == INITIAL_EPOCH,
                uses_topic_ids=uses_topic_ids,
                from_follower=from_follower,
            )
        session = self._sessions.get(session_id)
        if session is None:
            raise KafkaError(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
        if session.epoch != session_epoch:
            raise KafkaError(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
        if session.uses_topic_ids != uses_topic_ids:
            raise KafkaError(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR)
        _update(session, wanted, forgotten)
        if not session.partitions:
            del self._sessions[session_id]
            return FetchContext(partitions={})
        session.last_used_ms = now_ms
        session.epoch = _next_epoch(session_epoch)
        return FetchContext(
            partitions=session.partitions, session=session, expected_epoch=session.epoch
        )

    def finish(
        self, context: FetchContext, answers: list[tuple[Key, dict[str, Any]]], now_ms: int
    ) -> tuple[int, list[tuple[Key, dict[str, Any]]]]:
        """Return the session id to answer with and the answers worth sending, in order.

        Raises INVALID_FETCH_SESSION_EPOCH when another fetch of the session came in between.
        """
        session = context.session
        if session is None:
            if not context.opens_session:
                return NO_SESSION, answers
            return self._open(context, answers, now_ms), answers
        if session.epoch != context.expected_epoch:
            raise KafkaError(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
        news = []
        for key, answer in answers:
            cached = session.partitions.get(key)
            if cached is None or not cached.changed(answer):
                continue
            news.append((key, answer))
            if answer["records"]:
                # Served partitions go to the end, so that each gets its turn under max_bytes.
                session.partitions[key] = session.partitions.pop(key)
        return session.session_id, news

    def _open(
        self, context: FetchContext, answers: list[tuple[Key, dict[str, Any]]], now_ms: int
    ) -> int:
        if not self._make_room(context.from_follower, len(answers), now_ms):
            return NO_SESSION
        session_id = self._random.randrange(1, EPOCH_MAX)
        while session_id in self._sessions:
            session_id = self._random.randrange(1, EPOCH_MAX)
        session = FetchSession(
            session_id=session_id,
            uses_topic_ids=context.uses_topic_ids,
            from_follower=context.from_follower,
            created_ms=now_ms,
            last_used_ms=now_ms,
        )
        for key, answer in answers:
            cached = context.partitions[key]
            cached.changed(answer)
            session.partitions[key] = cached
        self._sessions[session_id] = session
        return session_id

    def _make_room(self, from_follower: bool, size: int, now_ms: int) -> bool:
        if len(self._sessions) < self.slots:
            return True
        if not self._sessions:
            return False
        victim = min(self._sessions.values(), key=lambda session: session.last_used_ms)
        if now_ms - victim.last_used_ms <= EVICTION_MS:
            replaceable = [
                session
                for session in self._sessions.values()
                if session.last_used_ms - session.created_ms > EVICTION_MS
                or (from_follower and not session.from_follower)
            ]
            if not replaceable:
                return False
            victim = min(replaceable, key=lambda s: (s.from_follower, len(s.partitions)))
            if (from_follower, size) <= (victim.from_follower, len(victim.partitions)):
                return False
        del self._sessions[victim.session_id]
        return True


def _update(session: FetchSession, wanted: Mapping[Key, Wanted], forgotten: Iterable[Key]) -> None:
    for key, want in wanted.items():
        cached = session.partitions.get(key)
        if cached is None:
            session.partitions[key] = CachedPartition(want)
        else:
            cached.wanted = want
    for key in forgotten:
        session.partitions.pop(key, None)


def _next_epoch(epoch: int) -> int:
    return 1 if epoch == EPOCH_MAX else epoch + 1
