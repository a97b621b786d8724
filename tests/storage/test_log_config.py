"""The properties of a topic that its log needs, and Kafka's defaults."""

from __future__ import annotations

import pytest

from pykbroker.storage.log_config import LogConfig

LONG_MAX = 2**63 - 1
DAY_MS = 86_400_000


def test_the_defaults_are_kafkas() -> None:
    config = LogConfig()

    assert config == LogConfig(
        segment_bytes=1_073_741_824,
        segment_ms=604_800_000,
        segment_jitter_ms=0,
        segment_index_bytes=10_485_760,
        index_interval_bytes=4096,
        max_message_bytes=1_048_588,
        message_timestamp_type=0,
        message_timestamp_before_max_ms=LONG_MAX,
        message_timestamp_after_max_ms=3_600_000,
        cleanup_policy=frozenset({"delete"}),
        compression_type="producer",
        compression_gzip_level=-1,
        compression_lz4_level=9,
        compression_zstd_level=3,
        retention_ms=604_800_000,
        retention_bytes=-1,
        file_delete_delay_ms=60_000,
        flush_messages=LONG_MAX,
        flush_ms=LONG_MAX,
        delete_retention_ms=DAY_MS,
        min_compaction_lag_ms=0,
        max_compaction_lag_ms=LONG_MAX,
        min_cleanable_dirty_ratio=0.5,
        min_insync_replicas=1,
        unclean_leader_election_enable=False,
        preallocate=False,
    )
    assert (config.is_compacted, config.target_codec, config.target_level) == (False, None, None)


def test_properties_have_kafkas_names() -> None:
    config = LogConfig.from_properties(
        {
            "segment.bytes": 2_000_000,
            "message.timestamp.type": "LogAppendTime",
            "message.timestamp.before.max.ms": 5,
            "cleanup.policy": ["compact", "delete"],
            "compression.type": "zstd",
            "compression.zstd.level": 7,
            "min.insync.replicas": 2,
            "retention.ms": -1,
            "remote.storage.enable": False,
            "flush.ms": None,
        }
    )

    assert config == LogConfig(
        segment_bytes=2_000_000,
        message_timestamp_type=1,
        message_timestamp_before_max_ms=5,
        cleanup_policy=frozenset({"compact", "delete"}),
        compression_type="zstd",
        compression_zstd_level=7,
        min_insync_replicas=2,
        retention_ms=-1,
    )


@pytest.mark.parametrize(
    ("policy", "policies"),
    [
        ("compact", {"compact"}),
        ("compact, delete", {"compact", "delete"}),
        ("Compact", {"compact"}),
        ("", set()),
        ((), set()),
    ],
)
def test_a_cleanup_policy_is_a_set(policy: object, policies: set[str]) -> None:
    config = LogConfig.from_properties({"cleanup.policy": policy})

    assert config.cleanup_policy == policies
    assert config.is_compacted == ("compact" in policies)


def test_create_time_may_be_said() -> None:
    config = LogConfig.from_properties({"message.timestamp.type": "CreateTime"})

    assert config.message_timestamp_type == 0


@pytest.mark.parametrize(
    ("name", "codec", "level"),
    [
        ("producer", None, None),
        ("uncompressed", 0, None),
        ("gzip", 1, -1),
        ("snappy", 2, None),
        ("lz4", 3, 9),
        ("zstd", 4, 3),
    ],
)
def test_a_compression_type_decides_codec_and_level(
    name: str, codec: int | None, level: int | None
) -> None:
    config = LogConfig(compression_type=name)

    assert (config.target_codec, config.target_level) == (codec, level)


def test_a_compacted_log_rolls_before_its_compaction_lag_is_over() -> None:
    compacted = LogConfig(cleanup_policy=frozenset({"compact"}), max_compaction_lag_ms=1000)

    assert compacted.max_segment_ms == 1000
    assert LogConfig(max_compaction_lag_ms=1000).max_segment_ms == 604_800_000
