"""Partitions with records whose upkeep is tested, at a clock that follows trio's."""

from __future__ import annotations

from typing import Any

import trio

from pykbroker.metadata.keys import ConfigType
from pykbroker.replication.partition import PartitionLeader
from pykbroker.replication.partitions import Partitions
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.wire.records import build_batch
from tests.replication.clusters import a_topic
from tests.replication.hosted import Feed, a_directory, led, some_partitions

START_MS = 1_700_000_000_000
NAME = "words"


class LoopClock:
    """Tells a time that passes as trio's does."""

    def __init__(self) -> None:
        self._began = trio.current_time()

    def now_ms(self) -> int:
        """Return milliseconds since 1970-01-01 UTC."""
        return START_MS + round((trio.current_time() - self._began) * 1000)


class Trouble(MemoryFileSystem):
    """Refuses with `failure`, while there is one, the calls that `refuses` names."""

    def __init__(self, *refuses: str) -> None:
        super().__init__()
        self.refuses = refuses
        self.failure: OSError | None = None
        self.refused = 0

    def _check(self, call: str) -> None:
        if self.failure is not None and call in self.refuses:
            self.refused += 1
            raise self.failure

    def write_atomic(self, path: str, data: bytes) -> None:
        self._check("write_atomic")
        super().write_atomic(path, data)

    def rename(self, old: str, new: str) -> None:
        self._check("rename")
        super().rename(old, new)

    def remove(self, path: str) -> None:
        self._check("remove")
        super().remove(path)

    def create(self, path: str) -> Any:
        self._check("create")
        return super().create(path)


class Upkept:
    """One topic of one partition, its records in segments of two."""

    def __init__(self, fs: MemoryFileSystem, **broker: Any) -> None:
        self.fs = fs
        self.directory: LogDirectory = a_directory(fs)
        self.partitions: Partitions = some_partitions(self.directory, **broker)
        self._feed = Feed()

    async def create(self, *names: str, **config: Any) -> None:
        """Make topics, or give those that are there other properties."""
        values = {name.replace("_", "."): str(value) for name, value in config.items()}
        configs = {(ConfigType.TOPIC, name): values for name in names or (NAME,)}
        topics = [led(a_topic(name)) for name in names or (NAME,)]
        await self.partitions.apply(self._feed.show(*topics, configs=configs))

    async def delete(self) -> None:
        """Delete all topics."""
        await self.partitions.apply(self._feed.show())

    def leader(self, name: str = NAME) -> PartitionLeader:
        """The leader of a topic's partition."""
        return self.partitions.leader(name, 0)

    def append(self, *timestamps: int, name: str = NAME, producer_id: int = -1) -> None:
        """Append segments of two records of a timestamp each, all synced."""
        partition_log = self.leader(name).partition_log
        for timestamp_ms in timestamps:
            partition_log.roll(START_MS)
            rows = [(timestamp_ms, b"key", b"value", ())] * 2
            batch = bytearray(
                build_batch(rows, producer_id=producer_id, producer_epoch=0, base_sequence=0)
                if producer_id >= 0
                else build_batch(rows)
            )
            self.leader(name).append(memoryview(batch), acks_all=True, now_ms=START_MS)
        partition_log.flush()

    def files(self, ending: str = "", name: str = NAME) -> list[str]:
        """The names of the files in the partition's directory that end so."""
        return [each for each in self.fs.listdir(f"data/{name}-0") if each.endswith(ending)]

    def checkpoint(self, name: str) -> list[str]:
        """The rows of a checkpoint file."""
        if not self.fs.exists(f"data/{name}"):
            return []
        return self.fs.read_bytes(f"data/{name}").decode().splitlines()[2:]


def log_files(*offsets: int, suffix: str = "") -> list[str]:
    """The names of segments' files."""
    return [f"{offset:020d}.log{suffix}" for offset in offsets]
