"""The machine's own memory, made ready: a virtual machine's pages cost more at their first use.

The host gives a page to the guest when it is first written, and may take it back within a second
once it is free again (free page reporting): a write to the page cache then costs five times as
much. So pages are written and freed directly before whatever needs them.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

HEADROOM = 1.2
SHARE_OF_FREE_MAX = 0.5
_CHUNK = 4 << 20
_DATA = os.urandom(_CHUNK)


def touch(directory: Path, size: int) -> float:
    """Write and delete somewhat more than `size` bytes in `directory`; give bytes per second."""
    chunks = int(min(size * HEADROOM, _free_bytes(directory) * SHARE_OF_FREE_MAX)) // _CHUNK + 1
    begin = time.perf_counter()
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(chunks):
            file.write(_DATA)
    return chunks * _CHUNK / (time.perf_counter() - begin)


def _free_bytes(directory: Path) -> int:
    """Return the memory that could be had, but no more than the disk has room for."""
    statistics = os.statvfs(directory)
    on_disk = statistics.f_bavail * statistics.f_frsize
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return on_disk
    available = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    return min(on_disk, available * 1024)
