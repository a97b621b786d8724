"""What a crash may leave of the bytes that no sync covered, and of the files around them.

A tear changes only what was unsynced when the crash came: file ends, 4 KiB pages, sectors of the
last page, names. Caches (indexes, producer snapshots) may be in any state at all; checkpoints are
replaced whole, so they are of one sync or the other, or not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from tests.crash.simulated_disk import PAGE_BYTES
from tests.crash.torn_images import PARTITION, TOPIC, Image

SECTOR_BYTES = 512
Files = dict[str, bytes]
Tear = Callable[[Image, Files, Random], None]
"""Changes the files of an image from as they were written to as a crash leaves them."""

_GARBAGE_SIZES = (1, 12, 20, 61, 200, 5_000)
_CACHES = (".index", ".timeindex", ".snapshot")


def last_batches_start(image: Image, count: int = 3) -> tuple[str, int]:
    """Return the last segment, and where its unsynced ones of the last `count` batches begin."""
    path = image.unsynced_segments[-1]
    promises = image.promised.partitions[TOPIC]
    base_offset = int(path.rpartition("/")[2].partition(".")[0])
    sizes = [len(one.data) for one in promises.batches if one.base_offset >= base_offset]
    return path, max(sum(sizes[:-count]), image.durable_size(path))


def cuts(image: Image) -> Iterator[tuple[str, int]]:
    """Give a segment and a size for every byte of the last three batches, if unsynced."""
    path, start = last_batches_start(image)
    for size in range(start, len(image.written[path]) + 1):
        yield path, size


def _later(image: Image, path: str) -> list[str]:
    return [other for other in image.segments if other > path]


def end_at(image: Image, files: Files, path: str, size: int, random: Random) -> None:
    """Let a segment end at `size`, in one of the ways files end early."""
    whole = files[path]
    files[path] = whole[:size]
    match random.randrange(5):
        case 0:
            files[path] = whole[:size].ljust(len(whole), b"\0")
        case 1:
            files[path] = whole[:size] + bytes(random.choice((1, 61, SECTOR_BYTES, 9_000)))
    for later in _later(image, path):
        files.pop(later)


def cut_somewhere(image: Image, files: Files, random: Random) -> None:
    """Cut any unsynced segment anywhere."""
    path = random.choice(image.unsynced_segments)
    size = random.randint(image.durable_size(path), len(files[path]))
    end_at(image, files, path, size, random)


def zero_tail(image: Image, files: Files, random: Random) -> None:
    """Make the last file longer, by zeros."""
    path = image.segments[-1]
    files[path] += bytes(random.choice((1, 7, 61, 100, PAGE_BYTES, 10_000)))


def _with_page(whole: bytes, durable: bytes, page: int, what: str) -> bytes:
    start, end = page * PAGE_BYTES, min((page + 1) * PAGE_BYTES, len(whole))
    old = durable[start:end].ljust(end - start, b"\0")
    if what == "half":
        kept = (end - start) // 2 // SECTOR_BYTES * SECTOR_BYTES
        old = max(whole[start : start + kept], old[:kept], key=len) + old[kept:]
    return whole[:start] + old + whole[end:]


def holes(image: Image, files: Files, random: Random) -> None:
    """Lose any of the pages that were written since the last sync."""
    for path in image.unsynced_segments:
        durable = image.durable.get(path, b"")
        pages = range(len(durable) // PAGE_BYTES, -(-len(files[path]) // PAGE_BYTES))
        for page in pages:
            if random.random() < 0.5:
                files[path] = _with_page(files[path], durable, page, "old")


def last_page_half(image: Image, files: Files, random: Random) -> None:
    """Write only the first sectors of the last page."""
    path = image.unsynced_segments[-1]
    page = max(len(files[path]) - 1, 0) // PAGE_BYTES
    files[path] = _with_page(files[path], image.durable.get(path, b""), page, "half")
    del random


def garbage_tail(image: Image, files: Files, random: Random) -> None:
    """Put what was never written here behind a cut."""
    path, start = last_batches_start(image)
    size = random.randint(start, len(files[path]))
    garbage = random.randbytes(random.choice(_GARBAGE_SIZES))
    if random.random() < 0.3:
        garbage = bytes(16) + b"\2" + garbage
    files[path] = files[path][:size] + garbage


def stale_block(image: Image, files: Files, random: Random) -> None:
    """Leave older bytes of the same log in unsynced pages, as on a disk without zeroed blocks."""
    path = image.unsynced_segments[-1]
    durable = image.durable.get(path, b"")
    source = image.durable[image.segments[0]]
    first = len(durable) // PAGE_BYTES
    page = random.randint(first, max(len(files[path]) - 1, 0) // PAGE_BYTES)
    start = max(page * PAGE_BYTES, len(durable))
    files[path] = files[path][:start] + source[:PAGE_BYTES]
    for later in _later(image, path):
        files.pop(later)


def names_lost(image: Image, files: Files, random: Random) -> None:
    """Lose the unsynced names from one on, and the ends of the files before it.

    A log whose scan accepts gaps has synced those ends when it rolled.
    """
    is_compacted = image.promised.partitions[TOPIC].config.is_compacted
    unsynced = image.unsynced_segments
    gone = random.randrange(len(unsynced) + 1)
    for path in unsynced[gone:]:
        if path not in image.durable:
            files.pop(path)
    for path in unsynced[:gone]:
        if random.random() < 0.5 and (path == unsynced[-1] or not is_compacted):
            size = random.randint(image.durable_size(path), len(files[path]))
            files[path] = files[path][:size]


def nothing(image: Image, files: Files, random: Random) -> None:
    """Lose nothing: a kill."""
    del image, files, random


TEARS: tuple[Tear, ...] = (
    cut_somewhere,
    zero_tail,
    holes,
    last_page_half,
    garbage_tail,
    stale_block,
    names_lost,
    nothing,
)


# -- files around the log


def _variant(path: str, image: Image, random: Random) -> bytes | None:
    """Give one state of a cache; None: it is not there."""
    now = image.written.get(path, b"")
    match random.randrange(8):
        case 0:
            return image.durable.get(path)
        case 1:
            return image.earlier.get(path)
        case 2:
            return None
        case 3:
            return b""
        case 4:
            return bytes(len(now))
        case 5 if now:
            position = random.randrange(len(now))
            flipped = now[position] ^ 1 << random.randrange(8)
            return now[:position] + bytes([flipped]) + now[position + 1 :]
        case 6:
            return now[: len(now) // 2]
    return now


def vary_caches(image: Image, files: Files, random: Random) -> None:
    """Put caches into other states, also into those of segments that are not there."""
    for path in [path for path in image.written if path.endswith(_CACHES)]:
        if random.random() < 0.4:
            data = _variant(path, image, random)
            files.pop(path, None)
            if data is not None:
                files[path] = data


def vary_checkpoints(image: Image, files: Files, random: Random) -> None:
    """Put the checkpoints into the state of another sync, or have them absent.

    Those of the data directory may be unreadable: that must only cost the next start a scan.
    """
    for path in [path for path in image.written if path.endswith("-checkpoint")]:
        data: bytes | None = image.written[path]
        is_log_s_own = path.startswith(PARTITION)
        match random.randrange(8):
            case 0 if path in image.durable:
                data = image.durable[path]
            case 1:
                data = image.earlier.get(path)
            case 2:
                data = None
            case 3 if not is_log_s_own:
                data = b""
            case 4 if not is_log_s_own:
                data = bytes(len(image.written[path]))
        files.pop(path, None)
        if data is not None:
            files[path] = data


def leave_over(image: Image, files: Files, random: Random) -> None:
    """Leave files of renames that were under way."""
    first = image.segments[0]
    stem = first.removesuffix(".log")
    whole = image.durable.get(first, b"")
    match random.randrange(7):
        case 0:
            files[f"{first}.deleted"] = whole
            files[f"{stem}.index.deleted"] = b""
        case 1:
            files[f"{first}.cleaned"] = whole[: len(whole) // 2]
            files[f"{stem}.timeindex.cleaned"] = b"\0"
        case 2 if len(image.segments) > 1 and first not in image.unsynced_segments:
            files[f"{first}.swap"] = whole
            if random.random() < 0.5:
                files.pop(first, None)
        case 3:
            files[f"{PARTITION}/leader-epoch-checkpoint.tmp"] = b"0\n"
        case 4:
            files["data/recovery-point-offset-checkpoint.tmp"] = b"0\n1\na 0 9999\n"
        case 5:
            files["data/b-0.unique-delete/00000000000000000000.log"] = whole
