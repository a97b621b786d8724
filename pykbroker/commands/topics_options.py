"""The options of the command `topics`, apart from it: declared only when it is asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from pykbroker.commands.admin.options import actions_of

DESCRIPTION = """List, create, describe, alter and delete topics of any Kafka cluster, as
kafka-topics does. Exit status: 0 done; 1 the broker refused or cannot be reached; 2 wrong use."""
JSON_HELP = """With --json every line is an object of one topic:
  list      topic, topic_id, partitions, replication_factor, internal
  create    topic, created; then topic_id, partitions, replication_factor (null: not told)
  describe  topic, topic_id, internal, replication_factor, overrides, partitions as objects with
            partition, leader (null: none), replicas, isr
  alter     topic, partitions (null: unchanged), set, deleted
  delete    topic, deleted"""
_INT32_MAX, _INT16_MAX = (1 << 31) - 1, (1 << 15) - 1


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    add = actions_of(parser, description=DESCRIPTION, epilog=JSON_HELP)

    one = add("list", "print the names of the topics")
    one.add_argument(
        "--exclude-internal", action="store_true", help="without topics that brokers keep"
    )
    _add_create(add("create", "create topics"))
    one = add("describe", "show partitions, replicas and overridden properties")
    one.add_argument("topics", nargs="*", metavar="TOPIC", help="what to show (default: all)")
    one.add_argument(
        "--exclude-internal", action="store_true", help="without topics that brokers keep"
    )
    _add_alter(add("alter", "add partitions, set or remove properties"))
    one = add("delete", "delete topics with all their records")
    one.add_argument("topics", nargs="+", metavar="TOPIC", help="what to delete")
    one.add_argument(
        "--if-exists", action="store_true", help="a topic that is not there is no failure"
    )


def _add_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topics", nargs="+", metavar="TOPIC", help="what to create")
    parser.add_argument(
        "--partitions",
        type=_count(_INT32_MAX),
        metavar="N",
        help="(default: the broker's num.partitions)",
    )
    parser.add_argument(
        "--replication-factor",
        type=_count(_INT16_MAX),
        metavar="N",
        help="(default: the broker's default.replication.factor)",
    )
    _add_config(parser)
    parser.add_argument(
        "--if-not-exists", action="store_true", help="a topic that is there already is no failure"
    )


def _add_alter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topic", metavar="TOPIC", help="what to alter")
    parser.add_argument(
        "--partitions", type=_count(_INT32_MAX), metavar="N", help="the new number, a larger one"
    )
    _add_config(parser)
    parser.add_argument(
        "--delete-config",
        action="append",
        default=[],
        metavar="NAME",
        help="give a property its default again; may be repeated",
    )


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        type=_property,
        metavar="NAME=VALUE",
        help="set a property of the topic; may be repeated",
    )


def _property(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, as retention.ms=60000")
    return name.strip(), value.strip()


def _count(most: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and 0 < int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {most}")
        return int(text)

    return count
