"""FindCoordinator: who coordinates, and which questions are refused."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.questions import Questions
from pykbroker.wire.messages.find_coordinator import FindCoordinator

FIND_COORDINATOR = Questions("find_coordinator")
GROUP, TRANSACTION, SHARE = 0, 1, 2


def find(asker: Asker, *keys: str, version: int, key_type: int = GROUP) -> Any:
    """Ask once the internal topic is there."""
    request = {"key": keys[0] if keys else "", "key_type": key_type, "coordinator_keys": keys}

    def found() -> Any:
        return asker.ask(FindCoordinator, request, version=version)

    def is_there(answer: Any) -> bool:
        each = answer.get("coordinators", [answer])
        return all(coordinator["error_code"] != 15 for coordinator in each)

    return asker.until(found, is_there)


@FIND_COORDINATOR.about(21, version=range(7))
def a_group(asker: Asker, version: int) -> Any:
    return find(asker, asker.group(), version=version)


@FIND_COORDINATOR.about(20, version=range(1, 7))
def a_transaction(asker: Asker, version: int) -> Any:
    return find(asker, asker.names.fresh("transaction"), version=version, key_type=TRANSACTION)


@FIND_COORDINATOR.about(20, version=[1, 3, 4, 6], key_type=[3, -1])
def an_unknown_key_type(asker: Asker, version: int, key_type: int) -> Any:
    return find(asker, "key", version=version, key_type=key_type)


@FIND_COORDINATOR.about(20, version=[3, 4, 5])
def a_share_partition_before_v6(asker: Asker, version: int) -> Any:
    return find(asker, "key", version=version, key_type=SHARE)


@FIND_COORDINATOR.about(20)
def a_share_partition_with_a_malformed_key(asker: Asker) -> Any:
    return find(asker, "key", version=6, key_type=SHARE)


@FIND_COORDINATOR.about(20, version=[4, 6])
def several_keys_and_one_twice(asker: Asker, version: int) -> Any:
    one, two = asker.group(), asker.group()
    return find(asker, one, two, one, version=version)


@FIND_COORDINATOR.about(20)
def no_keys(asker: Asker) -> Any:
    return find(asker, version=4)


@FIND_COORDINATOR.about(20, 87, version=[0, 3, 4])
def an_empty_group_id(asker: Asker, version: int) -> Any:
    return find(asker, "", version=version)
