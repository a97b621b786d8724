"""What the rules of groups decide on: the groups, offsets and deadlines of one partition.

Rules are functions of a shard, a command, the asker's token and the time; they change what may be
lost (deadlines, parked tokens) as they decide, and the rest by the records they give, in `replay`
only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pykbroker.config.group import ConsumerGroupTimes, GroupSettings
from pykbroker.coordinator.group import Group
from pykbroker.coordinator.offsets import Offsets
from pykbroker.coordinator.timers import Timers
from pykbroker.coordinator.topics import NO_TOPICS, Topics


@dataclass(slots=True)
class Shard:
    """The state of one partition of __consumer_offsets, and what it is judged by."""

    settings: Callable[[], GroupSettings]
    """The broker's properties that hold now."""
    times_of: Callable[[str], ConsumerGroupTimes]
    """By group id: the intervals of a consumer group that hold now."""
    random_bytes: Callable[[int], bytes]
    """Dice, for ids."""
    topics: Topics = NO_TOPICS
    groups: dict[str, Group] = field(default_factory=dict)
    offsets: Offsets = field(default_factory=Offsets)
    timers: Timers = field(default_factory=Timers)
