"""A change of the cluster is answered once this broker acts by it, shown on parts that are slow."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.api.create_partitions import create_partitions
from pykbroker.api.delete_topics import delete_topics
from pykbroker.api.handler import Asker, Handler
from pykbroker.api.incremental_alter_configs import incremental_alter_configs
from pykbroker.api.parts import Parts
from pykbroker.config import load
from pykbroker.replication.settings import LiveSettings
from tests.replication.clusters import a_cluster, a_topic

CHANGES: list[tuple[Handler, Mapping[str, Any]]] = [
    (delete_topics, {"topics": [{"name": "t"}], "timeout_ms": 1_000}),
    (create_partitions, {"topics": [{"name": "t", "count": 2}], "timeout_ms": 1_000}),
    (
        incremental_alter_configs,
        {"resources": [{"resource_type": 2, "resource_name": "t", "configs": []}]},
    ),
]


class SlowPartitions:
    """Acts by a new image only when it is let."""

    def __init__(self, image: Any) -> None:
        self.image = image
        self.caught_up = trio.Event()

    async def applied(self, revision: int) -> None:
        assert revision == self.image.revision
        await self.caught_up.wait()


def parts_that_are_slow() -> tuple[Parts, SlowPartitions]:
    image = a_cluster(a_topic("t"))

    async def done(*_: Any) -> dict[Any, Any]:
        return {}

    metadata: Any = SimpleNamespace(
        image=image, delete_topics=done, add_partitions=done, alter_config=done
    )
    partitions: Any = SlowPartitions(image)
    unused: Any = None
    parts = Parts(
        node_id=1,
        clock=unused,
        random=Random(7),
        settings=LiveSettings(load(profile="test"), node_id=1),
        metadata=metadata,
        partitions=partitions,
        topic_creation=unused,
        auto_creation=unused,
        fetch_sessions=unused,
        producer_ids=unused,
        groups=unused,
        handlers={},
    )
    return parts, partitions


@pytest.mark.row(39)
@pytest.mark.parametrize(("handler", "asked"), CHANGES, ids=["delete", "enlarge", "configure"])
async def test_a_change_is_told_when_this_broker_acts_by_it(
    handler: Handler, asked: Mapping[str, Any], nursery: trio.Nursery
) -> None:
    parts, partitions = parts_that_are_slow()
    codec = handler.api.request(handler.max_version)
    asker = Asker("PLAINTEXT", ("127.0.0.1", 9092), ("127.0.0.1", 40_000))
    asker.api_version = handler.max_version
    answers: list[Any] = []

    async def ask() -> None:
        request = codec.parse(codec.build(asked))
        answers.append(await handler.function(parts, request, asker))

    nursery.start_soon(ask)
    await wait_all_tasks_blocked()
    assert answers == []

    partitions.caught_up.set()
    await wait_all_tasks_blocked()
    assert len(answers) == 1
