"""What can go wrong between a command and a broker, as sentences that say what to do next.

A failure ends the command with status 1; wrong use is a ConfigError and ends it with 2.
"""

from __future__ import annotations

from pykbroker.commands.admin.address import Address
from pykbroker.errors import ErrorCode


class CommandFailedError(Exception):
    """The broker refused, or cannot be talked to; the text is for a person."""


class UnreachableError(CommandFailedError):
    """Nothing that speaks Kafka's protocol answers at `address`, because of `reason`."""

    def __init__(self, address: Address, reason: str) -> None:
        super().__init__(f"no broker answers at {address} ({reason})")
        self.address = address
        self.reason = reason


def code_name(code: int) -> str:
    """Give an error code's name as Kafka writes it, also for codes younger than this program."""
    try:
        return ErrorCode(code).name
    except ValueError:
        return f"error {code}"


def refusal(what: str, code: int, message: str | None = None) -> str:
    """Say that the broker refused `what`; its own words are given when it sent some."""
    words = f": {message.rstrip('.')}" if message else ""
    return f"{what}: {code_name(code)}{words}"


def unknown_topic(name: str) -> str:
    """Say that there is no such topic."""
    return f"topic {name} does not exist; `pykbroker topics list` shows those that do"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, in the plural where that is due."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
