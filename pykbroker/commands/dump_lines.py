"""What `dump-log` prints: lines for people, or JSON with one object per line.

Both show the same. Bytes are text where they are UTF-8; what a terminal might obey is escaped.
"""

from __future__ import annotations

import codecs
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from pykbroker.storage.dump.batches import Batch, Damage
from pykbroker.storage.dump.decoding import Decoded
from pykbroker.storage.dump.indexes import Contents, Row
from pykbroker.wire.compression import NAMES
from pykbroker.wire.records import BatchHeader, Headers, Record

_TIMES = ("create time", "append time")
_TIME_NAMES = ("CreateTime", "LogAppendTime")
_BOOLEANS = ("false", "true")
_BATCH = (
    '{"type":"batch","position":%d,"base_offset":%d,"last_offset":%d,"records":%d,"size_bytes":%d,'
    '"codec":"%s","leader_epoch":%d,"crc":%d,"timestamp_type":"%s","base_timestamp":%d,'
    '"max_timestamp":%d,"producer_id":%d,"producer_epoch":%d,"base_sequence":%d,'
    '"last_sequence":%d,"transactional":%s,"control":%s,"delete_horizon":%s'
)
_JSON = json.JSONEncoder(separators=(",", ":"))
_UTF_8 = codecs.getincrementaldecoder("utf-8")


class Shown(NamedTuple):
    """A record as it is to be shown."""

    record: Record
    control: Decoded | None
    decoded: Decoded | None
    fault: str | None
    """Why it could not be decoded."""


class Lines(Protocol):
    """Makes lines of what there is to show."""

    def segment(self, path: str, base_offset: int | None, size: int) -> Iterator[str]: ...
    def batch(self, batch: Batch) -> Iterator[str]: ...
    def record(self, shown: Shown) -> Iterator[str]: ...
    def damage(self, damage: Damage) -> Iterator[str]: ...
    def file(self, path: str, kind: str, contents: Contents[Row]) -> Iterator[str]: ...
    def fault(self, path: str, what: str) -> Iterator[str]: ...
    def verified(self, path: str, batches: int, faults: int) -> Iterator[str]: ...


@dataclass(frozen=True, slots=True)
class JsonLines:
    """One JSON object per line, as `dump_options.JSON_HELP` says."""

    values: bool
    """Whether keys, values and headers are shown."""
    value_bytes: int | None
    """At most so many bytes of each; None: all."""

    def segment(self, path: str, base_offset: int | None, size: int) -> Iterator[str]:
        yield _json("segment", path=path, base_offset=base_offset, size_bytes=size)

    def batch(self, batch: Batch) -> Iterator[str]:
        header = batch.header
        horizon = header.delete_horizon
        # Written by hand, as there may be millions and none of this needs to be escaped.
        line = _BATCH % (
            batch.position,
            header.base_offset,
            header.last_offset,
            header.records_count,
            header.size_bytes,
            codec_name(header),
            header.partition_leader_epoch,
            header.crc,
            _TIME_NAMES[header.timestamp_type],
            header.base_timestamp,
            header.max_timestamp,
            header.producer_id,
            header.producer_epoch,
            header.base_sequence,
            header.last_sequence,
            _BOOLEANS[header.is_transactional],
            _BOOLEANS[header.is_control],
            "null" if horizon is None else horizon,
        )
        fault = "" if batch.fault is None else f',"fault":{_JSON.encode(batch.fault)}'
        yield f"{line}{fault}}}"

    def record(self, shown: Shown) -> Iterator[str]:
        record = shown.record
        fields: dict[str, Any] = {
            "type": "record",
            "offset": record.offset,
            "timestamp": record.timestamp,
            "key_bytes": None if record.key is None else len(record.key),
            "value_bytes": None if record.value is None else len(record.value),
            "headers_count": len(record.headers),
        }
        if self.values:
            fields["key"] = self._bytes(record.key)
            fields["value"] = self._bytes(record.value)
            fields["headers"] = [
                [self._bytes(_name_bytes(name)), self._bytes(value)]
                for name, value in record.headers
            ]
        if shown.control is not None:
            fields["control"] = self._plain(shown.control._asdict())
        if shown.decoded is not None:
            fields["decoded"] = self._plain(shown.decoded._asdict())
        if shown.fault is not None:
            fields["fault"] = shown.fault
        yield _JSON.encode(fields)

    def damage(self, damage: Damage) -> Iterator[str]:
        yield _json("damage", **damage._asdict())

    def file(self, path: str, kind: str, contents: Contents[Row]) -> Iterator[str]:
        yield _json(
            "file",
            path=path,
            kind=kind,
            entries=len(contents.rows),
            reserved_bytes=contents.reserved_bytes,
        )
        for row in contents.rows:
            yield _json("entry", **row._asdict())

    def fault(self, path: str, what: str) -> Iterator[str]:
        yield _json("fault", path=path, what=what)

    def verified(self, path: str, batches: int, faults: int) -> Iterator[str]:
        yield _json("verified", path=path, batches=batches, faults=faults)

    def _bytes(self, data: bytes | None) -> str | dict[str, str] | None:
        if data is None:
            return None
        text = text_of(data, self.value_bytes)
        if text is not None:
            return text
        return {"base64": b64encode(data[: self.value_bytes]).decode()}

    def _plain(self, value: Any) -> Any:
        match value:
            case bytes():
                return self._bytes(value)
            case Mapping():
                return {name: self._plain(each) for name, each in value.items()}
            case list():
                return [self._plain(each) for each in value]
        return value


@dataclass(frozen=True, slots=True)
class TextLines:
    """Lines for people: batches below their segment, records below their batch."""

    values: bool
    value_bytes: int | None

    def segment(self, path: str, base_offset: int | None, size: int) -> Iterator[str]:
        begins = "" if base_offset is None else f" from offset {base_offset}"
        yield f"segment {path}{begins}, {_count(size, 'byte')}"

    def batch(self, batch: Batch) -> Iterator[str]:
        header = batch.header
        parts = [
            f"  offsets {header.base_offset}-{header.last_offset}",
            f"at {batch.position}",
            _count(header.size_bytes, "byte"),
            _count(header.records_count, "record"),
            codec_name(header),
            f"{_TIMES[header.timestamp_type]} {time_text(header.max_timestamp)}",
            f"leader epoch {header.partition_leader_epoch}",
        ]
        if header.producer_id >= 0:
            parts.append(f"producer {header.producer_id} epoch {header.producer_epoch}")
            if header.base_sequence >= 0:
                parts.append(f"sequence {header.base_sequence}-{header.last_sequence}")
        if header.is_transactional:
            parts.append("transactional")
        if header.is_control:
            parts.append("control")
        if header.delete_horizon is not None:
            parts.append(f"delete horizon {time_text(header.delete_horizon)}")
        yield "  ".join(parts)
        if batch.fault is not None:
            yield f"  ! damaged: {batch.fault}; batches follow"

    def record(self, shown: Shown) -> Iterator[str]:
        record = shown.record
        parts = [f"    {record.offset}  {time_text(record.timestamp)}"]
        if shown.control is not None:
            parts += (shown.control.name, self._fields(shown.control.value))
        elif shown.decoded is not None:
            name, key, value = shown.decoded
            parts += (name, self._fields(key), "=", self._fields(value))
        elif self.values:
            parts.append(f"key {self._bytes(record.key)}  value {self._bytes(record.value)}")
            parts += self._headers(record.headers)
        else:
            parts.append(f"key {_size(record.key)}  value {_size(record.value)}")
            if record.headers:
                parts.append(_count(len(record.headers), "header"))
        if shown.fault is not None:
            parts.append(f"(not decoded: {shown.fault})")
        yield "  ".join(parts)

    def damage(self, damage: Damage) -> Iterator[str]:
        kind = "damaged" if damage.batches_follow else "torn tail"
        follow = "batches follow" if damage.batches_follow else "no batch follows"
        yield (
            f"  ! {kind} at {damage.position}, {_count(damage.length, 'byte')}:"
            f" {damage.what}; {follow}"
        )

    def file(self, path: str, kind: str, contents: Contents[Row]) -> Iterator[str]:
        size = len(contents.rows)
        entries = f"{size} entry" if size == 1 else f"{size} entries"
        reserved = contents.reserved_bytes
        more = f", {_count(reserved, 'byte')} of zeros behind them" if reserved else ""
        yield f"{kind} {path}, {entries}{more}"
        for row in contents.rows:
            yield "  " + "  ".join(f"{name} {value}" for name, value in row._asdict().items())

    def fault(self, path: str, what: str) -> Iterator[str]:
        yield f"! {path}: {what}"

    def verified(self, path: str, batches: int, faults: int) -> Iterator[str]:
        found = "nothing wrong" if not faults else _count(faults, "fault")
        number = f"{_count(batches, 'batch')}, " if batches else ""
        yield f"verified {path}: {number}{found}"

    def _headers(self, headers: Headers) -> list[str]:
        if not headers:
            return []
        pairs = [f"{escaped(name)}={self._bytes(value)}" for name, value in headers]
        return ["headers " + " ".join(pairs)]

    def _bytes(self, data: bytes | None) -> str:
        if data is None:
            return "null"
        limit = self.value_bytes
        more = "" if limit is None or len(data) <= limit else f"... ({len(data)} bytes)"
        text = text_of(data, limit)
        return (f"0x{data[:limit].hex()}" if text is None else quoted(text)) + more

    def _fields(self, value: Any) -> str:
        match value:
            case None:
                return "null"
            case bytes():
                return self._bytes(value)
            case str():
                return quoted(value)
            case Mapping():
                pairs = (f"{name}={self._fields(each)}" for name, each in value.items())
                return "{" + " ".join(pairs) + "}"
            case list():
                return "[" + ", ".join(map(self._fields, value)) + "]"
        return str(value)


def codec_name(header: BatchHeader) -> str:
    """Name the codec of a batch; a number that stands for none as it is."""
    codec = header.compression
    return NAMES[codec] if codec < len(NAMES) else f"codec {codec}"


def text_of(data: bytes, limit: int | None = None) -> str | None:
    """Return the text of the first `limit` bytes, or less so as to end with a character.

    None when they are not UTF-8.
    """
    try:
        if limit is None or len(data) <= limit:
            return data.decode()
        return _UTF_8().decode(data[:limit])
    except UnicodeDecodeError:
        return None


def quoted(text: str) -> str:
    """Put text in quotes; whatever is not printable is escaped."""
    line = json.dumps(text, ensure_ascii=False)
    return line if line.isprintable() else json.dumps(text)


def escaped(text: str) -> str:
    """Return text as it is, or quoted where that might mislead."""
    return text if text.isprintable() and text and not set(text) & set(' ="') else quoted(text)


def time_text(timestamp: int) -> str:
    """Write a time in ms as ISO 8601 in UTC; as a number where no calendar has it."""
    seconds, milliseconds = divmod(timestamp, 1000)
    date = _second_text(seconds) if timestamp >= 0 else None
    return str(timestamp) if date is None else f"{date}.{milliseconds:03d}Z"


@lru_cache(maxsize=1024)
def _second_text(seconds: int) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return None


def _name_bytes(name: str) -> bytes:
    return name.encode(errors="surrogateescape")


def _json(kind: str, /, **fields: Any) -> str:
    return _JSON.encode({"type": kind, **fields})


def _count(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}{'es' if noun.endswith('ch') else 's'}"


def _size(data: bytes | None) -> str:
    return "null" if data is None else _count(len(data), "byte")
