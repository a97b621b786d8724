from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykbroker.config import ConfigError, parse_properties
from pykbroker.config.java_properties import render_properties

NAMES = st.text(min_size=1)


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ("", {}),
        ("a=b", {"a": "b"}),
        ("  a = b  ", {"a": "b  "}),
        ("a:b", {"a": "b"}),
        ("a b c", {"a": "b c"}),
        ("a\tb", {"a": "b"}),
        ("a = = b", {"a": "= b"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("=b", {"": "b"}),
        ("# a=b\n  ! c=d\n\n \t \ne=f", {"e": "f"}),
        ("a=1\na=2", {"a": "2"}),
        ("a=1\r\nb=2\rc=3", {"a": "1", "b": "2", "c": "3"}),
        ("a=b#c", {"a": "b#c"}),
        ("a=b,\\\n   c,\\\n\td", {"a": "b,c,d"}),
        ("a=b\\\n# no comment", {"a": "b# no comment"}),
        ("a=b\\\\\nc=d", {"a": "b\\", "c": "d"}),
        ("a=b\\", {"a": "b"}),
        ("\\\na=b", {"a": "b"}),
        ("\\\n\na=b", {"a": "b"}),
        ("a\\ b\\=c\\:d=e", {"a b=c:d": "e"}),
        ("a=\\t\\n\\r\\f\\x\\\\", {"a": "\t\n\r\fx\\"}),
        ("a=\\u00e4\\u0041b", {"a": "äAb"}),
        (
            "listeners=PLAINTEXT://:9092,CONTROLLER://:9093",
            {"listeners": "PLAINTEXT://:9092,CONTROLLER://:9093"},
        ),
    ],
)
def test_a_properties_file_is_read_as_java_reads_it(text: str, properties: dict[str, str]) -> None:
    assert parse_properties(text, source="a file") == properties


def test_a_broken_escape_is_refused_with_its_file_and_line() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_properties("a=b\n\nc=\\\n\\u12", source="server.properties")

    assert str(refused.value) == (
        "server.properties, line 3: \\u needs four hexadecimal digits;"
        " write \\\\u for a backslash and a u"
    )


@given(st.dictionaries(NAMES, st.text()))
def test_properties_rendered_and_parsed_are_the_same(properties: dict[str, str]) -> None:
    assert parse_properties(render_properties(properties), source="a file") == properties
