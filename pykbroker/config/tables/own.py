"""Properties of pykbroker alone, for what has no name in Kafka, and where its defaults differ.

A difference from Kafka's default is a line in `DIFFERENCES` with its reason, never a changed row.
"""

from __future__ import annotations

from pykbroker.config.check import at_least, one_of
from pykbroker.config.property import BOOLEAN, INT, LONG, STRING, Property

OWN: tuple[Property, ...] = (
    Property("auto.create.topics.mode", STRING, "async", one_of("async", "instant"), served=True,
             doc="Whether a topic that a client's question creates is there in the next answer, "
                 "as in Kafka (async), or in this one (instant)."),
    Property("log.flush.before.ack", STRING, "all", one_of("none", "all"), served=True,
             doc="Whether acks=all is answered, and consumers see records, only when they are "
                 "forced to disk, so that a power cut loses none (all), or when the operating "
                 "system has them, as in Kafka (none)."),
    Property("pykbroker.allow.open.plaintext", BOOLEAN, False, served=True,
             doc="Lets PLAINTEXT listeners, which ask nobody for a password, be reached from other "
                 "machines."),
    Property("pykbroker.cluster.id", STRING, None, served=True,
             doc="Cluster id to begin with, 22 characters of base64; unset, a random one."),
    Property("pykbroker.offsets.topic.mode", STRING, "async", one_of("async", "instant"),
             served=True,
             doc="Whether the first question for a group's coordinator is answered while "
                 "__consumer_offsets is being made, as in Kafka (async), or when it is there "
                 "(instant)."),
    Property("pykbroker.scrub.bytes.per.second", LONG, 1_048_576, at_least(0), served=True,
             doc="How fast segments that are full are read again to find what the disk has lost; "
                 "0 for never."),
    Property("pykbroker.shutdown.timeout.ms", INT, 4000, at_least(0), served=True,
             doc="Longest time that stopping waits for requests being answered; then it flushes."),
    Property("pykbroker.write.timeout.ms", INT, 30_000, at_least(1), served=True,
             doc="A client that takes nothing of its answer for this long is disconnected."),
)  # fmt: skip

DIFFERENCES: dict[str, tuple[str, str]] = {
    "process.roles": ("broker,controller", "Kafka has no default; every pykbroker is both."),
    "node.id": ("1", "Kafka has no default; its example files say 1."),
    "broker.id": ("1", "The older name of node.id."),
    "controller.listener.names": ("CONTROLLER", "Kafka has no default; its example files say so."),
    "listeners": ("PLAINTEXT://127.0.0.1:9092", "Kafka listens on every interface."),
    "advertised.listeners": ("auto", "Kafka tells the machine's name, wherever clients come from."),
    "log.dir": ("data", "Kafka's /tmp/kafka-logs does not outlive a reboot."),
    "socket.listen.backlog.size": ("1024", "A test suite connects all at once."),
    "max.connections": ("4096", "Kafka sets no limit; file descriptors do."),
    "max.connections.per.ip": ("1024", "Kafka sets no limit; one client could take them all."),
    "queued.max.request.bytes": ("268435456", "Kafka sets no limit; memory does."),
}
"""By name: our default where it is not Kafka's, and why."""
