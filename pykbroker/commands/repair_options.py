"""The options of the command `repair`, apart from it: they are declared at every start."""

from __future__ import annotations

import argparse

DESCRIPTION = """Tell for each partition of a data directory whether its log is whole. Nothing is
changed without --accept-loss; with it, the named partitions that are damaged are cut where the
damage begins, and what was behind is kept beside them in files that end in .corrupt. No broker may
be running there. Exit status: 0 nothing is damaged, or no more; 1 something is; 2 wrong use, or the
directory is in use."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to the command's parser."""
    parser.add_argument(
        "--data-dir", required=True, metavar="DIR", help="the data directory (log.dirs)"
    )
    parser.add_argument(
        "partitions",
        nargs="*",
        metavar="TOPIC-PARTITION",
        help="partitions to look at, named as their directories (default: all)",
    )
    parser.add_argument(
        "--accept-loss",
        action="store_true",
        help="give up what is behind the damage in the partitions named",
    )
    parser.add_argument("--json", action="store_true", help="print an object for each partition")
