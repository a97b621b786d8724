"""How configuration overrides change in the store (T8): read, decide, write unless overtaken."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.commits import ATTEMPTS_MAX, Commits
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import ConfigType, encode
from pykbroker.metadata.store import Delete, Guard, ModRev, Put

ConfigDecision = Callable[[ClusterImage], Mapping[str, str]]
"""Pure: the image → all overrides the resource shall have; may raise KafkaError.

Called again with a newer image when another writer came first.
"""


async def alter_config(commits: Commits, kind: str, name: str, decide: ConfigDecision) -> None:
    """Give a resource the overrides that `decide` says, and wait until the image shows them.

    Raises what `decide` raises, and REQUEST_TIMED_OUT when others keep changing the resource.
    """
    key = commits.keys.config(kind, name)
    for _ in range(ATTEMPTS_MAX):
        image = commits.image
        overrides = decide(image)
        if overrides == image.config(kind, name):
            return
        guards: list[Guard] = [ModRev(key, image.config_revisions.get((kind, name), 0))]
        if kind == ConfigType.TOPIC and name in image.topics:
            # A topic deleted meanwhile must not leave its configuration behind.
            guards.append(ModRev(commits.keys.topic(name), image.topics[name].revision))
        op = Put(key, encode({"configs": dict(overrides)})) if overrides else Delete(key)
        result = await commits.commit(guards, [op])
        await commits.catch_up(result)
        if result.ok:
            return
    raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, f"the configuration of {name} keeps changing")
