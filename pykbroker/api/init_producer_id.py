"""InitProducerId: an id under which a producer's retries are recognised (KIP-98, KIP-360).

Not served: transactional ids; they are refused so that a transactional producer fails at once.
"""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, answer, handles
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.messages.init_producer_id import InitProducerId


@handles(InitProducerId, versions="0-5")
async def init_producer_id(parts: Parts, request: Any, asker: Asker) -> Response:
    """Give a new producer id with epoch 0.

    An idempotent producer that names the id it had gets a new one too, as in Kafka.
    """
    del asker

    async def draw() -> Response:
        if (request.producer_id == -1) != (request.producer_epoch == -1):
            raise KafkaError(ErrorCode.INVALID_REQUEST)
        if request.transactional_id == "":
            raise KafkaError(ErrorCode.INVALID_REQUEST)
        if request.transactional_id is not None:
            raise KafkaError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
        return {"producer_id": await parts.producer_ids.next_id(), "producer_epoch": 0}

    return await answer(draw(), producer_id=-1, producer_epoch=-1)
