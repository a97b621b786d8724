"""The properties in force, as images come."""

from __future__ import annotations

import logging

import pytest

from pykbroker.config import load
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import Keys, encode
from pykbroker.metadata.store import KV, Snapshot
from pykbroker.replication.settings import LiveSettings

KEYS = Keys.of("default")


def an_image(**overrides: dict[str, str]) -> ClusterImage:
    kvs = {
        KEYS.config("broker", name.removeprefix("broker_")): KV(encode({"configs": set_}), 1, 1, 1)
        for name, set_ in overrides.items()
    }
    return ClusterImage.load(KEYS, Snapshot(2, kvs))


def test_what_is_set_for_this_broker_wins_over_what_is_set_for_all() -> None:
    settings = LiveSettings(load(), node_id=1)

    changed = settings.follow(
        an_image(
            broker_={"log.retention.ms": "5", "message.max.bytes": "77"},
            broker_1={"log.retention.ms": "6"},
            broker_2={"log.retention.ms": "7"},
        )
    )

    config = settings.config
    assert changed
    assert (config["log.retention.ms"], config["message.max.bytes"]) == (6, 77)
    assert settings.log_config({"retention.ms": "8"}).retention_ms == 8
    assert settings.log_config({}).retention_ms == 6


def test_an_image_that_changes_nothing_here_keeps_the_config() -> None:
    settings = LiveSettings(load(), node_id=1)
    before = settings.config

    changed = settings.follow(an_image(broker_2={"log.retention.ms": "7"}))

    assert not changed
    assert settings.config is before


def test_layers_that_do_not_go_together_have_no_effect_and_are_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    restarted = load(overrides=["log.cleaner.max.compaction.lag.ms=10"])
    settings = LiveSettings(restarted, node_id=1)

    with caplog.at_level(logging.WARNING):
        changed = settings.follow(an_image(broker_={"log.cleaner.min.compaction.lag.ms": "11"}))

    assert not changed
    assert settings.config is restarted
    assert "log.cleaner.min.compaction.lag.ms=11 must not exceed" in caplog.text
