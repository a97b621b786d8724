"""What a fetch of one partition found: bytes, and the offsets that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pykbroker.storage.files import Slice


@dataclass(frozen=True, slots=True)
class PartitionRead:
    """What a fetch of one partition found; offsets as they were when it was read."""

    records: Slice | None
    high_watermark: int
    last_stable_offset: int
    log_start_offset: int
