"""The options of the command `groups`, apart from it: declared only when it is asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from pykbroker.commands.admin.options import actions_of, topic_partitions

DESCRIPTION = """List, describe, reset and delete consumer groups of any Kafka cluster, as
kafka-consumer-groups does. Exit status: 0 done; 1 the broker refused or cannot be reached; 2 wrong
use."""
JSON_HELP = """With --json every line is an object; fields that do not apply are null:
  list                one per group: group, type, state, protocol
  describe            one per partition: group, topic, partition, current_offset, log_end_offset,
                      lag, leader_epoch, metadata, consumer_id, host, client_id
  describe --members  one per member: group, consumer_id, group_instance_id, host, client_id,
                      protocol, epoch, partitions (their number), assignment, target_assignment as
                      objects of topic to partitions
  describe --state    one per group: group, type, state, protocol, coordinator, coordinator_id,
                      assignment_strategy, group_epoch, assignment_epoch, members (their number)
  reset-offsets       one per partition: group, topic, partition, current_offset, new_offset, note,
                      executed
  delete              one per group: group, deleted
  delete-offsets      one per partition: group, topic, partition, deleted_offset"""

STATES = (
    "Assigning",
    "CompletingRebalance",
    "Dead",
    "Empty",
    "NotReady",
    "PreparingRebalance",
    "Reconciling",
    "Stable",
)
TYPES = ("classic", "consumer", "share", "streams")
_OFFSET_MAX = (1 << 63) - 1
_DIGITS_MAX = 19
"""No 64-bit number has more."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    add = actions_of(parser, description=DESCRIPTION, epilog=JSON_HELP)

    _add_list(add("list", "print groups with their type and state"))
    _add_describe(add("describe", "show how far groups have read, or who is in them"))
    _add_reset(add("reset-offsets", "let a group without members go on from other offsets"))
    one = add("delete", "delete groups without members, with their offsets")
    one.add_argument("groups", nargs="+", metavar="GROUP", help="what to delete")
    one = add("delete-offsets", "delete a group's offsets of topics that it no longer reads")
    one.add_argument("group", metavar="GROUP", help="whose offsets to delete")
    _add_topic(one, required=True)


def _add_list(parser: argparse.ArgumentParser) -> None:
    for name, values in (("state", STATES), ("type", TYPES)):
        parser.add_argument(
            f"--{name}",
            type=_some_of(values),
            default=(),
            metavar=f"{name.upper()},…",
            help=f"only groups of these: {', '.join(values)}",
        )


def _add_describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="what to show")
    parser.add_argument("--all-groups", action="store_true", help="show all consumer groups")
    view = parser.add_mutually_exclusive_group()
    view.add_argument(
        "--offsets",
        dest="view",
        action="store_const",
        const="offsets",
        default="offsets",
        help="offsets and lag of each partition, and who reads it (default)",
    )
    view.add_argument(
        "--members",
        dest="view",
        action="store_const",
        const="members",
        help="members and what they are assigned",
    )
    view.add_argument(
        "--state",
        dest="view",
        action="store_const",
        const="state",
        help="state, coordinator and assignor",
    )


def _add_reset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("groups", nargs="+", metavar="GROUP", help="whose offsets to reset")
    topics = parser.add_mutually_exclusive_group(required=True)
    _add_topic(topics)
    topics.add_argument(
        "--all-topics",
        action="store_true",
        help="every partition that the group has an offset of",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    for name, to in (
        ("earliest", "the first record that is there"),
        ("latest", "the end, past all records"),
        ("current", "where the group is; the end where it has no offset yet"),
    ):
        where.add_argument(
            f"--to-{name}", dest="to", action="store_const", const=name, help=f"to {to}"
        )
    where.add_argument("--to-offset", type=_offset, metavar="N", help="to this offset")
    where.add_argument(
        "--shift-by", type=_shift, metavar="N", help="on by N records, back where N is below 0"
    )
    where.add_argument(
        "--to-datetime",
        type=_moment,
        metavar="WHEN",
        help="to the first record of this time or later, as 2026-11-22T08:55:04 (UTC unless it"
        " names a zone)",
    )
    where.add_argument(
        "--by-duration",
        type=_duration,
        metavar="AGO",
        help="to the first record not older than this, as 30m, 1h30m, 7d or PT1H30M",
    )
    execution = parser.add_mutually_exclusive_group()
    execution.add_argument("--execute", action="store_true", help="do it")
    execution.add_argument(
        "--dry-run", action="store_true", help="only show what would be done (default)"
    )


def _add_topic(parser: argparse._ActionsContainer, *, required: bool = False) -> None:
    parser.add_argument(
        "--topic",
        dest="topics",
        action="append",
        type=topic_partitions,
        required=required,
        metavar="TOPIC[:P,…]",
        help="a topic, or some of its partitions as orders:0,1; may be repeated",
    )


def _some_of(values: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    spelled = {value.lower(): value for value in values}

    def some(text: str) -> tuple[str, ...]:
        names = [name.strip().lower() for name in text.split(",")]
        for name in names:
            if name not in spelled:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(values)}")
        return tuple(spelled[name] for name in names)

    return some


def _offset(text: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX
    if not is_number or int(text) > _OFFSET_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no offset, a whole number from 0 on")
    return int(text)


def _shift(text: str) -> int:
    negative = text.startswith("-")
    try:
        distance = _offset(text[1:] if text[:1] in ("-", "+") else text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    return -distance if negative else distance


def _moment(text: str) -> int:
    from pykbroker.commands.admin.moment import parse_moment

    try:
        return parse_moment(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from None


def _duration(text: str) -> int:
    from pykbroker.commands.admin.moment import parse_duration

    try:
        return parse_duration(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from None
