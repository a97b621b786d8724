"""What a question is: a named function of a connected asker, which returns what matters.

A module has one `Questions` and marks its functions with it; the table is put together in
`table`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from interop.group_questions.asker import Asker
from pykbroker.wire.messages.find_coordinator import FindCoordinator
from pykbroker.wire.messages.heartbeat import Heartbeat

UNKNOWN_MEMBER_ID = 25
LABEL_LENGTH = 30


@dataclass(frozen=True)
class Question:
    """One question; `rows` are the numbers of Kafka's exact behaviours it is about.

    A slow one waits for timeouts of seconds. One that must be alone makes a write of the
    coordinator fail, which Kafka lets other groups feel that write at the same time.
    """

    name: str
    put: Callable[[Asker], Any]
    rows: tuple[int, ...]
    slow: bool
    alone: bool


@dataclass
class Questions:
    """The questions of one subject."""

    subject: str
    found: list[Question] = field(default_factory=list)

    def about(
        self, *rows: int, slow: bool = False, alone: bool = False, **choices: Iterable[Any]
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Mark a function as a question, one for each combination of the choices' values."""

        def mark(function: Callable[..., Any]) -> Callable[..., Any]:
            for values in itertools.product(*choices.values()):
                chosen = dict(zip(choices, values, strict=True))
                told = ", ".join(f"{name}={_short(value)}" for name, value in chosen.items())
                name = f"{self.subject}/{function.__name__}" + (f" [{told}]" if told else "")
                self.found.append(Question(name, partial(function, **chosen), rows, slow, alone))
            return function

        return mark


def _short(value: Any) -> str:
    text = repr(value)[1:-1] if isinstance(value, str) else str(value)
    return text if len(text) <= LABEL_LENGTH else f"{text[:LABEL_LENGTH]}... of {len(text)}"


def wait_until_ready(bootstrap_servers: str) -> None:
    """Wait until a broker coordinates groups. Raises RuntimeError if it does not get there."""
    with Asker(bootstrap_servers) as asker:
        request = {"key_type": 0, "coordinator_keys": [asker.group()]}
        asker.until(
            lambda: asker.ask(FindCoordinator, request, version=4)["coordinators"][0],
            lambda coordinator: coordinator["error_code"] == 0,
        )
        nobody = {"group_id": asker.group(), "generation_id": 1, "member_id": "nobody"}
        answer = asker.until(
            lambda: asker.ask(Heartbeat, nobody, version=4),
            lambda answer: answer["error_code"] == UNKNOWN_MEMBER_ID,
        )
        if answer["error_code"] != UNKNOWN_MEMBER_ID:
            raise RuntimeError(f"{bootstrap_servers} does not coordinate groups: {answer}")


def answer_to(question: Question, bootstrap_servers: str) -> Any:
    """Put a question to a broker on a connection of its own; a fault is an answer too."""
    with Asker(bootstrap_servers) as asker:
        try:
            return asker.plain(question.put(asker))
        except Exception as fault:  # noqa: BLE001 - the other broker may have had an answer
            return {"fault": f"{type(fault).__name__}: {asker.names.readable(str(fault))}"}


def answers_to(
    questions: Iterable[Question], bootstrap_servers: str, at_once: int
) -> dict[str, Any]:
    """Put questions, `at_once` at a time; give the answers by name, as JSON has them."""

    def put(question: Question) -> tuple[str, Any]:
        return question.name, json.loads(json.dumps(answer_to(question, bootstrap_servers)))

    slow_first = sorted(questions, key=lambda question: not question.slow)
    together = [question for question in slow_first if not question.alone]
    with ThreadPoolExecutor(at_once) as pool:
        answers = dict(pool.map(put, together))
    return answers | dict(put(question) for question in slow_first if question.alone)
