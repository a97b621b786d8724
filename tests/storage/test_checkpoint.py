"""The small files of a data directory: Kafka's bytes, there and back, and what is not whole."""

from __future__ import annotations

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.storage import checkpoint
from pykbroker.storage.checkpoint import MetaProperties
from pykbroker.storage.memory_fs import MemoryFileSystem

ID = bytes.fromhex("00112233445566778899aabbccddeeff")
ID_TEXT = "ABEiM0RVZneImaq7zN3u_w"


@pytest.fixture
def fs() -> MemoryFileSystem:
    made = MemoryFileSystem()
    made.mkdirs("d")
    return made


def test_an_offset_checkpoint_has_version_count_and_a_line_for_each_partition(
    fs: MemoryFileSystem,
) -> None:
    offsets = {("b", 0): 7, ("a.topic-name", 12): 1 << 40}

    checkpoint.write_offsets(fs, "d/points", offsets)

    assert fs.read_bytes("d/points") == b"0\n2\na.topic-name 12 1099511627776\nb 0 7\n"
    assert checkpoint.read_offsets(fs, "d/points") == offsets


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0\n",
        "0\nx\n",
        "1\n1\na 0 1\n",
        "0\n2\na 0 1\n",
        "0\n1\na 0\n",
        "0\n1\na b 1\n",
        "0\n1\na 0 -1\n",
        "0\n1\na -1 5\n",
        f"0\n1\na 0 {1 << 63}\n",
    ],
)
def test_an_offset_checkpoint_that_is_not_whole_says_nothing(
    fs: MemoryFileSystem, text: str
) -> None:
    assert checkpoint.read_offsets(fs, "d/points") == {}
    fs.write_atomic("d/points", text.encode())
    assert checkpoint.read_offsets(fs, "d/points") == {}
    fs.write_atomic("d/points", b"\xff\xfe")
    assert checkpoint.read_offsets(fs, "d/points") == {}


def test_a_clean_shutdown_is_marked_with_its_broker_epoch_and_taken_once(
    fs: MemoryFileSystem,
) -> None:
    checkpoint.write_clean_shutdown(fs, "d", 42)
    assert fs.read_bytes("d/.kafka_cleanshutdown") == b'{"version":0,"brokerEpoch":42}'

    assert checkpoint.take_clean_shutdown(fs, "d") == 42
    assert checkpoint.take_clean_shutdown(fs, "d") is None
    assert fs.after_power_cut().listdir("d") == []


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b'{"version":0}', b'{"brokerEpoch":null}', b'{"brokerEpoch":1e999}', b"[" * 99999],
    ids=["empty", "list", "no epoch", "null", "endless", "deep"],
)
def test_a_marker_without_an_epoch_is_one_of_an_unknown_epoch(
    fs: MemoryFileSystem, text: bytes
) -> None:
    fs.write_atomic("d/.kafka_cleanshutdown", text)

    assert checkpoint.take_clean_shutdown(fs, "d") == -1


def test_meta_properties_are_of_version_1(fs: MemoryFileSystem) -> None:
    meta = MetaProperties(cluster_id="abc", node_id=3, directory_id=ID)

    checkpoint.write_meta_properties(fs, "d", meta)

    assert fs.read_bytes("d/meta.properties").decode() == (
        f"version=1\ncluster.id=abc\nnode.id=3\ndirectory.id={ID_TEXT}\n"
    )
    assert checkpoint.read_meta_properties(fs, "d") == meta


def test_meta_properties_written_by_java_are_read(fs: MemoryFileSystem) -> None:
    assert checkpoint.read_meta_properties(fs, "d") is None
    fs.write_atomic(
        "d/meta.properties",
        b"#\n#Sat Nov 22 08:00:00 UTC 2025\ncluster.id=a\\=b\nversion=1\n\nnode.id=1\n",
    )

    assert checkpoint.read_meta_properties(fs, "d") == MetaProperties(
        cluster_id="a=b", node_id=1, directory_id=bytes(16)
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("version=0\nbroker.id=1\n", "version 0"),
        ("", "version None"),
        ("version=1\nnode.id=1\n", "no cluster.id"),
        ("version=1\ncluster.id=a\n", "no node.id"),
        ("version=1\ncluster.id=a\nnode.id=x\n", "invalid literal"),
        ("version=1\ncluster.id=a\nnode.id=1\ndirectory.id=short\n", "not an id"),
    ],
)
def test_meta_properties_that_are_not_whole_are_refused(
    fs: MemoryFileSystem, text: str, why: str
) -> None:
    fs.write_atomic("d/meta.properties", text.encode())

    with pytest.raises(ValueError, match=why):
        checkpoint.read_meta_properties(fs, "d")


def test_a_partitions_directory_is_given_its_topic_id_once(fs: MemoryFileSystem) -> None:
    assert checkpoint.identify_partition(fs, "d", bytes(16)) is None
    assert checkpoint.read_partition_metadata(fs, "d") is None

    checkpoint.identify_partition(fs, "d", ID)
    checkpoint.identify_partition(fs, "d", ID)
    checkpoint.identify_partition(fs, "d", bytes(16))

    assert fs.read_bytes("d/partition.metadata").decode() == f"version: 0\ntopic_id: {ID_TEXT}"
    assert checkpoint.read_partition_metadata(fs, "d") == ID
    with pytest.raises(KafkaError) as raised:
        checkpoint.identify_partition(fs, "d", ID[::-1])
    assert raised.value.code is ErrorCode.INCONSISTENT_TOPIC_ID


@pytest.mark.parametrize(
    "text", ["\n", "version: 0\n", "version: -1\ntopic_id: " + ID_TEXT, "version: 0\ntopic_id: x"]
)
def test_partition_metadata_that_is_not_whole_is_refused(fs: MemoryFileSystem, text: str) -> None:
    fs.write_atomic("d/partition.metadata", text.encode())

    with pytest.raises(ValueError, match="does not say a topic id"):
        checkpoint.read_partition_metadata(fs, "d")


def test_damaged_partition_metadata_is_a_fault_of_the_disk(fs: MemoryFileSystem) -> None:
    fs.write_atomic("d/partition.metadata", b"\xff")

    with pytest.raises(OSError, match=r"d/partition\.metadata"):
        checkpoint.identify_partition(fs, "d", ID)


@pytest.mark.parametrize("left", [b"", bytes(43)])
def test_an_empty_partition_metadata_is_none_at_all(fs: MemoryFileSystem, left: bytes) -> None:
    fs.create("d/partition.metadata").pwrite(left, 0)

    assert checkpoint.read_partition_metadata(fs, "d") is None
    file = checkpoint.identify_partition(fs, "d", ID)

    assert file is not None
    assert checkpoint.read_partition_metadata(fs, "d") == ID
