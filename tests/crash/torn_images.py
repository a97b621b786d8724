"""Data directories of several shapes, as a process saw them and as they were last synced.

An image has one partition, `a-0`. Its bytes below the durable end are on disk whatever happens;
what was written after that is what a crash tears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from pykbroker.wire.compression import GZIP, LZ4, NONE, SNAPPY, ZSTD
from tests.crash.promises import DATA, Promised
from tests.crash.simulated_fs import SimulatedFileSystem
from tests.crash.stage import Stage

Shape = Callable[[Stage], Iterator[None]]
"""Fills a stage; yields after the sync before the last, and after the last."""
TOPIC = "a"
PARTITION = f"{DATA}/{TOPIC}-0"


@dataclass(frozen=True, slots=True)
class Image:
    """One data directory: each field has all its files by path."""

    name: str
    earlier: dict[str, bytes]
    """As of the sync before the last."""
    durable: dict[str, bytes]
    written: dict[str, bytes]
    promised: Promised
    recovery_point: int
    """The stored one."""

    @property
    def segments(self) -> list[str]:
        """The paths of all segments, in order."""
        return sorted(path for path in self.written if path.endswith(".log"))

    @property
    def unsynced_segments(self) -> list[str]:
        """The paths of the segments that have something unsynced, in order."""
        return [
            path for path in self.segments if self.durable.get(path) != self.written[path]
        ] or self.segments[-1:]

    def durable_size(self, path: str) -> int:
        """Return how many bytes of a file are on disk for certain."""
        return len(self.durable.get(path, b""))


def make_image(shape: Shape) -> Image:
    """Fill a data directory and look at it at its two last syncs and at the end."""
    fs = SimulatedFileSystem()
    fs.mkdirs(DATA)
    fs.sync_directory("")
    stage = Stage(fs, Random(7))
    steps = shape(stage)
    next(steps)
    earlier = fs.durable_contents(DATA)
    next(steps)
    durable = fs.durable_contents(DATA)
    for _ in steps:
        raise AssertionError(f"{shape.__name__} yields twice")
    stored = durable.get(f"{DATA}/recovery-point-offset-checkpoint", b"0\n1\na 0 0\n")
    return Image(
        name=shape.__name__,
        earlier=earlier,
        durable=durable,
        written=fs.contents(DATA),
        promised=stage.promised,
        recovery_point=int(stored.split()[-1]),
    )


def _phases(
    stage: Stage, append: Callable[[int], None], *, counts: tuple[int, int, int]
) -> Iterator[None]:
    """Append so many batches, sync, store the recovery point; append, sync; append."""
    first, second, third = counts
    for number in range(first):
        append(number)
    stage.sync()
    stage.checkpoint()
    yield
    for number in range(first, first + second):
        append(number)
    stage.sync()
    yield
    for number in range(first + second, first + second + third):
        append(number)


def single_records(stage: Stage) -> Iterator[None]:
    """Batches of one small record."""
    stage.create(segment_bytes=1 << 20)
    yield from _phases(
        stage, lambda number: stage.append(records=1, value_bytes=10 + number), counts=(4, 3, 4)
    )


def over_pages(stage: Stage) -> Iterator[None]:
    """Batches a little larger than a page."""
    stage.create(segment_bytes=1 << 20)
    yield from _phases(
        stage, lambda number: stage.append(records=1, value_bytes=4_200), counts=(2, 2, 4)
    )


def sixteen_kilobytes(stage: Stage) -> Iterator[None]:
    """Batches as producers make them by default."""
    stage.create(segment_bytes=1 << 20)
    yield from _phases(
        stage, lambda number: stage.append(records=16, value_bytes=1_000), counts=(1, 1, 3)
    )


def compressed(stage: Stage) -> Iterator[None]:
    """Batches of every codec."""
    stage.create(segment_bytes=1 << 20)
    codecs = (NONE, GZIP, SNAPPY, LZ4, ZSTD)
    yield from _phases(
        stage,
        lambda number: stage.append(records=9, value_bytes=100, codec=codecs[number % 5]),
        counts=(3, 3, 5),
    )


def idempotent(stage: Stage) -> Iterator[None]:
    """Two producers, over segments with snapshots, in several leader epochs."""
    stage.create(segment_bytes=1_200)
    yield from _phases(
        stage,
        lambda number: stage.send(number % 2, value_bytes=150, epoch=number // 4),
        counts=(6, 4, 4),
    )


def small_segments(stage: Stage) -> Iterator[None]:
    """A segment for every other batch, some of them unsynced."""
    stage.create(segment_bytes=700)
    yield from _phases(
        stage, lambda number: stage.append(value_bytes=100, epoch=number // 5), counts=(5, 4, 5)
    )


def small_segments_compacted(stage: Stage) -> Iterator[None]:
    """The same in a log whose scan accepts gaps."""
    stage.create(segment_bytes=700, cleanup_policy=frozenset({"compact"}))
    yield from _phases(
        stage, lambda number: stage.append(value_bytes=100, epoch=number // 5), counts=(5, 4, 5)
    )


def records_deleted(stage: Stage) -> Iterator[None]:
    """A log start above the first segments."""
    stage.create(segment_bytes=900)
    for _ in range(6):
        stage.append(value_bytes=150)
    stage.sync()
    stage.delete_records(7)
    stage.checkpoint()
    yield
    for _ in range(3):
        stage.append(value_bytes=150)
    stage.sync()
    stage.delete_records(9)
    stage.checkpoint()
    yield
    for _ in range(4):
        stage.append(value_bytes=150)


def one_segment_many_pages(stage: Stage) -> Iterator[None]:
    """Many batches of all sizes in the pages that no sync has covered."""
    stage.create(segment_bytes=1 << 20)
    sizes = (5, 900, 3_000, 20, 5_000, 300)
    yield from _phases(
        stage,
        lambda number: stage.append(records=1, value_bytes=sizes[number % 6]),
        counts=(3, 3, 12),
    )


def indexed_segments(stage: Stage) -> Iterator[None]:
    """Segments below the recovery point whose indexes have many entries."""
    stage.create(segment_bytes=4_000, index_interval_bytes=500)
    yield from _phases(
        stage, lambda number: stage.append(value_bytes=20 + number), counts=(50, 4, 4)
    )


SHAPES: tuple[Shape, ...] = (
    single_records,
    over_pages,
    sixteen_kilobytes,
    compressed,
    idempotent,
    small_segments,
    small_segments_compacted,
    records_deleted,
    one_segment_many_pages,
    indexed_segments,
)


def make_images() -> list[Image]:
    """Make one image of each shape."""
    return [make_image(shape) for shape in SHAPES]
