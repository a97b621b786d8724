"""Files and directories that know every state a power cut may leave them in.

What was synced is there, exactly. Of what was not, each 4 KiB page of a file is as it was at some
moment since the last sync, or as it was then; the size is one the file had, or the end of a page
between; each change of a directory's names happened or did not, a rename being one change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Dice:
    """How one power cut decides. Extremes are as likely as mixtures: they find most."""

    random: Random
    pages_last: float
    """How likely an unsynced page is in its newest state; all others are equally likely."""
    names_last: float
    sizes_last: float
    in_order: bool
    """Whether the names changed in the order of the calls, as with a journal of them."""

    @classmethod
    def thrown(cls, random: Random) -> Dice:
        """Return the dice of one power cut."""
        chances = (0.0, 0.5, 0.9, 1.0)
        return cls(
            random,
            pages_last=random.choice(chances),
            names_last=random.choice(chances),
            sizes_last=random.choice(chances),
            in_order=random.random() < 0.5,
        )

    def page(self, versions: Sequence[bytes]) -> bytes:
        """Choose what is left of a page, the newest version being the last."""
        if self.random.random() < self.pages_last:
            return versions[-1]
        return self.random.choice(versions[:-1])

    def size(self, sizes: Sequence[int]) -> int:
        """Choose a file's size."""
        if self.random.random() < self.sizes_last:
            return sizes[-1]
        pages = range(-(-min(sizes) // PAGE_BYTES), max(sizes) // PAGE_BYTES + 1)
        return self.random.choice([*sizes, *(page * PAGE_BYTES for page in pages)])

    def happened(self, changes: Sequence[NameChange]) -> Sequence[NameChange]:
        """Choose the changes of a directory that lasted."""
        if self.in_order:
            kept = 0
            while kept < len(changes) and self.random.random() < self.names_last:
                kept += 1
            return changes[:kept]
        return [one for one in changes if self.random.random() < self.names_last]


def _pages(data: bytes | bytearray, start: int, end: int) -> dict[int, bytes]:
    """Give the pages that hold the bytes [start, end), each as it is."""
    return {
        number: bytes(data[number * PAGE_BYTES : (number + 1) * PAGE_BYTES])
        for number in range(start // PAGE_BYTES, -(-end // PAGE_BYTES))
    }


class Inode:
    """A file: its contents as everybody reads them, and what of them is on the disk."""

    __slots__ = ("cached", "changes", "durable", "lost")

    def __init__(self, data: bytes = b"") -> None:
        self.cached = bytearray(data)
        self.durable = data
        self.changes: list[tuple[int, dict[int, bytes]]] = []
        """Size and changed pages after each change since the last sync."""
        self.lost: set[int] = set()
        """Pages that a failed sync took for written; they are read, and on no disk."""

    def write(self, data: bytes, position: int) -> None:
        """Write at `position`, a gap before it becoming zeros."""
        size = len(self.cached)
        if position > size:
            self.cached += bytes(position - size)
        self.cached[position : position + len(data)] = data
        changed = _pages(self.cached, min(position, size), position + len(data))
        self.changes.append((len(self.cached), changed))

    def truncate(self, size: int) -> None:
        """Cut or extend to `size` bytes."""
        before = len(self.cached)
        if size > before:
            self.write(b"", size)
            return
        del self.cached[size:]
        self.changes.append((size, _pages(self.cached, size, before)))

    def sync(self) -> None:
        """Make it durable, save what an earlier sync has lost."""
        if not self.lost:
            self.durable = bytes(self.cached)
            self.changes = []
            return
        touched = {number for _, pages in self.changes for number in pages}
        self.lost -= touched
        synced = bytearray(self.cached)
        for number in self.lost:
            old = self.durable[number * PAGE_BYTES : (number + 1) * PAGE_BYTES]
            start = number * PAGE_BYTES
            length = min(PAGE_BYTES, max(len(synced) - start, 0))
            synced[start : start + length] = old.ljust(PAGE_BYTES, b"\0")[:length]
        self.durable = bytes(synced)
        self.changes = []

    def fail_sync(self, random: Random) -> None:
        """Lose what the dice say, and call it clean, as Linux does after an error of writing."""
        self.lost |= {number for _, pages in self.changes for number in pages}
        self.durable = self.survivor(Dice.thrown(random))
        self.changes = []

    def drop(self) -> None:
        """Forget what is in memory of pages that are clean; the size is no page."""
        assert not self.changes, "only what is synced can be dropped"
        size = len(self.cached)
        self.cached = bytearray(self.durable[:size].ljust(size, b"\0"))
        self.lost = set()

    def survivor(self, dice: Dice) -> bytes:
        """Return what a power cut leaves."""
        if not self.changes:
            return self.durable
        versions: dict[int, list[bytes]] = {}
        for _, pages in self.changes:
            for number, page in pages.items():
                if number not in versions:
                    start = number * PAGE_BYTES
                    versions[number] = [self.durable[start : start + PAGE_BYTES]]
                versions[number].append(page)
        size = dice.size([len(self.durable), *(size for size, _ in self.changes)])
        left = bytearray(self.durable.ljust(size, b"\0"))
        for number in sorted(versions):
            page = dice.page(versions[number]).ljust(PAGE_BYTES, b"\0")
            start = number * PAGE_BYTES
            left += bytes(max(start - len(left), 0))
            left[start : start + PAGE_BYTES] = page
        return bytes(left[:size].ljust(size, b"\0"))


@dataclass(frozen=True, slots=True, eq=False)
class NameChange:
    """A name that came, went, or (both) became another."""

    node: Inode | Directory
    gone: str | None = None
    come: str | None = None

    def apply(self, names: dict[str, Inode | Directory]) -> None:
        """Do it to a directory in which other changes may be missing."""
        if self.gone is not None and names.get(self.gone) is self.node:
            del names[self.gone]
        if self.come is not None:
            for name in [name for name, node in names.items() if node is self.node]:
                del names[name]  # a rename on the way here that did not last
            names[self.come] = self.node


class Directory:
    """A directory: the names as everybody sees them, and what of them is on the disk."""

    __slots__ = ("changes", "durable", "names")

    def __init__(self) -> None:
        self.names: dict[str, Inode | Directory] = {}
        self.durable: dict[str, Inode | Directory] = {}
        self.changes: list[NameChange] = []

    def change(self, change: NameChange) -> None:
        """Do one change, not yet durable."""
        change.apply(self.names)
        self.changes.append(change)

    def sync(self) -> None:
        """Make the names durable."""
        self.durable = dict(self.names)
        self.changes = []

    def survivor(self, dice: Dice) -> Directory:
        """Return what a power cut leaves of it and all in it, on a disk where all is synced."""
        names = dict(self.durable)
        for change in dice.happened(self.changes):
            change.apply(names)
        left = Directory()
        for name, node in names.items():
            if isinstance(node, Directory):
                left.names[name] = node.survivor(dice)
            else:
                left.names[name] = Inode(node.survivor(dice))
        left.sync()
        return left
