"""Random damage to random logs: a prefix of at least what was durable comes back, or an error.

Never less, never other bytes, and what is refused is left as it was. Damaged are segments that are
scanned; a batch's offset and leader epoch, which no CRC covers, may be others.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.recovery.damage import FoundDamageError
from tests.storage.logs import (
    DIRECTORY,
    NOW_MS,
    a_log,
    append,
    headers_in,
    overwrite,
    read_all,
)

CASES = 150
"""For each seed."""
PAGE, SECTOR = 4096, 512


def flip_bits(data: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 20))):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def truncate(data: bytearray, random: Random) -> None:
    del data[random.randrange(len(data)) :]


def zero_sectors(data: bytearray, random: Random) -> None:
    unit = random.choice((SECTOR, PAGE))
    first = random.randrange(len(data)) // unit * unit
    end = min(first + unit * random.choice((1, 1, 2, 5)), len(data))
    data[first:end] = bytes(end - first)


def zero_somewhere(data: bytearray, random: Random) -> None:
    first = random.randrange(len(data))
    end = min(first + random.randrange(1, 3_000), len(data))
    data[first:end] = bytes(end - first)


def overwrite_somewhere(data: bytearray, random: Random) -> None:
    first = random.randrange(len(data))
    end = min(first + random.randrange(1, 300), len(data))
    data[first:end] = random.randbytes(end - first)


def remove_a_piece(data: bytearray, random: Random) -> None:
    first = random.randrange(len(data))
    del data[first : first + random.randrange(1, 300)]


def repeat_a_piece(data: bytearray, random: Random) -> None:
    first = random.randrange(len(data))
    data[first:first] = data[first : first + random.randrange(1, 300)]


def add_garbage(data: bytearray, random: Random) -> None:
    data += random.choice((bytes, random.randbytes))(random.randrange(1, 5_000))


DAMAGES: list[Callable[[bytearray, Random], None]] = [
    flip_bits,
    truncate,
    zero_sectors,
    zero_somewhere,
    overwrite_somewhere,
    remove_a_piece,
    repeat_a_piece,
    add_garbage,
]


def a_random_log(random: Random) -> tuple[MemoryFileSystem, bytes, list[int]]:
    """Write a log; return its files, all that is in it, and the offset after each batch."""
    fs = MemoryFileSystem()
    log, ends = a_log(fs), [0]
    for _ in range(random.randrange(2, 30)):
        if random.random() < 0.1:
            log.roll(NOW_MS)
        append(log, random.choice((1, 2, 9)), value_bytes=random.choice((5, 90, 900)))
        ends.append(log.end_offset)
    return fs, read_all(log), ends


def segments(fs: MemoryFileSystem) -> dict[str, bytes]:
    return {
        path: fs.read_bytes(path)
        for name in fs.listdir(DIRECTORY)
        if name.endswith(".log")
        for path in [f"{DIRECTORY}/{name}"]
    }


def damage_one(fs: MemoryFileSystem, durable: int, random: Random) -> None:
    """Damage a segment from the one that holds `durable` on."""
    files = segments(fs)
    paths = sorted(files)
    first = max(n for n, path in enumerate(paths) if int(path[-24:-4]) <= durable)
    path = random.choice(paths[first:])
    if random.random() < 0.05:
        fs.remove(path)
        return
    data = bytearray(files[path])
    if data:
        random.choice(DAMAGES)(data, random)
    overwrite(fs, path, bytes(data))


@pytest.mark.parametrize("seed", range(20))
def test_random_damage_is_refused_or_leaves_a_prefix(seed: int) -> None:
    random = Random(seed)
    for _ in range(CASES // 10):
        fs, written, ends = a_random_log(random)
        original = segments(fs)
        for _ in range(10):
            for path in segments(fs):
                fs.remove(path)
            for path, data in original.items():
                overwrite(fs, path, data)
            durable = random.choice(ends)
            damage_one(fs, durable, random)
            check_damaged(fs, written, durable)


def covered(data: bytes) -> bytes:
    """Blot out what no CRC covers."""
    blotted, position = bytearray(data), 0
    for header in headers_in(data):
        blotted[position : position + 8] = bytes(8)
        blotted[position + 12 : position + 16] = bytes(4)
        position += header.size_bytes
    return bytes(blotted)


def check_damaged(fs: MemoryFileSystem, written: bytes, durable: int) -> None:
    left = segments(fs)
    try:
        log = a_log(fs, recovery_point=durable)
    except FoundDamageError:
        assert segments(fs) == left
        return
    if not log.log_start_offset:
        assert covered(written).startswith(covered(read_all(log)))
    assert log.end_offset >= durable
    assert log.recovery_point <= durable
    again = a_log(fs, recovery_point=durable)
    assert (again.end_offset, again.recovery_report.cut) == (log.end_offset, None)
