"""A file system in an image file, which can lose its power; needs root and loop devices.

A power cut is the ioctl EXT4_IOC_SHUTDOWN (XFS_IOC_GOINGDOWN has the same number) without a flush
of the journal: everything not yet durable is gone. Mounting again replays the journal.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = 2
_UNMOUNT_SECONDS = 15
_SYNC_FILE_RANGE_WRITE = 2
_PAGE = 4096
_MIB = 1 << 20
_MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
}
_MIB_MIN = {"ext4": 16, "xfs": 300}
KINDS = tuple(_MAKE)


def what_is_missing(kind: str) -> str | None:
    """Say what this machine lacks for volumes of a kind; None when nothing."""
    if os.name != "posix" or os.geteuid() != 0:
        return "root"
    if not Path("/dev/loop-control").exists():
        return "loop devices"
    if shutil.which(_MAKE[kind][0]) is None:
        return f"{_MAKE[kind][0]}, of the package {'e2fsprogs' if kind == 'ext4' else 'xfsprogs'}"
    if kind not in Path("/proc/filesystems").read_text().split():
        return f"{kind} in the kernel"
    return None


@dataclass(frozen=True, slots=True)
class Volume:
    """An image and where it is mounted."""

    kind: str
    image: Path
    path: Path

    def mount(self) -> None:
        """Mount it, replaying the journal."""
        _run("mount", "-o", "loop", "-t", self.kind, str(self.image), str(self.path))

    def unmount(self) -> None:
        """Unmount it, waiting for processes that are about to end."""
        deadline = time.monotonic() + _UNMOUNT_SECONDS
        while True:
            done = subprocess.run(
                ["umount", str(self.path)], check=False, capture_output=True, text=True
            )
            if done.returncode == 0 or "not mounted" in done.stderr:
                return
            if time.monotonic() > deadline:
                _run("umount", "--lazy", str(self.path))
                raise RuntimeError(f"{self.path} is in use: {done.stderr}")
            time.sleep(0.02)

    def flush(self) -> None:
        """Make everything on it durable that was written so far."""
        directory = os.open(self.path, os.O_RDONLY)
        try:
            ctypes.CDLL(None).syncfs(directory)
        finally:
            os.close(directory)

    def cut_power(self) -> None:
        """Lose everything that is not durable; from now on all I/O fails."""
        directory = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(directory, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(directory)


@contextmanager
def volume(kind: str, directory: Path, *, mib: int) -> Iterator[Volume]:
    """Make a volume in a directory of its own and mount it; unmount and remove it in the end."""
    directory.mkdir(parents=True, exist_ok=True)
    made = Volume(kind, directory / "image", directory / "mounted")
    made.path.mkdir()
    with made.image.open("wb") as image:
        image.truncate(max(mib, _MIB_MIN[kind]) * _MIB)
    _run(*_MAKE[kind], str(made.image))
    made.mount()
    try:
        yield made
    finally:
        made.unmount()
        made.image.unlink()


def write_back(path: Path, page: int, pages: int) -> None:
    """Have the kernel begin to write some pages of a file, as memory pressure would.

    Like memory pressure it promises nothing: pages come to the disk before those below them.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with path.open("rb") as file:
        start, length = ctypes.c_int64(page * _PAGE), ctypes.c_int64(pages * _PAGE)
        libc.sync_file_range(file.fileno(), start, length, _SYNC_FILE_RANGE_WRITE)


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
