"""What cannot be: headers that are not of their segment, index entries that are not of a batch."""

from __future__ import annotations

import pytest

from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.segment import DamagedLogError
from tests.storage.logs import a_log, append, offsets_in, read


@pytest.mark.parametrize("base_offset", [-1, 0, 4, 5 + (1 << 31), 1 << 60])
def test_an_offset_that_no_batch_of_the_segment_can_have_is_damage(base_offset: int) -> None:
    log = a_log(MemoryFileSystem())
    append(log, 5)
    log.roll(0)
    append(log, 1)
    segment = log.segments[1]

    segment.file.pwrite(base_offset.to_bytes(8, "big", signed=True), 0)

    with pytest.raises(DamagedLogError, match="no batch at position 0"):
        segment.rebuild_indexes()


def test_an_index_entry_that_lies_skips_no_batch() -> None:
    fs = MemoryFileSystem()
    log = a_log(fs, index_interval_bytes=300)
    for _ in range(40):
        append(log, 1)
    log.roll(0)
    path = log.segments[0].path(".index")
    index = bytearray(fs.read_bytes(path))
    assert index[8:12] == b"\0\0\0\x08"
    index[11] = 6  # the second entry says 6, and leads behind the batches of 6 and 7
    fs.open(path).pwrite(index, 0)

    again = a_log(fs, index_interval_bytes=300, recovery_point=40)

    assert [offsets_in(read(again, offset, max_bytes=1)) for offset in range(40)] == [
        [(offset, offset)] for offset in range(40)
    ]
