from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pykbroker import __version__, cli
from pykbroker.config import DataDirectories, Settings, load, parse_properties


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Settings]]:
    """Settings of the brokers that were started; the broker itself is a fake."""
    settings: list[Settings] = []
    process = ModuleType("pykbroker.process")
    process.run = lambda one: settings.append(one) or 0  # type: ignore[attr-defined, func-returns-value]
    monkeypatch.setitem(sys.modules, "pykbroker.process", process)
    for variable in os.environ:
        if variable.startswith("KAFKA_") or variable == "CLUSTER_ID":
            monkeypatch.delenv(variable)
    root = logging.getLogger()
    level = root.level
    yield settings
    gc.enable()  # what the broker would do when it is ready
    root.setLevel(level)
    for handler in root.handlers[:]:
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)


def test_serve_without_options_keeps_data_below_the_working_directory(
    started: list[Settings],
) -> None:
    assert cli.main(["serve"]) == 0

    assert started == [Settings(load(), DataDirectories(("data",), "data"), None)]


def test_serve_hands_all_sources_of_properties_to_the_broker(
    started: list[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "server.properties"
    file.write_text("num.partitions=2\nlog.dirs=/from/file\nbroker.rack=a\n")
    monkeypatch.setenv("KAFKA_NUM_PARTITIONS", "3")
    options = [
        *("--config", str(file), "--override", "compression.type=zstd", "--port", "0"),
        *("--profile", "test", "--ready-file", "ready", "--log-level", "error"),
    ]

    assert cli.main(["serve", *options]) == 0

    (settings,) = started
    names = ("num.partitions", "broker.rack", "compression.type", "offsets.topic.num.partitions")
    assert [settings.config[name] for name in names] == [3, "a", "zstd", 1]
    assert settings.config.items("listeners") == ("PLAINTEXT://127.0.0.1:0",)
    assert settings.data == DataDirectories(("/from/file",), "/from/file")
    assert settings.ready_file == "ready"


def test_a_data_directory_wins_over_the_properties_and_is_shown_in_them(
    started: list[Settings],
) -> None:
    assert cli.main(["serve", "--data-dir", "here", "--override", "log.dirs=/there"]) == 0

    assert started[0].data == DataDirectories(("here",), "here")
    assert started[0].config.items("log.dirs") == ("here",)


def test_in_memory_there_is_no_data_directory(started: list[Settings]) -> None:
    assert cli.main(["serve", "--memory"]) == 0

    assert started[0].data is None


@pytest.mark.usefixtures("started")
def test_what_has_no_effect_is_logged_at_start(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().handlers.clear()  # pytest's own would keep the command's from coming

    cli.main(["serve", "--memory", "--override", "num.io.threads=9"])

    written = capsys.readouterr()
    assert "INFO pykbroker properties profile=kafka data=memory" in written.err
    assert "WARNING pykbroker accepted, not acted upon yet: num.io.threads" in written.err
    assert written.out == ""


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--override", "num.partition=3"],
            "--override: num.partition is not a broker property; did you mean num.partitions?",
        ),
        (
            ["--override", "num.partitions=three"],
            (
                "--override: num.partitions=three is not a whole number;"
                " write, for example, num.partitions=1"
            ),
        ),
        (
            ["--override", "listeners=PLAINTEXT://0.0.0.0:9092"],
            (
                "listener PLAINTEXT://0.0.0.0:9092 would let anyone who reaches this machine read"
                " and write without a password; write 127.0.0.1, or"
                " pykbroker.allow.open.plaintext=true if that is what you want"
            ),
        ),
        (
            ["--config", "nowhere.properties"],
            (
                "--config nowhere.properties cannot be read (No such file or directory);"
                " write the path of a properties file"
            ),
        ),
        (
            ["--data-dir", "a,a"],
            (
                "--override: log.dirs=a,a is not allowed: it must be a list with commas, each once"
                " and not empty; write log.dirs=a"
            ),
        ),
    ],
)
def test_a_wrong_property_ends_with_status_2_and_one_sentence(
    started: list[Settings],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    sentence: str,
) -> None:
    assert cli.main(["serve", *options]) == 2

    assert capsys.readouterr().err == f"pykbroker: {sentence}\n"
    assert started == []


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    "options",
    [
        [],
        ["start"],
        ["serve", "--port", "http"],
        ["serve", "--memory", "--data-dir", "x"],
        ["serve", "--prof", "test"],
        ["serve", "--profile", "production"],
    ],
)
def test_a_wrong_option_ends_with_status_2_and_the_usage(
    capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(options)

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: pykbroker")


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"pykbroker {__version__}\n"


def test_the_help_tells_the_defaults_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["serve", "--help"])

    text = " ".join(capsys.readouterr().out.split())
    config = load()
    (listener,) = config.items("listeners")
    assert f"default: log.dirs, which is ./{config.items('log.dir')[0]}" in text
    assert f"default: listeners, which is {listener.rpartition(':')[2]}" in text
    assert "set (default: kafka)" in text
    assert "least to log (default: info)" in text


def test_the_printed_table_is_a_file_to_start_with(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, started: list[Settings]
) -> None:
    cli.main(["config", "--profile", "test"])
    file = tmp_path / "printed.properties"
    file.write_text(capsys.readouterr().out)

    assert cli.main(["serve", "--config", str(file)]) == 0

    assert started[0].config["offsets.topic.num.partitions"] == 1


def test_the_differences_and_the_topics_table_are_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cli.main(["config", "--diff", "--profile", "test"])
    differences = capsys.readouterr().out
    cli.main(["config", "--topics"])
    topics = capsys.readouterr().out

    assert "group.initial.rebalance.delay.ms=0\n" in differences
    assert "num.io.threads" not in differences
    assert "\ncleanup.policy=delete\n" in topics


def test_a_file_in_latin_1_is_read_as_java_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "latin.properties"
    file.write_bytes("broker.rack=Straße".encode("latin-1"))

    assert cli.main(["config", "--config", str(file), "--diff"]) == 0

    properties = parse_properties(capsys.readouterr().out, source="the listing")
    assert properties["broker.rack"] == "Straße"


def test_a_reader_that_has_seen_enough_of_the_table_is_no_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as closed:
        monkeypatch.setattr(sys, "stdout", closed)

        assert cli.main(["config"]) == 0


def test_python_dash_m_is_the_command_line() -> None:
    command = [sys.executable, "-m", "pykbroker", "--version"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, f"pykbroker {__version__}\n")
