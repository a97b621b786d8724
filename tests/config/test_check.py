from __future__ import annotations

import pytest

from pykbroker.config.check import (
    AutoOffsetReset,
    Check,
    Choice,
    Items,
    NotEmpty,
    ThrottledReplicas,
    Value,
    at_least,
    between,
    closest,
    one_of,
)

POLICIES = Items(("compact", "delete"))
SOME = Items(may_be_empty=False)
CASELESS = Choice(("UPGRADE", "DOWNGRADE"), any_case=True)


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (at_least(1), 1),
        (at_least(-2), -2),
        (between(1, 9), 9),
        (between(1, 9, also=-1), -1),
        (between(0, 1), 0.5),
        (one_of("a", "b"), "b"),
        (CASELESS, "upgrade"),
        (POLICIES, ()),
        (POLICIES, ("delete", "compact")),
        (SOME, ("x",)),
        (NotEmpty(), "x"),
        (ThrottledReplicas(), ("0:1", "12:3")),
        (ThrottledReplicas(), ("*",)),
        (ThrottledReplicas(), ()),
        (AutoOffsetReset(), "earliest"),
        *[
            (AutoOffsetReset(), f"by_duration:{duration}")
            for duration in (
                *("P1D", "p1dt2h3m4.5s", "PT0S", "PT-0.0S", "PT1,5S", "PT5.S", "+PT1H", "PT+1H"),
                *("PT-1H61M", "P-1DT24H", "-PT-1H"),
            )
        ],
    ],
)
def test_a_check_admits(check: Check, value: Value) -> None:
    assert check.admits(value)


@pytest.mark.parametrize(
    ("check", "value", "nearest"),
    [
        (at_least(1), 0, "1"),
        (between(1, 9), 10, "9"),
        (between(1, 9, also=-1), 0, "1"),
        (one_of("alpha", "beta"), "betta", "beta"),
        (one_of("alpha", "beta"), "zzz", "alpha"),
        (CASELESS, "downgrde", "DOWNGRADE"),
        (POLICIES, ("deleet",), "delete"),
        (POLICIES, ("delete", "delete"), "delete"),
        (POLICIES, ("zzz",), "compact"),
        (POLICIES, ("compact", ""), "compact"),
        (SOME, (), ""),
        (SOME, ("a", "a", "b"), "a,b"),
        (NotEmpty(), "", "..."),
        (ThrottledReplicas(), ("0:1", "x"), "0:1"),
        (ThrottledReplicas(), ("*", "0:1"), "0:1"),
        (ThrottledReplicas(), ("x",), "*"),
        (AutoOffsetReset(), "none", "latest"),
        (AutoOffsetReset(), "Earliest", "earliest"),
        *[
            (AutoOffsetReset(), f"by_duration:{duration}", "latest")
            for duration in (
                *(
                    "",
                    "P",
                    "PT",
                    "P1DT",
                    "P1W",
                    "PT1.5H",
                    "PT.5S",
                    "1D",
                    "P1D ",
                    "T1H",
                    "PT1.1234567890S",
                ),
                *("-P1D", "PT-0.5S", "P-1DT23H59M59.9S", "-PT1H", "P" + "9" * 5000 + "D"),
            )
        ],
    ],
)
def test_a_check_refuses_and_tells_the_nearest_admitted_value(
    check: Check, value: Value, nearest: str
) -> None:
    assert not check.admits(value)
    assert check.nearest(value) == nearest
    assert check.rule


@pytest.mark.parametrize(
    ("check", "text", "rule"),
    [
        (at_least(1), "[1,...]", "at least 1"),
        (between(1, 9), "[1,...,9]", "from 1 to 9"),
        (between(1, 9, also=-1), "[1,...,9] or -1", "from 1 to 9, or -1"),
        (one_of("a", "b"), "[a, b]", "one of a, b"),
        (CASELESS, "(any case) [UPGRADE, DOWNGRADE]", "one of UPGRADE, DOWNGRADE"),
        (POLICIES, "[compact, delete]", "a list of compact, delete, each once"),
        (SOME, "", "a list with commas, each once and not empty"),
        (
            AutoOffsetReset(),
            "[latest, earliest, by_duration:PnDTnHnMn.nS]",
            "latest, earliest or by_duration: and an ISO 8601 duration, as in by_duration:PT1H",
        ),
        (NotEmpty(), "non-empty string", "some text"),
    ],
)
def test_a_check_is_written_as_kafka_writes_it_and_said_in_words(
    check: Check, text: str, rule: str
) -> None:
    assert (str(check), check.rule) == (text, rule)


def test_the_closest_word_is_found_in_any_case_or_there_is_none() -> None:
    assert closest("GZIPP", ("gzip", "zstd")) == "gzip"
    assert closest("qqq", ("gzip", "zstd")) is None


def test_text_that_is_not_empty_is_its_own_nearest() -> None:
    assert NotEmpty().nearest("x") == "x"
