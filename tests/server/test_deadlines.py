"""Connections that are idle, slow or gone are closed in time, and no others."""

from __future__ import annotations

import struct

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from pykbroker.server.limits import ServerLimits
from pykbroker.server.memory import PIPE_BYTES_MAX
from tests.server.clients import (
    Client,
    MemoryStream,
    Serving,
    Transfer,
    a_request,
    an_echo,
    serving,
)

MIB = 1024 * 1024


async def seconds_until_closed(client: Client) -> float:
    began = trio.current_time()
    assert await client.is_closed()
    return trio.current_time() - began


async def test_an_idle_connection_is_closed_after_its_time(autojump_clock: MockClock) -> None:
    limits = ServerLimits(connections_max_idle_ms=600_000)
    async with serving(limits=limits, tcp=False) as here:
        client = here.connect_in_memory()
        await trio.sleep(590)
        assert await client.ask("not idle") == "not idle"

        assert 599 <= await seconds_until_closed(client) <= 602


async def test_a_connection_that_never_spoke_is_idle_and_not_slow(
    autojump_clock: MockClock,
) -> None:
    async with serving(tcp=False) as here:
        client = here.connect_in_memory()
        await trio.sleep(500)

        assert await client.ask("first") == "first"


async def test_the_first_frame_must_not_be_slow_for_ten_seconds(autojump_clock: MockClock) -> None:
    async with serving(tcp=False) as here:
        client = here.connect_in_memory()
        await client.send(an_echo("x")[:3])

        assert 9.9 <= await seconds_until_closed(client) <= 12
        assert here.server.counters.connections_expired == 1
        assert await here.is_well()


async def test_a_later_frame_must_not_be_slow_for_thirty_seconds(autojump_clock: MockClock) -> None:
    async with serving(tcp=False) as here:
        client = here.connect_in_memory()
        await client.ask("first")
        await client.send(struct.pack(">i", 100 * MIB))

        assert 29.9 <= await seconds_until_closed(client) <= 32


async def test_a_byte_per_second_is_too_slow(autojump_clock: MockClock) -> None:
    async with serving(tcp=False) as here:
        client = here.connect_in_memory()
        began = trio.current_time()
        try:
            for byte in an_echo("x" * 100):
                await client.send(bytes([byte]))
                await trio.sleep(1)
        except trio.BrokenResourceError:
            pass

        assert trio.current_time() - began < 13
        assert await here.is_well()


async def test_a_large_frame_may_take_long_if_it_keeps_coming(autojump_clock: MockClock) -> None:
    async with serving(tcp=False) as here:
        client = here.connect_in_memory()
        request = a_request(Transfer, {"records": b"r" * 500_000})
        for at in range(0, len(request), 2000):
            await client.send(request[at : at + 2000])
            await trio.sleep(1)

        assert (await client.reply(Transfer))[1].received == 500_000


async def test_a_client_that_does_not_read_its_replies_is_closed(
    autojump_clock: MockClock,
) -> None:
    async with serving(tcp=False) as here:
        client = here.connect_in_memory()
        here.doings.records = bytes(4 * PIPE_BYTES_MAX)
        await client.send(a_request(Transfer, {}))

        await trio.sleep(29)
        assert here.server.counters.connections == 1
        await trio.sleep(3)
        assert here.server.counters.connections == 0
        assert here.server.counters.connections_expired == 1


async def test_a_client_that_reads_slowly_but_surely_gets_its_reply(
    autojump_clock: MockClock,
) -> None:
    async with serving(tcp=False) as here:
        client = here.connect_in_memory()
        here.doings.records = bytes(4 * PIPE_BYTES_MAX)
        await client.send(a_request(Transfer, {}))
        size = 0
        while size < 4 * PIPE_BYTES_MAX:
            size += len(await client.stream.receive_some(2000))
            await trio.sleep(1)

        assert here.server.counters.connections == 1


async def test_a_request_may_wait_for_minutes_while_its_client_does(
    autojump_clock: MockClock,
) -> None:
    async with serving(tcp=False) as here:
        client = here.connect_in_memory()
        await client.send(an_echo("long", deed="park"))
        await trio.sleep(1000)

        here.doings.proceed.set()

        assert (await client.reply())[1].text == "long"


async def test_a_waiting_request_is_cancelled_soon_after_its_client_is_gone(
    autojump_clock: MockClock,
) -> None:
    async with serving(tcp=False) as here:
        client = here.connect_in_memory()
        await client.send(an_echo("before"), an_echo("long", deed="park"), an_echo("behind"))
        await client.reply()

        await client.stream.aclose()
        await trio.sleep(2.1)

        assert here.doings.cancelled == ["long"]
        assert here.server.counters.connections == 0
        assert await here.is_well()


async def test_short_limits_are_kept_closely(autojump_clock: MockClock) -> None:
    async with serving(limits=ServerLimits(connections_max_idle_ms=100), tcp=False) as here:
        assert 0.099 <= await seconds_until_closed(here.connect_in_memory()) <= 0.15


async def a_slow_reader_with_a_request_waiting(here: Serving) -> Client:
    """Leave a reply of 40 kB unread, and one more before a request that waits."""
    client = here.connect_in_memory()
    here.doings.records = bytes(40_000)
    await client.send(a_request(Transfer, {}))
    await wait_all_tasks_blocked()
    await client.send(a_request(Transfer, {}), an_echo("z", deed="park"))
    await wait_all_tasks_blocked()
    assert here.doings.asked == ["z"]
    return client


async def test_replies_before_a_waiting_request_reach_even_a_slow_reader(
    autojump_clock: MockClock,
) -> None:
    async with serving(tcp=False) as here:
        client = await a_slow_reader_with_a_request_waiting(here)

        for _ in range(2):
            assert (await client.reply(Transfer))[1].records == bytes(40_000)
        here.doings.proceed.set()
        assert (await client.reply())[1].text == "z"


async def test_a_reply_waits_for_those_before_it_to_be_read(autojump_clock: MockClock) -> None:
    async with serving(tcp=False) as here:
        client = await a_slow_reader_with_a_request_waiting(here)
        here.doings.proceed.set()
        await wait_all_tasks_blocked()

        for _ in range(2):
            assert (await client.reply(Transfer))[1].records == bytes(40_000)
        assert (await client.reply())[1].text == "z"


async def test_a_slow_reader_that_leaves_ends_the_request_that_waits_behind(
    autojump_clock: MockClock,
) -> None:
    async with serving(tcp=False) as here:
        client = await a_slow_reader_with_a_request_waiting(here)

        await client.stream.aclose()
        await wait_all_tasks_blocked()

        assert here.doings.cancelled == ["z"]
        assert await here.is_well()


async def test_a_client_gone_before_its_pipelined_requests_wait_is_let_go(
    autojump_clock: MockClock,
) -> None:
    async with serving(tcp=False) as here:
        client = here.connect_in_memory()
        await client.send(an_echo("first"), an_echo("z", deed="park"))
        assert isinstance(client.stream, MemoryStream)
        client.stream.channel.close()

        await trio.sleep(0.1)

        assert here.doings.cancelled == ["z"]
        assert await here.is_well()


async def test_throttled_replies_say_so_and_mute_the_connection(autojump_clock: MockClock) -> None:
    def throttle(_asker: object, api_key: int, size: int) -> int:
        return 500 if api_key == 1000 and size > 30 else 0

    async with serving(tcp=False, throttle=throttle) as here:
        client = here.connect_in_memory()
        await client.send(an_echo("small"), an_echo("l" * 40), an_echo("behind"))

        got = [((await client.reply())[1].throttle_time_ms, trio.current_time()) for _ in range(3)]

        began = got[0][1]
        assert [(ms, at - began) for ms, at in got] == [(0, 0), (500, 0), (0, 0.5)]


async def test_a_reply_without_a_throttle_field_mutes_all_the_same(
    autojump_clock: MockClock,
) -> None:
    async with serving(tcp=False, throttle=lambda *_: 500) as here:
        client = here.connect_in_memory()
        await client.send(a_request(Transfer, {}), a_request(Transfer, {}))
        await client.reply(Transfer)
        began = trio.current_time()

        await client.reply(Transfer)

        assert trio.current_time() - began == 0.5
