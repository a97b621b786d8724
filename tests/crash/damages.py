"""Bytes that were durable and are not what they were: what opening such a log must say.

Decided at the start: damage in what is scanned, which is everything from the segment of the stored
recovery point on. A bad batch that ends below that point is refused (`DamagedLogError`, no file
changed). Above it, it is refused if whole batches follow and the bytes are not what a power cut
leaves; otherwise it cannot be told from a torn tail, so it is cut, reported, and kept aside.
Never are other bytes served than those appended. Not decided at the start: segments below the
recovery point, which are not read then (their CRC is checked by every client); the 12 bytes of a
batch that its CRC does not cover and its neighbours do not contradict (an offset that only leaves
a gap, a leader epoch); a whole segment that is missing from a compacted log; and an end that is
missing from a batch's boundary on, above the recovery point, where nothing is left to tell it by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pykbroker.errors import KafkaError
from pykbroker.storage.log import Log
from pykbroker.storage.log_directory import LogDirectoryError
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.segment import DamagedLogError
from tests.crash.promises import BrokenPromiseError, require, start
from tests.crash.simulated_disk import PAGE_BYTES
from tests.crash.tears import Files
from tests.crash.torn_images import PARTITION, TOPIC, Image
from tests.storage.logs import Stored, read_all


@dataclass(frozen=True, slots=True)
class Where:
    """What was damaged: bytes [position, end) of a segment; all of them when it is gone."""

    path: str
    position: int
    end: int
    is_uncovered: bool = False
    """Whether only bytes were changed that no CRC covers."""
    is_flip: bool = False
    """Whether one bit was changed of what is checked: no power cut does that."""


Damage = Callable[[Image, Files, Random], Where]


def _segment(image: Image, random: Random) -> str:
    return random.choice([path for path in image.segments if image.durable.get(path)])


def _replaced(files: Files, path: str, position: int, data: bytes) -> None:
    whole = files[path]
    files[path] = whole[:position] + data + whole[position + len(data) :]


def flipped_bit(image: Image, files: Files, random: Random) -> Where:
    """Flip a bit of a batch that its CRC covers, or its CRC, length or magic byte."""
    path = _segment(image, random)
    position = random.randrange(image.durable_size(path))
    start, _ = _batch_at(image, path, position)
    if position - start < 8 or 12 <= position - start < 16:
        position = start + random.choice((8, 11, 16, 17, 20, 21, 23, 60))
    _replaced(files, path, position, bytes([files[path][position] ^ 1 << random.randrange(8)]))
    return Where(path, position, position + 1, is_flip=True)


def flipped_uncovered_bit(image: Image, files: Files, random: Random) -> Where:
    """Flip a bit of a batch's base offset or leader epoch, which no CRC covers."""
    path = _segment(image, random)
    start, _ = _batch_at(image, path, random.randrange(image.durable_size(path)))
    position = start + random.choice((*range(8), *range(12, 16)))
    _replaced(files, path, position, bytes([files[path][position] ^ 1 << random.randrange(8)]))
    return Where(path, position, position + 1, is_uncovered=True)


def zeroed_page(image: Image, files: Files, random: Random) -> Where:
    """Zero the durable part of a page."""
    path = _segment(image, random)
    start = random.randrange(image.durable_size(path)) // PAGE_BYTES * PAGE_BYTES
    end = min(start + PAGE_BYTES, image.durable_size(path))
    _replaced(files, path, start, bytes(end - start))
    return Where(path, start, end)


def stale_page(image: Image, files: Files, random: Random) -> Where:
    """Put other bytes of the same log in place of a durable page."""
    path = _segment(image, random)
    start = random.randrange(image.durable_size(path)) // PAGE_BYTES * PAGE_BYTES
    end = min(start + PAGE_BYTES, image.durable_size(path))
    shift = random.randrange(1, end - start) if end - start > 1 else 0
    page = files[path][start:end]
    _replaced(files, path, start, page[shift:] + page[:shift])
    return Where(path, start, end)


def cut_short(image: Image, files: Files, random: Random) -> Where:
    """Cut a file below what was synced of it."""
    path = _segment(image, random)
    size = random.randrange(image.durable_size(path))
    files[path] = files[path][:size]
    return Where(path, size, len(image.written[path]))


def segment_gone(image: Image, files: Files, random: Random) -> Where:
    """Remove a whole segment, not the first: where a log begins is said by its first name alone."""
    durable = [path for path in image.segments[1:] if image.durable.get(path)]
    if not durable:
        return cut_short(image, files, random)
    path = random.choice(durable)
    del files[path]
    return Where(path, 0, len(image.written[path]))


def flipped_checkpoint(image: Image, files: Files, random: Random) -> Where:
    """Flip a bit of a checkpoint or of what says whose the files are."""
    paths = [path for path in files if path.endswith(("-checkpoint", ".metadata", ".properties"))]
    path = random.choice(sorted(paths))
    position = random.randrange(len(files[path]))
    _replaced(files, path, position, bytes([files[path][position] ^ 1 << random.randrange(8)]))
    return Where(path, position, position + 1)


DAMAGES: tuple[Damage, ...] = (
    flipped_bit,
    flipped_uncovered_bit,
    zeroed_page,
    stale_page,
    cut_short,
    segment_gone,
    flipped_checkpoint,
)


def _batches_of(image: Image, path: str) -> list[tuple[int, Stored]]:
    """Give the batches of a segment with their positions."""
    number = image.segments.index(path)
    base_offset = _base_offset(path)
    later = image.segments[number + 1 :]
    end = _base_offset(later[0]) if later else 1 << 62
    found, position = [], 0
    for one in image.promised.partitions[TOPIC].batches:
        if base_offset <= one.base_offset < end:
            found.append((position, one))
            position += len(one.data)
    return found


def _batch_at(image: Image, path: str, position: int) -> tuple[int, Stored]:
    return [row for row in _batches_of(image, path) if row[0] <= position][-1]


def _base_offset(path: str) -> int:
    return int(path.rpartition("/")[2].partition(".")[0])


def _is_scanned(image: Image, path: str) -> bool:
    scanned_from = [one for one in image.segments if _base_offset(one) <= image.recovery_point]
    return path >= (scanned_from or image.segments)[-1]


def judge(image: Image, files: Files, where: Where, fs: MemoryFileSystem) -> str:
    """Open a damaged log and tell what came of it; raises when that is not what is decided."""
    if files == image.written:
        return "no change"
    try:
        _, logs = start(fs, image.promised)
    except DamagedLogError:
        for path, data in files.items():
            is_kept = path.endswith((".log", "offset-checkpoint"))
            require(not is_kept or fs.read_bytes(path) == data, f"{path} was changed by refusing")
        return "refused"
    except (LogDirectoryError, KafkaError, OSError) as refusal:
        require(not where.path.endswith(".log"), f"refused for no damage: {refusal}")
        return "refused"
    log = logs[TOPIC]
    if not where.path.endswith(".log"):
        return _judge_checkpoint(image, log)
    if not _is_scanned(image, where.path):
        return "not looked at"
    promises = image.promised.partitions[TOPIC]
    whole = promises.batches
    first_bad = _first_bad(image, where)
    cut = log.recovery_report.cut
    served = _served(log, whole)
    if served is None:
        is_gap = promises.config.is_compacted and where.path not in files
        require(where.is_uncovered or is_gap, "other bytes are served than those appended")
        return "not decidable"
    if cut is None:
        if log.end_offset > whole[-1].last_offset:
            return "not decidable" if where.is_uncovered else "harmless"
        require(log.end_offset >= image.recovery_point, "lost silently below the recovery point")
        require(not (served and _is_left(files, served[-1])), "bytes are left out silently")
        return "nothing is left to tell it by"
    require(
        first_bad is None or first_bad.last_offset >= image.recovery_point,
        f"cut at {log.end_offset}, below the recovery point {image.recovery_point}",
    )
    require(not (where.is_flip and first_bad != whole[-1]), "a flipped bit was cut off")
    _require_kept(image, files, fs, cut.base_offset, cut.position)
    return "cut, reported, kept aside"


def _judge_checkpoint(image: Image, log: Log) -> str:
    """Tell what came of a checkpoint that lies, and of which no CRC tells so."""
    promises = image.promised.partitions[TOPIC]
    require(log.end_offset >= promises.durable_end, f"emptied: the log ends at {log.end_offset}")
    require(_served(log, promises.batches) is not None, "other bytes are served")
    is_less = log.log_start_offset > promises.log_start_max
    return "believed: a later log start" if is_less else "harmless"


def _first_bad(image: Image, where: Where) -> Stored | None:
    for position, one in _batches_of(image, where.path):
        if position < where.end and position + len(one.data) > where.position:
            return one
    return None


def _is_left(files: Files, after: Stored) -> bool:
    """Tell whether any byte is left of what was behind a batch in its segment."""
    for path, data in files.items():
        if path.endswith(".log") and after.data in data:
            return not data.endswith(after.data)
    return False


def _served(log: Log, whole: list[Stored]) -> list[Stored] | None:
    """Return the batches that are served; None when they are not a run of those appended."""
    run = [
        one
        for one in whole
        if one.last_offset >= log.log_start_offset and one.base_offset < log.end_offset
    ]
    try:
        data = read_all(log)
    except (DamagedLogError, AssertionError) as fault:
        raise BrokenPromiseError(f"what is served cannot be read: {fault}") from fault
    return run if data == b"".join(one.data for one in run) else None


def _require_kept(
    image: Image, files: Files, fs: MemoryFileSystem, base_offset: int, position: int
) -> None:
    """Check that what was cut off a segment lies in a file beside it."""
    path = f"{PARTITION}/{base_offset:020d}.log"
    lost = files.get(path, b"")[position:]
    if not lost.strip(b"\0"):
        return
    kept = [fs.read_bytes(f"{PARTITION}/{name}") for name in fs.listdir(PARTITION)]
    require(lost in kept, f"{len(lost)} bytes cut off {path} are not kept aside")
    del image
