"""`python -m interop.compare_groups`: what two brokers answer to the same questions about groups.

Puts every question of `group_questions` to our broker and to Apache Kafka, which are told by
`--ours` and `--kafka`, or started where INTEROP_KAFKA_CLASSPATH names Kafka's jars. Kafka's answers
can be kept in a file by `--save` and told by `--known` instead of asking again. Prints what differs
and a table of subjects; exits with 1 where a question is answered differently.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from interop.apache_kafka import CLASSPATH_VARIABLE, ApacheKafka, classpath
from interop.group_questions.limits import PROPERTIES
from interop.group_questions.questions import Question, answers_to, wait_until_ready
from interop.group_questions.table import all_questions
from interop.process import READY, STOP_SECONDS

AT_ONCE = 6
"""Questions put at the same time: most of their time is waiting."""

LIKE_KAFKAS = (
    "auto.create.topics.enable=false",
    "group.initial.rebalance.delay.ms=0",
    "offsets.topic.replication.factor=1",
    "offsets.topic.num.partitions=1",
)
"""What `ApacheKafka` is started with; everything else are Kafka's defaults on both sides."""

Answers = dict[str, Any]


def main() -> int:
    options = _options()
    questions = [
        question
        for question in all_questions(limits=options.limits)
        if all(part in question.name for part in options.only)
        and not (options.quick and question.slow)
    ]
    properties = PROPERTIES if options.limits else ()
    with ExitStack() as brokers:
        kafkas = _answers_of_kafka(options, questions, brokers, properties)
        if options.save:
            options.save.write_text(json.dumps(kafkas, indent=1) + "\n")
        if options.kafka_only:
            return 0
        ours = options.ours or brokers.enter_context(_our_broker(properties))
        return int(not _compared(questions, _answers(ours, questions), kafkas))


def _answers_of_kafka(
    options: argparse.Namespace,
    questions: Sequence[Question],
    brokers: ExitStack,
    properties: Sequence[str],
) -> Answers:
    if options.known:
        known: Answers = json.loads(options.known.read_text())
        return known
    return _answers(options.kafka or brokers.enter_context(_kafka(properties)), questions)


def _answers(bootstrap_servers: str, questions: Sequence[Question]) -> Answers:
    wait_until_ready(bootstrap_servers)
    return answers_to(questions, bootstrap_servers, AT_ONCE)


def _compared(questions: Sequence[Question], ours: Answers, kafkas: Answers) -> bool:
    """Print what differs and how much is alike; tell whether everything is."""
    asked, alike = Counter[str](), Counter[str]()
    for question in questions:
        subject = question.name.partition("/")[0]
        asked[subject] += 1
        if question.name not in kafkas:
            print(f"NOT ASKED   {question.name}")
        elif ours[question.name] == kafkas[question.name]:
            alike[subject] += 1
        else:
            rows = ", ".join(map(str, question.rows))
            print(f"DIFFERENT   {question.name}   (rows {rows})")
            for line in _differences(ours[question.name], kafkas[question.name], "answer"):
                print(f"            {line}")
    print()
    for subject, number in asked.items():
        print(f"{subject:24} {alike[subject]:4} of {number:4} alike")
    print(f"{'all':24} {alike.total():4} of {asked.total():4} alike")
    return alike == asked


def _differences(ours: Any, kafkas: Any, path: str) -> Iterator[str]:
    """Tell the smallest parts of two answers that differ."""
    match ours, kafkas:
        case dict(), dict() if ours.keys() == kafkas.keys():
            for name in ours:
                yield from _differences(ours[name], kafkas[name], f"{path}.{name}")
        case list(), list() if len(ours) == len(kafkas):
            for place, (our, kafka) in enumerate(zip(ours, kafkas, strict=True)):
                yield from _differences(our, kafka, f"{path}[{place}]")
        case _ if ours != kafkas:
            yield f"{path}: ours {json.dumps(ours)}"
            yield f"{' ' * len(path)} kafka {json.dumps(kafkas)}"


@contextmanager
def _kafka(properties: Sequence[str]) -> Iterator[str]:
    jars = classpath()
    if jars is None:
        raise SystemExit(
            f"--kafka, --known, or Java and {CLASSPATH_VARIABLE}, which names the jars"
        )
    with tempfile.TemporaryDirectory() as directory:
        broker = ApacheKafka(Path(directory) / "kafka", jars)
        with (Path(directory) / "kafka" / "server.properties").open("a") as told:
            told.writelines(f"{each}\n" for each in properties)
        broker.start()
        try:
            yield broker.bootstrap_servers
        finally:
            broker.stop()


@contextmanager
def _our_broker(properties: Sequence[str]) -> Iterator[str]:
    command = [sys.executable, "-m", "pykbroker", "serve", "--log-level", "warning"]
    command += ["--profile", "kafka", "--memory", "--port", "0"]
    for told in (*LIKE_KAFKAS, *properties):
        command += ["--override", told]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith(READY):
            raise RuntimeError(f"our broker did not start: {line!r}")
        yield line.removeprefix(READY).strip()
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m interop.compare_groups", description=__doc__)
    parser.add_argument("--ours", metavar="HOST:PORT", help="our broker (default: start one)")
    parser.add_argument("--kafka", metavar="HOST:PORT", help="Apache Kafka (default: start one)")
    parser.add_argument("--known", type=Path, metavar="FILE", help="answers that --save kept")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep Kafka's answers")
    parser.add_argument("--kafka-only", action="store_true", help="do not ask our broker")
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="in the questions' names"
    )
    parser.add_argument("--limits", action="store_true", help="other questions: of small groups")
    parser.add_argument("--quick", action="store_true", help="without what waits for timeouts")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
