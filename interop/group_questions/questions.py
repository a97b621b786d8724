"""What a question is: a named function of a connected asker, which returns what matters.

A module has one `Questions` and marks its functions with it; the table is put together in
`table`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from interop.group_questions.asker import Asker


@dataclass(frozen=True)
class Question:
    """One question; `rows` are the numbers of Kafka's exact behaviours it is about.

    A slow one waits for timeouts of seconds.
    """

    name: str
    put: Callable[[Asker], Any]
    rows: tuple[int, ...]
    slow: bool


@dataclass
class Questions:
    """The questions of one subject."""

    subject: str
    found: list[Question] = field(default_factory=list)

    def about(
        self, *rows: int, slow: bool = False, **choices: Iterable[Any]
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Mark a function as a question, one for each combination of the choices' values."""

        def mark(function: Callable[..., Any]) -> Callable[..., Any]:
            for values in itertools.product(*choices.values()):
                chosen = dict(zip(choices, values, strict=True))
                told = ", ".join(f"{name}={value}" for name, value in chosen.items())
                name = f"{self.subject}/{function.__name__}" + (f" [{told}]" if told else "")
                self.found.append(Question(name, partial(function, **chosen), rows, slow))
            return function

        return mark


def answer_to(question: Question, bootstrap_servers: str) -> Any:
    """Put a question to a broker on a connection of its own; a fault is an answer too."""
    with Asker(bootstrap_servers) as asker:
        try:
            return asker.plain(question.put(asker))
        except Exception as fault:  # noqa: BLE001 - the other broker may have had an answer
            return {"fault": f"{type(fault).__name__}: {asker.names.readable(str(fault))}"}
