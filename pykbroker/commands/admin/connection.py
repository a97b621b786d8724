"""One connection to a broker: frames over a blocking socket, in versions that both sides know.

Nothing waits beyond the deadline, except the resolver of names, which takes no time limit.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

from pykbroker import __version__
from pykbroker.commands.admin.address import Address
from pykbroker.commands.admin.failure import CommandFailedError, UnreachableError
from pykbroker.errors import ErrorCode, ProtocolError
from pykbroker.wire.header import RequestHeader, parse_response_header, request_header
from pykbroker.wire.messages.api_versions import ApiVersions
from pykbroker.wire.schema import Api

CLIENT_ID = "pykbroker"
FRAME_BYTES_MAX = 1 << 28
"""Longest response that is read, inclusive; what is not Kafka mostly claims more."""

_ASKED_FIRST = 3
"""The version of ApiVersions to begin with: known since Kafka 2.4, and all that is needed."""

_unpack_size = struct.Struct(">i").unpack
_pack_size = struct.Struct(">i").pack
_unpack_code = struct.Struct(">h").unpack_from


class Deadline:
    """The one moment by which everything that a command asks for must have been answered."""

    def __init__(
        self,
        seconds: float,
        now: Callable[[], float] = time.monotonic,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.seconds = seconds
        self._now, self._sleep = now, sleep
        self._end = now() + seconds

    def seconds_left(self) -> float:
        """Give the seconds until then. Raises TimeoutError when there are none."""
        left = self._end - self._now()
        if left <= 0:
            raise TimeoutError("time is up")
        return left

    def pause(self, seconds: float) -> bool:
        """Sleep, and tell whether there is time for another attempt afterwards."""
        left = self._end - self._now()
        if left <= seconds:
            return False
        self._sleep(seconds)
        return True


class Connection:
    """A broker to ask, one request at a time. Close it, or use it in `with`."""

    def __init__(self, address: Address, deadline: Deadline) -> None:
        """Connect and learn the broker's versions. Raises UnreachableError."""
        self.address = address
        self._deadline = deadline
        self._correlation_id = 0
        self._socket = _connected(address, deadline)
        try:
            self._served = self._served_versions()
        except BaseException as fault:
            self.close()
            if isinstance(fault, TimeoutError):
                reason = f"it accepts connections but said nothing for {deadline.seconds:g} s"
            elif isinstance(fault, OSError | EOFError):
                reason = "it closed the connection at once"
            elif isinstance(fault, ProtocolError):
                reason = f"it does not speak Kafka's protocol in the clear: {fault}"
            else:
                raise
            raise UnreachableError(address, reason) from fault

    def close(self) -> None:
        """Close the connection. Idempotent."""
        self._socket.close()

    def serves(self, api: Api) -> bool:
        """Tell whether the broker offers the API in a version that is known here."""
        first, last = self._served.get(api.key, (0, -1))
        return max(first, api.min_version) <= min(last, api.max_version)

    def version(self, api: Api, *, least: int = 0, most: int | None = None) -> int:
        """Give the newest version that both sides know, between `least` and `most`, inclusive.

        Raises CommandFailedError where there is none.
        """
        first, last = self._served.get(api.key, (0, -1))
        if last < 0:
            raise CommandFailedError(f"the broker at {self.address} does not serve {api.name}")
        newest = min(last, api.max_version if most is None else most)
        if newest < max(first, api.min_version, least):
            needed = max(api.min_version, least)
            upper = api.max_version if most is None else most
            raise CommandFailedError(
                f"the broker at {self.address} serves {api.name} in versions {first} to {last};"
                f" this command needs one of {needed} to {upper}"
            )
        return newest

    def call(self, api: Api, request: Mapping[str, Any], *, version: int) -> Any:
        """Send a request and give its response. Raises CommandFailedError when none comes."""
        try:
            return api.response(version).parse(self._answer(api, request, version))
        except TimeoutError:
            raise CommandFailedError(
                f"the broker at {self.address} did not answer {api.name} within"
                f" {self._deadline.seconds:g} s; look at its log, or allow more with --timeout"
            ) from None
        except (OSError, EOFError):
            raise CommandFailedError(
                f"the broker at {self.address} closed the connection when asked for {api.name}; it"
                " may be stopping, or its listener wants a password, which this command has not"
            ) from None
        except ProtocolError as fault:
            raise CommandFailedError(
                f"the answer of {self.address} to {api.name} cannot be read: {fault}"
            ) from None

    def _served_versions(self) -> dict[int, tuple[int, int]]:
        request = {"client_software_name": CLIENT_ID, "client_software_version": __version__}
        version, body = _ASKED_FIRST, self._answer(ApiVersions, request, _ASKED_FIRST)
        if _code_of(body) == ErrorCode.UNSUPPORTED_VERSION:  # then it is a v0 answer, KIP-511
            version, body = 0, self._answer(ApiVersions, request, 0)
        answer = ApiVersions.response(version).parse(body)
        if answer.error_code:
            raise ProtocolError(f"error {answer.error_code} when asked for its versions")
        return {each.api_key: (each.min_version, each.max_version) for each in answer.api_keys}

    def _answer(self, api: Api, request: Mapping[str, Any], version: int) -> bytes:
        """Give the body of the response. Raises OSError, EOFError or ProtocolError."""
        self._correlation_id += 1
        header = RequestHeader(api.key, version, self._correlation_id, CLIENT_ID, 0)
        flexible = api.request_header_version(version) == 2
        frame = request_header(header, flexible=flexible) + api.request(version).build(request)
        self._socket.settimeout(self._deadline.seconds_left())
        self._socket.sendall(_pack_size(len(frame)) + frame)
        (size,) = _unpack_size(self._received(4))
        if not 4 <= size <= FRAME_BYTES_MAX:
            raise ProtocolError(f"it began an answer of {size} bytes")
        answer = self._received(size)
        flexible = api.response_header_version(version) == 1
        correlation_id, position = parse_response_header(answer, flexible=flexible)
        if correlation_id != self._correlation_id:
            raise ProtocolError("it answered another request")
        return answer[position:]

    def _received(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            self._socket.settimeout(self._deadline.seconds_left())
            some = self._socket.recv(min(size - len(received), 1 << 16))
            if not some:
                raise EOFError
            received += some
        return bytes(received)


def _code_of(body: bytes) -> int:
    try:
        (code,) = _unpack_code(body)
    except struct.error:
        raise ProtocolError("its answer is cut short") from None
    return int(code)


def _connected(address: Address, deadline: Deadline) -> socket.socket:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UnreachableError(address, "its name is not known") from None
    fault = OSError(0, "its name stands for no address")
    for family, kind, protocol, _, where in found:
        one = socket.socket(family, kind, protocol)
        try:
            one.settimeout(deadline.seconds_left())
            one.connect(where)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except TimeoutError:
            one.close()
            reason = f"no connection within {deadline.seconds:g} s"
            raise UnreachableError(address, reason) from None
        except OSError as refused:
            one.close()
            fault = refused
        else:
            return one
    raise UnreachableError(address, (fault.strerror or str(fault)).lower())
