"""The command `repair` by what it prints, returns and leaves on disk."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pykbroker import cli
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.log import Log
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.storage.recovery.damage import FoundDamageError
from tests.storage.logs import NOW_MS, TOPIC_ID, a_batch, append, read_all

BATCH_BYTES = len(a_batch(2))
LOG = "00000000000000000000.log"


@contextmanager
def directory_at(data: Path) -> Iterator[LogDirectory]:
    directory = LogDirectory.open(
        OsFileSystem(), data.as_posix(), node_id=1, cluster_id="c", directory_id=bytes(16)
    )
    try:
        yield directory
    finally:
        directory.close()


def log_in(directory: LogDirectory, topic: str) -> Log:
    return directory.log(topic, 0, TOPIC_ID, LogConfig(), NOW_MS)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two logs of segments of four and two batches of two records, closed in order."""
    path = tmp_path / "data"
    with directory_at(path) as directory:
        for topic in ("orders", "words"):
            log = log_in(directory, topic)
            for number in range(6):
                if number == 4:
                    log.roll(NOW_MS)
                append(log, 2)
    return path


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0xFF
    path.write_bytes(data)


def contents(data: Path) -> dict[Path, bytes]:
    return {path.relative_to(data): path.read_bytes() for path in data.rglob("*") if path.is_file()}


def repair(
    capsys: pytest.CaptureFixture[str], data: Path, *arguments: str
) -> tuple[int, list[str]]:
    status = cli.main(["repair", "--data-dir", str(data), *arguments])
    told = capsys.readouterr()
    return status, (told.out + told.err).splitlines()


def test_logs_that_are_whole_are_fine(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(data)

    assert repair(capsys, data) == (
        0,
        ["orders-0: fine, ends at offset 12", "words-0: fine, ends at offset 12"],
    )
    assert contents(data) == before


def test_damage_is_told_and_nothing_is_changed(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data / "orders-0" / LOG
    flip(path, BATCH_BYTES + 70)
    before = contents(data)

    status, lines = repair(capsys, data)

    assert (status, lines) == (
        1,
        [
            (
                "orders-0: DAMAGED: records up to offset 12 had been synced;"
                f" {5 * BATCH_BYTES} bytes from offset 2, position {BATCH_BYTES} of {path}, would"
                " be lost by --accept-loss (1 later segments, whole batches follow)"
            ),
            "words-0: fine, ends at offset 12",
        ],
    )
    assert contents(data) == before
    assert repair(capsys, data, "words-0") == (0, ["words-0: fine, ends at offset 12"])


def test_damage_as_json(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = data / "orders-0" / LOG
    flip(path, BATCH_BYTES + 70)

    status, lines = repair(capsys, data, "--json")

    assert (status, [json.loads(line) for line in lines]) == (
        1,
        [
            {
                "partition": "orders-0",
                "state": "damaged",
                "end_offset": 2,
                "file": str(path),
                "position": BATCH_BYTES,
                "lost_bytes": 5 * BATCH_BYTES,
                "later_segments": 1,
                "batches_follow": True,
                "reason": "records up to offset 12 had been synced",
            },
            {"partition": "words-0", "state": "fine", "end_offset": 12},
        ],
    )


def test_an_accepted_loss_lets_the_log_open_and_keeps_what_was_behind(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = data / "orders-0"
    whole = (orders / LOG).read_bytes()
    flip(orders / LOG, 3 * BATCH_BYTES + 16)
    tail, later = (orders / LOG).read_bytes()[3 * BATCH_BYTES :], f"{8:020d}.log"
    second, words = (orders / later).read_bytes(), contents(data / "words-0")
    with directory_at(data) as directory, pytest.raises(FoundDamageError):
        log_in(directory, "orders")

    status, lines = repair(capsys, data, "orders-0", "--accept-loss")

    kept = [f"{LOG}.{3 * BATCH_BYTES}.corrupt", f"{later}.0.corrupt"]
    assert (status, lines) == (
        0,
        [
            (
                f"orders-0: repaired: the log ends at offset 6; {3 * BATCH_BYTES} bytes from offset"
                f" 6, position {3 * BATCH_BYTES} of {orders / LOG}, cut off, kept as"
                f" {', '.join(kept)}"
            )
        ],
    )
    assert [(orders / name).read_bytes() for name in kept] == [tail, second]
    assert not (orders / later).exists()
    assert contents(data / "words-0") == words
    with directory_at(data) as directory:
        log = log_in(directory, "orders")
        assert (log.end_offset, read_all(log)) == (6, whole[: 3 * BATCH_BYTES])
        append(log, 2)
    assert repair(capsys, data, "orders-0") == (0, ["orders-0: fine, ends at offset 8"])
    assert [(orders / name).read_bytes() for name in kept] == [tail, second]


def test_a_second_loss_at_the_same_place_takes_nothing_of_the_first(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = data / "orders-0"
    name = f"{LOG}.{BATCH_BYTES}.corrupt"
    for again in ("", ".1", ".2"):
        flip(orders / LOG, BATCH_BYTES + 16)
        repair(capsys, data, "orders-0", "--accept-loss")
        with directory_at(data) as directory:
            append(log_in(directory, "orders"), 2)

        assert (orders / name.replace(".corrupt", f"{again}.corrupt")).exists()


def test_records_that_are_gone_are_given_up_too(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (data / "orders-0").glob("*.log"):
        path.unlink()
    (data / "words-0" / f"{8:020d}.log").unlink()

    told = repair(capsys, data)
    accepted = repair(capsys, data, "orders-0", "words-0", "--accept-loss")

    assert [status for status, _ in (told, accepted)] == [1, 0]
    assert accepted[1] == [
        (
            "orders-0: repaired: the log ends at offset 0; 0 bytes from offset 0, position 0 of"
            f" {data / 'orders-0'}, cut off, there was nothing to keep"
        ),
        (
            f"words-0: repaired: the log ends at offset 8; 0 bytes from offset 8, position"
            f" {4 * BATCH_BYTES} of {data / 'words-0' / LOG}, cut off, there was nothing to keep"
        ),
    ]
    with directory_at(data) as directory:
        assert [log_in(directory, topic).end_offset for topic in ("orders", "words")] == [0, 8]


def test_a_torn_tail_is_left_to_the_next_start(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data / "orders-0" / f"{8:020d}.log"
    with path.open("ab") as file:
        file.write(b"torn" * 10)
    before = contents(data)

    status, lines = repair(capsys, data, "orders-0", "--accept-loss")

    assert (status, lines) == (
        0,
        [
            (
                "orders-0: a torn tail that a crash left, 40 bytes from offset 12, position"
                f" {2 * BATCH_BYTES} of {path}; the next start of the broker cuts it off"
            )
        ],
    )
    assert contents(data) == before


def test_segments_that_are_being_replaced_are_left_to_the_next_start(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "orders-0" / f"{LOG}.swap").write_bytes((data / "orders-0" / LOG).read_bytes())

    assert repair(capsys, data, "orders-0", "--accept-loss") == (
        0,
        [("orders-0: segments were being replaced; the next start of the broker completes it")],
    )


def test_what_comes_in_the_place_of_records_given_up_is_not_clean(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = data / "cleaner-offset-checkpoint"
    checkpoint.write_text("0\n2\norders 0 8\nwords 0 8\n")
    flip(data / "orders-0" / LOG, BATCH_BYTES + 70)

    assert repair(capsys, data, "orders-0", "--accept-loss")[0] == 0

    assert checkpoint.read_text() == "0\n2\norders 0 2\nwords 0 8\n"


def test_gaps_that_cleaning_left_are_fine(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orders = data / "orders-0"
    (orders / LOG).write_bytes((orders / LOG).read_bytes()[: 2 * BATCH_BYTES])
    (data / "cleaner-offset-checkpoint").write_text("0\n1\norders 0 8\n")

    assert repair(capsys, data, "orders-0") == (0, ["orders-0: fine, ends at offset 12"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--accept-loss"], "--accept-loss gives up records only of partitions that are named"),
        (["nothing-0"], "has no partition nothing-0; write names as those of its directories"),
        (["orders"], "has no partition orders; write names as those of its directories"),
    ],
)
def test_wrong_use_changes_nothing(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    before = contents(data)

    status, lines = repair(capsys, data, *arguments)

    assert status == 2
    assert told in lines[0]
    assert contents(data) == before


def test_a_directory_in_use_is_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with directory_at(data):
        status, lines = repair(capsys, data)

    assert (status, lines) == (
        2,
        [f"pykbroker: {data} is in use by a running broker; stop it first"],
    )


def test_a_directory_that_is_not_there_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _ = repair(capsys, tmp_path / "none")

    assert status == 2
    assert not (tmp_path / "none").exists()


def test_the_help_says_what_the_status_means(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["repair", "--help"])

    told = " ".join(capsys.readouterr().out.split())
    assert "Exit status: 0 nothing is damaged, or no more; 1 something is; 2 wrong use" in told


def test_a_directory_that_is_no_data_directory_does_not_pass_for_a_fine_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert repair(capsys, tmp_path) == (
        2,
        [
            (
                f"pykbroker: --data-dir {tmp_path} cannot be used (it holds neither partitions nor"
                " meta.properties); write the path of a data directory"
            )
        ],
    )
    assert contents(tmp_path) == {}


def test_partitions_are_looked_at_where_meta_properties_is_lost(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "meta.properties").unlink()

    assert repair(capsys, data, "words-0") == (0, ["words-0: fine, ends at offset 12"])


def test_what_to_do_about_a_disk_is_said_by_its_fault(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: OsFileSystem, path: str) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    monkeypatch.setattr(OsFileSystem, "lock", refuse)

    assert repair(capsys, data) == (
        2,
        [
            (
                f"pykbroker: --data-dir {data} cannot be used (Read-only file system); mount it for"
                " writing"
            )
        ],
    )
