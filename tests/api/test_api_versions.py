"""ApiVersions through a real socket, and what connections are closed for."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from pykbroker.api.table import HANDLERS
from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.api_versions import ApiVersions
from pykbroker.wire.messages.every import EVERY_API
from pykbroker.wire.messages.metadata import Metadata
from tests.kafka_client import Client

SOFTWARE = {"client_software_name": "test-client", "client_software_version": "1.0"}
KAFKA_4_3 = {
    "Produce": (0, 13), "Fetch": (4, 18), "ListOffsets": (1, 11), "Metadata": (0, 13),
    "FindCoordinator": (0, 6), "ApiVersions": (0, 4), "CreateTopics": (2, 7),
    "DeleteTopics": (1, 6), "DeleteRecords": (0, 2), "InitProducerId": (0, 5),
    "OffsetForLeaderEpoch": (2, 4), "DescribeConfigs": (1, 4), "AlterConfigs": (0, 2),
    "DescribeLogDirs": (1, 5), "CreatePartitions": (0, 3), "IncrementalAlterConfigs": (0, 1),
    "DescribeCluster": (0, 2), "DescribeTopicPartitions": (0, 0), "OffsetCommit": (2, 10),
    "OffsetFetch": (1, 10), "JoinGroup": (0, 9), "Heartbeat": (0, 4), "LeaveGroup": (0, 5),
    "SyncGroup": (0, 5), "DescribeGroups": (0, 6), "ListGroups": (0, 5), "DeleteGroups": (0, 2),
    "OffsetDelete": (0, 0), "ConsumerGroupHeartbeat": (0, 1), "ConsumerGroupDescribe": (0, 1),
}  # fmt: skip
"""The ranges that Apache Kafka 4.3 answers for the APIs served here."""


@pytest.mark.row(4, 9)
@pytest.mark.parametrize("version", range(5))
def test_what_is_served_is_advertised_in_the_ranges_of_kafka(client: Client, version: int) -> None:
    response = client.call(ApiVersions, SOFTWARE, version=version)

    names = {api.key: api.name for api in EVERY_API}
    told = {names[a.api_key]: (a.min_version, a.max_version) for a in response.api_keys}
    assert response.error_code == ErrorCode.NONE
    assert told == KAFKA_4_3


def test_every_version_served_is_declared() -> None:
    for handler in HANDLERS.values():
        assert handler.api.min_version <= handler.min_version
        assert handler.max_version <= handler.api.max_version


@pytest.mark.row(4)
def test_features_are_told_from_version_3_on(client: Client) -> None:
    older = client.call(ApiVersions, {}, version=2)
    newer = client.call(ApiVersions, SOFTWARE, version=3)

    assert (older.supported_features, older.finalized_features) == ([], [])
    finalized = [(f.name, f.max_version_level) for f in newer.finalized_features]
    assert sorted(finalized) == [("group.version", 1), ("metadata.version", 30)]
    assert newer.finalized_features_epoch >= 0


@pytest.mark.row(3)
@pytest.mark.bad_input(7)
@pytest.mark.parametrize("version", [5, 99, 32_767])
def test_a_version_not_served_is_answered_in_version_0(client: Client, version: int) -> None:
    client.send_raw(struct.pack(">hhih", ApiVersions.key, version, 77, -1) + b"\x00")

    correlation_id, code, count, *own = struct.unpack(">ihihhh", client.receive_raw())

    assert (correlation_id, code, count) == (77, ErrorCode.UNSUPPORTED_VERSION, 1)
    assert own == [ApiVersions.key, 0, 4]
    assert client.call(ApiVersions, SOFTWARE, version=4).error_code == ErrorCode.NONE


@pytest.mark.row(5)
@pytest.mark.parametrize(
    ("name", "version", "code"),
    [
        ("apache-kafka-java", "4.3.0", ErrorCode.NONE),
        ("a", "1", ErrorCode.NONE),
        ("", "1.0", ErrorCode.INVALID_REQUEST),
        ("client", "", ErrorCode.INVALID_REQUEST),
        ("-client", "1.0", ErrorCode.INVALID_REQUEST),
        ("client.", "1.0", ErrorCode.INVALID_REQUEST),
        ("my client", "1.0", ErrorCode.INVALID_REQUEST),
        ("client", "1.0\n", ErrorCode.INVALID_REQUEST),
        ("client", "1_0", ErrorCode.INVALID_REQUEST),
    ],
)
def test_software_names_are_checked(
    client: Client, name: str, version: str, code: ErrorCode
) -> None:
    request = {"client_software_name": name, "client_software_version": version}

    response = client.call(ApiVersions, request, version=3)

    assert response.error_code == code
    assert bool(response.api_keys) is (code is ErrorCode.NONE)


@pytest.mark.row(1)
@pytest.mark.bad_input(7)
@pytest.mark.parametrize("api_key", [999, 4, 17, 52, -1])
def test_an_api_that_is_not_served_closes_the_connection(client: Client, api_key: int) -> None:
    client.send_raw(struct.pack(">hhih", api_key, 0, 1, -1) + bytes(16))

    assert client.is_closed_by_broker()


@pytest.mark.row(1)
@pytest.mark.bad_input(7)
@pytest.mark.parametrize("version", [14, 99, -1])
def test_a_version_that_is_not_served_closes_the_connection(client: Client, version: int) -> None:
    client.send_raw(struct.pack(">hhih", Metadata.key, version, 1, -1) + bytes(16))

    assert client.is_closed_by_broker()


@pytest.mark.row(2)
@pytest.mark.bad_input(9, 10)
def test_a_body_that_does_not_parse_closes_the_connection(
    client: Client, connect: Callable[..., Client]
) -> None:
    doomed = connect()

    doomed.send_raw(struct.pack(">hhihi", Metadata.key, 1, 1, -1, 2**31 - 1))

    assert doomed.is_closed_by_broker()
    assert client.call(Metadata, {"topics": []}).brokers


@pytest.mark.row(8)
@pytest.mark.bad_input(1, 2, 3)
@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">i", -1),
        struct.pack(">i", -(2**31)),
        struct.pack(">i", 0),
        struct.pack(">i", 100 * 1024 * 1024 + 1),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
    ids=["-1", "-2^31", "0", "100 MiB + 1", "TLS", "HTTP", "SSH"],
)
def test_a_size_that_no_frame_has_closes_the_connection(
    client: Client, connect: Callable[..., Client], sent: bytes
) -> None:
    doomed = connect()

    doomed.socket.sendall(sent)

    assert doomed.is_closed_by_broker()
    assert client.call(Metadata, {"topics": []}).brokers


@pytest.mark.row(7)
@pytest.mark.bad_input(14, 15)
def test_pipelined_requests_are_answered_in_order(client: Client) -> None:
    ids = [number - 250 for number in range(500)]
    frames = []
    for correlation_id in ids:
        client.correlation_id = correlation_id
        frame = client.frame(ApiVersions, SOFTWARE, version=correlation_id % 2 * 3)
        frames.append(struct.pack(">i", len(frame)) + frame)

    client.socket.sendall(b"".join(frames))

    assert [struct.unpack_from(">i", client.receive_raw())[0] for _ in ids] == ids


@pytest.mark.bad_input(14)
def test_a_frame_may_come_byte_by_byte(client: Client) -> None:
    frame = client.frame(ApiVersions, SOFTWARE, version=4)

    for byte in struct.pack(">i", len(frame)) + frame:
        client.socket.sendall(bytes([byte]))

    assert client.receive(ApiVersions, version=4).error_code == ErrorCode.NONE


@pytest.mark.bad_input(6)
@pytest.mark.parametrize(
    "header",
    [
        struct.pack(">hhi", 18, 0, 1),
        struct.pack(">hhih", 18, 0, 1, 10) + b"half",
        struct.pack(">hhih", 18, 0, 1, 32_767) + b"xx",
        struct.pack(">hhi", 18, 0, 1)[:-1],
    ],
    ids=["none", "half", "32767 claimed", "short"],
)
def test_a_header_that_is_cut_closes_the_connection(client: Client, header: bytes) -> None:
    client.send_raw(header)

    assert client.is_closed_by_broker()


@pytest.mark.bad_input(8)
@pytest.mark.parametrize(
    ("client_id", "closes"),
    [(b"\xff\xfe", True), (bytes(3), False), (b"x" * 1024, False), (b"x" * 32_767, True)],
    ids=["no UTF-8", "NUL", "1 KiB", "32 KiB"],
)
def test_client_ids_are_bounded_text(client: Client, client_id: bytes, closes: bool) -> None:
    client.send_raw(struct.pack(">hhih", 18, 0, 1, len(client_id)) + client_id)

    if closes:
        assert client.is_closed_by_broker()
    else:
        assert client.receive_raw()


@pytest.mark.bad_input(11, 12)
@pytest.mark.parametrize(
    "body",
    [
        b"\xff" * 10 + b"\x01",  # a varint of 11 bytes as the length of the software's name
        b"\x00\x02a\x00",  # compact length 0, which is null, where null is not allowed
        b"\x02a\x021" + b"\x90\x4e" + b"\x00\x00" * 10_000,  # 10,000 tags, all the same
        b"\x02a\x021" + b"\x02\x05\x01x\x05\x01x",  # one tag twice
        b"\x02a\x021" + b"\x01\x05\x7fx",  # a tag larger than what is left
    ],
    ids=["varint", "null", "tags", "twice", "size"],
)
def test_broken_compact_encodings_close_the_connection(client: Client, body: bytes) -> None:
    client.send_raw(struct.pack(">hhih", 18, 3, 1, -1) + b"\x00" + body)

    assert client.is_closed_by_broker()


@pytest.mark.bad_input(13)
def test_bytes_behind_a_body_are_ignored(client: Client) -> None:
    client.send_raw(client.frame(ApiVersions, SOFTWARE, version=4) + b"more")

    assert client.receive(ApiVersions, version=4).error_code == ErrorCode.NONE
