"""What is fuzzed: every parser that reads bytes of a peer, with bytes it accepts to start from."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final

from pykbroker.errors import ProtocolError
from pykbroker.wire.codec import Codec
from pykbroker.wire.compression import compress, decompress
from pykbroker.wire.frame import split_frames
from pykbroker.wire.header import (
    RequestHeader,
    parse_request_header,
    parse_response_header,
    request_header,
    response_header,
)
from pykbroker.wire.messages.every import EVERY_API
from pykbroker.wire.record_scan import scan_records
from pykbroker.wire.record_walk import walk_records
from pykbroker.wire.records import build_batch, iterate_records, parse_batch_header
from pykbroker.wire.schema import Api
from tests.fuzz.values import TEXTS, any_message, array_paths, every_codec, swollen_message

APIS: Final = {api.key: api for api in EVERY_API}
FRAME_BYTES_MAX: Final = 1 << 20
EXPANDED_BYTES_MAX: Final = 1 << 16
"""What a compressed batch may expand to here, inclusive."""

CODECS: Final = range(5)
"""No compression, gzip, snappy, lz4, zstd."""


@dataclass(frozen=True, slots=True)
class Target:
    """One parser: `feed` may raise ProtocolError and nothing else."""

    name: str
    feed: Callable[[bytes], object]
    corpus: tuple[bytes, ...]
    swell: Callable[[Random], bytes] | None = None
    """Draws a frame of very many small elements, where there can be."""

    expands_to: int = 0
    """How many bytes more than it is given it may have to look at."""

    allocates: bool = True
    """Whether its memory is held to the codecs' allowance."""


def every_target(random: Random) -> list[Target]:
    """List all targets; what they start from is drawn."""
    return [*codec_targets(random), *frame_targets(random), *record_targets(random)]


def codec_targets(random: Random) -> Iterator[Target]:
    """List every version of every message."""
    for codec in every_codec():
        corpus = tuple(codec.build(any_message(codec, random)) for _ in range(4))
        codec.parse(corpus[0])  # writes the function now, not while it is measured
        yield Target(repr(codec), codec.parse, corpus, sweller(codec))


def frame_targets(random: Random) -> Iterator[Target]:
    """List headers alone and the whole way from a stream of frames to decoded requests."""
    headers = [any_header(api, random) for api in EVERY_API]
    corpus = tuple(request_header(each, flexible=bool(at % 2)) for at, each in enumerate(headers))
    yield Target("request header", feed_request_header, corpus)
    for flexible in (False, True):
        answers = tuple(response_header(n, flexible) for n in (0, -1, 77))
        yield Target(f"response header {flexible}", response_header_feeder(flexible), answers)
    streams = tuple(any_stream(random) for _ in range(40))
    for _ in range(20):  # it is one target among hundreds, and the one peers really reach
        yield Target("stream of requests", feed_stream, streams)


def record_targets(random: Random) -> Iterator[Target]:
    """List record batches, judged and decoded, and what they are compressed with."""
    target = partial(Target, expands_to=EXPANDED_BYTES_MAX, allocates=False)
    batches = tuple(any_batch(random, codec) for codec in CODECS for _ in range(8))
    plain = tuple(any_batch(random, 0)[61:] for _ in range(40))
    for _ in range(10):
        yield target("records", feed_records, batches)
        yield target("scan of records", feed_scan, plain)
    for codec in CODECS[1:]:
        corpus = tuple(compress(codec, each) for each in plain)
        swell = repeater(compress(codec, b""))
        yield target(f"compression {codec}", decompressing(codec), corpus, swell)


def sweller(codec: Codec) -> Callable[[Random], bytes] | None:
    """Make the drawer of large frames of a codec that has arrays."""
    if not any(array_paths(codec.construct.subcon)):
        return None
    return lambda random: codec.build(swollen_message(codec, random))


def repeater(piece: bytes) -> Callable[[Random], bytes]:
    """Make the drawer of frames that are one piece many times: members, blocks, frames."""
    return lambda random: piece * (random.choice((1 << 10, 1 << 16, 1 << 21)) // len(piece))


def any_header(api: Api, random: Random) -> RequestHeader:
    """Draw a header of a version the API has."""
    version = random.randint(api.min_version, api.max_version)
    client_id = random.choice((None, *TEXTS))
    return RequestHeader(api.key, version, random.randint(-(2**31), 2**31 - 1), client_id, 0)


def any_stream(random: Random) -> bytes:
    """Draw a few whole requests, as they stand in a stream."""
    stream = b""
    for api in random.choices(EVERY_API, k=random.randint(1, 3)):
        header = any_header(api, random)
        version = header.api_version
        start = request_header(header, flexible=api.is_flexible(version))
        codec: Codec = api.request(version)
        frame = start + codec.build(any_message(codec, random))
        stream += struct.pack(">l", len(frame)) + frame
    return stream


def any_batch(random: Random, codec: int) -> bytes:
    """Draw a batch of records, some all of one shape."""
    shape = any_record(random)
    records = [
        shape if random.random() < 0.5 else any_record(random)
        for _ in range(random.choice((1, 1, 2, 5, 40)))
    ]
    return build_batch(records, base_offset=random.choice((0, 7)), codec=codec)


def any_record(random: Random) -> Any:
    """Draw a timestamp, a key, a value and headers."""
    names = random.choices(TEXTS, k=random.choice((0, 0, 1, 3)))
    headers = tuple((name, random.choice((None, b"", b"value"))) for name in names)
    key = random.choice((None, b"", b"key", random.randbytes(70)))
    value = random.choice((None, b"", b"value", random.randbytes(200)))
    return random.choice((0, 1, 1_700_000_000_000)), key, value, headers


def is_flexible(api_key: int, api_version: int) -> bool:
    """Tell whether a version of an API is flexible, of any numbers."""
    return api_key in APIS and APIS[api_key].is_flexible(api_version)


def feed_request_header(data: bytes) -> object:
    """Read a request header."""
    return parse_request_header(data, is_flexible)


def response_header_feeder(flexible: bool) -> Callable[[bytes], object]:
    """Make the reader of a response header."""
    return lambda data: parse_response_header(data, flexible=flexible)


def feed_stream(data: bytes) -> object:
    """Split a stream into frames and decode their requests, as a connection does."""
    split = split_frames(data, FRAME_BYTES_MAX)
    requests = []
    for frame in split.frames:
        header = parse_request_header(frame, is_flexible)
        api = APIS.get(header.api_key)
        if api is None or not api.min_version <= header.api_version <= api.max_version:
            raise ProtocolError("not served")
        requests.append(api.request(header.api_version).parse_from(frame, header.body_position))
    if split.fault is not None:
        raise split.fault
    return requests


def feed_records(data: bytes) -> object:
    """Decode the records of a batch whose length is made to fit."""
    if len(data) >= 12:
        data = data[:8] + struct.pack(">l", len(data) - 12) + data[12:]
    parse_batch_header(data)
    return [record.offset for record in iterate_records(data, EXPANDED_BYTES_MAX)]


def feed_scan(data: bytes) -> object:
    """Judge bare records twice: the fast way and the plain one must agree."""
    count = 1 + data.count(b"\x00") % 40
    verdicts = [verdict(lambda: list(walk_records(data, count))) is None]
    verdicts.append(verdict(lambda: scan_records(data, count, 0)) is None)
    if verdicts[0] != verdicts[1]:
        raise AssertionError(f"walked: refused {verdicts[0]}, scanned: refused {verdicts[1]}")
    return verdicts


def verdict(judge: Callable[[], object]) -> object:
    """Give the result of a judge, None when it refuses."""
    try:
        return judge()
    except ProtocolError:
        return None


def decompressing(codec: int) -> Callable[[bytes], object]:
    """Make the reader of one compression."""
    return lambda data: decompress(codec, data, EXPANDED_BYTES_MAX)
