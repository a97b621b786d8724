"""Every line of `make bench`, in the order of the report, with what is asked of it."""

from __future__ import annotations

from benchmarks.line import Line, Metric
from benchmarks.lines.compaction import compaction
from benchmarks.lines.crowd import idle_consumers, small_produces
from benchmarks.lines.fetch import Fetch
from benchmarks.lines.flush import all_above_the_disk, all_to_none
from benchmarks.lines.group_table import GROUP_LINES
from benchmarks.lines.latency import passage, round_trip
from benchmarks.lines.partitions import many_empty, some_with_records
from benchmarks.lines.produce import GB, Produce
from benchmarks.lines.start import first_acknowledged, in_process
from benchmarks.peers import KAFKA, MOCK, OURS_IN_MEMORY

LARGE = Produce(key="produce_1kb", records=950, value_bytes=1024, volume_bytes=GB, in_flight=5)
MIDDLE = Produce(
    key="produce_16kb", records=15, value_bytes=1024, volume_bytes=GB // 4, in_flight=16
)
DENSE = Produce(
    key="produce_100b", records=9200, value_bytes=100, volume_bytes=GB // 2, in_flight=5
)
DENSE_MIDDLE = Produce(
    key="produce_100b_16kb", records=145, value_bytes=100, volume_bytes=GB // 8, in_flight=16
)
SMALL = Produce(
    key="pipeline", records=1, value_bytes=100, volume_bytes=100_000 * 170, in_flight=32
)
ONE = Fetch(key="fetch_1", partitions=1, volume_bytes=2 * GB)
FOUR = Fetch(key="fetch_4", partitions=4, volume_bytes=2 * GB)

_MOCK_FETCH = "the mock cluster's log is 4 MB, read over and over; the others' 125 MB a partition"

LINES = (
    Line(
        name="start",
        metrics=(
            Metric(key="start.process", title="spawn → first acked produce", unit="ms", target=200),
        ),
        measure=first_acknowledged,
        needs_fresh=True,
        note="the mock cluster runs in a Python process, whose start is counted",
    ),
    Line(
        name="start-in-process",
        metrics=(
            Metric(key="start.first", title="in-process start → first ack, first", unit="ms"),
            Metric(
                key="start.later", title="in-process start → first ack, later", unit="ms", digits=1
            ),
        ),
        measure_alone=in_process,
        peers_left_out=frozenset({KAFKA, OURS_IN_MEMORY}),
        note="pykbroker.testing.Broker() in memory; imports are not counted",
    ),
    Line(
        name="memory",
        metrics=(
            Metric(key="memory.idle", title="resident, idle", unit="MB", digits=1, target=40),
            Metric(
                key="memory.loaded", title="resident, most in 1 GB produced", unit="MB", digits=1,
                target=60,
            ),
        ),
        measure=LARGE.resident,
        writes_bytes=LARGE.volume_bytes,
        needs_fresh=True,
    ),
    Line(
        name="partitions-1k",
        metrics=(
            Metric(
                key="partitions_1k.start", title="clean start, 1,000 partitions", unit="ms",
                target=2000,
            ),
            Metric(
                key="partitions_1k.unclean", title="start after a kill, 1,000 partitions",
                unit="ms",
            ),
        ),
        measure_alone=some_with_records,
        peers_left_out=frozenset({KAFKA, MOCK, OURS_IN_MEMORY}),
    ),
    Line(
        name="partitions-10k",
        metrics=(
            Metric(
                key="partitions_10k.start", title="clean start, 10,000 partitions", unit="ms",
                target=10_000,
            ),
            Metric(
                key="partitions_10k.unclean", title="start after a kill, 10,000 partitions",
                unit="ms",
            ),
            Metric(key="partitions_10k.stop", title="stop, 10,000 partitions", unit="ms"),
            Metric(
                key="partitions_10k.ready", title="resident, 10,000 partitions", unit="MB",
                target=250,
            ),
            Metric(
                key="partitions_10k.used", title="resident, 10,000 listed, 100 written", unit="MB",
                target=250,
            ),
        ),
        measure_alone=many_empty,
        peers_left_out=frozenset({KAFKA, MOCK, OURS_IN_MEMORY}),
        note="the 10,000 partitions are empty; the 1,000 have a batch of 10 records each",
    ),
    Line(
        name="compaction",
        metrics=(
            Metric(
                key="compaction.seconds", title="compact 1 GB, 1 M keys, beside 2 producers",
                unit="s", digits=1, target=60,
            ),
            Metric(
                key="compaction.share", title="the producers' rate meanwhile",
                unit="% of alone", target=50, more_is_better=True,
            ),
            Metric(
                key="compaction.growth", title="memory grown, both processes", unit="MB",
                target=160,
            ),
        ),
        measure_alone=compaction,
        peers_left_out=frozenset({KAFKA, MOCK, OURS_IN_MEMORY}),
        note="2 M records of 0.5 KB in batches of 16 KB; the producers' are of the same size",
    ),
    Line(
        name="produce",
        metrics=(
            Metric(
                key="produce_1kb.cpu", title="produce 1 KB, 1 MB batches", unit="CPU-s/GB",
                digits=2, target=0.60,
            ),
            Metric(
                key="produce_1kb.rate", title="produce 1 KB, 1 MB batches", unit="MB/s",
                target=800, more_is_better=True,
            ),
        ),
        measure=LARGE.bytes_at_once,
        writes_bytes=LARGE.volume_bytes,
    ),
    Line(
        name="produce-16kb",
        metrics=(
            Metric(
                key="produce_16kb.cpu", title="produce 1 KB, 16 KB batches", unit="CPU-s/GB",
                digits=2,
            ),
            Metric(
                key="produce_16kb.rate", title="produce 1 KB, 16 KB batches", unit="MB/s",
                more_is_better=True,
            ),
        ),
        measure=MIDDLE.bytes_at_once,
        writes_bytes=MIDDLE.volume_bytes,
    ),
    Line(
        name="produce-100b",
        metrics=(
            Metric(
                key="produce_100b.cpu", title="produce 100 B, 1 MB batches", unit="CPU-s/M",
                digits=3, target=0.11,
            ),
            Metric(
                key="produce_100b.rate", title="produce 100 B, 1 MB batches", unit="M/s",
                digits=2, target=1.5, more_is_better=True,
            ),
        ),
        measure=DENSE.records_at_once,
        writes_bytes=DENSE.volume_bytes,
    ),
    Line(
        name="produce-100b-16kb",
        metrics=(
            Metric(
                key="produce_100b_16kb.cpu", title="produce 100 B, 16 KB batches", unit="CPU-s/M",
                digits=3,
            ),
            Metric(
                key="produce_100b_16kb.rate", title="produce 100 B, 16 KB batches", unit="M/s",
                digits=2, more_is_better=True,
            ),
        ),
        measure=DENSE_MIDDLE.records_at_once,
        writes_bytes=DENSE_MIDDLE.volume_bytes,
    ),
    Line(
        name="fetch",
        metrics=(
            Metric(
                key="fetch_1.cpu", title="fetch, 1 partition", unit="CPU-s/GB", digits=2,
                target=0.40,
            ),
            Metric(
                key="fetch_1.rate", title="fetch, 1 partition", unit="MB/s", more_is_better=True
            ),
        ),
        measure=ONE.bytes_at_once,
        writes_bytes=ONE.stored_bytes,
        note=_MOCK_FETCH,
    ),
    Line(
        name="fetch-4",
        metrics=(
            Metric(
                key="fetch_4.cpu", title="fetch, 4 partitions", unit="CPU-s/GB", digits=2,
                target=0.40,
            ),
            Metric(
                key="fetch_4.rate", title="fetch, 4 partitions", unit="MB/s", more_is_better=True
            ),
        ),
        measure=FOUR.bytes_at_once,
        writes_bytes=FOUR.stored_bytes,
        note=_MOCK_FETCH,
    ),
    Line(
        name="round-trip",
        metrics=(
            Metric(
                key="round_trip.p50", title="produce round trip, p50", unit="µs",
                target_of_mock=1.5,
            ),
            Metric(key="round_trip.p99", title="produce round trip, p99", unit="µs"),
            Metric(key="round_trip.cpu", title="produce round trip", unit="CPU-µs", digits=1),
        ),
        measure=round_trip,
    ),
    Line(
        name="passage",
        metrics=(
            Metric(key="passage.p50", title="produce → consume, p50", unit="µs", target=250),
            Metric(key="passage.p99", title="produce → consume, p99", unit="µs", target=2000),
        ),
        measure=passage,
        note="the mock cluster never wakes a waiting fetch before its max_wait_ms, here 500",
    ),
    Line(
        name="flush",
        metrics=(
            Metric(
                key="flush.all", title="produce 1 KB, 16 x 1 in flight, all", unit="k/s", digits=1,
                more_is_better=True,
            ),
            Metric(
                key="flush.none", title="produce 1 KB, 16 x 1 in flight, none", unit="k/s",
                digits=1, more_is_better=True,
            ),
            Metric(
                key="flush.ratio", title="produce 1 KB, all to none", unit="ratio", digits=2,
                target=0.6, more_is_better=True,
            ),
        ),
        measure_alone=all_to_none,
        peers_left_out=frozenset({KAFKA, MOCK, OURS_IN_MEMORY}),
        note="log.flush.before.ack all and none, the rest of the table is none",
    ),
    Line(
        name="flush-latency",
        metrics=(
            Metric(key="flush.p50", title="produce 1 KB in mode all, p50", unit="µs"),
            Metric(key="flush.disk", title="fdatasync after 1 KB, p50", unit="µs"),
            Metric(
                key="flush.above", title="produce above fdatasync, p50", unit="µs", target=300
            ),
        ),
        measure_alone=all_above_the_disk,
        peers_left_out=frozenset({KAFKA, MOCK, OURS_IN_MEMORY}),
    ),
    Line(
        name="pipeline",
        metrics=(
            Metric(
                key="pipeline.rate", title="small produces, 1 x 32 in flight", unit="k/s",
                digits=1, target=80, more_is_better=True,
            ),
            Metric(
                key="pipeline.cpu", title="small produces, 1 x 32 in flight", unit="CPU-µs",
                digits=1,
            ),
        ),
        measure=SMALL.requests_at_once,
        writes_bytes=SMALL.volume_bytes,
    ),
    Line(
        name="crowd",
        metrics=(
            Metric(
                key="crowd.rate", title="small produces, 100 x 1 in flight", unit="k/s",
                digits=1, target=40, more_is_better=True,
            ),
            Metric(
                key="crowd.cpu", title="small produces, 100 x 1 in flight", unit="CPU-µs",
                digits=1,
            ),
        ),
        measure=small_produces,
    ),
    Line(
        name="idle",
        metrics=(
            Metric(
                key="idle.cpu", title="200 consumers wait 500 ms", unit="% of a core", digits=1,
                target=5,
            ),
            Metric(
                key="idle.grown", title="200 consumers, memory grown", unit="MB", digits=1,
                is_growth=True,
            ),
        ),
        measure=idle_consumers,
        needs_fresh=True,
    ),
    *GROUP_LINES,
)  # fmt: skip
