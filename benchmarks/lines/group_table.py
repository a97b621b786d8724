"""The lines about consumer groups, with what is asked of them."""

from __future__ import annotations

from benchmarks.line import Line, Metric
from benchmarks.lines.groups import (
    classic_join,
    commits,
    consumer_join,
    sync_commits,
    wire_join,
)
from benchmarks.lines.many_members import (
    many_groups,
    one_large_classic_group,
    one_large_consumer_group,
)
from benchmarks.peers import MOCK

_JOIN_NOTE = "the CPU is the broker's share; most of the time is the client's own timers"

GROUP_LINES = (
    Line(
        name="join",
        metrics=(
            Metric(
                key="join.first", title="group join → first record", unit="ms",
                target_of_mock=0.1,
            ),
            Metric(
                key="join.cpu", title="group join, the broker's share", unit="CPU-ms", digits=1,
                target=20,
            ),
        ),
        measure=classic_join,
        note=_JOIN_NOTE,
    ),
    Line(
        name="join-848",
        metrics=(
            Metric(
                key="join_848.first", title="group join → first record, KIP-848", unit="ms",
                target_of_mock=0.1,
            ),
            Metric(
                key="join_848.cpu", title="group join, the broker's share, KIP-848",
                unit="CPU-ms", digits=1, target=20,
            ),
        ),
        measure=consumer_join,
        note=_JOIN_NOTE,
    ),
    Line(
        name="join-wire",
        metrics=(
            Metric(
                key="join_wire.first", title="group join → first record, bare client", unit="ms",
                digits=1, target=50,
            ),
            Metric(
                key="join_wire.cpu", title="group join, bare client", unit="CPU-ms", digits=1
            ),
        ),
        measure=wire_join,
        needs_fresh=True,
    ),
    Line(
        name="commit",
        metrics=(
            Metric(key="commit.p50", title="commit of an offset, bare client, p50", unit="µs"),
            Metric(key="commit.cpu", title="commit of an offset", unit="CPU-µs", digits=1),
        ),
        measure=commits,
    ),
    Line(
        name="sync-commit",
        metrics=(
            Metric(
                key="sync_commit.p50", title="sync commit, confluent-kafka, p50", unit="µs",
                target_of_mock=1.5,
            ),
        ),
        measure=sync_commits,
    ),
    Line(
        name="groups-1000",
        metrics=(
            Metric(key="groups.stable", title="1,000 groups of 1 stable", unit="s", digits=2),
            Metric(key="groups.cpu", title="1,000 groups of 1 stable", unit="CPU-s", digits=2),
            Metric(
                key="groups.heartbeat", title="a heartbeat among 1,000 groups", unit="CPU-µs",
                digits=1,
            ),
            Metric(
                key="groups.grown", title="1,000 groups, memory grown", unit="MB", digits=1,
                is_growth=True,
            ),
        ),
        measure=many_groups,
        needs_fresh=True,
        peers_left_out=frozenset({MOCK}),
        note="the mock cluster lets every group wait 3 s",
    ),
    Line(
        name="group-500",
        metrics=(
            Metric(key="group_500.stable", title="group of 500 stable", unit="s", digits=2),
            Metric(key="group_500.cpu", title="group of 500 stable", unit="CPU-s", digits=2),
            Metric(
                key="group_500.grown", title="group of 500, memory grown", unit="MB", digits=1,
                is_growth=True,
            ),
        ),
        measure=one_large_classic_group,
        needs_fresh=True,
        peers_left_out=frozenset({MOCK}),
    ),
    Line(
        name="group-848-500",
        metrics=(
            Metric(
                key="group_848_500.stable", title="group of 500 stable, KIP-848", unit="s",
                digits=2,
            ),
            Metric(
                key="group_848_500.cpu", title="group of 500 stable, KIP-848", unit="CPU-s",
                digits=2,
            ),
            Metric(
                key="group_848_500.grown", title="group of 500, KIP-848, memory grown", unit="MB",
                digits=1, is_growth=True,
            ),
        ),
        measure=one_large_consumer_group,
        needs_fresh=True,
        peers_left_out=frozenset({MOCK}),
    ),
)  # fmt: skip
