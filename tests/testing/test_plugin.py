"""The fixture `kafka_broker`, as a user's test meets it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pykbroker.testing
from pykbroker.testing import Broker
from pykbroker.testing.plugin import kafka_broker  # noqa: F401 - where it is not installed
from tests.api.requests import create_topic
from tests.kafka_client import Client

A_USERS_TEST = """
from kafka import KafkaConsumer, KafkaProducer


def test_what_is_produced_is_consumed(kafka_broker):
    KafkaProducer(bootstrap_servers=kafka_broker.bootstrap_servers).send("words", b"hello").get()
    consumer = KafkaConsumer(
        "words", bootstrap_servers=kafka_broker.bootstrap_servers, auto_offset_reset="earliest"
    )
    assert next(consumer).value == b"hello"
"""
A_TEST_WITHOUT_BROKERS = """
import sys


def test_a_suite_without_brokers_pays_nothing():
    assert "trio" not in sys.modules
    assert "pykbroker.broker" not in sys.modules
"""
ROOT = Path(__file__).parents[2]


def pytest_run(folder: Path, *options: str) -> str:
    """Run pytest in a process of its own, as in a user's project; give what it printed."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(folder)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.stdout + ran.stderr


@pytest.fixture
def plugin(pytestconfig: pytest.Config) -> tuple[str, ...]:
    """The options that load the plugin: none where the package is installed."""
    installed = pytestconfig.pluginmanager.has_plugin("pykbroker")
    return () if installed else ("-p", "pykbroker.testing.plugin")


def test_a_users_test_produces_and_consumes(tmp_path: Path, plugin: tuple[str, ...]) -> None:
    (tmp_path / "test_words.py").write_text(A_USERS_TEST)

    assert "1 passed" in pytest_run(tmp_path, *plugin)


def test_a_suite_that_does_not_ask_for_a_broker_does_not_load_it(
    tmp_path: Path, plugin: tuple[str, ...]
) -> None:
    (tmp_path / "test_nothing.py").write_text(A_TEST_WITHOUT_BROKERS)

    assert "1 passed" in pytest_run(tmp_path, "-p", "no:trio", "-p", "no:pytest_trio", *plugin)


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match=r"^module 'pykbroker.testing' has no attribute 'Br'$"):
        _ = pykbroker.testing.Br


@pytest.mark.parametrize("test", ["first", "second"])
def test_every_test_has_a_broker_of_its_own(
    kafka_broker: Broker,  # noqa: F811
    test: str,
) -> None:
    del test
    with Client(kafka_broker.bootstrap_servers) as client:
        create_topic(client, "words")  # which is refused where it exists
