"""Which topic names are allowed."""

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.topic_names import (
    check_topic_name,
    collisions,
    is_internal,
)

OTHER = "characters other than ASCII letters, digits, '.', '_' and '-'"


@pytest.mark.parametrize("name", ["a", "A-z_0.9", "...", "x" * 249, "__consumer_offsets"])
def test_a_legal_name_is_let_pass(name: str) -> None:
    check_topic_name(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "Topic name is invalid: the empty string is not allowed"),
        (".", "Topic name is invalid: '.' is not allowed"),
        ("..", "Topic name is invalid: '..' is not allowed"),
        (
            "x" * 250,
            f"Topic name is invalid: '{'x' * 250}' has 250 characters, at most 249 are allowed",
        ),
        ("a b", f"Topic name is invalid: 'a b' has {OTHER}"),
        ("a\n", f"Topic name is invalid: 'a\n' has {OTHER}"),
        ("٣", f"Topic name is invalid: '٣' has {OTHER}"),
    ],
)
def test_row_24_an_illegal_name_is_refused_with_its_reason(name: str, reason: str) -> None:
    with pytest.raises(KafkaError) as refusal:
        check_topic_name(name)

    assert (refusal.value.code, refusal.value.message) == (
        ErrorCode.INVALID_TOPIC_EXCEPTION,
        reason,
    )


def test_names_collide_when_metrics_cannot_tell_them_apart() -> None:
    assert collisions(["a.b", "c", "d_e"]) == {"a_b": "a.b", "d_e": "d_e"}


def test_the_topics_of_the_coordinators_are_internal() -> None:
    names = ["__consumer_offsets", "__transaction_state", "__share_group_state", "__mine"]

    assert [is_internal(name) for name in names] == [True, True, True, False]
