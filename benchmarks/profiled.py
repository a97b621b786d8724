"""`python -m benchmarks.profiled FILE ARGUMENT…`: the broker's command line, to be profiled.

SIGUSR1 begins the profile, so that its start is left out; it is written to FILE when the broker
ends, which SIGTERM makes it do.
"""

from __future__ import annotations

import cProfile
import signal
import sys

from pykbroker.cli import main

if __name__ == "__main__":
    recorder = cProfile.Profile()
    signal.signal(signal.SIGUSR1, lambda *_: recorder.enable())
    try:
        status = main(sys.argv[2:])
    finally:
        recorder.disable()
        recorder.dump_stats(sys.argv[1])
    sys.exit(status)
