"""What a command says when there is no broker, or not a good one, at the address."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pykbroker.commands.admin.address import Address
from pykbroker.commands.admin.connection import Connection, Deadline
from pykbroker.wire.messages.api_versions import ApiVersions
from pykbroker.wire.messages.list_groups import ListGroups
from pykbroker.wire.messages.metadata import Metadata
from tests.commands.command_line import CommandLine
from tests.commands.scripted_broker import ScriptedBroker

HTTP = int.from_bytes(b"HTTP", "big")
"""What the beginning of an HTTP response says when read as a frame's size."""


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port that nobody listens on, and that nobody else is given meanwhile."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()[1]


def test_where_nobody_listens_the_sentence_says_how_to_start_a_broker(
    capsys: pytest.CaptureFixture[str], free_port: int
) -> None:
    address = f"127.0.0.1:{free_port}"

    assert CommandLine(capsys, "topics", address).failure("list") == (
        f"no broker answers at {address} (connection refused); start one with `pykbroker serve` or"
        " name another with --bootstrap-server"
    )


def test_the_first_address_that_answers_is_enough(
    capsys: pytest.CaptureFixture[str], free_port: int
) -> None:
    with ScriptedBroker() as broker:
        servers = f"127.0.0.1:{free_port},{broker.address}"

        assert CommandLine(capsys, "topics", servers).lines("list") == []


def test_a_host_without_an_address_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    failure = CommandLine(capsys, "topics", "no such host:1").failure("list")

    assert failure.startswith("no broker answers at no such host:1 (its name is not known); start")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "it closed the connection at once"),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            f"it does not speak Kafka's protocol in the clear: it began an answer of {HTTP} bytes",
        ),
        (
            b"\x00\x00\x00\x04\x00\x00\x00\x07",
            "it does not speak Kafka's protocol in the clear: it answered another request",
        ),
        (
            b"\x00\x00\x00\x04\x00\x00\x00\x01",
            "it does not speak Kafka's protocol in the clear: its answer is cut short",
        ),
    ],
)
def test_what_is_no_broker_is_told_by_what_it_did(
    capsys: pytest.CaptureFixture[str], raw: bytes, reason: str
) -> None:
    with ScriptedBroker(raw=raw) as broker:
        failure = CommandLine(capsys, "topics", broker.address).failure("list")

    assert failure.startswith(f"no broker answers at {broker_of(failure)} ({reason}); start one")


def broker_of(failure: str) -> str:
    return failure.removeprefix("no broker answers at ").partition(" ")[0]


def test_a_peer_that_says_nothing_is_given_up_after_the_timeout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ScriptedBroker(is_silent=True) as broker:
        failure = CommandLine(capsys, "topics", broker.address).failure("list", "--timeout", "0.01")

    assert "(it accepts connections but said nothing for 0.01 s)" in failure


def test_a_broker_without_the_api_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedBroker() as broker:
        failure = CommandLine(capsys, "groups", broker.address).failure("list")

        assert failure == f"the broker at {broker.address} does not serve ListGroups"


def test_a_broker_without_the_version_that_is_needed_is_told_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ScriptedBroker({ListGroups: [{}]}, newest={ListGroups: 4}) as broker:
        failure = CommandLine(capsys, "groups", broker.address).failure("list", "--type", "classic")

        assert failure == (
            f"the broker at {broker.address} serves ListGroups in versions 0 to 4; this command"
            " needs one of 5 to 5"
        )


def test_the_newest_version_that_both_know_is_spoken() -> None:
    with ScriptedBroker(newest={Metadata: 9}) as broker:
        connection = Connection(Address("127.0.0.1", broker.port), Deadline(10))

        versions = (
            connection.version(Metadata),
            connection.version(Metadata, most=7),
            connection.version(ApiVersions),
        )
        connection.close()

    assert versions == (9, 7, ApiVersions.max_version)


def test_a_broker_that_refuses_the_version_of_the_first_question_is_asked_plainly(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ScriptedBroker(newest={ApiVersions: 0}) as broker:
        assert CommandLine(capsys, "topics", broker.address).lines("list") == []


def test_a_pause_is_not_begun_that_would_pass_the_deadline() -> None:
    times = itertools.count(100.0)
    slept: list[float] = []
    deadline = Deadline(2.5, lambda: next(times), sleep=slept.append)

    assert [deadline.pause(1), deadline.pause(1)] == [True, False]
    assert slept == [1]
    with pytest.raises(TimeoutError):
        deadline.seconds_left()


def test_commands_start_without_what_only_a_broker_needs() -> None:
    script = (
        "import sys, pykbroker.cli; before = set(sys.modules);"
        "import pykbroker.commands.groups, pykbroker.commands.topics;"
        "print('pykbroker.commands.admin.connection' in before,"
        " 'pykbroker.commands.groups_options' in before, 'trio' in sys.modules)"
    )

    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )

    assert told.stdout == "False False False\n"
