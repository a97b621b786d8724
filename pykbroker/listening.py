"""The addresses a broker listens at: bound before anything else, told as clients reach them."""

from __future__ import annotations

import errno

from pykbroker.api.parts import AUTO
from pykbroker.config import Listener as ListenerSettings
from pykbroker.disk import StartError
from pykbroker.metadata.values import Endpoint
from pykbroker.server.listener import BoundListener, Listener

ADVICE = {
    errno.EADDRINUSE: "stop what listens there or choose another port",
    errno.EACCES: "choose a port above 1023",
}
"""What to do about an address that cannot be had."""


async def bind(listener: ListenerSettings) -> BoundListener:
    """Bind the addresses of a listener; raises StartError with what to do."""
    try:
        return await Listener(listener.name, listener.host, listener.port).bind()
    except OSError as fault:
        advice = ADVICE.get(fault.errno or 0, "choose an address of this machine")
        raise StartError(
            f"listener {listener.name} cannot listen at"
            f" {address_text((listener.host, listener.port))} ({fault.strerror}); {advice}"
        ) from fault


def endpoint_of(listener: ListenerSettings, bound: BoundListener) -> Endpoint | None:
    """Give what the metadata tells of a listener; port 0 is the port that was got."""
    advertised, port = listener.advertised, bound.addresses[0][1]
    if advertised is None:
        return None
    if isinstance(advertised, str):
        return Endpoint(listener.name, AUTO, port, listener.security_protocol)
    return Endpoint(
        listener.name, advertised.host, advertised.port or port, listener.security_protocol
    )


def address_text(address: tuple[str, int]) -> str:
    """Write an address as clients do: "127.0.0.1:9092", "[::1]:9092"."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
