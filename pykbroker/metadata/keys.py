"""The layout of the cluster's keys, and the encoding of their values.

Keys are `/pk/<cluster name>/<kind>[/<rest>]` and values compact JSON with "v": 1, so that a person
can read them with `etcdctl get --prefix`. Ids of 16 bytes are written as Kafka prints them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

VALUE_VERSION = 1


class ConfigType(StrEnum):
    """Kinds of resources that have configuration overrides."""

    TOPIC = "topic"
    BROKER = "broker"
    """Named by the broker's id; the empty name is every broker's default."""
    CLIENT_METRICS = "client_metrics"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one cluster in a store that others may share."""

    prefix: bytes

    @classmethod
    def of(cls, cluster_name: str) -> Keys:
        """Give the layout for a cluster by its configured name (not its cluster id)."""
        return cls(f"/pk/{cluster_name}/".encode())

    @property
    def meta(self) -> bytes:
        """Cluster id and finalized features."""
        return self.prefix + b"meta"

    @property
    def controller(self) -> bytes:
        """Who is the controller; its create_rev is the controller epoch."""
        return self.prefix + b"controller"

    @property
    def producer_ids(self) -> bytes:
        """The next free producer id."""
        return self.prefix + b"pids/next"

    def live(self, broker_id: int) -> bytes:
        """A broker that is alive; its create_rev is the broker epoch."""
        return b"%blive/%d" % (self.prefix, broker_id)

    def broker(self, broker_id: int) -> bytes:
        """A broker that was ever registered."""
        return b"%bbrokers/%d" % (self.prefix, broker_id)

    def topic(self, name: str) -> bytes:
        """A topic by name."""
        return self.prefix + b"topics/" + name.encode()

    def topic_id(self, topic_id: bytes) -> bytes:
        """The name of a topic by id."""
        return self.prefix + b"topicids/" + id_text(topic_id).encode()

    def partition(self, topic_id: bytes, index: int) -> bytes:
        """One partition's state; its version is the partition epoch."""
        return b"%bparts/%b/%06d" % (self.prefix, id_text(topic_id).encode(), index)

    def config(self, kind: str, name: str) -> bytes:
        """The overrides of one resource."""
        return self.prefix + f"configs/{kind}/{name}".encode()

    def gone(self, topic_id: bytes) -> bytes:
        """The brokers that still must delete the files of a deleted topic."""
        return self.prefix + b"gone/" + id_text(topic_id).encode()

    def parse(self, key: bytes) -> tuple[str, str]:
        """Split a key into its kind and what follows the kind ("" for nothing)."""
        kind, _, rest = key[len(self.prefix) :].decode().partition("/")
        return kind, rest


def id_text(uuid: bytes) -> str:
    """Write 16 bytes as Kafka's Uuid prints them: URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(uuid).decode().rstrip("=")


def parse_id(text: str) -> bytes:
    """Read what `id_text` wrote."""
    return base64.urlsafe_b64decode(text + "==")


def encode(fields: Mapping[str, Any]) -> bytes:
    """Write a value: compact JSON that begins with its version."""
    return json.dumps({"v": VALUE_VERSION, **fields}, separators=(",", ":")).encode()


def decode(value: bytes) -> dict[str, Any]:
    """Read a value; raise ValueError for one that a newer broker wrote."""
    fields: dict[str, Any] = json.loads(value.decode())
    if fields["v"] != VALUE_VERSION:
        raise ValueError(f"metadata value of version {fields['v']}; this broker reads version 1")
    return fields
