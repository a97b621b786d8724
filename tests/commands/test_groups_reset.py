"""`groups reset-offsets` against our own broker: plans, and what they do when executed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pykbroker.testing import Broker
from tests.api.requests import NOW_MS, create_topic, produce
from tests.commands.command_line import CommandLine
from tests.commands.readers import (
    commit,
    join_classic,
    join_consumer,
    leave_classic,
    leave_consumer,
)
from tests.kafka_client import Client

SECOND_MS = 1_000


@pytest.fixture
def groups(capsys: pytest.CaptureFixture[str], broker: Broker) -> CommandLine:
    return CommandLine(capsys, "groups", broker.bootstrap_servers)


@pytest.fixture
def read(client: Client, topic: str) -> str:
    """A topic of two partitions of ten records, one a second, and a group at 4 of the first."""
    create_topic(client, topic, partitions=2)
    for partition in (0, 1):
        timestamps = [NOW_MS + number * SECOND_MS for number in range(10)]
        produce(client, topic, partition=partition, timestamps=timestamps)
    commit(client, topic, topic, {0: 4})
    return topic


def planned(rows: list[dict[str, object]]) -> dict[object, object]:
    return {row["partition"]: row["new_offset"] for row in rows}


def committed(groups: CommandLine, group: str) -> dict[object, object]:
    return {row["partition"]: row["current_offset"] for row in groups.objects("describe", group)}


@pytest.mark.parametrize(
    ("where", "offsets"),
    [
        (("--to-earliest",), {0: 0, 1: 0}),
        (("--to-latest",), {0: 10, 1: 10}),
        (("--to-current",), {0: 4, 1: 10}),
        (("--to-offset", "7"), {0: 7, 1: 7}),
        (("--to-offset", "70"), {0: 10, 1: 10}),
        (("--to-datetime", "2023-11-14T22:13:22.5"), {0: 3, 1: 3}),
        (("--to-datetime", "2023-11-14T23:13:22+01:00"), {0: 2, 1: 2}),
        (("--to-datetime", "1969-12-31T23:59:59.999"), {0: 0, 1: 0}),
        (("--to-datetime", "2100-01-01"), {0: 10, 1: 10}),
        (("--by-duration", "P99999D"), {0: 0, 1: 0}),
        (("--by-duration", "1s"), {0: 10, 1: 10}),
    ],
)
def test_a_topic_is_reset_to_where_the_options_say(
    groups: CommandLine, read: str, where: tuple[str, ...], offsets: dict[int, int]
) -> None:
    rows = groups.objects("reset-offsets", read, "--topic", read, *where, "--execute")

    assert planned(rows) == offsets
    assert committed(groups, read) == offsets


@pytest.mark.parametrize(
    ("distance", "offset", "note"),
    [
        ("3", 7, None),
        ("-3", 1, None),
        ("99", 10, "103 is beyond the end"),
        ("-99", 0, "-95 is before the start"),
    ],
)
def test_offsets_are_shifted_within_the_log(
    groups: CommandLine, read: str, distance: str, offset: int, note: str | None
) -> None:
    arguments = ("reset-offsets", read, "--all-topics", "--shift-by", distance, "--execute")

    assert groups.objects(*arguments) == [
        {
            "group": read,
            "topic": read,
            "partition": 0,
            "current_offset": 4,
            "new_offset": offset,
            "note": note,
            "executed": True,
        }
    ]
    assert committed(groups, read) == {0: offset}


def test_without_execute_the_plan_is_shown_and_nothing_changed(
    groups: CommandLine, read: str
) -> None:
    status, lines, notes = groups.run("reset-offsets", read, "--topic", read, "--to-offset", "70")

    assert status == 0
    assert lines[0].split() == [
        *("GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "NEW-OFFSET", "NOTE")
    ]
    assert [line.split(maxsplit=5) for line in lines[1:]] == [
        [read, read, "0", "4", "10", "70 is beyond the end"],
        [read, read, "1", "-", "10", "70 is beyond the end"],
    ]
    assert notes == ["nothing was changed; give --execute to do it"]
    assert committed(groups, read) == {0: 4}


def test_a_trial_may_be_named_and_says_so_in_objects(groups: CommandLine, read: str) -> None:
    (row,) = groups.objects(
        "reset-offsets", read, "--topic", f"{read}:1", "--to-earliest", "--dry-run"
    )

    assert row == {
        "group": read,
        "topic": read,
        "partition": 1,
        "current_offset": None,
        "new_offset": 0,
        "note": None,
        "executed": False,
    }


def test_all_topics_are_those_that_the_group_has_offsets_of(
    groups: CommandLine, client: Client, read: str
) -> None:
    other = f"{read}-other"
    create_topic(client, other, partitions=2)
    commit(client, read, other, {1: 0})

    rows = groups.objects("reset-offsets", read, "--all-topics", "--to-latest", "--execute")

    assert [(row["topic"], row["partition"], row["new_offset"]) for row in rows] == [
        (read, 0, 10),
        (other, 1, 0),
    ]


def test_a_group_that_is_not_there_is_made_by_its_first_offset(
    groups: CommandLine, read: str
) -> None:
    fresh = f"{read}-fresh"
    arguments = ("reset-offsets", fresh, "--topic", read, "--to-offset", "5")

    status, _, notes = groups.run(*arguments)
    assert status == 0
    assert notes[0] == f"group {fresh} is not there; --execute makes it"

    groups.lines(*arguments, "--execute")
    assert committed(groups, fresh) == {0: 5, 1: 5}


Join = Callable[[Client, str, str], str]
Leave = Callable[[Client, str, str], None]


def join_with_nothing(client: Client, group: str, topic: str) -> str:
    return join_classic(client, group, topic)


@pytest.mark.parametrize(
    ("join", "leave"), [(join_with_nothing, leave_classic), (join_consumer, leave_consumer)]
)
@pytest.mark.parametrize("execution", ["--dry-run", "--execute"])
def test_a_group_with_members_is_refused_until_they_leave(
    groups: CommandLine, client: Client, read: str, join: Join, leave: Leave, execution: str
) -> None:
    member_id = join(client, read, read)
    arguments = ("reset-offsets", read, "--topic", f"{read}:0", "--to-earliest")

    assert groups.failure(*arguments, execution) == (
        f"group {read} has 1 member (state Stable), which would go on from where they are and"
        " commit over the new offsets; stop its consumers first (`pykbroker groups describe"
        f" {read} --members` shows them)"
    )

    leave(client, read, member_id)
    groups.lines(*arguments, "--execute")
    assert committed(groups, read)[0] == 0


def test_a_refused_group_does_not_keep_the_others_from_being_reset(
    groups: CommandLine, client: Client, read: str
) -> None:
    busy = f"{read}-busy"
    join_classic(client, busy, read, 0)

    status, lines, errors = groups.run(
        *("reset-offsets", busy, read, "--topic", f"{read}:0", "--to-earliest", "--execute")
    )

    assert (status, len(lines), len(errors)) == (1, 2, 1)
    assert committed(groups, read) == {0: 0}


@pytest.mark.parametrize(
    ("scope", "sentence"),
    [
        (("--topic", "no-such"), "topic no-such does not exist; `pykbroker topics list` shows"),
        (("--topic", "{topic}:0,7"), "there is no partition {topic}-7; `pykbroker topics desc"),
    ],
)
def test_what_is_not_there_is_not_reset(
    groups: CommandLine, read: str, scope: tuple[str, str], sentence: str
) -> None:
    option, what = scope

    failure = groups.failure(
        *("reset-offsets", read, option, what.format(topic=read), "--to-earliest", "--execute")
    )

    assert failure.startswith(sentence.format(topic=read))
    assert committed(groups, read) == {0: 4}


def test_an_offset_that_there_is_not_cannot_be_shifted(groups: CommandLine, read: str) -> None:
    assert groups.failure("reset-offsets", read, "--topic", read, "--shift-by", "1") == (
        f"group {read} has no offset of {read}-1 that could be shifted; give it one, with"
        " --to-earliest for instance"
    )


def test_all_topics_of_a_group_without_offsets_are_none(groups: CommandLine, read: str) -> None:
    assert groups.failure("reset-offsets", "no-such", "--all-topics", "--to-latest") == (
        "group no-such has no offsets that --all-topics could stand for; name topics with --topic"
    )
