"""Other protocols on the port get one helpful line a minute."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from tests.server.clients import serving

TLS_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)


@pytest.mark.parametrize(
    ("greeting", "word"),
    [
        (TLS_HELLO, "TLS"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "SSH"),
    ],
)
async def test_another_protocol_is_closed_at_once_and_named_once_a_minute(
    greeting: bytes, word: str, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tcp=False) as here:
        for pause in (0, 0, 61):
            await trio.sleep(pause)
            client = here.connect_in_memory()
            await client.send(greeting)

            assert await client.is_closed()

        hints = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
        assert len(hints) == 2
        assert all(word in hint and "listener=MEMORY" in hint for hint in hints)
        assert here.server.counters.protocol_errors == 3
        assert await here.is_well()
