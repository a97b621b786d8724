from __future__ import annotations

import subprocess
import sys
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykbroker.coordinator.topic_pattern import (
    COUNTS_MAX,
    OPTIONAL_MAX,
    PATTERN_BYTES_MAX,
    UNICODE_CLASSES_MAX,
    compile_pattern,
)
from pykbroker.errors import ErrorCode, KafkaError


def refusal_of(pattern: str) -> KafkaError:
    with pytest.raises(KafkaError) as refused:
        compile_pattern(pattern)
    return refused.value


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("orders", "orders", True),
        ("orders", "orders-1", False),
        ("orders", "my-orders", False),
        ("orders.*", "orders-1", True),
        ("^orders$", "orders", True),
        ("a|ab", "ab", True),
        ("a.b", "a-b", True),
        (r"a\.b", "a-b", False),
        (r"\Qa.b\E", "a.b", True),
        ("(?i)ORDERS", "orders", True),
        ("(?P<team>[a-z]+)[.].*", "billing.invoices", True),
        ("(?<team>[a-z]+)[.].*", "billing.invoices", True),
        (r"\w+-\d{2}", "orders-07", True),
        ("[[:alpha:]]+", "orders7", False),
        (r"[\p{L}]+", "orders", True),
        ("[^é]+", "orders", True),
        ("", "orders", False),
        ("(?m)^orders$", "orders", True),
        (".*", "__consumer_offsets", True),
        ("(a?){50}a{50}", "a" * 50, True),
    ],
)
def test_a_pattern_matches_whole_names_only(pattern: str, name: str, matches: bool) -> None:
    assert compile_pattern(pattern).matches(name) is matches


@pytest.mark.row(112)
@pytest.mark.bad_input(40)
@pytest.mark.parametrize(
    "pattern",
    [
        "[",
        "[]",
        "(",
        ")",
        "*a",
        "a**",
        "a{2,1}",
        "a{1001}",
        "[b-a]",
        "\\",
        r"(a)\1",
        "(?=a)a",
        "(?<!a)b",
        "(?>a)",
        "(?P=name)",
        "(?x)a",
        r"a\Z",
        r"\u0041",
        r"\p{Klingon}",
        "[[:letter:]]",
        "(?P<name",
    ],
    ids=ascii,
)
def test_what_re2_cannot_do_is_refused(pattern: str) -> None:
    assert refusal_of(pattern).code is ErrorCode.INVALID_REGULAR_EXPRESSION


@pytest.mark.parametrize("pattern", [r"\C", r"a\\\C", r"\Q\E\C", r"\Qa\E\C+"])
def test_a_single_byte_is_refused_as_in_kafka(pattern: str) -> None:
    assert refusal_of(pattern).code is ErrorCode.INVALID_REGULAR_EXPRESSION


@pytest.mark.parametrize("pattern", [r"\\C", r"\Q\C\E", r"a\\\\C", r"\Q\C"])
def test_a_backslash_that_is_quoted_is_no_escape(pattern: str) -> None:
    compile_pattern(pattern)


def test_a_refusal_names_the_pattern_and_the_fault() -> None:
    assert str(refusal_of("a(")) == (
        "INVALID_REGULAR_EXPRESSION: topics cannot be subscribed to by the regular expression"
        " a(: missing ): a("
    )


def test_a_refusal_shows_the_beginning_of_a_long_pattern_only() -> None:
    assert len(str(refusal_of("a(" * 4000))) < 300


LONGEST = PATTERN_BYTES_MAX


@pytest.mark.bad_input(40)
@pytest.mark.parametrize(
    "pattern",
    [
        "a" * 65_536,
        "(a+)+" * 13_107,
        "é" * (LONGEST // 2 + 1),
        r"\pZ" * (UNICODE_CLASSES_MAX + 1),
        r"\PZ" * (UNICODE_CLASSES_MAX + 1),
        "a{1}" * (COUNTS_MAX + 1),
        "a?" * (OPTIONAL_MAX + 1),
        "a{1000}" * COUNTS_MAX,
        r"(?i)\PL" * UNICODE_CLASSES_MAX,
        "((a{10}){10}){11}",
        "." * LONGEST,
    ],
    ids=lambda pattern: f"{pattern[:8]!a}",
)
def test_a_pattern_that_is_too_large_is_refused_at_once(pattern: str) -> None:
    compile_pattern("warm")
    started = perf_counter()

    refusal = refusal_of(pattern)

    assert refusal.code is ErrorCode.INVALID_REGULAR_EXPRESSION
    assert perf_counter() - started < 0.1  # measured: at most 0.006


@pytest.mark.bad_input(40)
@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|aa)+$",
        "(a|a?)+$",
        "(.*)*b(.*)*b",
        "(?:(?:(?:a*)*)*)*b",
        "(a?){1000}b",
        "(|a)+" * 1000,
        "[ab]?a?" * (OPTIONAL_MAX // 2),
    ],
    ids=lambda pattern: f"{pattern[:8]!a}",
)
def test_a_hostile_name_takes_no_longer_than_its_length(pattern: str) -> None:
    compiled = compile_pattern(pattern)
    names = ["a" * 248 + "!", "ab" * 124, "a" * 249]
    started = perf_counter()

    for name in names:
        compiled.matches(name)

    assert perf_counter() - started < 0.3  # measured: at most 0.02


def test_a_pattern_as_long_as_allowed_is_compiled() -> None:
    names = [f"topic-{number:03}-of-some-department" for number in range(250)]
    pattern = "|".join(names)
    assert len(pattern) <= LONGEST

    compiled = compile_pattern(pattern)

    assert all(compiled.matches(name) for name in names)
    assert not compiled.matches("topic-250-of-some-department")


@given(st.text("ab.*+?()[]{}|\\^$-:,019iPpLQEC<>\né", max_size=12))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    refused = None
    try:
        compile_pattern(text).matches("orders")
    except KafkaError as refusal:
        refused = refusal.code

    assert refused in (None, ErrorCode.INVALID_REGULAR_EXPRESSION)


def test_the_engine_says_nothing_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    refusal_of("a(")
    refusal_of("a{1000}" * COUNTS_MAX)

    assert capfd.readouterr() == ("", "")


def test_the_engine_is_imported_with_the_first_pattern() -> None:
    program = "import sys, pykbroker.coordinator.topic_pattern; sys.exit('re2' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_without_the_engine_a_pattern_is_refused_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)

    refusal = refusal_of("orders.*")

    assert refusal.code is ErrorCode.INVALID_REGULAR_EXPRESSION
    assert "google-re2" in str(refusal)
    assert "pip install 'pykbroker[regex]'" in str(refusal)
