"""One run: a group over 12 partitions under load, with members killed, paused and added.

The acts, in order: three members; a fourth and a fifth join; one is killed; one sleeps beyond its
session timeout and wakes; one leaves; the broker is killed and started again; one more member is
killed; then the load ends, and everything must be read and committed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from interop.groups.history import Event, Verdict, judge, read_events

PARTITIONS = 12
STEADY_SECONDS = 30
"""What a group may take to have every partition owned again."""
JAVA_SOURCE = Path(__file__).with_name("GroupMember.java")


class NotSteadyError(Exception):
    """The group did not come to rest in time."""


@dataclass
class Member:
    """A process that reads for the group."""

    name: str
    process: subprocess.Popen[bytes]
    diary: Path

    @property
    def events(self) -> list[Event]:
        """What it has written down so far."""
        return read_events(self.diary)

    @property
    def owned(self) -> set[int]:
        """The partitions it has now, as it tells."""
        owned: set[int] = set()
        for event in self.events:
            owned |= set(event.get("assigned", ()))
            owned -= set(event.get("revoked", ()))
        return owned


class Load:
    """Numbered records to every partition, as fast as told, until told to end."""

    def __init__(self, servers: str, topic: str, per_second: int) -> None:
        self.acknowledged: dict[int, dict[int, str]] = defaultdict(dict)
        self._topic = topic
        self._pause = 1 / per_second
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                "enable.idempotence": True,
                "linger.ms": 5,
                "log_level": 0,
            }
        )
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._ending.is_set():
            partition = number % PARTITIONS
            self._producer.produce(
                self._topic, f"{number}", partition=partition, on_delivery=self._delivered
            )
            self._producer.poll(0)
            number += 1
            time.sleep(self._pause)

    def _delivered(self, fault: object, message: object) -> None:
        if fault is None:
            value = message.value().decode()  # type: ignore[attr-defined]
            self.acknowledged[message.partition()][message.offset()] = value  # type: ignore[attr-defined]

    def end(self) -> None:
        """Send no more and wait until all is acknowledged."""
        self._ending.set()
        self._thread.join()
        self._producer.flush(30)


@dataclass
class Churn:
    """A run of one client with one protocol."""

    servers: str
    directory: Path
    client: str
    protocol: str
    session_timeout_ms: int
    restart_broker: Callable[[], None]
    jars: str | None = None
    strategy: str = "range"
    per_second: int = 1500
    members: list[Member] = field(default_factory=list)
    watched: list[dict[int, int]] = field(default_factory=list)
    watch_fault: str | None = None
    """With what looking at the committed offsets failed last."""

    def run(self) -> Verdict:
        """Do all acts and judge; members are ended whatever happens."""
        self.topic = f"churn-{self.client}-{self.protocol}-{os.urandom(3).hex()}"
        self.group = f"group-{self.topic}"
        admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0})
        admin.create_topics([NewTopic(self.topic, PARTITIONS, 1)])[self.topic].result()
        watching = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(admin, watching))
        load = Load(self.servers, self.topic, self.per_second)
        watcher.start()
        try:
            self._acts()
            load.end()
            self._until_all_is_committed(load.acknowledged)
            watching.set()
            for member in self.members:
                if member.process.poll() is None:
                    member.process.terminate()
            for member in self.members:
                member.process.wait(30)
        finally:
            watching.set()
            for member in self.members:
                if member.process.poll() is None:
                    member.process.kill()
                    member.process.wait()
            load.end()
            watcher.join()
        return judge(
            {member.name: member.events for member in self.members},
            load.acknowledged,
            self.watched,
        )

    def _acts(self) -> None:
        for _ in range(3):
            self._start()
        self._until_steady("three joined")
        self._start()
        self._start()
        self._until_steady("two more joined")
        self._kill(self._alive[1])
        self._until_steady("one was killed")
        sleeper = self._alive[1]
        sleeper.process.send_signal(signal.SIGSTOP)
        self._until_steady("one sleeps", without=sleeper)
        sleeper.process.send_signal(signal.SIGCONT)
        self._until_steady("it woke")
        leaver = self._alive[0]
        leaver.process.terminate()
        leaver.process.wait(30)
        self._until_steady("one left")
        self.restart_broker()
        time.sleep(1)
        self._until_steady("the broker was killed")
        self._start()
        self._until_steady("one more joined")
        self._kill(self._alive[0])
        self._until_steady("another was killed")

    @property
    def _alive(self) -> list[Member]:
        return [member for member in self.members if member.process.poll() is None]

    def _kill(self, member: Member) -> None:
        member.process.kill()
        member.process.wait()

    def _start(self) -> None:
        name = f"member-{len(self.members)}"
        diary = self.directory / f"{self.topic}-{name}.jsonl"
        if self.client == "java":
            assert self.jars is not None
            command = ["java", "-XX:TieredStopAtLevel=1", "-Xmx128m", "-cp", self.jars]
            command += [str(JAVA_SOURCE), self.servers, self.group, self.topic, str(diary)]
            command += [self.protocol, str(self.session_timeout_ms)]
        else:
            options = {
                "client": self.client, "protocol": self.protocol, "servers": self.servers,
                "group": self.group, "topic": self.topic, "diary": str(diary),
                "session_timeout_ms": self.session_timeout_ms, "strategy": self.strategy,
            }  # fmt: skip
            command = [sys.executable, "-m", "interop.groups.member", json.dumps(options)]
        output = (self.directory / f"{self.topic}-{name}.out").open("ab")
        process = subprocess.Popen(command, stdout=output, stderr=output)
        self.members.append(Member(name, process, diary))

    def _until_steady(self, act: str, without: Member | None = None) -> None:
        """Wait until the members awake own every partition once, none without one, and read."""
        began = time.monotonic()
        while time.monotonic() - began < STEADY_SECONDS + self.session_timeout_ms / 1000:
            owned = [each.owned for each in self._alive if each is not without]
            once_each = sorted(each for some in owned for each in some) == list(range(PARTITIONS))
            if once_each and all(owned):
                print(f"    {act}: steady after {time.monotonic() - began:.1f} s", flush=True)
                time.sleep(1)
                return
            time.sleep(0.1)
        raise NotSteadyError(f"{act}: {[sorted(each.owned) for each in self._alive]}")

    def _until_all_is_committed(self, acknowledged: dict[int, dict[int, str]]) -> None:
        ends = {partition: max(offsets) + 1 for partition, offsets in acknowledged.items()}
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.watched and self.watched[-1] == ends:
                return
            time.sleep(0.2)
        last = {member.name: _last(member.events) for member in self._alive}
        raise NotSteadyError(
            f"committed {self.watched[-1:]}, produced up to {ends}; last of members: {last};"
            f" watching failed with {self.watch_fault}"
        )

    def _watch(self, admin: AdminClient, ending: threading.Event) -> None:
        """Note what is committed, every now and then."""
        asked = [ConsumerGroupTopicPartitions(self.group)]
        while not ending.is_set():
            try:
                found = admin.list_consumer_group_offsets(asked)[self.group].result(timeout=5)
            except (KafkaException, TimeoutError) as fault:
                self.watch_fault = repr(fault)
                found = None
            if found is not None:
                self.watched.append(
                    {p.partition: p.offset for p in found.topic_partitions if p.offset >= 0}
                )
            ending.wait(0.1)


def _last(events: list[Event]) -> list[str]:
    """Tell what a member wrote last, and how long ago."""
    now = time.monotonic()
    return [f"{next(k for k in e if k != 'at')} {now - e['at']:.1f} s ago" for e in events[-3:]]
