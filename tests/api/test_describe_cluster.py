"""DescribeCluster through a real socket."""

from __future__ import annotations

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.describe_cluster import DescribeCluster
from pykbroker.wire.messages.metadata import Metadata
from tests.kafka_client import Client

ALL_CLUSTER_OPERATIONS = 8096
NOT_ASKED = -(2**31)


@pytest.mark.row(18)
@pytest.mark.parametrize("version", [0, 1, 2])
def test_the_cluster_is_told_as_in_metadata(client: Client, version: int) -> None:
    cluster = client.call(DescribeCluster, {}, version=version)
    metadata = client.call(Metadata, {"topics": []})

    assert (cluster.error_code, cluster.error_message) == (ErrorCode.NONE, None)
    assert (cluster.cluster_id, cluster.controller_id) == (metadata.cluster_id, 1)
    assert [(b.broker_id, b.host, b.port, b.is_fenced) for b in cluster.brokers] == [
        (b.node_id, b.host, b.port, False) for b in metadata.brokers
    ]


@pytest.mark.parametrize(("asked", "told"), [(False, NOT_ASKED), (True, ALL_CLUSTER_OPERATIONS)])
def test_operations_on_the_cluster_are_told_when_asked(
    client: Client, asked: bool, told: int
) -> None:
    request = {"include_cluster_authorized_operations": asked}

    assert client.call(DescribeCluster, request).cluster_authorized_operations == told


@pytest.mark.parametrize(
    ("endpoint_type", "code"),
    [
        (2, ErrorCode.MISMATCHED_ENDPOINT_TYPE),
        (0, ErrorCode.UNSUPPORTED_ENDPOINT_TYPE),
        (3, ErrorCode.UNSUPPORTED_ENDPOINT_TYPE),
    ],
)
def test_a_broker_tells_brokers_only(client: Client, endpoint_type: int, code: ErrorCode) -> None:
    cluster = client.call(DescribeCluster, {"endpoint_type": endpoint_type})

    told = (cluster.error_code, cluster.endpoint_type, cluster.cluster_id, cluster.controller_id)
    assert told == (code, 1, "", -1)
    assert cluster.error_message
    assert cluster.brokers == []
