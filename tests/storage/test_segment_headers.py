"""Headers of batches that cannot be those of their segment are damage, not batches."""

from __future__ import annotations

import pytest

from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.segment import DamagedLogError
from tests.storage.logs import a_log, append


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
