"""Fetch sessions by KIP-227: what is remembered, what is answered, what is refused."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.fetch_sessions import FetchContext, FetchSessions, Key, Wanted

A: Key = ("words", 0)
B: Key = ("words", 1)


def a_cache(slots: int = 10) -> FetchSessions:
    return FetchSessions(slots=slots, random=Random(1))


def a_want(offset: int = 0) -> Wanted:
    return Wanted(fetch_offset=offset, max_bytes=1_000)


def an_answer(
    *, records: bytes = b"", high_watermark: int = 0, error: ErrorCode = ErrorCode.NONE
) -> dict[str, Any]:
    return {
        "records": records,
        "high_watermark": high_watermark,
        "log_start_offset": 0,
        "error_code": error,
    }


def begin(
    cache: FetchSessions,
    *keys: Key,
    session: tuple[int, int] = (0, 0),
    forgotten: tuple[Key, ...] = (),
    topic_ids: bool = False,
    follower: bool = False,
    now_ms: int = 0,
) -> FetchContext:
    return cache.begin(
        session_id=session[0],
        session_epoch=session[1],
        wanted={key: a_want() for key in keys},
        forgotten=forgotten,
        uses_topic_ids=topic_ids,
        from_follower=follower,
        now_ms=now_ms,
    )


def opened(cache: FetchSessions, *keys: Key, now_ms: int = 0, follower: bool = False) -> int:
    context = begin(cache, *keys, now_ms=now_ms, follower=follower)
    session_id, _ = cache.finish(context, [(key, an_answer()) for key in keys], now_ms)
    return session_id


def refusal(cache: FetchSessions, *keys: Key, **asked: Any) -> ErrorCode:
    with pytest.raises(KafkaError) as raised:
        begin(cache, *keys, **asked)
    return raised.value.code


def test_a_full_fetch_opens_a_session_and_answers_everything() -> None:
    cache = a_cache()
    context = begin(cache, A, B)

    session_id, answers = cache.finish(context, [(A, an_answer()), (B, an_answer())], 0)

    assert session_id > 0
    assert [key for key, _ in answers] == [A, B]


def test_an_incremental_answer_leaves_out_what_did_not_change() -> None:
    cache = a_cache()
    session_id = opened(cache, A, B)
    context = begin(cache, session=(session_id, 1))

    assert list(context.partitions) == [A, B]
    told = cache.finish(context, [(A, an_answer()), (B, an_answer(high_watermark=3))], 0)
    assert told == (session_id, [(B, an_answer(high_watermark=3))])


def test_a_partition_that_returned_data_is_served_last_next_time() -> None:
    cache = a_cache()
    session_id = opened(cache, A, B)
    context = begin(cache, session=(session_id, 1))

    cache.finish(context, [(A, an_answer(records=b"x")), (B, an_answer())], 0)

    assert list(begin(cache, session=(session_id, 2)).partitions) == [B, A]


def test_an_error_is_always_told_and_its_end_too() -> None:
    cache = a_cache()
    session_id = opened(cache, A)
    broken = an_answer(error=ErrorCode.KAFKA_STORAGE_ERROR)

    first = begin(cache, session=(session_id, 1))
    assert cache.finish(first, [(A, broken)], 0)[1] == [(A, broken)]
    second = begin(cache, session=(session_id, 2))
    assert cache.finish(second, [(A, an_answer())], 0)[1] == [(A, an_answer())]


def test_wanted_offsets_are_updated_and_forgotten_partitions_dropped() -> None:
    cache = a_cache()
    session_id = opened(cache, A, B)

    context = cache.begin(
        session_id=session_id,
        session_epoch=1,
        wanted={A: a_want(7)},
        forgotten=[B],
        uses_topic_ids=False,
        from_follower=False,
        now_ms=0,
    )

    assert {key: cached.wanted for key, cached in context.partitions.items()} == {A: a_want(7)}


def test_forgetting_the_last_partition_ends_the_session() -> None:
    cache = a_cache()
    session_id = opened(cache, A)

    context = begin(cache, session=(session_id, 1), forgotten=(A,))

    assert cache.finish(context, [], 0) == (0, [])
    assert len(cache) == 0


def test_an_unknown_session_is_refused() -> None:
    assert refusal(a_cache(), session=(77, 1)) is ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_a_wrong_epoch_is_refused() -> None:
    cache = a_cache()
    session_id = opened(cache, A)

    assert refusal(cache, session=(session_id, 2)) is ErrorCode.INVALID_FETCH_SESSION_EPOCH


def test_changing_between_names_and_ids_is_refused() -> None:
    cache = a_cache()
    session_id = opened(cache, A)

    code = refusal(cache, session=(session_id, 1), topic_ids=True)

    assert code is ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR


def test_the_final_epoch_closes_the_session_and_opens_none() -> None:
    cache = a_cache()
    session_id = opened(cache, A)

    context = begin(cache, A, session=(session_id, -1))

    assert cache.finish(context, [(A, an_answer())], 0)[0] == 0
    assert len(cache) == 0


def test_a_fetch_overtaken_by_another_of_its_session_is_refused() -> None:
    cache = a_cache()
    session_id = opened(cache, A)
    first = begin(cache, session=(session_id, 1))
    begin(cache, session=(session_id, 2))

    with pytest.raises(KafkaError) as raised:
        cache.finish(first, [(A, an_answer())], 0)

    assert raised.value.code is ErrorCode.INVALID_FETCH_SESSION_EPOCH


def test_epochs_wrap_to_one() -> None:
    cache = a_cache()
    session_id = opened(cache, A)
    context = begin(cache, session=(session_id, 1))
    assert context.session is not None
    context.session.epoch = 2**31 - 1

    assert begin(cache, session=(session_id, 2**31 - 1)).expected_epoch == 1


def test_a_full_cache_answers_without_a_session() -> None:
    cache = a_cache(slots=1)
    opened(cache, A)

    assert opened(cache, A, B) == 0


def test_a_cache_without_slots_never_opens_a_session() -> None:
    assert opened(a_cache(slots=0), A) == 0


def test_a_stale_session_makes_room() -> None:
    cache = a_cache(slots=1)
    opened(cache, A)

    assert opened(cache, A, now_ms=120_001) > 0
    assert len(cache) == 1


def test_an_old_session_yields_to_a_larger_one_only() -> None:
    cache = a_cache(slots=1)
    session_id = opened(cache, A)
    begin(cache, session=(session_id, 1), now_ms=120_001)

    assert opened(cache, B, now_ms=120_002) == 0
    assert opened(cache, A, B, now_ms=120_002) > 0


def test_a_follower_takes_a_consumers_slot() -> None:
    cache = a_cache(slots=1)
    opened(cache, A, B)

    assert opened(cache, A, follower=True) > 0
