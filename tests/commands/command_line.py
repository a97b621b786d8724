"""A command as its user sees it: the exit status, and what is on stdout and on stderr."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pykbroker import cli


class CommandLine:
    """Runs `pykbroker COMMAND …` against a broker, in this process."""

    def __init__(
        self, capsys: pytest.CaptureFixture[str], command: str, bootstrap_servers: str
    ) -> None:
        self._capsys = capsys
        self._command = command
        self._bootstrap_servers = bootstrap_servers

    def run(self, *arguments: str) -> tuple[int, list[str], list[str]]:
        """Give the status, the lines of stdout, and those of stderr without the program's name."""
        server = ("--bootstrap-server", self._bootstrap_servers)
        self._capsys.readouterr()
        status = cli.main([self._command, *arguments, *server])
        told = self._capsys.readouterr()
        lines = told.err.splitlines()
        assert all(line.startswith("pykbroker: ") for line in lines), told.err
        return status, told.out.splitlines(), [line.removeprefix("pykbroker: ") for line in lines]

    def lines(self, *arguments: str) -> list[str]:
        """Give what a command prints that must succeed without a word on stderr."""
        status, lines, errors = self.run(*arguments)
        assert (status, errors) == (0, [])
        return lines

    def objects(self, *arguments: str) -> list[Any]:
        """Give what a command prints with --json that must succeed."""
        return list(map(json.loads, self.lines(*arguments, "--json")))

    def failure(self, *arguments: str) -> str:
        """Give the sentence of a command that must fail with status 1 and print nothing."""
        status, lines, errors = self.run(*arguments)
        assert (status, lines) == (1, [])
        (sentence,) = errors
        return sentence

    def refusal(self, *arguments: str) -> str:
        """Give the last line of what argparse says to wrong use."""
        with pytest.raises(SystemExit) as ended:
            self.run(*arguments)
        assert ended.value.code == cli.EXIT_WRONG_USE
        return self._capsys.readouterr().err.splitlines()[-1]
