"""`python -m benchmarks.profiled FILE ARGUMENT…`: the broker's command line under cProfile.

The profile is written to FILE when the broker ends, which SIGTERM makes it do.
"""

from __future__ import annotations

import cProfile
import sys

from pykbroker.cli import main

if __name__ == "__main__":
    recorder = cProfile.Profile()
    try:
        status = recorder.runcall(main, sys.argv[2:])
    finally:
        recorder.dump_stats(sys.argv[1])
    sys.exit(status)
