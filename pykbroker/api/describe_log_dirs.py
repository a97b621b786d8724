"""DescribeLogDirs: data directories and how much of each partition lies in them (KIP-113, KIP-827).

Not served: moving replicas between directories; no replica is ever a future one.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.wire.messages.describe_log_dirs import DescribeLogDirs

SPACE_UNKNOWN = -1, -1


@handles(DescribeLogDirs, versions="1-5")
async def describe_log_dirs(parts: Parts, request: Any, asker: Asker) -> Response:
    """Describe every data directory; null topics are all topics."""
    del asker
    wanted = (
        None
        if request.topics is None
        else {(topic.topic, index) for topic in request.topics for index in topic.partitions}
    )
    partitions = parts.partitions
    return {
        "results": [_described(parts, directory, wanted) for directory in partitions.directories]
        + [_failed(directory.path) for directory in partitions.offline_directories]
    }


def _described(
    parts: Parts, directory: LogDirectory, wanted: Container[tuple[str, int]] | None
) -> dict[str, Any]:
    if directory.failure is not None:
        return _failed(directory.path)
    topics: dict[str, list[dict[str, Any]]] = {}
    for partition_log in parts.partitions.logs_in(directory):
        place = partition_log.topic, partition_log.partition
        if wanted is None or place in wanted:
            topics.setdefault(partition_log.topic, []).append(
                {
                    "partition_index": partition_log.partition,
                    "partition_size": partition_log.size_bytes,
                    "offset_lag": 0,
                    "is_future_key": False,
                }
            )
    try:
        total_bytes, usable_bytes = directory.space or SPACE_UNKNOWN
    except OSError:
        return _failed(directory.path)
    return {
        "log_dir": directory.path,
        "total_bytes": total_bytes,
        "usable_bytes": usable_bytes,
        "topics": [{"name": name, "partitions": rows} for name, rows in topics.items()],
    }


def _failed(path: str) -> dict[str, Any]:
    return {"log_dir": path, "error_code": ErrorCode.KAFKA_STORAGE_ERROR}
