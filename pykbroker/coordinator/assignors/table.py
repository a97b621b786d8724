"""Every assignor a consumer group may ask for, by the name clients and settings know it by."""

from __future__ import annotations

from collections.abc import Mapping

from pykbroker.coordinator.assignors.assignment import Assignor
from pykbroker.coordinator.assignors.range_assignor import assign_ranges
from pykbroker.coordinator.assignors.uniform_assignor import assign_uniformly

ASSIGNORS: Mapping[str, Assignor] = {"uniform": assign_uniformly, "range": assign_ranges}
"""The first one is the one a group has when nobody asks (`group.consumer.assignors`)."""
