"""Where the broker's time goes in one line: the costliest functions by their own time.

cProfile charges every call of a Python function some 50 ns to 1 µs that it does not cost otherwise,
so many small functions look worse than they are; built-in calls (system calls above all) are true.
"""

from __future__ import annotations

import os
import pstats
import signal
from pathlib import Path

from benchmarks import memory
from benchmarks.line import Line, Scale
from benchmarks.peers import OurBroker

FUNCTIONS = 25
_WAITS = "method 'poll' of 'select.epoll'"


def profile(line: Line, directory: Path, scale: Scale) -> str:
    """Run `line` once against a profiled broker; give a table of its costliest functions."""
    if line.measure is None:
        return f"{line.name} starts brokers in its own processes: profile them there"
    path = directory / "profile"
    with OurBroker(directory, profile=path).start() as started:
        os.kill(started.process.pid, signal.SIGUSR1)
        if line.writes_bytes:
            memory.touch(directory, scale.count(line.writes_bytes))
        sample = line.measure(started, "profiled", scale)
    stats = pstats.Stats(str(path)).stats  # type: ignore[attr-defined]
    rows = sorted(
        ((own, calls, name) for name, (_, calls, own, _, _) in stats.items()), reverse=True
    )
    working = [row for row in rows if _WAITS not in row[2][2]]
    total = sum(own for own, _, _ in working)
    table = [
        f"{line.name}: {total:.2f} s in the broker, waiting left out; figures {sample.figures}"
    ]
    if sample.system_share is not None:
        table.append(f"{sample.system_share:.0%} of its CPU time was the kernel's")
    table.append(f"{'own s':>7} {'share':>6} {'calls':>9} {'µs each':>8}  function")
    for own, calls, (file, number, function) in working[:FUNCTIONS]:
        where = function if file == "~" else f"{_short(file)}:{number} {function}"
        table.append(f"{own:7.3f} {own / total:6.1%} {calls:9} {own / calls * 1e6:8.2f}  {where}")
    return "\n".join(table)


def _short(file: str) -> str:
    return "/".join(Path(file).parts[-2:])
