"""What groups of every kind can be asked by rules that need not know the kind.

Offsets and administration go by this; what only one kind can do is in `classic` and `consumer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Protocol

from pykbroker.coordinator.records import CommittedOffset, Record

CheckPartition = Callable[[bytes, int], None]
"""Given topic id and partition of one offset to commit; raises KafkaError to refuse the commit."""
ExpiresAt = Callable[[CommittedOffset, int], int]
"""Given a committed offset and the retention in ms; tells when it expires, wall clock ms."""


class GroupKind(Enum):
    """The protocol of a group, as ListGroups spells it."""

    CLASSIC = "classic"
    CONSUMER = "consumer"


class Group(Protocol):
    """A group of any kind."""

    group_id: str
    kind: GroupKind

    @property
    def state_name(self) -> str:
        """The state as Kafka spells it, e.g. PreparingRebalance."""
        ...

    @property
    def listed_protocol_type(self) -> str:
        """What ListGroups tells as protocol type; empty where members never came."""
        ...

    @property
    def is_empty(self) -> bool:
        """Whether it has no members."""
        ...

    def check_commit(
        self,
        member_id: str,
        group_instance_id: str | None,
        generation_id_or_member_epoch: int,
        *,
        knows_consumer_groups: bool,
    ) -> CheckPartition | None:
        """Refuse a commit that the group does not accept; None: every partition is fine.

        `knows_consumer_groups`: the client knows the errors of KIP-848.
        """
        ...

    def check_fetch(self, member_id: str | None, member_epoch: int) -> None:
        """Refuse a fetch of offsets by somebody who names a stale epoch; -1 asks for no check."""
        ...

    def check_delete(self) -> None:
        """Raise NON_EMPTY_GROUP, or GROUP_ID_NOT_FOUND for what is no group any more."""
        ...

    def check_delete_offsets(self) -> None:
        """Refuse a deletion of offsets altogether."""
        ...

    def is_subscribed_to(self, topic: str) -> bool:
        """Tell whether some member reads the topic."""
        ...

    def offsets_expire(self) -> ExpiresAt | None:
        """Tell how to find when offsets of topics that nobody reads expire (KIP-211).

        None: never, as it is now.
        """
        ...

    def tombstones(self) -> Iterable[Record]:
        """Give the records that end the group, not its offsets."""
        ...
