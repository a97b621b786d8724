"""What a data directory goes through, in short: each script is run with a crash at every call.

A script is small, as every call of it is a crash, and holds each thing that could be in the wrong
order at least twice: once from nothing, once on top of itself.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.crash.driven_groups import driven_groups
from tests.crash.leaders import leaders_and_kills, leaders_under_group_commit
from tests.crash.shortening import compact, create_compacted, erase, retain
from tests.crash.stage import PAGES_BYTES, Stage

Script = Callable[[Stage], None]


def appends_with_syncs(stage: Stage) -> None:
    """Batches small and over several pages, some of them synced."""
    stage.create(segment_bytes=1 << 20)
    for value_bytes in (5, PAGES_BYTES, 60, 300, PAGES_BYTES):
        stage.append(value_bytes=value_bytes)
        stage.append()
        stage.sync()
        stage.append()
    stage.append(records=1, value_bytes=2 * PAGES_BYTES)


def group_commit(stage: Stage) -> None:
    """Two logs, synced together while appends go on."""
    for topic in ("a", "b"):
        stage.create(topic, segment_bytes=6_000)

    def both() -> None:
        stage.append("a", value_bytes=2_000)
        stage.append("b")

    for _ in range(4):
        both()
        stage.sync(meanwhile=both)
    stage.checkpoint()
    both()
    stage.sync("b")


def rolls(stage: Stage) -> None:
    """A segment for every other batch; syncs that cover no roll, one, and several."""
    stage.create()
    for rounds in (1, 2, 5, 1):
        for _ in range(rounds):
            stage.append(value_bytes=600)
        stage.sync()
    stage.roll()
    stage.append()
    stage.roll()
    stage.sync()
    stage.checkpoint()
    stage.append(value_bytes=600)
    stage.append(value_bytes=600)
    stage.append(value_bytes=600)


def rolls_of_a_compacted_log(stage: Stage) -> None:
    """The same where a scan must accept gaps."""
    stage.create(cleanup_policy=frozenset({"compact"}))
    for rounds in (1, 3, 2):
        for _ in range(rounds):
            stage.append(value_bytes=600)
        stage.sync()
    stage.checkpoint()
    for _ in range(3):
        stage.append(value_bytes=600)


def leader_epochs(stage: Stage) -> None:
    """New leaders, with syncs between and without, and a truncation to another epoch."""
    stage.create()
    for epoch in (0, 1, 1, 4, 5, 5):
        stage.append(epoch=epoch, value_bytes=600)
        if epoch != 4:
            stage.sync()
            stage.checkpoint()
    stage.append(epoch=7)
    stage.truncate(8)
    for epoch in (9, 10, 11):
        stage.append(epoch=epoch, value_bytes=600)
        stage.sync()
        stage.checkpoint()
    stage.append(epoch=12)


def idempotent_producers(stage: Stage) -> None:
    """Producers whose state comes from snapshots and from what follows them."""
    stage.create()
    for rounds in range(4):
        for producer_id in (1, 2, 3):
            stage.send(producer_id, value_bytes=300, records=1 + rounds)
        if rounds != 2:
            stage.sync()
    stage.checkpoint()
    stage.send(4)
    stage.stop()
    stage.start()
    stage.send(4)
    stage.send(1)
    stage.sync()


def truncations(stage: Stage) -> None:
    """Cuts inside a batch, at a segment, below all that is synced, and again after appends."""
    stage.create(segment_bytes=3_000)
    for _ in range(8):
        stage.append(value_bytes=400)
    stage.sync()
    stage.checkpoint()
    stage.truncate(13)
    stage.append(value_bytes=100)
    stage.sync()
    stage.checkpoint()
    stage.truncate(6)
    stage.append(value_bytes=400)
    stage.append(value_bytes=400)
    stage.sync()
    stage.truncate(7)
    stage.append(value_bytes=400)
    stage.truncate(0)
    stage.append()
    stage.sync()


def delete_records(stage: Stage) -> None:
    """The log start moves inside a segment, over segments, and to the end."""
    stage.create()
    for _ in range(6):
        stage.append(value_bytes=400)
    stage.sync()
    for offset in (3, 7, 12):
        stage.delete_records(offset)
        stage.checkpoint()
    stage.append(value_bytes=400)
    stage.append(value_bytes=400)
    stage.sync()
    stage.delete_records(15)
    stage.checkpoint()
    stage.stop()
    stage.start()
    stage.append()
    stage.sync()


def topics_come_and_go(stage: Stage) -> None:
    """Topics are deleted and made again under their names, with and without a sync."""
    stage.create("a")
    stage.create("b", segment_bytes=20_000)
    stage.append("a")
    stage.append("b", value_bytes=PAGES_BYTES)
    stage.sync("a")
    stage.checkpoint()
    stage.delete("a")
    stage.create("a")
    stage.remove()
    stage.append("a", records=1)
    stage.delete("b")
    stage.create("b")
    stage.sync()
    stage.delete_records(1, "a")
    stage.checkpoint()
    stage.delete("a")
    stage.create("a")
    stage.append("a", records=1)
    stage.remove()
    stage.sync()


def stops_in_order(stage: Stage) -> None:
    """Clean shutdowns, of logs full, empty and rolled, each followed by a start."""
    stage.create("a", segment_bytes=40_000)
    stage.create("b")
    for _ in range(3):
        stage.append("a", value_bytes=PAGES_BYTES)
        stage.send(7, "b")
        stage.stop()
        stage.start()
    stage.roll("a")
    stage.append("a")
    stage.stop()
    stage.start()
    stage.append("a", value_bytes=PAGES_BYTES)
    stage.append("b")


def starts_after_kills(stage: Stage) -> None:
    """The process dies; what it wrote is there, yet not durable."""
    stage.create(segment_bytes=20_000)
    for rounds in range(3):
        stage.append(value_bytes=PAGES_BYTES, epoch=2 * rounds)
        stage.append(value_bytes=300, epoch=2 * rounds + 1)
        stage.kill()
        stage.start()
        stage.append(epoch=2 * rounds + 1)
        stage.sync()
        stage.checkpoint()


def starts_after_power_cuts(stage: Stage) -> None:
    """The power goes, comes back, and goes again during recovery."""
    stage.create(segment_bytes=20_000)
    for rounds in range(4):
        stage.append(value_bytes=PAGES_BYTES, epoch=rounds)
        stage.sync()
        stage.send(1, value_bytes=PAGES_BYTES, epoch=rounds)
        stage.send(2, value_bytes=300, epoch=rounds)
        if rounds % 2:
            stage.checkpoint()
        stage.cut_power()
        stage.start()
        stage.append(epoch=rounds)


def checkpoints(stage: Stage) -> None:
    """The checkpoint task between appends, syncs and truncations."""
    stage.create("a")
    stage.create("b")
    for _ in range(3):
        stage.append("a", value_bytes=500)
        stage.checkpoint()
        stage.sync("a")
        stage.append("b")
        stage.sync("b", meanwhile=stage.checkpoint)
    stage.sync()
    stage.checkpoint()
    stage.truncate(2, "a")
    stage.checkpoint()
    stage.append("a")
    stage.sync()
    stage.checkpoint()


def retention_by_size(stage: Stage) -> None:
    """Segments go as others come; their files go later, or with the next start."""
    stage.create(retention_bytes=1_600, segment_bytes=700)
    for rounds in range(5):
        stage.append(value_bytes=200)
        stage.send(1, value_bytes=200)
        stage.sync()
        retain(stage)
        if rounds % 2:
            stage.remove()
    stage.stop()
    stage.start()
    stage.append()
    stage.sync()
    retain(stage)
    stage.remove()


def retention_by_time(stage: Stage) -> None:
    """All that is old goes, the active segment too; what comes then begins where it ended."""
    stage.create(retention_ms=1_000, segment_bytes=700)
    for epoch in range(3):
        for _ in range(3):
            stage.append(value_bytes=200, epoch=epoch)
        stage.sync()
        stage.wait(10_000)
        retain(stage)
        stage.remove()
    stage.append(epoch=3)
    stage.kill()
    stage.start()
    stage.sync()
    retain(stage)


def compactions(stage: Stage) -> None:
    """Segments are cleaned, cleaned again and grouped; a producer's last batch stays."""
    create_compacted(stage, segment_bytes=900)
    for rounds in range(3):
        stage.send(1, value_bytes=200)
        for records in (3, 1, 2):
            stage.append(records=records, value_bytes=150)
        erase(stage, b"2")
        stage.append(value_bytes=300)
        compact(stage)
        if rounds:
            stage.remove()
        stage.wait(2_000)
    stage.append()
    stage.sync()
    stage.stop()
    stage.start()
    compact(stage)
    stage.append()


def compacted_then_deleted(stage: Stage) -> None:
    """A log with both policies: cleaned, and what is old goes."""
    create_compacted(
        stage, frozenset({"compact", "delete"}), segment_bytes=900, retention_bytes=1_500
    )
    for _ in range(3):
        for _ in range(4):
            stage.append(value_bytes=250)
        compact(stage)
        retain(stage)
        stage.remove()
    stage.kill()
    stage.start()
    stage.append()
    stage.sync()


def compactions_and_power_cuts(stage: Stage) -> None:
    """The power goes between cleanings; the next start finishes what was begun."""
    create_compacted(stage, segment_bytes=900)
    for _ in range(3):
        for _ in range(4):
            stage.append(value_bytes=250)
        compact(stage)
        stage.cut_power()
        stage.start()
        stage.append(value_bytes=250)
    stage.delete()
    stage.create(segment_bytes=900)
    stage.append()
    stage.sync()


def repairs(stage: Stage) -> None:
    """Synced records are damaged, in what a start reads; repair gives them up."""
    stage.create(segment_bytes=1 << 20)
    for epoch, offset in enumerate((12, 9, 3)):
        for _ in range(8):
            stage.append(value_bytes=250, epoch=epoch)
        stage.sync()
        stage.checkpoint()
        stage.append(value_bytes=250, epoch=epoch)
        stage.kill()
        stage.damage(offset)
        stage.repair()
        stage.append(epoch=epoch)
        stage.sync()


SCRIPTS: tuple[Script, ...] = (
    appends_with_syncs,
    group_commit,
    rolls,
    rolls_of_a_compacted_log,
    leader_epochs,
    idempotent_producers,
    truncations,
    delete_records,
    topics_come_and_go,
    stops_in_order,
    starts_after_kills,
    starts_after_power_cuts,
    checkpoints,
    retention_by_size,
    retention_by_time,
    compactions,
    compacted_then_deleted,
    compactions_and_power_cuts,
    leaders_under_group_commit,
    leaders_and_kills,
    driven_groups,
    repairs,
)
