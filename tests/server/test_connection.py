"""Requests, replies and their order, through real sockets."""

from __future__ import annotations

import struct
from collections.abc import Generator

import pytest
import trio
import trio.lowlevel
import trio.testing

from pykbroker.errors import ProtocolError
from pykbroker.wire.messages.api_versions import ApiVersions
from tests.server.clients import ECHO, Echo, Transfer, a_frame, a_request, an_echo, serving


async def test_a_request_is_answered_under_its_own_correlation_id() -> None:
    async with serving() as here:
        client = await here.connect()
        for correlation_id in (5, 5, -1, 2**31 - 1, -(2**31)):
            await client.send(an_echo("hello", correlation_id=correlation_id))

            got, value = await client.reply()

            assert (got, value.text, value.client_id) == (correlation_id, "hello", "c")


@pytest.mark.parametrize("version", [0, 1, 2])
async def test_every_version_is_answered_in_its_own_shape_and_header(version: int) -> None:
    async with serving() as here:
        client = await here.connect()

        assert await client.ask("hello", version=version) == "hello"


async def test_a_connection_may_change_its_client_id_and_header_version() -> None:
    async with serving() as here:
        client = await here.connect()
        asked = [("a", 1), ("a", 2), (None, 1), ("ab", 2), ("b", 1), ("ab", 2), ("a", 2), ("", 1)]
        for client_id, version in asked:
            request = a_request(Echo, {"text": "x"}, version=version, client_id=client_id)
            await client.send(request)

            _, value = await client.reply(version=version)

            assert value.client_id == client_id


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with serving() as here:
        client = await here.connect()
        await client.send(*(an_echo(f"{n}", correlation_id=n) for n in range(500)))

        replies = [await client.reply() for _ in range(500)]

        assert [(n, value.text) for n, value in replies] == [(n, str(n)) for n in range(500)]
        assert here.server.counters.requests == 500


async def test_pipelined_requests_with_and_without_waiting_are_answered_in_order() -> None:
    async with serving() as here:
        client = await here.connect()
        deeds = ["", "yield", "say nothing"]
        await client.send(*(an_echo("x", correlation_id=n, deed=deeds[n % 3]) for n in range(90)))

        replies = [(await client.reply())[0] for _ in range(60)]

        assert replies == [n for n in range(90) if n % 3 != 2]


async def test_frames_may_be_split_at_every_byte() -> None:
    async with serving() as here:
        client = await here.connect()
        frames = an_echo("first", correlation_id=1) + an_echo("second", correlation_id=2)
        for cut in range(1, len(frames)):
            await client.send(frames[:cut])
            await trio.lowlevel.checkpoint()
            await client.send(frames[cut:])

            assert [(await client.reply())[1].text for _ in range(2)] == ["first", "second"]


@pytest.mark.parametrize("size", [65_000, 65_536, 70_000, 200_000, 1_100_000, 5_000_000])
async def test_a_large_request_arrives_whole_before_and_behind_small_ones(size: int) -> None:
    async with serving() as here:
        client = await here.connect()
        records = bytes(range(256)) * (size // 256)
        large = a_request(Transfer, {"size": 1, "records": records})
        for _ in range(2):  # the second finds a connection that has sent as large a frame before
            await client.send(an_echo("before") + large + an_echo("behind"))

            assert (await client.reply())[1].text == "before"
            assert (await client.reply(Transfer))[1].received == len(records)
            assert (await client.reply())[1].text == "behind"


@pytest.mark.parametrize("size", [61, 100_000])
async def test_what_is_received_may_be_changed_in_place_without_touching_other_frames(
    size: int,
) -> None:
    async with serving() as here:
        client = await here.connect()
        here.doings.stamp = b"patched!"
        await client.send(
            *(a_request(Transfer, {"size": ECHO, "records": c * size}) for c in (b"a", b"b"))
        )

        for c in (b"a", b"b"):
            assert (await client.reply(Transfer))[1].records == b"patched!" + c * (size - 8)


async def test_a_request_that_waits_does_not_hold_back_the_replies_before_it() -> None:
    async with serving() as here:
        client = await here.connect()
        await client.send(
            an_echo("first"), an_echo("second"), an_echo("third", deed="park"), an_echo("fourth")
        )

        assert [(await client.reply())[1].text for _ in range(2)] == ["first", "second"]
        with trio.move_on_after(0.01):
            await client.reply()
            pytest.fail("answered the parked request or the one behind it")
        assert here.doings.asked == ["first", "second", "third"]

        here.doings.proceed.set()
        assert [(await client.reply())[1].text for _ in range(2)] == ["third", "fourth"]


async def test_no_reply_is_sent_where_the_handler_gives_none() -> None:
    async with serving() as here:
        client = await here.connect()
        await client.send(an_echo("quiet", deed="say nothing", correlation_id=1))
        await client.send(an_echo("loud", correlation_id=2))

        correlation_id, _ = await client.reply()

        assert (correlation_id, here.doings.asked) == (2, ["quiet", "loud"])


async def test_the_asker_knows_both_addresses_and_the_listener() -> None:
    async with serving() as here:
        client = await here.connect()

        await client.ask("who am I")

        [asker] = here.doings.askers
        assert (asker.listener, asker.local_address, asker.peer_address, asker.api_version) == (
            "PLAINTEXT",
            here.addresses[0],
            client.address,
            1,
        )


async def test_api_versions_of_an_unknown_version_is_answered_in_version_0() -> None:
    async with serving() as here:
        client = await here.connect()
        header = struct.pack(">hhih", 18, 99, 42, 1) + b"c" + b"\x00"
        await client.send(a_frame(header + b"whatever a later version holds"))

        correlation_id, value = await client.reply(ApiVersions, 0)

        assert (correlation_id, value.error_code) == (42, 35)
        assert here.doings.askers[0].api_version == 99
        assert await client.ask("still open") == "still open"
        assert 18 << 16 | 99 not in here.server.routes


async def test_a_known_version_of_api_versions_has_the_old_response_header() -> None:
    async with serving() as here:
        client = await here.connect()
        value = {"client_software_name": "x", "client_software_version": "1"}
        await client.send(a_request(ApiVersions, value, version=3))

        correlation_id, answer = await client.reply(ApiVersions, 3)

        assert (correlation_id, answer.error_code) == (1, 0)


@pytest.mark.parametrize(
    "request_bytes",
    [
        a_frame(struct.pack(">hhih", 999, 0, 1, -1)),
        a_frame(struct.pack(">hhih", -1, 0, 1, -1)),
        a_frame(struct.pack(">hhih", 1000, 99, 1, -1)),
        a_frame(struct.pack(">hhih", 1000, -1, 1, -1)),
        struct.pack(">i", -1),
        struct.pack(">i", -(2**31)),
        struct.pack(">i", 0),
        struct.pack(">i", 7),
        struct.pack(">i", 100 * 1024 * 1024 + 1),
        a_frame(struct.pack(">hhih", 1000, 1, 1, 20) + b"too short"),
        a_frame(struct.pack(">hhih", 1000, 1, 1, 32_767) + b"xy"),
        a_frame(struct.pack(">hhih", 1000, 1, 1, 2) + b"\xff\xfe" + b"\0" * 20),
        a_frame(struct.pack(">hhih", 1000, 1, 1, 30_000) + b"x" * 30_000 + b"\0" * 20),
        a_frame(struct.pack(">hhi", 1000, 1, 1)),
        a_frame(struct.pack(">hhih", 1000, 1, 1, -1) + b"\x7f\xff"),
        a_frame(struct.pack(">hhihhi", 1000, 1, 1, -1, 0, 2**31 - 1)),
    ],
    ids=[
        "unknown key", "negative key", "unknown version", "negative version", "length -1",
        "length -2^31", "length 0", "length 7", "length 100 MiB + 1", "client id cut",
        "client id of 32767", "client id not UTF-8", "client id of 30000", "no client id",
        "body cut", "array of 2^31 - 1",
    ],
)  # fmt: skip
async def test_a_broken_request_closes_the_connection_without_a_reply(request_bytes: bytes) -> None:
    async with serving() as here:
        client = await here.connect()
        await client.send(request_bytes)

        assert await client.is_closed()
        assert here.server.counters.protocol_errors == 1
        assert here.doings.asked == []
        assert await here.is_well()


async def test_requests_before_a_broken_one_are_answered() -> None:
    async with serving() as here:
        client = await here.connect()
        await client.send(an_echo("one"), an_echo("two"), struct.pack(">i", -5))

        assert [(await client.reply())[1].text for _ in range(2)] == ["one", "two"]
        assert await client.is_closed()


async def test_a_client_id_may_hold_any_character() -> None:
    async with serving() as here:
        client = await here.connect()
        client_id = "nul\0 and\nline" + "é" * 500
        await client.send(a_request(Echo, {"text": "x"}, client_id=client_id))

        assert (await client.reply())[1].client_id == client_id


async def test_a_handler_that_finds_the_protocol_broken_closes_the_connection() -> None:
    async with serving() as here:
        client = await here.connect()
        await client.send(an_echo("good"), an_echo("bad", deed="break the protocol"))

        assert (await client.reply())[1].text == "good"
        assert await client.is_closed()
        assert await here.is_well()


@pytest.mark.parametrize("deed", ["fail", "lose a file", "refuse", "fail in a nursery"])
@pytest.mark.parametrize("before", [0, 1])
async def test_a_fault_of_a_handler_closes_its_connection_alone(
    deed: str, before: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as here:
        other, client = await here.connect(), await here.connect()
        await client.send(*[an_echo("good")] * before, an_echo("bad", deed=deed))

        for _ in range(before):
            assert (await client.reply())[1].text == "good"
        assert await client.is_closed()
        assert here.server.counters.unhandled_errors == 1
        assert await other.ask("still here") == "still here"
        [line] = [record for record in caplog.records if record.levelname == "ERROR"]
        assert "asked=Echo v1" in line.getMessage()
        assert line.exc_info is not None


async def test_nothing_is_left_of_clients_that_reset_the_connection() -> None:
    async with serving() as here:
        clients = [await here.connect() for _ in range(20)]
        for n, client in enumerate(clients):
            await client.send(an_echo("x", deed="park" if n % 2 else ""), an_echo("y")[: n % 9])
        await trio.testing.wait_all_tasks_blocked(0.01)

        for client in clients:
            linger = struct.pack("ii", 1, 0)
            client.stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, linger)  # type: ignore[attr-defined]
            await client.stream.aclose()
        await here.until_connections(10)
        here.doings.proceed.set()
        await here.until_connections(0)

        assert await here.is_well()
        assert here.server.counters.unhandled_errors == 0


class Foreign:
    def __await__(self) -> Generator[int, None, None]:
        yield 42


async def test_a_handler_that_awaits_what_is_not_trios_hurts_only_itself() -> None:
    async with serving() as here:
        client = await here.connect()
        here.doings.awaited = Foreign()
        await client.send(an_echo("good"), an_echo("bad", deed="await"))

        assert (await client.reply())[1].text == "good"
        assert await client.is_closed()
        assert here.server.counters.unhandled_errors == 1
        here.server.counters.unhandled_errors = 0
        assert await here.is_well()


async def test_codecs_can_be_made_before_the_first_client_comes() -> None:
    async with serving() as here:
        here.server.routes.warm([(1000, 1), (18, 3)])

        assert {route.name for route in here.server.routes.values()} == {"Echo", "ApiVersions"}
        with pytest.raises(ProtocolError):
            here.server.routes.warm([(1000, 9)])
