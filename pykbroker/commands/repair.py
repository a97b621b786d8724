"""The command `repair`: tell what the logs of a data directory are like; give up what is damaged.

Without --accept-loss nothing is changed. With it, damaged partitions that are named are cut where
the damage begins, and what was behind is kept in `.corrupt` files beside them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pykbroker.config.property import ConfigError
from pykbroker.replication.directory_health import advice_on
from pykbroker.storage.checkpoint import META_PROPERTIES_FILE, TopicPartition
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.names import directory_name, parse_directory_name
from pykbroker.storage.recovery.examination import Examination, Examined, State


class Repair:
    """One run of the command. Take all its lines, then ask whether damage is left."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self.is_damaged = False
        """Whether some partition is damaged still, or cannot be read."""

    def lines(self) -> Iterator[str]:
        """Yield a line for each partition. Raises ConfigError for a wrong directory or name."""
        options, path = self._options, Path(self._options.data_dir).resolve()
        if options.accept_loss and not options.partitions:
            raise ConfigError(
                "--accept-loss gives up records only of partitions that are named; name them, as"
                " orders-0"
            )
        with closing(_opened(path)) as examination:
            for key in _chosen(examination, path, options.partitions):
                yield self._line(examination, key)

    def _line(self, examination: Examination, key: TopicPartition) -> str:
        try:
            found = examination.look(key)
            kept = None
            if found.state is State.DAMAGED and self._options.accept_loss:
                kept = examination.give_up(key)
        except OSError as fault:
            self.is_damaged = True
            return self._shown(key, {"state": "unreadable", "reason": str(fault)}, str(fault))
        self.is_damaged |= found.state is State.DAMAGED and kept is None
        return self._shown(key, _facts(found, kept), _sentence(found, kept))

    def _shown(self, key: TopicPartition, facts: dict[str, object], sentence: str) -> str:
        name = directory_name(*key)
        return (
            json.dumps({"partition": name} | facts)
            if self._options.json
            else (f"{name}: {sentence}")
        )


def _opened(path: Path) -> Examination:
    try:
        if not path.is_dir():
            raise NotADirectoryError(0, "no such directory")
        if not _is_data_directory(path):
            raise NotADirectoryError(0, "it holds neither partitions nor meta.properties")
        return Examination(OsFileSystem(), path.as_posix())
    except BlockingIOError:
        raise ConfigError(f"{path} is in use by a running broker; stop it first") from None
    except OSError as fault:
        advice = advice_on(fault, otherwise="write the path of a data directory")
        raise ConfigError(
            f"--data-dir {path} cannot be used ({fault.strerror}); {advice}"
        ) from None


def _is_data_directory(path: Path) -> bool:
    """Tell whether a broker keeps its data there; a wrong path must not pass for a fine one."""
    return (path / META_PROPERTIES_FILE).exists() or any(
        parse_directory_name(each.name) is not None and each.is_dir() for each in path.iterdir()
    )


def _chosen(examination: Examination, path: Path, names: list[str]) -> list[TopicPartition]:
    there = examination.partitions()
    chosen = []
    for name in names:
        key = parse_directory_name(name)
        if key is None or key not in there:
            raise ConfigError(
                f"{path} has no partition {name}; write names as those of its directories, as"
                " orders-0"
            )
        chosen.append(key)
    return chosen or there


def _facts(found: Examined, kept: list[str] | None) -> dict[str, object]:
    state = found.state.value if kept is None else "repaired"
    facts: dict[str, object] = {"state": state, "end_offset": found.end_offset}
    if found.cut is not None:
        facts |= {
            "file": found.path,
            "position": found.cut.position,
            "lost_bytes": found.cut.lost_bytes,
            "later_segments": found.cut.later_segments,
            "batches_follow": found.cut.batches_follow,
            "reason": found.reason,
        }
    return facts if kept is None else facts | {"kept": kept}


def _sentence(found: Examined, kept: list[str] | None) -> str:
    cut, end = found.cut, found.end_offset
    if found.state is State.REPLACING:
        return "segments were being replaced; the next start of the broker completes it"
    if cut is None:
        return f"fine, ends at offset {end}"
    place = f"{cut.lost_bytes} bytes from offset {end}, position {cut.position} of {found.path}"
    if found.state is State.UNFINISHED:
        return f"{found.reason}, {place}; the next start of the broker cuts it off"
    if kept is None:
        follow = "whole batches follow" if cut.batches_follow else "no whole batch follows"
        return (
            f"DAMAGED: {found.reason}; {place}, would be lost by --accept-loss"
            f" ({cut.later_segments} later segments, {follow})"
        )
    aside = f"kept as {', '.join(kept)}" if kept else "there was nothing to keep"
    return f"repaired: the log ends at offset {end}; {place}, cut off, {aside}"
