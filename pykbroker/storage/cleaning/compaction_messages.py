"""What a broker and the process that compacts its logs say to each other: lines of JSON.

The first line asks, every further one answers: a segment cleaned, the end, or the failure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pykbroker.errors import ProtocolError
from pykbroker.storage.cleaning.compaction import Cleaned, CleanedGroup, CompactionTask
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.segment import DamagedLogError

_CONFIG_FIELDS = (
    "segment_bytes",
    "segment_index_bytes",
    "index_interval_bytes",
    "delete_retention_ms",
)
_PAUSE_SECONDS_MIN = 0.02


class UncleanableError(Exception):
    """A log has batches that cannot be read; its cleaning would lose what they hold."""


def encode_task(task: CompactionTask, *, bytes_per_second: float) -> bytes:
    """Write the line that asks for a compaction."""
    fields = {name: getattr(task, name) for name in task.__slots__}
    fields["config"] = {name: getattr(task.config, name) for name in _CONFIG_FIELDS}
    fields["last_records"] = [[key, *last] for key, last in task.last_records.items()]
    fields["salt"] = task.salt.hex()
    return json.dumps({"task": fields, "bytes_per_second": bytes_per_second}).encode() + b"\n"


def decode_task(line: bytes) -> tuple[CompactionTask, float]:
    """Read the line that asks for a compaction: the task and its bytes per second."""
    asked = json.loads(line)
    fields: dict[str, Any] = asked["task"]
    fields["config"] = LogConfig(**fields["config"])
    fields["base_offsets"] = tuple(fields["base_offsets"])
    fields["last_records"] = {key: (offset, epoch) for key, offset, epoch in fields["last_records"]}
    fields["salt"] = bytes.fromhex(fields["salt"])
    return CompactionTask(**fields), asked["bytes_per_second"]


def encode_step(step: CleanedGroup | Cleaned) -> bytes:
    """Write the line that tells of a step."""
    fields = {name: getattr(step, name) for name in step.__slots__}
    return json.dumps({type(step).__name__: fields}).encode() + b"\n"


def encode_failure(failure: OSError | ProtocolError) -> bytes:
    """Write the line that tells why there is no further step."""
    told: dict[str, Any] = {"errno": None, "text": str(failure)}
    if isinstance(failure, OSError) and not isinstance(failure, DamagedLogError):
        told = {"errno": failure.errno, "text": failure.strerror or str(failure)}
    else:
        told["unreadable"] = True
    return json.dumps({"failure": told}).encode() + b"\n"


def decode_step(line: bytes) -> CleanedGroup | Cleaned:
    """Read a line of the answer.

    Raises what made the compaction fail: UncleanableError or OSError.
    """
    ((kind, fields),) = json.loads(line).items()
    match kind:
        case "CleanedGroup":
            fields["base_offsets"] = tuple(fields["base_offsets"])
            return CleanedGroup(**fields)
        case "Cleaned":
            return Cleaned(**fields)
    raise _failure_of(fields)


def _failure_of(told: Mapping[str, Any]) -> Exception:
    if told.get("unreadable"):
        return UncleanableError(told["text"])
    if told["errno"] is None:
        return OSError(told["text"])
    return OSError(told["errno"], told["text"])


def pause_seconds(moved_bytes: int, elapsed_seconds: float, bytes_per_second: float) -> float:
    """Return how long to wait so that no more is moved per second; 0 while that is little."""
    ahead = moved_bytes / bytes_per_second - elapsed_seconds
    return ahead if ahead >= _PAUSE_SECONDS_MIN else 0.0
