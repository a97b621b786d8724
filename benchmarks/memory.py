"""The machine's own memory, made ready: a virtual machine's pages cost more at their first use.

The host gives a page to the guest at its first use, which multiplies what a write to the page cache
costs. Writing and deleting a file leaves pages that the guest owns already.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

SHARE_OF_FREE = 0.25
BYTES_MAX = 4 << 30
_CHUNK = 4 << 20


def touch(directory: Path) -> str:
    """Write and delete a file of up to 4 GB in `directory`; say in a sentence what that took."""
    total = min(BYTES_MAX, int(_free_bytes(directory) * SHARE_OF_FREE))
    chunk = os.urandom(_CHUNK)
    speeds = []
    for _ in range(2):
        begin = time.perf_counter()
        with tempfile.TemporaryFile(dir=directory) as file:
            for _ in range(total // _CHUNK):
                file.write(chunk)
        speeds.append(total / 1e6 / (time.perf_counter() - begin))
    return (
        f"memory was touched first: {total / 1e9:.1f} GB written and deleted twice,"
        f" {speeds[0]:,.0f} MB/s, then {speeds[1]:,.0f} MB/s"
    )


def _free_bytes(directory: Path) -> int:
    """Return the memory that could be had, but no more than the disk has room for."""
    statistics = os.statvfs(directory)
    on_disk = statistics.f_bavail * statistics.f_frsize
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return min(on_disk, BYTES_MAX)
    available = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    return min(on_disk, available * 1024)
