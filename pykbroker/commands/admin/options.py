"""The options of every command that talks to a broker, apart from what acts on them."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from pykbroker.commands.admin.address import DEFAULT_PORT, Address, parse_addresses

TIMEOUT_SECONDS = 30.0


def connection_options() -> argparse.ArgumentParser:
    """Give a parser of the options, to be a parent of the commands' own."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--bootstrap-server",
        type=_addresses,
        default=(Address("127.0.0.1", DEFAULT_PORT),),
        metavar="HOST:PORT",
        help=f"a broker of the cluster, or several with commas (default: 127.0.0.1:{DEFAULT_PORT})",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=TIMEOUT_SECONDS,
        metavar="SECONDS",
        help=f"give up after so long altogether (default: {TIMEOUT_SECONDS:g})",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    return parser


def topic_partitions(text: str) -> tuple[str, tuple[int, ...] | None]:
    """Read `TOPIC` or `TOPIC:0,1`; None stands for all partitions."""
    topic, separator, numbers = text.partition(":")
    partitions = numbers.split(",")
    if not separator and topic:
        return topic, None
    if not topic or not all(each.isascii() and each.isdecimal() for each in partitions):
        raise argparse.ArgumentTypeError(f"{text!r} is not TOPIC or TOPIC:PARTITION,PARTITION")
    return topic, tuple(map(int, partitions))


def _addresses(text: str) -> tuple[Address, ...]:
    try:
        return parse_addresses(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


AddAction = Callable[[str, str], argparse.ArgumentParser]
"""(name, what it does) → the parser of an action, with the options of the connection."""


def actions_of(parser: argparse.ArgumentParser, *, description: str, epilog: str) -> AddAction:
    """Let a command have actions; give what adds one."""
    parser.description = description
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = epilog
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    connection = connection_options()

    def add(name: str, help_text: str) -> argparse.ArgumentParser:
        return actions.add_parser(
            name,
            help=help_text,
            description=f"{help_text[0].upper()}{help_text[1:]}.",
            parents=[connection],
            allow_abbrev=False,
        )

    return add
