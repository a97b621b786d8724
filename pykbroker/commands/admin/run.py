"""One run of a command that talks to a broker: lines for stdout, notes and problems for stderr.

Notes are for a person who reads along: none with --json, and most only on a terminal.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from pykbroker.commands.admin.cluster import Cluster
from pykbroker.commands.admin.connection import Deadline
from pykbroker.commands.admin.failure import CommandFailedError
from pykbroker.commands.admin.table import lines_of

Row: TypeAlias = Mapping[str, object]


class Run:
    """What an action works with, and what became of it. Take all lines, then the rest."""

    def __init__(self, options: argparse.Namespace, *, is_terminal: bool) -> None:
        self.options = options
        self.problems: list[str] = []
        """What failed, as sentences; any of them makes the exit status 1."""
        self.notes: list[str] = []
        self._is_terminal = is_terminal

    def lines(self, action: Callable[[Run, Cluster], Iterable[str]]) -> Iterator[str]:
        """Yield what the action prints. Raises ConfigError for wrong use, before anything else."""
        try:
            with Cluster(self.options.bootstrap_server, Deadline(self.options.timeout)) as cluster:
                yield from action(self, cluster)
        except TimeoutError:
            self.problems.append(
                f"time was up after {self.options.timeout:g} s; allow more with --timeout"
            )
        except CommandFailedError as fault:
            self.problems.append(str(fault))

    def shown(
        self, rows: Sequence[Row], columns: Sequence[str], *, optional: Iterable[str] = ()
    ) -> Iterable[str]:
        """Give rows as JSON lines, with all they hold, or as a table of the columns."""
        if self.options.json:
            return map(json.dumps, rows)
        return lines_of(rows, columns, optional=optional)

    def said(self, row: Row, sentence: str) -> str:
        """Give one line: the row as JSON, or the sentence."""
        return json.dumps(row) if self.options.json else sentence

    def note(self, sentence: str, *, even_piped: bool = False) -> None:
        """Tell a person something beside the output."""
        if not self.options.json and (even_piped or self._is_terminal):
            self.notes.append(sentence)
