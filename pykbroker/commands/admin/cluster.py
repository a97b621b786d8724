"""A cluster as its clients see it: brokers, topics, the controller, and groups' coordinators.

What passes by itself, a coordinator that loads or a leader that moves, is asked again until the
deadline; everything else is told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self

from pykbroker.commands.admin.address import Address
from pykbroker.commands.admin.connection import Connection, Deadline
from pykbroker.commands.admin.failure import CommandFailedError, UnreachableError, code_name
from pykbroker.commands.admin.topic import Topic, topic_of
from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.find_coordinator import FindCoordinator
from pykbroker.wire.messages.metadata import Metadata
from pykbroker.wire.schema import Api

COORDINATOR_PASSING = frozenset(
    {
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
        ErrorCode.REBALANCE_IN_PROGRESS,
    }
)
"""Answers of coordinators that are others a moment later, as Kafka's Admin has them."""

_PAUSE_SECONDS, _PAUSE_SECONDS_MAX = 0.05, 1.0
_NO_AUTO_CREATION_SINCE = 4
"""The first version of Metadata that can ask for a topic without making it."""

_SEVERAL_KEYS_SINCE = 4
"""The first version of FindCoordinator that takes several groups (KIP-699)."""

Answered = tuple[int, Any]
"""An error code, and what was answered with it."""


class Cluster:
    """Connections to as many brokers as are needed. Use it in `with`."""

    def __init__(self, bootstrap: Sequence[Address], deadline: Deadline) -> None:
        self._bootstrap = bootstrap
        self._deadline = deadline
        self._open = ExitStack()
        self._connections: dict[Address, Connection] = {}
        self._nodes: dict[int, Address] = {}
        self._first: Connection | None = None
        self.controller_id = -1
        """Who the last metadata says may change topics; -1: nobody in particular."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def any_broker(self) -> Connection:
        """Give the first of the bootstrap addresses that answers. Raises CommandFailedError."""
        if self._first is None:
            self._first = self._reached()
        return self._first

    def broker(self, node_id: int) -> Connection:
        """Give the broker of this id, which metadata told. Raises CommandFailedError."""
        address = self._nodes[node_id]
        try:
            return self._connection(address)
        except UnreachableError as fault:
            raise CommandFailedError(
                f"broker {node_id} cannot be reached at {address}, the address it gives to clients"
                f" ({fault.reason}); is it running, and is its advertised.listeners right?"
            ) from None

    def call(
        self,
        api: Api,
        request: Mapping[str, Any],
        *,
        node_id: int | None = None,
        least: int = 0,
        most: int | None = None,
    ) -> Any:
        """Ask a broker (None: any) in the newest version from `least` to `most`, inclusive."""
        connection = self.any_broker() if node_id is None else self.broker(node_id)
        version = connection.version(api, least=least, most=most)
        return connection.call(api, request, version=version)

    def brokers(self) -> Mapping[int, Address]:
        """Ask for the brokers that are alive: where each id is."""
        self.topics(())
        return dict(self._nodes)

    def address(self, node_id: int) -> Address | None:
        """Tell where a broker is, as far as was told."""
        return self._nodes.get(node_id)

    def topics(self, names: Iterable[str] | None = None) -> dict[str, Topic]:
        """Ask for topics (None: all) as they are now; one that is not there has an error code."""
        wanted = None if names is None else [{"name": name} for name in dict.fromkeys(names)]
        answer = self.call(
            Metadata,
            {"topics": wanted, "allow_auto_topic_creation": False},
            least=_NO_AUTO_CREATION_SINCE,
        )
        self._nodes |= {each.node_id: Address(each.host, each.port) for each in answer.brokers}
        self.controller_id = answer.controller_id
        return {each.name: topic_of(each) for each in answer.topics}

    def ms_left(self) -> int:
        """Give the time that is left, for requests that say how long. Raises TimeoutError."""
        return int(self._deadline.seconds_left() * 1000)

    def attempts(self) -> Iterator[None]:
        """Yield for each attempt that the deadline allows, with growing pauses between."""
        seconds = _PAUSE_SECONDS
        yield
        while self._deadline.pause(seconds):
            seconds = min(seconds * 2, _PAUSE_SECONDS_MAX)
            yield

    def ask_controller(
        self,
        api: Api,
        request: Mapping[str, Any],
        codes_of: Callable[[Any], Iterable[int]],
        *,
        least: int = 0,
    ) -> Any:
        """Ask the broker that may change topics; another when `codes_of` its answer says so."""
        answer = None
        for _ in self.attempts():
            self.brokers()
            node_id = self.controller_id if self.controller_id in self._nodes else None
            timed = {**request, "timeout_ms": self.ms_left()}
            answer = self.call(api, timed, node_id=node_id, least=least)
            if ErrorCode.NOT_CONTROLLER not in codes_of(answer):
                break
        return answer

    def ask_coordinators(
        self,
        groups: Iterable[str],
        ask: Callable[[int, list[str]], Mapping[str, Answered]],
    ) -> dict[str, Answered]:
        """Ask the coordinators of groups; give each group's final code and answer.

        `ask(node_id, groups)` asks one coordinator for those of its groups. A group whose
        coordinator cannot be found has that code and None.
        """
        answered: dict[str, Answered] = {}
        left = list(dict.fromkeys(groups))
        code = int(ErrorCode.NONE)
        for _ in self.attempts():
            for group, answer in self._answers(left, ask):
                if answer[0] in COORDINATOR_PASSING:
                    code = answer[0]
                else:
                    answered[group] = answer
            left = [group for group in left if group not in answered]
            if not left:
                return answered
        raise CommandFailedError(
            f"the coordinator of group {left[0]} is not ready ({code_name(code)}) after"
            f" {self._deadline.seconds:g} s; is __consumer_offsets online? Try again, or allow"
            " more with --timeout"
        )

    def _answers(
        self, groups: list[str], ask: Callable[[int, list[str]], Mapping[str, Answered]]
    ) -> Iterator[tuple[str, Answered]]:
        found: dict[int, list[str]] = {}
        for group, code, node_id in self._coordinators(groups):
            if code:
                yield group, (code, None)
            else:
                found.setdefault(node_id, []).append(group)
        for node_id, some in found.items():
            yield from ask(node_id, some).items()

    def _coordinators(self, groups: list[str]) -> Iterator[tuple[str, int, int]]:
        """Yield each group with a code and its coordinator's id."""
        version = self.any_broker().version(FindCoordinator)
        if version >= _SEVERAL_KEYS_SINCE:
            request = {"key_type": 0, "coordinator_keys": groups}
            for each in self.call(FindCoordinator, request).coordinators:
                yield each.key, each.error_code, self._noted(each)
            return
        for group in groups:
            answer = self.call(FindCoordinator, {"key": group, "key_type": 0})
            yield group, answer.error_code, self._noted(answer)

    def _noted(self, coordinator: Any) -> int:
        node_id = int(coordinator.node_id)
        if not coordinator.error_code:
            self._nodes[node_id] = Address(coordinator.host, coordinator.port)
        return node_id

    def _reached(self) -> Connection:
        faults = []
        for address in self._bootstrap:
            try:
                return self._connection(address)
            except UnreachableError as fault:
                faults.append(f"{address} ({fault.reason})")
        raise CommandFailedError(
            f"no broker answers at {', '.join(faults)}; start one with `pykbroker serve` or name"
            " another with --bootstrap-server"
        )

    def _connection(self, address: Address) -> Connection:
        if address not in self._connections:
            connection = Connection(address, self._deadline)
            self._open.callback(connection.close)
            self._connections[address] = connection
        return self._connections[address]
