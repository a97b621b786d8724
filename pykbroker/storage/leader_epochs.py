"""Which leader epoch begins at which offset of one log, as Kafka's LeaderEpochFileCache (KIP-101).

Epochs and their start offsets both rise strictly; an entry that contradicts a newer one is dropped.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

UNDEFINED_EPOCH = -1
UNDEFINED_EPOCH_OFFSET = -1
_VERSION = "0"


class EpochEntry(NamedTuple):
    """A leader epoch and the offset of its first record (inclusive)."""

    epoch: int
    start_offset: int


class LeaderEpochs:
    """The epochs of one log, oldest first. Methods that change it say whether they did."""

    __slots__ = ("_epochs", "_starts")

    def __init__(self) -> None:
        self._epochs: list[int] = []
        self._starts: list[int] = []

    @property
    def entries(self) -> tuple[EpochEntry, ...]:
        """All entries, oldest first."""
        return tuple(map(EpochEntry, self._epochs, self._starts))

    @property
    def latest(self) -> int:
        """The epoch of the newest record; UNDEFINED_EPOCH when there is none."""
        return self._epochs[-1] if self._epochs else UNDEFINED_EPOCH

    def assign(self, epoch: int, start_offset: int) -> bool:
        """Note that `epoch` begins at `start_offset`, unless it is known to begin no later.

        Entries with an epoch or a start offset at or above the new ones are dropped. Raises
        ValueError for a negative epoch or offset.

        (1, 0) (2, 10) assigned (3, 10) → (1, 0) (3, 10)
        """
        if epoch < 0 or start_offset < 0:
            raise ValueError(f"leader epoch {epoch} cannot begin at offset {start_offset}")
        epochs, starts = self._epochs, self._starts
        if epochs and epochs[-1] == epoch and starts[-1] <= start_offset:
            return False
        while epochs and (epochs[-1] >= epoch or starts[-1] >= start_offset):
            del epochs[-1], starts[-1]
        epochs.append(epoch)
        starts.append(start_offset)
        return True

    def end_offset_for(self, epoch: int, log_end_offset: int) -> tuple[int, int]:
        """Find the largest epoch not above `epoch`, and where it ends (exclusive).

        The latest epoch ends at the end of the log. An epoch older than all known ones is answered
        with itself and the oldest start offset; a newer or undefined one with (-1, -1).

        (1, 0) (3, 10), end 15: 1 → (1, 10); 2 → (1, 10); 3 → (3, 15); 4 → (-1, -1); 0 → (0, 0)
        """
        epochs = self._epochs
        if epoch != UNDEFINED_EPOCH and epochs and epochs[-1] == epoch:
            return epoch, log_end_offset
        higher = bisect_right(epochs, epoch)
        if epoch == UNDEFINED_EPOCH or higher == len(epochs):
            return UNDEFINED_EPOCH, UNDEFINED_EPOCH_OFFSET
        return epochs[higher - 1] if higher else epoch, self._starts[higher]

    def epoch_for_offset(self, offset: int) -> int:
        """Find the epoch of the record at `offset`; UNDEFINED_EPOCH below the oldest entry."""
        index = bisect_right(self._starts, offset)
        return self._epochs[index - 1] if index else UNDEFINED_EPOCH

    def truncate_from_end(self, end_offset: int) -> bool:
        """Drop entries that begin at or above `end_offset`.

        (1, 0) (3, 10) truncated at 10 → (1, 0)
        """
        keep = bisect_left(self._starts, end_offset) if end_offset >= 0 else len(self._starts)
        changed = keep < len(self._starts)
        del self._epochs[keep:], self._starts[keep:]
        return changed

    def truncate_from_start(self, start_offset: int) -> bool:
        """Drop entries that end at or below `start_offset`; the first one left begins there.

        (1, 0) (3, 10) truncated at 4 → (1, 4) (3, 10); at 10 → (3, 10)
        """
        dropped = bisect_right(self._starts, start_offset) - 1
        if dropped < 0:
            return False
        changed = dropped > 0 or self._starts[0] != start_offset
        del self._epochs[:dropped], self._starts[:dropped]
        self._starts[0] = start_offset
        return changed

    def to_checkpoint(self) -> str:
        """Write the text of `leader-epoch-checkpoint`: version, count, a line per entry."""
        lines = [f"{epoch} {start}" for epoch, start in self.entries]
        return "\n".join((_VERSION, str(len(lines)), *lines, ""))

    @classmethod
    def from_checkpoint(cls, text: str) -> LeaderEpochs:
        """Read the text of `leader-epoch-checkpoint`; an empty file has no entries.

        Raises ValueError when it is not whole or not of version 0.
        """
        lines = text.splitlines()
        if len(lines) < 2:
            lines = [_VERSION, "0"]
        if lines[0] != _VERSION:
            raise ValueError(f"leader epoch checkpoint of version {lines[0]!r}")
        if int(lines[1]) != len(lines) - 2:
            raise ValueError(f"{lines[1]} leader epochs announced, {len(lines) - 2} found")
        leader_epochs = cls()
        for line in lines[2:]:
            epoch, start_offset = line.split()
            leader_epochs.assign(int(epoch), int(start_offset))
        return leader_epochs
