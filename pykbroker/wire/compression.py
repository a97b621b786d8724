"""The four codecs of record batches: gzip, snappy, lz4 and zstd, bounded when they expand.

The size of the output is bounded by the structure of the input and by the caller before any of it
is allocated; a size that the input merely claims is never believed. Written is what Kafka's Java
client writes: xerial framing for snappy, independent blocks for lz4. cramjam is imported at the
first use of snappy, lz4 or zstd, for the sake of start-up time.
"""

from __future__ import annotations

import struct
import zlib

from pykbroker.errors import ProtocolError

Buffer = bytes | bytearray | memoryview

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
NAMES = ("none", "gzip", "snappy", "lz4", "zstd")
"""The codecs' names in Kafka's properties, by number; "uncompressed" stands for none there."""

_LZ4_LEVEL = 9
_ZSTD_LEVEL = 3
_GZIP_WBITS = 31
_GZIP_STEP_FIRST = 1 << 10
_GZIP_STEP_GROWTH = 4
"""How much a member is given at first, and then each time: what it does not need is copied."""
_XERIAL_MAGIC = b"\x82SNAPPY\0"
_XERIAL_HEADER = _XERIAL_MAGIC + struct.pack(">ii", 1, 1)
_XERIAL_BLOCK_BYTES = 32 << 10
_LZ4_MAGIC = 0x184D2204
_ZSTD_MAGIC = 0xFD2FB528
_ZSTD_SKIPPABLE_MAGIC = 0x184D2A50
_ZSTD_BLOCK_BYTES = 128 << 10

_INT = struct.Struct(">i")
_UINT_LE = struct.Struct("<I")


class ExpansionError(ProtocolError):
    """Compressed data expands beyond what the caller allows."""


def compress(codec: int, data: Buffer, level: int | None = None) -> bytes:
    """Compress with one of the five codecs; `level` None is Kafka's default of that codec."""
    if codec == NONE:
        return bytes(data)
    if codec == GZIP:
        return zlib.compress(data, -1 if level is None else level, wbits=_GZIP_WBITS)
    if codec == SNAPPY:
        return _compress_xerial(data)
    import cramjam

    if codec == LZ4:
        # Java's reader refuses linked blocks (Lz4BlockOutputStream.FLG).
        compressor = cramjam.lz4.Compressor(
            level=_LZ4_LEVEL if level is None else level, content_checksum=False, block_linked=False
        )
        compressor.compress(bytes(data))
        return bytes(compressor.finish())
    if codec == ZSTD:
        return bytes(cramjam.zstd.compress(data, level=_ZSTD_LEVEL if level is None else level))
    raise ValueError(f"no codec has number {codec}")


def decompress(codec: int, data: Buffer, max_bytes: int) -> bytes | bytearray:
    """Decompress all of `data` to at most `max_bytes` (inclusive).

    Raises ExpansionError when it is larger, ProtocolError when it is broken or Java's client could
    not read it.
    """
    if codec == NONE:
        if len(data) > max_bytes:
            raise ExpansionError(f"{len(data)} bytes, at most {max_bytes} are allowed")
        return bytes(data)
    if codec == GZIP:
        return _decompress_gzip(data, max_bytes)
    if codec == SNAPPY:
        return _decompress_snappy(data, max_bytes)
    try:
        if codec == LZ4:
            bound = _lz4_bound(data)
        elif codec == ZSTD:
            bound = _zstd_bound(data)
        else:
            raise ProtocolError(f"no codec has number {codec}")
    except (struct.error, IndexError):
        raise ProtocolError(f"{NAMES[codec]} data is cut off") from None
    return _decompress_bounded(codec, data, bound, max_bytes)


def _decompress_bounded(codec: int, data: Buffer, bound: int, max_bytes: int) -> bytearray:
    import cramjam

    codec_module = cramjam.lz4 if codec == LZ4 else cramjam.zstd
    output = bytearray(min(bound, max_bytes))
    try:
        size = codec_module.decompress_into(data, output)
    except cramjam.DecompressionError as error:
        if bound > max_bytes:
            raise ExpansionError(
                f"{len(data)} bytes of {NAMES[codec]} expand beyond {max_bytes}"
            ) from None
        raise ProtocolError(f"{NAMES[codec]} data is broken: {error}") from None
    del output[size:]
    return output


def _decompress_gzip(data: Buffer, max_bytes: int) -> bytes:
    view = memoryview(data)
    parts: list[bytes] = []
    left, position = max_bytes, 0
    try:
        while position < len(view) or not parts:  # members may follow each other, as in Java
            stream = zlib.decompressobj(_GZIP_WBITS)
            step = _GZIP_STEP_FIRST
            while not stream.eof:
                if position == len(view):
                    raise ProtocolError("gzip data is cut off")
                piece = view[position : position + step]
                # One byte more than allowed tells the end of the data from that of the allowance.
                part = stream.decompress(piece, left + 1)
                if len(part) > left:
                    raise ExpansionError(f"{len(data)} bytes of gzip expand beyond {max_bytes}")
                parts.append(part)
                left -= len(part)
                position += len(piece) - len(stream.unused_data) - len(stream.unconsumed_tail)
                step *= _GZIP_STEP_GROWTH
    except zlib.error as error:
        raise ProtocolError(f"gzip data is broken: {error}") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _compress_xerial(data: Buffer) -> bytes:
    import cramjam

    view = memoryview(data)
    parts = [_XERIAL_HEADER]
    for start in range(0, len(view), _XERIAL_BLOCK_BYTES):
        block = bytes(cramjam.snappy.compress_raw(view[start : start + _XERIAL_BLOCK_BYTES]))
        parts += (_INT.pack(len(block)), block)
    return b"".join(parts)


def _decompress_snappy(data: Buffer, max_bytes: int) -> bytes:
    """Read one raw block, as librdkafka writes, or the xerial framing of Java."""
    view = memoryview(data)
    if view[: len(_XERIAL_MAGIC)] != _XERIAL_MAGIC:
        return _decompress_snappy_block(view, max_bytes)
    parts: list[bytes] = []
    left, position = max_bytes, len(_XERIAL_HEADER)
    if len(view) < position:
        raise ProtocolError("the snappy framing is cut off")
    while position < len(view):
        if len(view) - position < _INT.size:
            raise ProtocolError("the snappy framing is cut off")
        (length,) = _INT.unpack_from(view, position)
        position += _INT.size
        if not 0 < length <= len(view) - position:
            raise ProtocolError(f"a snappy block says it has {length} bytes")
        part = _decompress_snappy_block(view[position : position + length], left)
        parts.append(part)
        left -= len(part)
        position += length
    return b"".join(parts)


def _decompress_snappy_block(block: memoryview, max_bytes: int) -> bytes:
    import cramjam

    size = _snappy_size(block)
    # Three bytes of input copy at most 64 bytes of output: a larger claim is a lie.
    if size > 22 * len(block):
        raise ProtocolError(f"a snappy block of {len(block)} bytes says it expands to {size}")
    if size > max_bytes:
        raise ExpansionError(f"{len(block)} bytes of snappy expand beyond {max_bytes}")
    output = bytearray(size)
    try:
        cramjam.snappy.decompress_raw_into(block, output)
    except cramjam.DecompressionError as error:
        raise ProtocolError(f"snappy data is broken: {error}") from None
    return bytes(output)


def _snappy_size(block: memoryview) -> int:
    size = 0
    for index, byte in enumerate(block[:5]):
        size |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return size
    raise ProtocolError("a snappy block does not begin with its size")


def _lz4_bound(data: Buffer) -> int:
    """Bound the output of one lz4 frame by its blocks, refusing what Java's reader refuses."""
    magic, flags, block_descriptor = struct.unpack_from("<IBB", data)
    if magic != _LZ4_MAGIC or flags >> 6 != 1:
        raise ProtocolError("not an lz4 frame")
    if not flags & 0x20 or flags & 0x03 or block_descriptor & 0x8F:
        raise ProtocolError("an lz4 frame has linked blocks or unknown flags")
    if block_descriptor < 0x40:
        raise ProtocolError("an lz4 frame has an unknown block size")
    block_bytes = 1 << 2 * (block_descriptor >> 4) + 8
    checksum_bytes = 4 if flags & 0x10 else 0
    position = 7 + (8 if flags & 0x08 else 0)
    bound = 0
    while True:
        (length,) = _UINT_LE.unpack_from(data, position)
        position += 4
        if length == 0:
            break
        size = length & 0x7FFF_FFFF
        if size > block_bytes:
            raise ProtocolError(f"an lz4 block says it has {size} bytes")
        bound += size if length > size else min(block_bytes, 255 * size)
        position += size + checksum_bytes
    if position + (4 if flags & 0x04 else 0) != len(data):
        raise ProtocolError("an lz4 frame ends elsewhere than its data")
    return bound


def _zstd_bound(data: Buffer) -> int:
    """Bound the output of zstd frames (RFC 8878) by their blocks."""
    bound = position = 0
    while position < len(data) or not position:
        (magic,) = _UINT_LE.unpack_from(data, position)
        if magic & 0xFFFF_FFF0 == _ZSTD_SKIPPABLE_MAGIC:
            position += 8 + _UINT_LE.unpack_from(data, position + 4)[0]
            continue
        if magic != _ZSTD_MAGIC:
            raise ProtocolError("not a zstd frame")
        flags = data[position + 4]
        single_segment = flags >> 5 & 1
        position += 5 + (1 - single_segment)
        position += (0, 1, 2, 4)[flags & 3] + (single_segment, 2, 4, 8)[flags >> 6]
        last = 0
        while not last:
            header = data[position] | data[position + 1] << 8 | data[position + 2] << 16
            last, kind, size = header & 1, header >> 1 & 3, header >> 3
            if kind == 3 or size > _ZSTD_BLOCK_BYTES:
                raise ProtocolError("a zstd block has an unknown type or is too large")
            bound += _ZSTD_BLOCK_BYTES if kind == 2 else size
            position += 3 + (1 if kind == 1 else size)
        position += 4 if flags & 4 else 0
    if position != len(data):
        raise ProtocolError("a zstd frame ends elsewhere than its data")
    return bound
