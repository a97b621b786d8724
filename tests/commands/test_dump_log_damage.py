"""Files that are damaged, in use, or not to be shown."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pykbroker import cli
from pykbroker.storage.fs import OsFileSystem
from tests.storage.logs import a_batch, a_log, append, headers_in, read_all

KAFKA_LOGS = Path(__file__).parents[1] / "storage" / "kafka_logs"
LOG, INDEX, TIME_INDEX = (f"{0:020d}.{kind}" for kind in ("log", "index", "timeindex"))
REMOVE = "stop the broker and remove the file, it is made again when the broker starts"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A partition with batches of offsets 0-1, 2-2, 3-4."""
    path = tmp_path / "orders-0"
    path.mkdir()
    batches = (a_batch(2), a_batch(1, base_offset=2, codec=2), a_batch(2, base_offset=3))
    (path / LOG).write_bytes(b"".join(batches))
    return path


@pytest.fixture
def codecs(tmp_path: Path) -> Path:
    """A copy of a partition that Kafka wrote, with indexes."""
    return Path(shutil.copytree(KAFKA_LOGS / "codecs-0", tmp_path / "codecs-0"))


def verdict(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Verify files that have a fault, and return the sentence that says so."""
    assert cli.main(["dump-log", "--verify", "--batches", *map(str, arguments)]) == 1
    return capsys.readouterr().err


def change(path: Path, position: int, value: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] = value
    path.write_bytes(data)


def test_damage_at_any_byte_ends_in_lines_and_a_sentence(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = directory / LOG
    whole = log.read_bytes()
    unnoticed = set()
    for position in range(len(whole)):
        change(log, position, whole[position] ^ 0x81)
        options = ["--json"] * (position % 2)

        status = cli.main(["dump-log", "--records", "--verify", *options, str(directory)])

        printed = capsys.readouterr()
        lines = printed.out.splitlines()
        if options:
            assert [json.loads(line)["type"] for line in lines][-1] == "verified"
        if status == 0:
            unnoticed.add(position)
        else:
            assert printed.err.startswith(f"pykbroker: {directory}")
            assert status == 1
        log.write_bytes(whole)
    # The leader epoch, and offsets as long as they ascend, are covered by nothing.
    starts = [len(a_batch(2)) + len(a_batch(1, codec=2)), len(a_batch(2)), 0]
    relative = {position - next(s for s in starts if s <= position) for position in unnoticed}
    assert relative <= {*range(4, 8), *range(12, 16)}


def test_damage_is_shown_where_it_is(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = len(a_batch(2)), len(a_batch(1, codec=2))
    change(directory / LOG, first + 16, 9)

    assert cli.main(["dump-log", "--batches", str(directory)]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert [line.split("  leader")[0].split("  at")[0] for line in lines[1:]] == [
        "  offsets 0-1",
        (
            f"  ! damaged at {first}, {second} bytes: no batch begins here: its magic would be 9;"
            " batches follow"
        ),
        "  offsets 3-4",
    ]


def test_a_verdict_says_where_what_and_what_to_do(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = directory / LOG
    change(log, len(a_batch(2)) + 16, 9)

    assert verdict(capsys, log) == (
        f"pykbroker: {log}: position {len(a_batch(2))}: no batch begins here: its magic would be 9;"
        " keep a copy of the directory and see `pykbroker repair --help`\n"
    )


def test_a_torn_tail_is_named_so(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = directory / LOG
    whole = log.read_bytes()
    log.write_bytes(whole[:-1])

    position = len(whole) - len(a_batch(2))
    left, size = len(a_batch(2)) - 1, len(a_batch(2))
    what = f"a batch of offsets 3 to 4: it is cut off after {left} of {size} bytes"
    assert verdict(capsys, log) == (
        f"pykbroker: {log}: position {position}: {what};"
        " a broker cuts off a torn tail when it starts\n"
    )
    assert cli.main(["dump-log", str(log)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"  ! torn tail at {position}, {left} bytes: {what}; no batch follows"


@pytest.mark.parametrize("name", [INDEX, TIME_INDEX])
def test_an_index_is_compared_with_its_log(
    codecs: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    whole = (codecs / name).read_bytes()
    for position in range(len(whole)):
        change(codecs / name, position, whole[position] ^ 1)
        target = (codecs, codecs / name, codecs / LOG)[position % 3]

        sentence = verdict(capsys, target)

        assert sentence.startswith(f"pykbroker: {codecs / name}: entry ")
        assert REMOVE in sentence
        (codecs / name).write_bytes(whole)


def test_an_index_that_points_into_a_batch_is_told(
    codecs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(codecs / INDEX, 7, 0x88)

    assert verdict(capsys, codecs) == (
        f"pykbroker: {codecs / INDEX}: entry offset 69, position 4744: no batch begins at that"
        f" position; {REMOVE}\n"
    )


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("00000000000000001000.snapshot", b"\0\1", "producer snapshot is cut off"),
        ("leader-epoch-checkpoint", b"0\n2\n0 0\n", "it announces '2' entries and has 1"),
        ("00000000000000000000.txnindex", b"\0", "1 bytes follow the last whole entry"),
    ],
)
def test_the_small_files_of_a_directory_are_verified_too(
    codecs: Path, capsys: pytest.CaptureFixture[str], name: str, data: bytes, what: str
) -> None:
    (codecs / name).write_bytes(data)

    assert verdict(capsys, codecs) == f"pykbroker: {codecs / name}: {what}; {REMOVE}\n"


def test_segments_that_overlap_are_a_fault(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = directory / f"{3:020d}.log"
    second.write_bytes(a_batch(1, base_offset=4))

    assert verdict(capsys, directory).startswith(
        f"pykbroker: {second}: it begins below offset 5, where the segment before it ends; keep"
    )


def test_room_taken_in_advance_in_indexes_is_no_fault(
    codecs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (INDEX, TIME_INDEX):
        with (codecs / name).open("ab") as file:
            file.write(bytes(120_000))

    assert cli.main(["dump-log", "--verify", "--batches", str(codecs)]) == 0
    assert cli.main(["dump-log", str(codecs / INDEX)]) == 0
    assert "120000 bytes of zeros behind them" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nothing.log", "cannot be read (No such file or directory); name a file"),
        ("words-0", "cannot be read (No such file or directory); name a file"),
        ("empty", "holds no segments; name the directory of a partition, such as"),
        ("notes.txt", "has a name that dump-log does not know; name a .log"),
    ],
)
def test_what_cannot_be_shown_ends_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()

    assert cli.main(["dump-log", str(tmp_path / name)]) == 2

    assert capsys.readouterr().err.startswith(f"pykbroker: {tmp_path / name} {sentence}")


def test_nothing_is_changed(codecs: Path) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in codecs.iterdir()}
    for path in codecs.iterdir():
        path.chmod(0o400)

    cli.main(["dump-log", "--verify", str(codecs)])

    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in codecs.iterdir()}
    assert after == before


def test_a_log_in_use_is_shown_as_far_as_it_is_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "topic-0"
    log = a_log(OsFileSystem(), str(directory), segment_bytes=1 << 20)
    append(log, 3, value_bytes=5000)
    for appended in (3, 6):
        assert cli.main(["dump-log", "--json", "--verify", str(directory)]) == 0

        shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        offsets = [each["offset"] for each in shown if each["type"] == "record"]
        assert offsets == [*range(appended)]
        append(log, 3, value_bytes=5000)
    log.close()

    assert [header.base_offset for header in headers_in(read_all(log))] == [0, 3, 6]


def test_a_reader_who_has_seen_enough_is_no_fault(codecs: Path) -> None:
    command = [sys.executable, "-m", "pykbroker", "dump-log", "--records", str(codecs)]
    reading, writing = os.pipe()
    with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        os.read(reading, 10)
        os.close(reading)
        assert process.stderr is not None
        said = process.stderr.read()

    assert (process.returncode, said) == (0, b"")
