"""How the cluster's keys and values are written."""

import pytest

from pykbroker.metadata.keys import ConfigType, Keys, decode, encode, id_text, parse_id

KEYS = Keys.of("c")
ID = bytes(range(16))


@pytest.mark.parametrize(
    ("key", "written", "parsed"),
    [
        (KEYS.meta, b"/pk/c/meta", ("meta", "")),
        (KEYS.controller, b"/pk/c/controller", ("controller", "")),
        (KEYS.producer_ids, b"/pk/c/pids/next", ("pids", "next")),
        (KEYS.live(7), b"/pk/c/live/7", ("live", "7")),
        (KEYS.broker(7), b"/pk/c/brokers/7", ("brokers", "7")),
        (KEYS.topic("a.b"), b"/pk/c/topics/a.b", ("topics", "a.b")),
        (
            KEYS.topic_id(ID),
            b"/pk/c/topicids/AAECAwQFBgcICQoLDA0ODw",
            ("topicids", "AAECAwQFBgcICQoLDA0ODw"),
        ),
        (
            KEYS.partition(ID, 42),
            b"/pk/c/parts/AAECAwQFBgcICQoLDA0ODw/000042",
            ("parts", "AAECAwQFBgcICQoLDA0ODw/000042"),
        ),
        (KEYS.config(ConfigType.BROKER, ""), b"/pk/c/configs/broker/", ("configs", "broker/")),
        (
            KEYS.config("group", "g/é"),
            "/pk/c/configs/group/g/é".encode(),
            ("configs", "group/g/é"),
        ),
        (
            KEYS.gone(ID),
            b"/pk/c/gone/AAECAwQFBgcICQoLDA0ODw",
            ("gone", "AAECAwQFBgcICQoLDA0ODw"),
        ),
    ],
)
def test_a_key_is_readable_and_parses_back(
    key: bytes, written: bytes, parsed: tuple[str, str]
) -> None:
    assert key == written
    assert KEYS.parse(key) == parsed


def test_an_id_is_written_as_kafka_prints_it_and_reads_back() -> None:
    assert id_text(b"\xff" * 16) == "_____________________w"
    assert parse_id(id_text(ID)) == ID


def test_a_value_is_compact_json_with_its_version() -> None:
    assert encode({"a": [1, None]}) == b'{"v":1,"a":[1,null]}'
    assert decode(b'{"v":1,"a":[1,null]}') == {"v": 1, "a": [1, None]}


def test_a_value_of_a_later_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 2"):
        decode(b'{"v":2}')
