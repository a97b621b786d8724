"""The run: rounds in which every line meets every peer once, in an order that chance decides.

Peers of one line are measured next to each other, so that a slow minute of the machine falls on all
of them; ratios are taken inside a round.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks import memory
from benchmarks.line import Line, Sample, Scale
from benchmarks.peers import Peer, Started

WARM_SCALE = Scale(0.3)
"""How much a kept broker does before it is measured: a JVM compiles what it ran often."""
WARM_ROUNDS = 2


@dataclass(slots=True)
class Results:
    """All samples by line and peer, one per round, in the order of rounds."""

    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)

    def add(self, line: Line, peer: Peer, sample: Sample) -> None:
        """Keep the sample of the newest round."""
        self.samples.setdefault((line.name, peer.name), []).append(sample)


class Run:
    """Measures lines for peers."""

    def __init__(
        self, lines: Sequence[Line], peers: Sequence[Peer], *, directory: Path, scale: Scale
    ) -> None:
        self._directory = directory
        self._lines = lines
        self._peers = peers
        self._scale = scale
        self._kept: dict[str, Started] = {}
        self._topics = itertools.count()

    def measure(self, *, rounds: int, random: Random) -> Results:
        """Run all rounds; raises what a measurement raises."""
        results = Results()
        with ExitStack() as stack:
            for peer in self._peers:
                if not peer.is_kept:
                    with peer.start():  # compiles what is not compiled yet
                        pass
                elif any(map(_uses_kept, self._lines)):
                    _tell(f"starting {peer.name} and warming it up")
                    self._kept[peer.name] = stack.enter_context(peer.start())
                    self._warm(peer)
            for number in range(rounds):
                lines = random.sample(self._lines, len(self._lines))
                for done, line in enumerate(lines):
                    _tell(f"round {number + 1}/{rounds}, {done + 1}/{len(lines)}: {line.name}")
                    for peer in random.sample(self._peers, len(self._peers)):
                        if peer.name not in line.peers_left_out:
                            results.add(line, peer, self._sample(line, peer, self._scale))
        return results

    def _warm(self, peer: Peer) -> None:
        for _ in range(WARM_ROUNDS):
            for line in filter(_uses_kept, self._lines):
                self._sample(line, peer, WARM_SCALE)

    def _sample(self, line: Line, peer: Peer, scale: Scale) -> Sample:
        if line.measure is None:
            assert line.measure_alone is not None
            return line.measure_alone(peer.name)
        with self._broker(line, peer) as started:
            if line.writes_bytes:
                memory.touch(self._directory, scale.count(line.writes_bytes))
            return line.measure(started, f"bench-{next(self._topics)}", scale)

    @contextmanager
    def _broker(self, line: Line, peer: Peer) -> Iterator[Started]:
        kept = None if line.needs_fresh else self._kept.get(peer.name)
        if kept is not None:
            yield kept
            return
        with peer.start() as started:
            yield started


def _uses_kept(line: Line) -> bool:
    return line.measure is not None and not line.needs_fresh


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
