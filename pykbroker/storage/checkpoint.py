"""The small files of a data directory, in Kafka's formats, each replaced whole or not at all.

Offset checkpoints, the clean-shutdown marker, meta.properties, partition.metadata. Reading tells
what is absent or unreadable from what is there; the log itself is never judged by these files.
"""

from __future__ import annotations

import errno
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.storage.files import File, FileSystem

RECOVERY_POINT_FILE = "recovery-point-offset-checkpoint"
LOG_START_FILE = "log-start-offset-checkpoint"
CLEANER_FILE = "cleaner-offset-checkpoint"
CLEAN_SHUTDOWN_FILE = ".kafka_cleanshutdown"
META_PROPERTIES_FILE = "meta.properties"
PARTITION_METADATA_FILE = "partition.metadata"

ZERO_ID = bytes(16)
UNKNOWN_BROKER_EPOCH = -1
_VERSION = "0"
_OFFSET_MAX = 2**63 - 1

TopicPartition = tuple[str, int]


def write_offsets(fs: FileSystem, path: str, offsets: Mapping[TopicPartition, int]) -> None:
    """Write an offset checkpoint: version, count, then topic, partition, offset in each line."""
    lines = [
        f"{topic} {partition} {offset}" for (topic, partition), offset in sorted(offsets.items())
    ]
    fs.write_atomic(path, "\n".join((_VERSION, str(len(lines)), *lines, "")).encode())


def read_offsets(fs: FileSystem, path: str) -> dict[TopicPartition, int]:
    """Read an offset checkpoint; nothing when it is absent or not whole.

    Nothing is the safe answer, and Kafka's: a log without a recovery point is scanned in full,
    one without a log start begins with its first segment.
    """
    try:
        version, count, *lines = fs.read_bytes(path).decode().splitlines()
        rows = [line.split() for line in lines]
        offsets = {(topic, int(partition)): int(offset) for topic, partition, offset in rows}
        whole = version == _VERSION and int(count) == len(lines) and _are_offsets(offsets)
    except (FileNotFoundError, ValueError):
        return {}
    return offsets if whole else {}


def _are_offsets(offsets: Mapping[TopicPartition, int]) -> bool:
    return all(
        partition >= 0 and 0 <= offset <= _OFFSET_MAX for (_, partition), offset in offsets.items()
    )


def write_clean_shutdown(fs: FileSystem, directory: str, broker_epoch: int) -> None:
    """Mark all logs in `directory` as flushed and closed by this broker epoch (KIP-966)."""
    content = json.dumps({"version": 0, "brokerEpoch": broker_epoch}, separators=(",", ":"))
    fs.write_atomic(f"{directory}/{CLEAN_SHUTDOWN_FILE}", content.encode())


def take_clean_shutdown(fs: FileSystem, directory: str) -> int | None:
    """Remove the marker, durably, and return its broker epoch; None when there was none.

    A marker without a readable epoch is one all the same, of an unknown epoch (-1).
    """
    path = f"{directory}/{CLEAN_SHUTDOWN_FILE}"
    try:
        data = fs.read_bytes(path)
    except FileNotFoundError:
        return None
    fs.remove(path)
    fs.sync_directory(directory)
    try:
        broker_epoch = json.loads(data)["brokerEpoch"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return UNKNOWN_BROKER_EPOCH
    return broker_epoch if isinstance(broker_epoch, int) else UNKNOWN_BROKER_EPOCH


@dataclass(frozen=True, slots=True)
class MetaProperties:
    """To whom a data directory belongs (meta.properties, version 1)."""

    cluster_id: str
    node_id: int
    directory_id: bytes
    """16 bytes (KIP-858)."""


def write_meta_properties(fs: FileSystem, directory: str, meta: MetaProperties) -> None:
    """Write meta.properties."""
    lines = (
        "version=1",
        f"cluster.id={meta.cluster_id}",
        f"node.id={meta.node_id}",
        f"directory.id={id_to_text(meta.directory_id)}",
        "",
    )
    fs.write_atomic(f"{directory}/{META_PROPERTIES_FILE}", "\n".join(lines).encode())


def read_meta_properties(fs: FileSystem, directory: str) -> MetaProperties | None:
    """Read meta.properties; None when there is none. A missing directory id is all zeros.

    Raises ValueError when it is not of version 1 or lacks an id.
    """
    path = f"{directory}/{META_PROPERTIES_FILE}"
    try:
        text = fs.read_bytes(path).decode()
    except FileNotFoundError:
        return None
    properties = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith(("#", "!")):
            name, _, value = line.partition("=")
            # Java writes ":" and "=" in values with a backslash before them.
            properties[name.strip()] = value.strip().replace("\\", "")
    if properties.get("version") != "1":
        raise ValueError(f"{path} is of version {properties.get('version')}, only 1 is known")
    try:
        directory_id = properties.get("directory.id")
        return MetaProperties(
            cluster_id=properties["cluster.id"],
            node_id=int(properties["node.id"]),
            directory_id=id_from_text(directory_id) if directory_id else ZERO_ID,
        )
    except KeyError as missing:
        raise ValueError(f"{path} has no {missing.args[0]}") from None


def identify_partition(fs: FileSystem, directory: str, topic_id: bytes) -> File | None:
    """Write partition.metadata into a log's directory, or check that it says the same topic id.

    Returns the file if it was written: it is unsynced, as a new log's first flush syncs it. A topic
    id of zeros neither is written nor checked. Raises KafkaError INCONSISTENT_TOPIC_ID, and OSError
    for a file that is damaged: whose log this is nobody knows.
    """
    if topic_id == ZERO_ID:
        return None
    try:
        found = read_partition_metadata(fs, directory)
    except ValueError as damage:
        raise OSError(errno.EIO, str(damage), f"{directory}/{PARTITION_METADATA_FILE}") from damage
    if found is None:
        file = fs.create(f"{directory}/{PARTITION_METADATA_FILE}")
        file.pwrite(f"version: 0\ntopic_id: {id_to_text(topic_id)}".encode(), 0)
        file.close()
        return file
    if found != topic_id:
        raise KafkaError(
            ErrorCode.INCONSISTENT_TOPIC_ID,
            f"{directory} belongs to topic id {id_to_text(found)}, not {id_to_text(topic_id)}",
        )
    return None


def read_partition_metadata(fs: FileSystem, directory: str) -> bytes | None:
    """Read the topic id from partition.metadata; None when there is none, or an empty one.

    Empty, or zeros on some file systems, is what a power cut leaves of a log never flushed. Raises
    ValueError when the file is not whole.
    """
    path = f"{directory}/{PARTITION_METADATA_FILE}"
    try:
        text = fs.read_bytes(path).decode()
    except FileNotFoundError:
        return None
    if not text.strip("\0"):
        return None
    rows = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    with suppress(KeyError, ValueError):
        if int(rows["version"]) >= 0:
            return id_from_text(rows["topic_id"].strip())
    raise ValueError(f"{path} does not say a topic id")


def id_to_text(value: bytes) -> str:
    """Write an id of 16 bytes as Kafka does: URL-safe base64 without padding."""
    return urlsafe_b64encode(value).decode().rstrip("=")


def id_from_text(text: str) -> bytes:
    """Read an id of 16 bytes as Kafka writes it. Raises ValueError when it is not one."""
    with suppress(ValueError):
        value = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if len(value) == 16:
            return value
    raise ValueError(f"{text!r} is not an id")
