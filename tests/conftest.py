"""What all tests share: brokers to talk to, and the count of behaviours and bad inputs covered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from pykbroker.testing import Broker
from tests.kafka_client import Client

COUNTED = ("row", "bad_input")


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """One broker for a module's tests; each test makes topics of its own."""
    with Broker() as running:
        yield running


@pytest.fixture
def connect(broker: Broker) -> Iterator[Callable[..., Client]]:
    """Opens connections to the module's broker, closed after the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Client(broker.bootstrap_servers, **options))


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    """A connection to the module's broker."""
    return connect()


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """A topic name no other test has."""
    return f"t-{abs(hash(request.node.nodeid)):x}"[:60]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note which rows and bad inputs the collected tests cover."""
    covered: dict[str, set[int]] = {kind: set() for kind in COUNTED}
    for item in items:
        for kind in COUNTED:
            for mark in item.iter_markers(kind):
                covered[kind].update(mark.args)
    config.stash[COVERED] = covered


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print how many rows and bad inputs have a test."""
    for kind, numbers in config.stash.get(COVERED, {}).items():
        if numbers:
            named = ", ".join(map(str, sorted(numbers)))
            terminalreporter.write_line(f"{kind}s covered: {len(numbers)} ({named})")


COVERED = pytest.StashKey[dict[str, set[int]]]()
