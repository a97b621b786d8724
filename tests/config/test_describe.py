from __future__ import annotations

import pytest

from pykbroker.config import (
    GROUP_PROPERTIES,
    PROPERTIES,
    TOPIC_PROPERTIES,
    Config,
    Entry,
    Kind,
    Source,
    Synonym,
    created_topic,
    describe_broker,
    describe_broker_default,
    describe_group,
    describe_topic,
    load,
)

DEFAULT = Source.DEFAULT_CONFIG
STATIC = Source.STATIC_BROKER_CONFIG
ALL_BROKERS = Source.DYNAMIC_DEFAULT_BROKER_CONFIG
THIS_BROKER = Source.DYNAMIC_BROKER_CONFIG
TOPIC = Source.DYNAMIC_TOPIC_CONFIG
GROUP = Source.DYNAMIC_GROUP_CONFIG


def entry(entries: tuple[Entry, ...], name: str) -> Entry:
    (found,) = [entry for entry in entries if entry.name == name]
    return found


def test_a_topics_own_value_is_shown_before_its_brokers_and_kafkas() -> None:
    config = Config({"log.segment.bytes": "2097152"}).with_dynamic(
        default={"log.segment.bytes": "3145728"}, broker={"log.segment.bytes": "4194304"}
    )

    described = entry(describe_topic({"segment.bytes": "1048576"}, config), "segment.bytes")

    assert described == Entry(
        name="segment.bytes",
        value="1048576",
        source=TOPIC,
        kind=Kind.INT,
        read_only=False,
        is_sensitive=False,
        synonyms=(
            Synonym("segment.bytes", "1048576", TOPIC),
            Synonym("log.segment.bytes", "4194304", THIS_BROKER),
            Synonym("log.segment.bytes", "3145728", ALL_BROKERS),
            Synonym("log.segment.bytes", "2097152", STATIC),
            Synonym("log.segment.bytes", "1073741824", DEFAULT),
        ),
        documentation=TOPIC_PROPERTIES["segment.bytes"].doc,
    )


def test_all_of_a_topics_properties_are_shown_and_the_internal_one_when_set() -> None:
    names = {entry.name for entry in describe_topic({}, Config())}
    with_internal = {
        entry.name for entry in describe_topic({"internal.segment.bytes": "100"}, Config())
    }

    assert names == set(TOPIC_PROPERTIES) - {"internal.segment.bytes"}
    assert with_internal == set(TOPIC_PROPERTIES)


def test_a_topic_in_hours_shows_its_value_but_not_where_it_comes_from_as_in_kafka() -> None:
    described = entry(describe_topic({}, Config({"log.retention.hours": "1"})), "retention.ms")

    assert (described.value, described.source, described.synonyms) == ("3600000", DEFAULT, ())


def test_a_created_topic_tells_where_hours_come_from() -> None:
    config = Config({"log.retention.hours": "1"}).with_dynamic(
        default={"message.max.bytes": "5"}, broker={"min.insync.replicas": "2"}
    )

    created = created_topic({"segment.ms": "7"}, config)

    shown = {entry.name: (entry.value, entry.source) for entry in created}
    assert len(shown) == 33
    assert shown["retention.ms"] == ("3600000", STATIC)
    assert shown["max.message.bytes"] == ("5", ALL_BROKERS)
    assert shown["min.insync.replicas"] == ("2", THIS_BROKER)
    assert shown["segment.ms"] == ("7", TOPIC)
    assert shown["segment.bytes"] == ("1073741824", DEFAULT)


def test_a_groups_own_value_is_shown_before_its_brokers_and_kafkas() -> None:
    config = Config({"group.consumer.assignment.interval.ms": "7"}).with_dynamic(
        default={"group.consumer.assignment.interval.ms": "8"}
    )

    described = entry(
        describe_group({"consumer.assignment.interval.ms": " 9"}, config),
        "consumer.assignment.interval.ms",
    )

    assert described == Entry(
        name="consumer.assignment.interval.ms",
        value="9",
        source=GROUP,
        kind=Kind.INT,
        read_only=False,
        is_sensitive=False,
        synonyms=(
            Synonym("consumer.assignment.interval.ms", "9", GROUP),
            Synonym("group.consumer.assignment.interval.ms", "8", ALL_BROKERS),
            Synonym("group.consumer.assignment.interval.ms", "7", STATIC),
            Synonym("group.consumer.assignment.interval.ms", "1000", DEFAULT),
        ),
        documentation=GROUP_PROPERTIES["consumer.assignment.interval.ms"].doc,
    )


def test_a_group_that_sets_nothing_shows_what_its_broker_has() -> None:
    entries = describe_group({}, load(profile="test"))

    shown = {entry.name: (entry.value, entry.source) for entry in entries}
    assert list(shown) == list(GROUP_PROPERTIES)
    assert shown["consumer.heartbeat.interval.ms"] == ("100", STATIC)
    assert shown["consumer.assignment.interval.ms"] == ("0", STATIC)
    assert shown["consumer.session.timeout.ms"] == ("45000", DEFAULT)
    assert shown["share.isolation.level"] == ("read_uncommitted", DEFAULT)


def test_a_group_property_that_follows_nothing_has_its_default_as_a_synonym() -> None:
    name = "share.isolation.level"

    described = entry(describe_group({name: "read_committed"}, Config()), name)

    assert described.synonyms == (
        Synonym(name, "read_committed", GROUP),
        Synonym(name, "read_uncommitted", DEFAULT),
    )
    assert described.documentation.endswith("(Accepted, not acted upon yet.)")


def test_values_are_shown_as_they_hold_and_synonyms_as_they_were_written() -> None:
    described = entry(describe_broker(Config({"num.partitions": " +3"})), "num.partitions")

    assert described.value == "3"
    assert described.synonyms == (
        Synonym("num.partitions", " +3", STATIC),
        Synonym("num.partitions", "1", DEFAULT),
    )


def test_a_broker_shows_all_properties_but_the_internal_ones_that_nobody_set() -> None:
    names = [entry.name for entry in describe_broker(Config())]
    with_internal = [
        entry.name for entry in describe_broker(Config({"log.initial.task.delay.ms": "1"}))
    ]

    assert set(names) == {name for name, row in PROPERTIES.items() if not row.internal}
    assert set(with_internal) - set(names) == {"log.initial.task.delay.ms"}


def test_the_synonyms_of_retention_begin_at_the_property_asked_for() -> None:
    entries = describe_broker(Config({"log.retention.minutes": "2"}))

    shown = {
        name: entry(entries, name).synonyms
        for name in ("log.retention.ms", "log.retention.minutes", "log.retention.hours")
    }
    assert shown == {
        "log.retention.ms": (),
        "log.retention.minutes": (
            Synonym("log.retention.minutes", "2", STATIC),
            Synonym("log.retention.hours", "168", DEFAULT),
        ),
        "log.retention.hours": (Synonym("log.retention.hours", "168", DEFAULT),),
    }


def test_the_flush_interval_has_the_scheduler_as_a_synonym_and_not_the_reverse() -> None:
    entries = describe_broker(Config({"log.flush.interval.ms": "5"}))

    assert [synonym.name for synonym in entry(entries, "log.flush.interval.ms").synonyms] == [
        "log.flush.interval.ms",
        "log.flush.scheduler.interval.ms",
    ]
    assert len(entry(entries, "log.flush.scheduler.interval.ms").synonyms) == 1


def test_a_secret_is_never_shown() -> None:
    secret = {"ssl.key.password": "hunter2", "listener.name.a.ssl.keystore.password": "hunter3"}

    entries = describe_broker(Config(secret).with_dynamic(broker=secret, default=secret))

    assert "hunter" not in repr(entries)
    for name in secret:
        shown = entry(entries, name)
        assert (shown.value, shown.is_sensitive, shown.kind) == (None, True, Kind.PASSWORD)
        assert {synonym.value for synonym in shown.synonyms} == {None}


def test_a_listeners_own_value_has_the_general_one_as_a_synonym() -> None:
    name = "listener.name.a.ssl.client.auth"

    shown = entry(describe_broker(Config({name: "required"})), name)

    assert (shown.value, shown.read_only, shown.kind) == ("required", False, Kind.STRING)
    assert shown.synonyms == (
        Synonym(name, "required", STATIC),
        Synonym("ssl.client.auth", "none", DEFAULT),
    )


def test_a_plug_ins_property_is_treated_as_a_secret() -> None:
    shown = entry(describe_broker(Config({"super.users": "User:a"})), "super.users")

    assert (shown.value, shown.is_sensitive, shown.read_only) == (None, True, True)
    assert (shown.kind, shown.source) == (Kind.UNKNOWN, STATIC)


@pytest.mark.parametrize(
    ("name", "read_only"),
    [
        ("num.partitions", True),
        ("log.retention.ms", False),
        ("ssl.client.auth", False),
        ("ssl.keystore.location", True),
    ],
)
def test_read_only_is_what_no_client_can_set(name: str, read_only: bool) -> None:
    assert entry(describe_broker(Config()), name).read_only is read_only


def test_a_property_without_effect_says_so() -> None:
    entries = describe_broker(Config())

    assert entry(entries, "num.io.threads").documentation == (
        "Threads that carry out requests. (Accepted, not acted upon yet.)"
    )
    assert entry(entries, "num.partitions").documentation == (
        "Partitions of a topic whose creator names no number."
    )


def test_without_a_broker_id_only_what_was_set_for_all_brokers_is_shown() -> None:
    config = load(overrides=["num.partitions=3"]).with_dynamic(
        default={"log.retention.ms": "5", "ssl.key.password": "hunter2"},
        broker={"message.max.bytes": "6"},
    )

    described = describe_broker_default(config)

    assert [(entry.name, entry.value, entry.source) for entry in described] == [
        ("log.retention.ms", "5", ALL_BROKERS),
        ("ssl.key.password", None, ALL_BROKERS),
    ]
    assert described[0].synonyms == (Synonym("log.retention.ms", "5", ALL_BROKERS),)
