from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykbroker.config import (
    GROUP_PROPERTIES,
    PROPERTIES,
    TOPIC_PROPERTIES,
    ConfigError,
    Kind,
    Property,
    Value,
)
from pykbroker.config.property import LONG_MAX

ROWS = [*PROPERTIES.values(), *TOPIC_PROPERTIES.values(), *GROUP_PROPERTIES.values()]


def a_property(kind: Kind, name: str = "a.property", default: Value = None) -> Property:
    return Property(name, kind, default, doc="A property.")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_default_rendered_and_parsed_is_the_default(row: Property) -> None:
    text = row.render(row.default)

    if text is None or (row.name.startswith("controller.quorum.") and text == ""):
        return
    assert row.parse(text) == row.default


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.BOOLEAN, " True ", True),
        (Kind.BOOLEAN, "FALSE", False),
        (Kind.INT, "+5", 5),
        (Kind.INT, " -2147483648", -(2**31)),
        (Kind.INT, "-" + "0" * 5000 + "7", -7),
        (Kind.INT, "0" * 5000, 0),
        (Kind.SHORT, "32767", 32767),
        (Kind.LONG, "9223372036854775807", LONG_MAX),
        (Kind.DOUBLE, "0.5", 0.5),
        (Kind.DOUBLE, "1e3", 1000.0),
        (Kind.STRING, "  a b ", "a b"),
        (Kind.STRING, "", ""),
        (Kind.LIST, " a , b,c ", ("a", "b", "c")),
        (Kind.LIST, "", ()),
        (Kind.LIST, "a,", ("a", "")),
        (Kind.CLASS, "org.example.Thing", "org.example.Thing"),
        (Kind.PASSWORD, "secret ", "secret"),
    ],
)
def test_text_is_parsed_as_java_parses_it(kind: Kind, text: str, value: Value) -> None:
    parsed = a_property(kind).parse(text)

    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.BOOLEAN, True, "true"),
        (Kind.BOOLEAN, False, "false"),
        (Kind.INT, 1048588, "1048588"),
        (Kind.LIST, ("delete", "compact"), "delete,compact"),
        (Kind.LIST, (), ""),
        (Kind.STRING, "CreateTime", "CreateTime"),
        (Kind.STRING, None, None),
        (Kind.DOUBLE, 0.0, "0.0"),
        (Kind.DOUBLE, 0.5, "0.5"),
        (Kind.DOUBLE, 1.0, "1.0"),
        (Kind.DOUBLE, 9999999.0, "9999999.0"),
        (Kind.DOUBLE, 1e7, "1.0E7"),
        (Kind.DOUBLE, 0.0001, "1.0E-4"),
        (Kind.DOUBLE, 123456789.125, "1.23456789125E8"),
        (Kind.DOUBLE, -2.5e-10, "-2.5E-10"),
        (Kind.DOUBLE, 1.7976931348623157e308, "1.7976931348623157E308"),
    ],
)
def test_a_value_is_rendered_as_java_renders_it(kind: Kind, value: Value, text: str | None) -> None:
    assert a_property(kind).render(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_rendered_and_parsed_is_the_same(value: float) -> None:
    row = a_property(Kind.DOUBLE)

    text = row.render(value)

    assert text is not None
    assert row.parse(text) == value


@given(st.integers(-(2**63), LONG_MAX))
def test_a_long_rendered_and_parsed_is_the_same(value: int) -> None:
    row = a_property(Kind.LONG)

    text = row.render(value)

    assert text is not None
    assert row.parse(text) == value


@given(st.lists(st.from_regex(r"[a-z0-9:._-]+", fullmatch=True)).map(tuple))
def test_a_list_rendered_and_parsed_is_the_same(value: tuple[str, ...]) -> None:
    row = a_property(Kind.LIST)

    text = row.render(value)

    assert text is not None
    assert row.parse(text) == value


@given(st.text(), st.sampled_from(ROWS))
def test_any_text_is_parsed_or_refused_with_a_sentence(text: str, row: Property) -> None:
    sentence = ""
    try:
        row.parse(text)
    except ConfigError as refused:
        sentence = refused.message

    assert not sentence or f"; write {row.name}=" in sentence or f"example, {row.name}=" in sentence


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "num.partitions",
            "three",
            "num.partitions=three is not a whole number; write, for example, num.partitions=1",
        ),
        (
            "num.partitions",
            "0",
            "num.partitions=0 is not allowed: it must be at least 1; write num.partitions=1",
        ),
        (
            "num.partitions",
            "99999999999",
            (
                "num.partitions=99999999999 is not a 32-bit number;"
                " write, for example, num.partitions=2147483647"
            ),
        ),
        (
            "num.partitions",
            "2147483648",
            (
                "num.partitions=2147483648 is not a 32-bit number;"
                " write, for example, num.partitions=2147483647"
            ),
        ),
        (
            "log.segment.bytes",
            "1GB",
            (
                "log.segment.bytes=1GB is not a whole number of bytes;"
                " write, for example, log.segment.bytes=1073741824"
            ),
        ),
        (
            "log.retention.ms",
            "1.5d",
            (
                "log.retention.ms=1.5d is not a whole number of ms;"
                " write, for example, log.retention.ms=129600000"
            ),
        ),
        (
            "message.max.bytes",
            "1,000,000",
            (
                "message.max.bytes=1,000,000 is not a whole number of bytes;"
                " write, for example, message.max.bytes=1000000"
            ),
        ),
        (
            "offsets.retention.minutes",
            "7d",
            (
                "offsets.retention.minutes=7d is not a whole number of minutes;"
                " write, for example, offsets.retention.minutes=10080"
            ),
        ),
        (
            "log.retention.ms",
            "1.2.3",
            (
                "log.retention.ms=1.2.3 is not a whole number of ms;"
                " write, for example, log.retention.ms=1"
            ),
        ),
        (
            "num.partitions",
            "9" * 5000,
            (
                f"num.partitions={'9' * 200}... is not a 32-bit number;"
                " write, for example, num.partitions=2147483647"
            ),
        ),
        (
            "log.retention.ms",
            "9" * 400 + "d",
            (
                f"log.retention.ms={'9' * 200}... is not a whole number of ms;"
                " write, for example, log.retention.ms=1"
            ),
        ),
        (
            "auto.create.topics.enable",
            "yes",
            (
                "auto.create.topics.enable=yes is not true or false;"
                " write, for example, auto.create.topics.enable=true"
            ),
        ),
        (
            "auto.create.topics.enable",
            "none",
            (
                "auto.create.topics.enable=none is not true or false;"
                " write, for example, auto.create.topics.enable=false"
            ),
        ),
        (
            "log.cleaner.min.cleanable.ratio",
            "half",
            (
                "log.cleaner.min.cleanable.ratio=half is not a number;"
                " write, for example, log.cleaner.min.cleanable.ratio=0.5"
            ),
        ),
        (
            "compression.type",
            "gzp",
            (
                "compression.type=gzp is not allowed: it must be one of uncompressed, zstd, lz4,"
                " snappy, gzip, producer; write compression.type=gzip"
            ),
        ),
    ],
)
def test_a_wrong_value_is_refused_with_what_to_write_instead(
    name: str, text: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        PROPERTIES[name].parse(text)

    assert str(refused.value) == sentence


def test_a_wrong_secret_is_not_told() -> None:
    secret = Property("a.secret", Kind.PASSWORD, None, PROPERTIES["compression.type"].check)

    with pytest.raises(ConfigError) as refused:
        secret.parse("hunter2")

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("log.segment.bytes", "bytes"),
        ("log.cleaner.dedupe.buffer.size", "bytes"),
        ("log.cleaner.io.max.bytes.per.second", "bytes/s"),
        ("log.roll.ms", "ms"),
        ("leader.imbalance.check.interval.seconds", "s"),
        ("log.retention.hours", "hours"),
        ("offsets.retention.minutes", "minutes"),
        ("num.partitions", ""),
        ("ssl.keystore.location", ""),
    ],
)
def test_a_name_tells_the_unit(name: str, unit: str) -> None:
    assert PROPERTIES[name].unit == unit
