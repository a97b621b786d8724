"""Tests that read Kafka's own definitions run where those are, else count as deselected."""

from __future__ import annotations

import pytest

from tests.wire.kafka_definitions import FOLDER

MARKER = "kafka_definitions"


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker of tests that need Kafka's definitions."""
    config.addinivalue_line("markers", f"{MARKER}: reads Apache Kafka's own message definitions")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what cannot run: a skipped test would look as if it could pass here."""
    if FOLDER.is_dir():
        return
    absent = [item for item in items if item.get_closest_marker(MARKER)]
    if absent:
        config.hook.pytest_deselected(items=absent)
        items[:] = [item for item in items if not item.get_closest_marker(MARKER)]
