"""Properties of a group: what one group sets for itself, whether or not it exists yet.

`synonyms` is the broker property that a group without its own value follows (Kafka's GroupConfig);
the broker's min and max of it bound the group's value.
"""

from __future__ import annotations

from pykbroker.config.check import AutoOffsetReset, at_least, one_of
from pykbroker.config.property import BOOLEAN, INT, STRING, Property

PER_GROUP: tuple[Property, ...] = (
    Property("consumer.session.timeout.ms", INT, 45_000, at_least(1), served=True,
             synonyms=("group.consumer.session.timeout.ms",),
             doc="A member of this consumer group (KIP-848) silent for this long is removed."),
    Property("consumer.heartbeat.interval.ms", INT, 5000, at_least(1), served=True,
             synonyms=("group.consumer.heartbeat.interval.ms",),
             doc="Heartbeat interval told to the members of this consumer group."),
    Property("consumer.assignment.interval.ms", INT, 1000, at_least(0), served=True,
             synonyms=("group.consumer.assignment.interval.ms",),
             doc="Shortest time between two new assignments of this consumer group."),
    Property("share.session.timeout.ms", INT, 45_000, at_least(1),
             synonyms=("group.share.session.timeout.ms",),
             doc="A member of this share group silent for this long is removed."),
    Property("share.heartbeat.interval.ms", INT, 5000, at_least(1),
             synonyms=("group.share.heartbeat.interval.ms",),
             doc="Heartbeat interval told to the members of this share group."),
    Property("share.record.lock.duration.ms", INT, 30_000, at_least(1000),
             synonyms=("group.share.record.lock.duration.ms",),
             doc="Time a member may keep a record before it is offered again."),
    Property("share.delivery.count.limit", INT, 5, at_least(2),
             synonyms=("group.share.delivery.count.limit",),
             doc="Deliveries of a record to this share group before it is given up."),
    Property("share.partition.max.record.locks", INT, 2000, at_least(100),
             synonyms=("group.share.partition.max.record.locks",),
             doc="Records of a share partition that may be with this group's members at once."),
    Property("share.auto.offset.reset", STRING, "latest", AutoOffsetReset(),
             doc="Where a share group begins in a partition that it reads for the first time."),
    Property("share.isolation.level", STRING, "read_uncommitted",
             one_of("read_committed", "read_uncommitted"),
             doc="Whether records of transactions are delivered to a share group only when they "
                 "are committed."),
    Property("share.renew.acknowledge.enable", BOOLEAN, True,
             doc="Whether members of a share group may ask for more time for a record."),
    Property("share.assignment.interval.ms", INT, 1000, at_least(0),
             synonyms=("group.share.assignment.interval.ms",),
             doc="Shortest time between two new assignments of this share group."),
    Property("streams.session.timeout.ms", INT, 45_000, at_least(1),
             synonyms=("group.streams.session.timeout.ms",),
             doc="A member of this streams group silent for this long is removed."),
    Property("streams.heartbeat.interval.ms", INT, 5000, at_least(1),
             synonyms=("group.streams.heartbeat.interval.ms",),
             doc="Heartbeat interval told to the members of this streams group."),
    Property("streams.num.standby.replicas", INT, 0, at_least(0),
             synonyms=("group.streams.num.standby.replicas",),
             doc="Standby copies of each task's state in this streams group."),
    Property("streams.initial.rebalance.delay.ms", INT, 3000, at_least(0),
             synonyms=("group.streams.initial.rebalance.delay.ms",),
             doc="Time this streams group, while empty, waits for more members before its first "
                 "assignment."),
    Property("streams.assignment.interval.ms", INT, 1000, at_least(0),
             synonyms=("group.streams.assignment.interval.ms",),
             doc="Shortest time between two new assignments of this streams group."),
)  # fmt: skip
