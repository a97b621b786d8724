"""Properties of the broker about transactions, producer ids and the share coordinator's topic.

Topics' partitions and replicas count when the topic is created, never later.
"""

from __future__ import annotations

from pykbroker.config.check import at_least, between
from pykbroker.config.property import BOOLEAN, CLUSTER_WIDE, INT, SHORT, Property

TRANSACTIONS: tuple[Property, ...] = (
    Property("transaction.state.log.min.isr", INT, 2, at_least(1),
             doc="min.insync.replicas of __transaction_state."),
    Property("transaction.state.log.load.buffer.size", INT, 5_242_880, at_least(1),
             doc="Bytes read at once when a coordinator loads its transactions."),
    Property("transaction.state.log.replication.factor", SHORT, 3, at_least(1),
             doc="Replicas of __transaction_state when it is created; at most the live brokers."),
    Property("transaction.state.log.num.partitions", INT, 50, at_least(1),
             doc="Partitions of __transaction_state when it is created; not to be changed later."),
    Property("transaction.state.log.segment.bytes", INT, 104_857_600, at_least(1),
             doc="Segment size of __transaction_state."),
    Property("transaction.partition.verification.enable", BOOLEAN, True, update=CLUSTER_WIDE,
             doc="Checks that a partition belongs to the open transaction before appending to it."),
    Property("transactional.id.expiration.ms", INT, 604_800_000, at_least(1),
             doc="A transactional id unused for this long is forgotten."),
    Property("transaction.max.timeout.ms", INT, 900_000, at_least(1),
             doc="Longest transaction timeout a producer may ask for."),
    Property("transaction.abort.timed.out.transaction.cleanup.interval.ms", INT, 10_000,
             at_least(1),
             doc="How often transactions past their timeout are aborted."),
    Property("transaction.remove.expired.transaction.cleanup.interval.ms", INT, 3_600_000,
             at_least(1),
             doc="How often transactional ids past their expiration are removed."),
    Property("transaction.two.phase.commit.enable", BOOLEAN, False,
             doc="Lets producers prepare a transaction that an outside coordinator decides "
                 "(KIP-939)."),
    Property("producer.id.expiration.ms", INT, 86_400_000, at_least(1), update=CLUSTER_WIDE,
             served=True,
             doc="A producer id without a write to a partition for this long is forgotten there."),
    Property("producer.id.expiration.check.interval.ms", INT, 600_000, at_least(1), internal=True,
             served=True,
             doc="How often producer ids are looked through for forgotten ones."),
    Property("add.partitions.to.txn.retry.backoff.ms", INT, 20, at_least(1),
             doc="First pause before adding a partition to a transaction is tried again."),
    Property("add.partitions.to.txn.retry.backoff.max.ms", INT, 100, at_least(0),
             doc="Longest time to try adding a partition to a transaction before the client "
                 "hears of it."),
    Property("share.coordinator.state.topic.num.partitions", INT, 50, at_least(1),
             doc="Partitions of __share_group_state when it is created."),
    Property("share.coordinator.state.topic.replication.factor", SHORT, 3, at_least(1),
             doc="Replicas of __share_group_state when it is created; at most the live brokers."),
    Property("share.coordinator.state.topic.min.isr", SHORT, 2, at_least(1),
             doc="min.insync.replicas of __share_group_state."),
    Property("share.coordinator.state.topic.segment.bytes", INT, 104_857_600, at_least(1),
             doc="Segment size of __share_group_state."),
    Property("share.coordinator.threads", INT, 1, at_least(1),
             doc="Threads of the share coordinator."),
    Property("share.coordinator.snapshot.update.records.per.snapshot", INT, 500, between(0, 500),
             doc="Updates of a share partition's state between two snapshots of it."),
    Property("share.coordinator.load.buffer.size", INT, 5_242_880, at_least(1),
             doc="Bytes read at once when a share coordinator loads its state."),
    Property("share.coordinator.state.topic.compression.codec", INT, 0,
             doc="Codec of __share_group_state by number: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 "
                 "zstd."),
    Property("share.coordinator.append.linger.ms", INT, -1, at_least(-1),
             doc="Time that the share coordinator gathers writes; -1 adapts to the load."),
    Property("share.coordinator.write.timeout.ms", INT, 5000, at_least(1),
             doc="Longest wait until a write of the share coordinator is replicated."),
    Property("share.coordinator.state.topic.prune.interval.ms", INT, 300_000, at_least(1),
             internal=True,
             doc="How often old records of __share_group_state are removed."),
    Property("share.coordinator.cold.partition.snapshot.interval.ms", INT, 300_000, at_least(1),
             internal=True,
             doc="How often share partitions without traffic get a snapshot."),
    Property("share.coordinator.cached.buffer.max.bytes", INT, 1_048_588, at_least(524_288),
             update=CLUSTER_WIDE,
             doc="Largest write buffer that the share coordinator keeps for reuse."),
)  # fmt: skip
