"""Which addresses this machine has: Linux has all of 127.0.0.0/8, others 127.0.0.1 alone."""

from __future__ import annotations

import socket

import pytest


def _is_ours(host: str) -> bool:
    try:
        socket.create_server((host, 0)).close()
    except OSError:
        return False
    return True


several_loopback_addresses = pytest.mark.skipif(
    not all(map(_is_ours, ("127.0.0.2", "127.0.0.3"))), reason="there is one loopback address"
)
