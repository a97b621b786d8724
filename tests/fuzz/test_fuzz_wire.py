"""The fuzzer finds what it is there to find, and a short run of it finds nothing."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from pykbroker.errors import ProtocolError
from tests.fuzz import fuzz_wire
from tests.fuzz.fuzz_wire import Broken, Fuzzer, fuzz, shown, slowness
from tests.fuzz.rounds import ROUNDS
from tests.fuzz.targets import Target, every_target


def a_fuzzer(feed: Callable[[bytes], object]) -> Fuzzer:
    swell: Callable[[Random], bytes] = lambda random: bytes(random.choice((10, 20_000)))  # noqa: E731
    return Fuzzer([Target("a parser", feed, (b"abc", b"defgh"), swell)], Random(1))


def test_no_parser_breaks_on_a_few_thousand_frames() -> None:
    fuzzer = Fuzzer(every_target(Random(0)), Random(0))

    assert fuzzer.run(5_000 * ROUNDS) is None
    assert fuzzer.totals.frames == 5_000 * ROUNDS
    assert 0 < fuzzer.totals.accepted < fuzzer.totals.frames


def test_another_exception_than_protocol_error_is_reported_with_its_bytes() -> None:
    def feed(data: bytes) -> None:
        if len(data) == 4:
            raise IndexError("beyond")
        raise ProtocolError("no")

    broken = a_fuzzer(feed).run(1_000)

    assert isinstance(broken, Broken)
    assert (broken.target, broken.reason) == ("a parser", "raised IndexError('beyond')")
    assert len(broken.data) == 4


def test_memory_beyond_the_allowance_is_reported() -> None:
    def feed(data: bytes) -> object:
        return bytearray(20 * len(data) + (2 << 20))

    broken = a_fuzzer(feed).run(20_000)

    assert broken is not None
    assert broken.reason.startswith("allocated")


def test_more_objects_than_the_allowance_are_reported() -> None:
    fuzzer = a_fuzzer(lambda _: [[] for _ in range(100_000)])
    gc.collect()  # what is freed meanwhile would be taken off the count

    reason = fuzzer.feed(fuzzer.targets[0], b"abc", count=True)

    assert reason is not None
    assert reason.startswith("made ")


def test_a_parser_that_needs_more_time_than_its_bytes_deserve_is_reported() -> None:
    def feed(_: bytes) -> None:
        start = time.thread_time()
        while time.thread_time() - start < 0.02:
            pass

    broken = a_fuzzer(feed).run(10)

    assert broken is not None
    assert broken.reason.startswith("took 2")


def test_a_machine_that_was_slow_once_is_not_held_against_the_parser() -> None:
    assert slowness(Target("a parser", len, (b"",)), b"") is None


def test_the_same_seed_feeds_the_same_frames() -> None:
    def frames_of(seed: int) -> list[bytes]:
        fuzzer = Fuzzer(every_target(Random(seed))[::100], Random(seed))
        return [fuzzer.frame(target)[0] for target in fuzzer.targets]

    assert frames_of(5) == frames_of(5) != frames_of(6)


def test_what_broke_a_parser_is_shown_in_hex_or_lies_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert shown(Broken("a parser", "raised", b"\x00\xff"), 7) == "00ff"
    assert shown(Broken("a parser", "raised", bytes(5_000)), 7) == "5000 bytes in build/fuzz-7.bin"
    assert (tmp_path / "build" / "fuzz-7.bin").read_bytes() == bytes(5_000)


def test_a_broken_parser_ends_the_run_with_exit_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Target("a parser", lambda data: data[10_000], (b"abc",))
    monkeypatch.setattr(fuzz_wire, "every_target", lambda _: [broken])

    assert fuzz_wire.main(["--seed", "4", "--frames", "100"]) == 1
    assert "BROKEN a parser: raised IndexError" in capsys.readouterr().out


def test_a_run_tells_its_totals_and_its_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz(3, seconds=60, frames=1_500) == 0

    told = capsys.readouterr().out
    assert told.startswith("seed 3, ")
    assert "1,500 frames" in told
