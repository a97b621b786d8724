"""What a handler is: one async function per API, answering in the newest shape of its response.

A handler names the versions it serves and contains no other version, no error number and no
encoding; behaviour that truly changed between versions asks `asker.api_version` in one named
function with its KIP.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pykbroker.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from pykbroker.api.parts import Parts
    from pykbroker.wire.schema import Api

Response = Mapping[str, Any]
"""A response body in the newest shape; fields left out read as their default."""


@dataclass(slots=True)
class Asker:
    """Who asks, and how: one object per connection, true for the request being answered."""

    listener: str
    """Name of the listener that accepted the connection, e.g. PLAINTEXT."""
    local_address: tuple[str, int]
    """The host and port of ours which the client connected to."""
    peer_address: tuple[str, int]
    principal: str = "User:ANONYMOUS"
    api_version: int = 0
    correlation_id: int = 0
    client_id: str | None = None
    software_name: str = "unknown"
    """What ApiVersions v3 told (KIP-511)."""
    software_version: str = "unknown"

    @property
    def client_host(self) -> str:
        """The client's address as members of groups are described: as Java prints addresses."""
        return f"/{self.peer_address[0]}"


HandlerFunction = Callable[["Parts", Any, Asker], Awaitable[Response | None]]


@dataclass(frozen=True, slots=True)
class Handler:
    """One API as this broker serves it: versions min_version to max_version, both inclusive."""

    api: Api
    min_version: int
    max_version: int
    function: HandlerFunction
    advertised_from: int
    """The lowest version ApiVersions tells, where that is not min_version (KAFKA-18659)."""
    downgrade: int | None
    """For a version not served: answer with this version's response instead of closing (KIP-511).

    The request's body is not parsed then; the function sees the version asked in
    `asker.api_version` and None as its request.
    """


def handles(
    api: Api, *, versions: str, advertised_from: int | None = None, downgrade: int | None = None
) -> Callable[[HandlerFunction], Handler]:
    """Declare the function as the handler of `api` for `versions`, e.g. "0-2" (both inclusive)."""
    first, _, last = versions.partition("-")
    min_version, max_version = int(first), int(last or first)

    def declare(function: HandlerFunction) -> Handler:
        return Handler(
            api=api,
            min_version=min_version,
            max_version=max_version,
            function=function,
            advertised_from=min_version if advertised_from is None else advertised_from,
            downgrade=downgrade,
        )

    return declare


def check_time_left(timeout_ms: int) -> None:
    """Refuse a change of the cluster that is due already, with REQUEST_TIMED_OUT.

    With a positive timeout the answer waits for the change however long that takes.
    """
    if timeout_ms <= 0:
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT)


async def answer(deciding: Awaitable[Response], **blank: Any) -> dict[str, Any]:
    """Await a decision and give its fields with error_code 0, or `blank` with the refusal's code.

    Where `blank` has an `error_message`, the refusal's own sentence is put there.
    """
    try:
        return {"error_code": ErrorCode.NONE, **await deciding}
    except KafkaError as refusal:
        return refused(refusal, **blank)


def refused(refusal: KafkaError, **blank: Any) -> dict[str, Any]:
    """Give `blank` with the refusal's code, and its sentence where blank has an error_message."""
    fields = {**blank, "error_code": refusal.code}
    if "error_message" in blank:
        fields["error_message"] = refusal.message
    return fields
