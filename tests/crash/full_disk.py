"""A disk that is really full: a small volume, filled by producing, with space made again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from pykbroker.errors import ErrorCode
from tests.api.requests import delete_topic
from tests.crash.site import STORAGE_ERROR, Site
from tests.crash.volume import volume
from tests.crash.volume import what_is_missing as volumes_lack
from tests.kafka_client import Client

_MIB = 64
_BALLAST_BYTES = 16 << 20
_LARGE_BYTES = 400_000
_SMALL_BYTES = 500
_ATTEMPTS_MAX = 10


def what_is_missing() -> str | None:
    """Say what this machine lacks for full disks; None when nothing."""
    return volumes_lack("ext4")


def space_returns(directory: Path, random: Random) -> Site:
    """Fill the disk, give some of it back, and go on without a restart."""

    def run(site: Site, client: Client, ballast: Path) -> None:
        fill(site, client)
        site.read_all(client)
        ballast.unlink()
        site.expect(site.takes_all_again(client), "it takes no records though there is space")
        site.work(client)
        site.expect_log("space")

    return _on_small_volume(directory, random, run)


def killed_while_full(directory: Path, random: Random) -> Site:
    """Fill the disk, kill the broker, start it again with and without space."""

    def run(site: Site, client: Client, ballast: Path) -> None:
        fill(site, client)
        site.broker.kill()
        _start_when_possible(site, ballast)

    return _on_small_volume(directory, random, run)


def stopped_while_full(directory: Path, random: Random) -> Site:
    """Fill the disk, stop the broker in order, start it again with and without space."""

    def run(site: Site, client: Client, ballast: Path) -> None:
        fill(site, client)
        site.broker.stop()
        site.expect_log("free", "space")
        _start_when_possible(site, ballast)

    return _on_small_volume(directory, random, run)


def _start_when_possible(site: Site, ballast: Path) -> None:
    """Start on the full disk, which may be refused with what to do; then make space."""
    try:
        site.broker.start()
    except AssertionError:
        last = site.log.read_text().splitlines()[-1]
        site.expect("cannot start" in last and "free some space" in last, f"it says {last!r}")
        site.broker.wait()
        ballast.unlink()
        site.broker.start()
    else:
        with site.connect() as client:
            site.read_all(client)
        ballast.unlink()
    with site.connect() as client:
        site.read_all(client)
        site.expect(site.takes_all_again(client), "it takes no records though there is space")
        site.work(client)


def topic_deleted_while_full(directory: Path, random: Random) -> Site:
    """Fill the disk and delete a topic, which a full disk may refuse until there is a little."""

    def run(site: Site, client: Client, ballast: Path) -> None:
        fill(site, client)
        error = delete_topic(client, "short")
        site.expect(error in (ErrorCode.NONE, STORAGE_ERROR), f"deleting gives {error.name}")
        if error:
            ballast.unlink()
            error = delete_topic(client, "short")
            site.expect(not error, f"deleting gives {error.name} though there is space")
        site.load.partitions[:] = [k for k in site.load.partitions if k.topic != "short"]
        site.expect(site.takes_all_again(client), "it takes no records though there is space")

    return _on_small_volume(directory, random, run)


RUNS: tuple[tuple[str, Callable[[Path, Random], Site]], ...] = (
    ("disk full, space returns", space_returns),
    ("disk full, killed", killed_while_full),
    ("disk full, stopped", stopped_while_full),
    ("disk full, a topic deleted", topic_deleted_while_full),
)


def fill(site: Site, client: Client) -> None:
    """Produce until even small records are refused; retention and compaction may make space."""
    for _ in range(_ATTEMPTS_MAX):
        for padding in (_LARGE_BYTES, _SMALL_BYTES):
            for kept in site.load.partitions:
                if kept.topic != "short":
                    _fill(site, client, padding, kept.partition, kept.topic)
        if site.refusing(client):
            return
    site.expect(False, "a full disk takes records")


def _fill(site: Site, client: Client, padding: int, partition: int, topic: str) -> None:
    kept = site.kept(topic, partition)
    for _ in range(2 * _MIB * (1 << 20) // _LARGE_BYTES):
        if site.produce(client, kept, padding=padding) is STORAGE_ERROR:
            return


def _on_small_volume(
    directory: Path, random: Random, run: Callable[[Site, Client, Path], None]
) -> Site:
    with volume("ext4", directory / "volume", mib=_MIB) as on:
        site = Site(on.path / "data", directory / "log", random)
        ballast = on.path / "ballast"
        ballast.write_bytes(bytes(_BALLAST_BYTES))
        with site.broker:
            try:
                site.begin()
                with site.connect() as client:
                    run(site, client, ballast)
                _restart(site)
            except (AssertionError, EOFError, OSError) as unforeseen:
                site.wrong.append(f"{type(unforeseen).__name__}: {unforeseen}")
    return site


def _restart(site: Site) -> None:
    site.broker.kill()
    site.broker.start()
    with site.connect() as client:
        site.read_all(client)
        site.expect(not site.refusing(client), "it refuses records after a restart")
        site.read_all(client)
