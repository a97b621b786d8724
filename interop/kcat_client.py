"""kcat, the command line of librdkafka; part of the matrix where it is installed.

It cannot choose timestamps nor, within one run, partitions, so each partition is a run of its own;
it creates a topic by asking for it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from interop.text import PARTITIONS, TextRecord, of_partition

UNKNOWN_MS = -1


class Kcat:
    """kcat."""

    name = "kcat"
    sets_timestamps = False

    def version(self) -> str:
        lines = self._run("-V").splitlines()
        line = next(line for line in lines if line.startswith("Version"))
        return line.split()[1]

    def create_topic(self, servers: str, topic: str, partitions: int) -> None:
        del partitions  # the broker is started with as many for topics created by asking
        self._run("-L", "-b", servers, "-t", topic, "-X", "allow.auto.create.topics=true")

    def produce(self, servers: str, topic: str, codec: str, records: Sequence[TextRecord]) -> None:
        for partition in range(PARTITIONS):
            mine = of_partition(list(records), partition)
            text = b"".join(b"%s\t%s\n" % (record.key, record.value) for record in mine)
            self._run(
                "-P", "-b", servers, "-t", topic, "-p", str(partition), "-K", "\t", "-z", codec,
                "-H", "topic=kcat", "-H", f"partition={partition}", "-X", "acks=all",
                stdin=text,
            )  # fmt: skip

    def read(
        self, servers: str, topic: str, partition: int, offset: int, count: int
    ) -> list[TextRecord]:
        lines = self._run(
            "-C", "-b", servers, "-t", topic, "-p", str(partition), "-o", str(offset),
            "-c", str(count), "-e", "-q", "-J",
        ).splitlines()  # fmt: skip
        found = []
        for number, line in enumerate(lines):
            message = json.loads(line)
            assert message["offset"] == offset + number
            names, values = message["headers"][::2], message["headers"][1::2]
            headers = tuple((n, v.encode()) for n, v in zip(names, values, strict=True))
            found.append(
                TextRecord(
                    message["key"].encode(), message["payload"].encode(), headers, message["ts"]
                )
            )
        return found

    def offset_at(self, servers: str, topic: str, partition: int, timestamp_ms: int) -> int:
        answer = self._run("-Q", "-b", servers, "-t", f"{topic}:{partition}:{timestamp_ms}")
        return int(answer.rsplit(maxsplit=1)[1])

    def _run(self, *arguments: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["kcat", *arguments], check=False, input=stdin, capture_output=True, timeout=120
        )
        if done.returncode != 0:
            raise RuntimeError(f"kcat {' '.join(arguments)}: {done.stderr.decode()}")
        return done.stdout.decode()
