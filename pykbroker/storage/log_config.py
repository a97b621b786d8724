"""What a log needs to know of its topic's properties, with Kafka's defaults.

Field names are the topic properties' with underscores; every size is in bytes, every time in ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pykbroker.wire.compression import GZIP, LZ4, NAMES, NONE, ZSTD
from pykbroker.wire.records import CREATE_TIME, LOG_APPEND_TIME

LONG_MAX = 2**63 - 1
COMPACT, DELETE = "compact", "delete"
_DAY_MS = 24 * 60 * 60 * 1000
_TIMESTAMP_TYPES = {"CreateTime": CREATE_TIME, "LogAppendTime": LOG_APPEND_TIME}
_CODECS = {"uncompressed": NONE} | {name: codec for codec, name in enumerate(NAMES) if codec}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """The properties of one topic, as Kafka's LogConfig; `LogConfig()` is Kafka's default topic."""

    segment_bytes: int = 1 << 30
    segment_ms: int = 7 * _DAY_MS
    segment_jitter_ms: int = 0
    segment_index_bytes: int = 10 << 20
    index_interval_bytes: int = 4096
    max_message_bytes: int = (1 << 20) + 12
    message_timestamp_type: int = CREATE_TIME
    message_timestamp_before_max_ms: int = LONG_MAX
    message_timestamp_after_max_ms: int = 60 * 60 * 1000
    cleanup_policy: frozenset[str] = frozenset({DELETE})
    compression_type: str = "producer"
    compression_gzip_level: int = -1
    compression_lz4_level: int = 9
    compression_zstd_level: int = 3
    retention_ms: int = 7 * _DAY_MS
    retention_bytes: int = -1
    file_delete_delay_ms: int = 60_000
    flush_messages: int = LONG_MAX
    flush_ms: int = LONG_MAX
    delete_retention_ms: int = _DAY_MS
    min_compaction_lag_ms: int = 0
    max_compaction_lag_ms: int = LONG_MAX
    min_cleanable_dirty_ratio: float = 0.5
    min_insync_replicas: int = 1
    unclean_leader_election_enable: bool = False
    preallocate: bool = False

    is_compacted: bool = field(init=False)
    """Whether every record must have a key."""
    target_codec: int | None = field(init=False)
    """The codec that batches are stored with; None: the producer's own."""
    target_level: int | None = field(init=False)
    """The level for `target_codec`; None where that has none."""

    def __post_init__(self) -> None:
        """Derive what every append asks for."""
        codec = _CODECS.get(self.compression_type)
        levels = {
            GZIP: self.compression_gzip_level,
            LZ4: self.compression_lz4_level,
            ZSTD: self.compression_zstd_level,
        }
        object.__setattr__(self, "is_compacted", COMPACT in self.cleanup_policy)
        object.__setattr__(self, "target_codec", codec)
        object.__setattr__(self, "target_level", None if codec is None else levels.get(codec))

    @property
    def max_segment_ms(self) -> int:
        """The age at which a segment rolls: compaction may not wait longer for its records."""
        if self.is_compacted and self.max_compaction_lag_ms > 0:
            return min(self.max_compaction_lag_ms, self.segment_ms)
        return self.segment_ms

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> LogConfig:
        """Take what concerns logs from topic properties (Kafka's names, typed values).

        A missing property has Kafka's default; properties of other concerns are ignored.
        `cleanup.policy` is a list, or text with commas; `message.timestamp.type` Kafka's name.
        """
        given = {
            name: properties[key]
            for name, key in _PROPERTY_OF_FIELD.items()
            if properties.get(key) is not None
        }
        if "message_timestamp_type" in given:
            given["message_timestamp_type"] = _TIMESTAMP_TYPES[given["message_timestamp_type"]]
        if "cleanup_policy" in given:
            given["cleanup_policy"] = _policies(given["cleanup_policy"])
        return cls(**given)


def _policies(value: str | Iterable[str]) -> frozenset[str]:
    names = value.split(",") if isinstance(value, str) else value
    return frozenset(name.strip().lower() for name in names if name.strip())


_PROPERTY_OF_FIELD = {row.name: row.name.replace("_", ".") for row in fields(LogConfig) if row.init}
