"""A broker as its users run it: a process of its own, stopped gently or killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from interop.text import PARTITIONS

READY = "pykbroker ready: "
STOP_SECONDS = 10


class BrokerProcess:
    """One data directory and the broker process on it, always on the same port."""

    def __init__(self, data_dir: Path, properties: Sequence[str] = ()) -> None:
        self._data_dir = data_dir
        self._properties = properties
        self._port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the broker and wait until it says that it is ready."""
        command = [sys.executable, "-m", "pykbroker", "serve", "--log-level", "warning"]
        command += ["--data-dir", str(self._data_dir), "--port", str(self._port)]
        for each in (f"num.partitions={PARTITIONS}", *self._properties):
            command += ["--override", each]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith(READY):
            raise RuntimeError(f"the broker did not start: {line!r}")
        self._port = int(line.rpartition(":")[2])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the process by a signal and wait for its end."""
        if self._process is None:
            return
        self._process.send_signal(number)
        code = self._process.wait(STOP_SECONDS)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        if number is signal.SIGTERM and code != 0:
            raise RuntimeError(f"the broker ended with {code} when asked to stop")

    def restart(self, number: signal.Signals) -> None:
        """End the process by a signal and start it again."""
        self.stop(number)
        self.start()
