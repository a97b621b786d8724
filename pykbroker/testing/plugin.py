"""The pytest plugin: `kafka_broker`, a fresh broker in memory for each test that asks for it.

The broker is imported when the first test asks, so that other test suites pay nothing for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pykbroker.testing.broker import Broker


@pytest.fixture
def kafka_broker() -> Iterator[Broker]:
    """A broker in memory, with the properties of the profile `test`."""
    from pykbroker.testing.broker import Broker

    with Broker() as broker:
        yield broker
