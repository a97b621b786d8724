"""Which brokers get the replicas of new partitions: in stripes over racks and brokers.

Follows Kafka's StripedReplicaPlacer, except that a broker which is not alive gets nothing. With
racks A, B, C of three brokers each and no offset, three partitions of three replicas lie so:
`A0 B0 C0`, `B1 C1 A1`, `C2 A2 B2`.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableSequence
from typing import Any, Protocol

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.values import BrokerImage


class Dice(Protocol):
    """The part of random.Random that decisions use."""

    def randrange(self, stop: int, /) -> int:
        """Give a number from 0 to stop, exclusive."""
        ...

    def randbytes(self, n: int, /) -> bytes:
        """Give n bytes."""
        ...

    def shuffle(self, x: MutableSequence[Any], /) -> None:
        """Put the items into another order, in place."""
        ...


def place(
    brokers: Iterable[BrokerImage], *, partitions: int, replication_factor: int, dice: Dice
) -> tuple[tuple[int, ...], ...]:
    """Give the replicas of each new partition, the preferred leader first.

    Brokers that are draining get none. Raises INVALID_REPLICATION_FACTOR when there are too few.
    """
    racks = _racks(brokers)
    broker_count = sum(map(len, racks))
    if replication_factor > broker_count:
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"Unable to replicate the partition {replication_factor} time(s): The target "
            f"replication factor of {replication_factor} cannot be reached because only "
            f"{broker_count} broker(s) are registered.",
        )
    first_rack = dice.randrange(len(racks))
    firsts = [dice.randrange(len(rack)) for rack in racks]
    placed = []
    for partition in range(partitions):
        if partition and partition % broker_count == 0 and broker_count > 1:
            _shuffle(racks, dice)  # or the same stripes would come again
            firsts = [0] * len(racks)
        placed.append(
            _stripe(
                [
                    _turned(rack, partition + first)
                    for rack, first in zip(racks, firsts, strict=True)
                ],
                first_rack + partition,
                replication_factor,
            )
        )
    return tuple(placed)


def check_assignment(
    image: ClusterImage, index: int, brokers: tuple[int, ...], *, replication_factor: int | None
) -> None:
    """Raise INVALID_REPLICA_ASSIGNMENT for replicas of partition `index` that cannot be.

    replication_factor is that of the topic's other partitions, None for the first one.
    """
    if not brokers:
        raise _unassignable("The manual partition assignment includes an empty replica list.")
    for broker in brokers:
        if broker not in image.brokers and broker not in image.registrations:
            raise _unassignable(
                f"The manual partition assignment includes broker {broker}, "
                "but no such broker is registered."
            )
        if brokers.count(broker) > 1:
            raise _unassignable(
                f"The manual partition assignment includes the broker {broker} more than once."
            )
    if replication_factor is not None and len(brokers) != replication_factor:
        raise _unassignable(
            f"The manual partition assignment includes a partition with {len(brokers)} "
            "replica(s), but this is not consistent with previous partitions, which have "
            f"{replication_factor} replica(s)."
        )
    if not any(b in image.brokers and image.brokers[b].is_active for b in brokers):
        raise _unassignable(
            "All brokers specified in the manual partition assignment for partition "
            f"{index} are fenced or in controlled shutdown."
        )


def _unassignable(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message)


def _racks(brokers: Iterable[BrokerImage]) -> list[list[int]]:
    racks: dict[str, list[int]] = {}
    for broker in brokers:
        if broker.is_active:
            racks.setdefault(broker.rack or "", []).append(broker.broker_id)
    return [sorted(racks[name]) for name in sorted(racks)]


def _stripe(racks: list[list[int]], first_rack: int, replication_factor: int) -> tuple[int, ...]:
    """Take one broker of each rack in turn, then a second one of each, and so on."""
    order = _turned(racks, first_rack)
    rounds = max(map(len, order))
    in_turn = [rack[turn] for turn in range(rounds) for rack in order if turn < len(rack)]
    return tuple(in_turn[:replication_factor])


def _turned(items: list[Any], by: int) -> list[Any]:
    start = by % len(items)
    return items[start:] + items[:start]


def _shuffle(racks: list[list[int]], dice: Dice) -> None:
    dice.shuffle(racks)
    for rack in racks:
        dice.shuffle(rack)
