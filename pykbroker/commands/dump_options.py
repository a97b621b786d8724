"""The options of the command `dump-log`, apart from it: they are declared at every start."""

from __future__ import annotations

import argparse
from pathlib import Path

DESCRIPTION = """Show segments, batches and records of log files, Kafka's own too. FILE is a .log,
.index, .timeindex, .txnindex, .snapshot, leader-epoch-checkpoint or offset checkpoint, or a
partition's directory, which stands for all its segments. Nothing is changed; the broker may run."""
JSON_HELP = """With --json every line is an object that says its "type":
  segment  path, base_offset, size_bytes
  batch    position, base_offset, last_offset, records, size_bytes, codec, leader_epoch, crc,
           timestamp_type, base_timestamp, max_timestamp, producer_id, producer_epoch,
           base_sequence, last_sequence, transactional, control, delete_horizon or null;
           "fault" where something is wrong with it
  record   offset, timestamp, key_bytes, value_bytes (null: no key, no value), headers_count;
           with --records also key, value, headers as [name, value] pairs; "control" for a marker
           and "decoded" for a record of an internal topic, with name, key, value;
           "fault" where these cannot be read
  damage   position, length, what, batches_follow (false: a torn tail)
  file     path, kind, entries, reserved_bytes; then of each "entry" its fields
  fault    path, what: something does not fit together
  verified path of a file or directory, batches, faults
Times are ms. Bytes are a string where they are UTF-8, otherwise {"base64": "..."}."""
VALUE_BYTES = 100
"""So much of a key or value is enough for a person."""

_OFFSET_MAX = (1 << 63) - 1


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = JSON_HELP
    add = parser.add_argument
    add("files", nargs="+", type=Path, metavar="FILE", help="what to show")
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument(
        "--records", action="store_true", help="show keys, values and headers of records as well"
    )
    depth.add_argument("--batches", action="store_true", help="show batches without their records")
    add("--json", action="store_true", help="print one JSON object per line")
    add("--from-offset", type=_number, default=0, metavar="N", help="begin with offset N")
    add("--to-offset", type=_number, default=_OFFSET_MAX, metavar="N", help="end with offset N")
    add("--max", type=_number, metavar="N", help="show N records (with --batches: batches) at most")
    add(
        "--value-bytes",
        type=_number,
        metavar="N",
        help=f"show N bytes at most of each key and value, 0 for all (default: {VALUE_BYTES},"
        " with --json all)",
    )
    add(
        "--verify",
        action="store_true",
        help="check CRCs, the order of offsets, and the indexes beside the log; exit with 1 and say"
        " what is wrong",
    )
    add(
        "--no-decode",
        action="store_true",
        help="do not decode the records of __consumer_offsets, __transaction_state and the like",
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)
