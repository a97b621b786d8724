"""Properties of a topic.

`synonyms` are the broker properties that a topic without its own value follows, strongest
first; hours and minutes are converted (Kafka's ServerTopicConfigSynonyms).
"""

from __future__ import annotations

from pykbroker.config.check import Items, ThrottledReplicas, at_least, between, one_of
from pykbroker.config.property import BOOLEAN, DOUBLE, INT, LIST, LONG, LONG_MAX, STRING, Property

TOPICS: tuple[Property, ...] = (
    Property("segment.bytes", INT, 1_073_741_824, at_least(1_048_576), served=True,
             synonyms=("log.segment.bytes",),
             doc="A segment file that would grow beyond this is closed and the next one begun."),
    Property("segment.ms", LONG, 604_800_000, at_least(1), served=True,
             synonyms=("log.roll.ms", "log.roll.hours"),
             doc="A segment older than this is closed even when it is small, so that it can be "
                 "deleted or compacted."),
    Property("segment.jitter.ms", LONG, 0, at_least(0), served=True,
             synonyms=("log.roll.jitter.ms", "log.roll.jitter.hours"),
             doc="Segments close up to this much earlier at random, so that not all close at "
                 "once."),
    Property("segment.index.bytes", INT, 10_485_760, at_least(4), served=True,
             synonyms=("log.index.size.max.bytes",),
             doc="Size at which a segment's offset or time index is full, which closes the "
                 "segment."),
    Property("flush.messages", LONG, LONG_MAX, at_least(1), served=True,
             synonyms=("log.flush.interval.messages",),
             doc="Records appended before the log is forced to disk; the default leaves it to "
                 "log.flush.before.ack."),
    Property("flush.ms", LONG, LONG_MAX, at_least(0), served=True,
             synonyms=("log.flush.interval.ms", "log.flush.scheduler.interval.ms"),
             doc="Time after which appended records are forced to disk; the default leaves it to "
                 "log.flush.before.ack."),
    Property("retention.bytes", LONG, -1, synonyms=("log.retention.bytes",), served=True,
             doc="Oldest segments of a partition are deleted while it holds more than this; -1 "
                 "keeps everything."),
    Property("retention.ms", LONG, 604_800_000, at_least(-1),
             synonyms=("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
             served=True,
             doc="Segments whose newest record is older than this are deleted; -1 keeps them for "
                 "ever."),
    Property("max.message.bytes", INT, 1_048_588, at_least(0), served=True,
             synonyms=("message.max.bytes",),
             doc="Largest record batch, as compressed by the producer, that the topic accepts."),
    Property("index.interval.bytes", INT, 4096, at_least(0), served=True,
             synonyms=("log.index.interval.bytes",),
             doc="Bytes of log between two entries of the offset index; smaller finds offsets "
                 "faster."),
    Property("delete.retention.ms", LONG, 86_400_000, at_least(0), served=True,
             synonyms=("log.cleaner.delete.retention.ms",),
             doc="How long a compacted topic still shows a delete marker to consumers that read "
                 "from the start."),
    Property("min.compaction.lag.ms", LONG, 0, at_least(0), served=True,
             synonyms=("log.cleaner.min.compaction.lag.ms",),
             doc="A record younger than this is never compacted away."),
    Property("max.compaction.lag.ms", LONG, LONG_MAX, at_least(1), served=True,
             synonyms=("log.cleaner.max.compaction.lag.ms",),
             doc="A record older than this becomes a reason to compact, however little else is "
                 "dirty."),
    Property("file.delete.delay.ms", LONG, 60_000, at_least(0),
             synonyms=("log.segment.delete.delay.ms",), served=True,
             doc="Time between removing a segment from the log and removing its file."),
    Property("min.cleanable.dirty.ratio", DOUBLE, 0.5, between(0, 1), served=True,
             synonyms=("log.cleaner.min.cleanable.ratio",),
             doc="Share of a compacted log that must be uncleaned before it is worth compacting."),
    Property("cleanup.policy", LIST, ("delete",), Items(("compact", "delete")), served=True,
             synonyms=("log.cleanup.policy",),
             doc="What happens to old segments: delete, compact, both, or neither when empty."),
    Property("unclean.leader.election.enable", BOOLEAN, False,
             synonyms=("unclean.leader.election.enable",),
             doc="Lets a replica that missed records become leader when no better one lives; "
                 "this loses data."),
    Property("min.insync.replicas", INT, 1, at_least(1), served=True,
             synonyms=("min.insync.replicas",),
             doc="Replicas that must hold a record of an acks=all producer before it is "
                 "acknowledged."),
    Property("compression.type", STRING, "producer",
             one_of("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"), served=True,
             synonyms=("compression.type",),
             doc="Codec that batches are stored with; producer keeps the codec each producer "
                 "chose."),
    Property("compression.gzip.level", INT, -1, between(1, 9, also=-1), served=True,
             synonyms=("compression.gzip.level",),
             doc="Effort of gzip when compression.type is gzip; -1 is the codec's own default."),
    Property("compression.lz4.level", INT, 9, between(1, 17), served=True,
             synonyms=("compression.lz4.level",),
             doc="Effort of lz4 when compression.type is lz4."),
    Property("compression.zstd.level", INT, 3, between(-131_072, 22), served=True,
             synonyms=("compression.zstd.level",),
             doc="Effort of zstd when compression.type is zstd."),
    Property("preallocate", BOOLEAN, False, synonyms=("log.preallocate",),
             doc="Reserves a segment's full size on disk when it is created."),
    Property("message.timestamp.type", STRING, "CreateTime", one_of("CreateTime", "LogAppendTime"),
             served=True, synonyms=("log.message.timestamp.type",),
             doc="Whether a record's timestamp is the producer's (CreateTime) or the broker's "
                 "(LogAppendTime)."),
    Property("message.timestamp.before.max.ms", LONG, LONG_MAX, at_least(0), served=True,
             synonyms=("log.message.timestamp.before.max.ms",),
             doc="A CreateTime timestamp further in the past than this is refused."),
    Property("message.timestamp.after.max.ms", LONG, 3_600_000, at_least(0), served=True,
             synonyms=("log.message.timestamp.after.max.ms",),
             doc="A CreateTime timestamp further in the future than this is refused."),
    Property("leader.replication.throttled.replicas", LIST, (), ThrottledReplicas(),
             doc="Replicas, as partition:broker or *, whose leader sends at the throttled rate."),
    Property("follower.replication.throttled.replicas", LIST, (), ThrottledReplicas(),
             doc="Replicas, as partition:broker or *, that fetch at the throttled rate."),
    Property("remote.storage.enable", BOOLEAN, False,
             doc="Keeps closed segments in remote storage as well; needs tiered storage on the "
                 "broker."),
    Property("local.retention.ms", LONG, -2, at_least(-2), synonyms=("log.local.retention.ms",),
             doc="Time that segments stay on local disk once copied to remote storage; -2 "
                 "follows retention.ms."),
    Property("local.retention.bytes", LONG, -2, at_least(-2),
             synonyms=("log.local.retention.bytes",),
             doc="Bytes that stay on local disk once copied to remote storage; -2 follows "
                 "retention.bytes."),
    Property("remote.log.copy.disable", BOOLEAN, False,
             doc="Stops copying to remote storage while reading from it goes on."),
    Property("remote.log.delete.on.disable", BOOLEAN, False,
             doc="Deletes the remote copy when remote.storage.enable is switched off."),
    Property("internal.segment.bytes", INT, None, internal=True,
             doc="Segment size without Kafka's lower limit of 1 MiB, for tests only."),
)  # fmt: skip

_DOCS = {row.name: row.doc for row in TOPICS}


def default_of(topic_property: str) -> str:
    """Give the documentation of the broker property that a topic property follows."""
    return f"What topics follow that do not set {topic_property}: {_DOCS[topic_property]}"
