"""A registry whose writers and collectors are killed at random times, while the store is repaired beside them."""

from __future__ import annotations

import os
import random
import select
import signal
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ama_tfx.registry import Expect, Registry
from ama_tfx.storage import Digest, PackStore
from ama_tfx.storage.packs.checking import check
from ama_tfx.storage.packs.collecting import collect, plan_collection
from ama_tfx.storage.packs.repairing import repair
from ama_tfx.testing.processes import TIMEOUT_SECONDS

ROUNDS = 60
QUARANTINE = timedelta(seconds=5)
"""Longer than any registration of these takes."""


def content_of(number: int) -> bytes:
    return random.Random(number).randbytes(1000 + number % 3 * 80_000)


def register_for_ever(folder: Path, number: int, said: int) -> None:
    """Register versions, each the champion; say which ones are registered."""
    registry = Registry(folder / "registry", actor="ann")
    for serial in range(number * 1000, number * 1000 + 999):
        source = folder / f"content{serial}"
        source.write_bytes(content_of(serial))
        made = registry.register("model", {"data": source}, alias="champion")
        registry.set_alias(f"model:{made.version.number}", "seen", expected=Expect.ANYTHING)
        os.write(said, serial.to_bytes(4, "big"))


def collect_for_ever(folder: Path, number: int, said: int) -> None:
    registry = Registry(folder / "registry", actor="gc")
    store = PackStore.in_folder(folder / "registry" / "blobs")
    while True:
        versions = registry.versions("model") if registry.assets() else []
        kept = {version.digest for version in versions}
        kept |= {entry.digest for version in versions for entry in registry.show(version.reference).files}
        collect(store, plan_collection(store, kept), datetime.now(timezone.utc), QUARANTINE)
        assert repair(store, wanted=kept).after.lost == ()
        os.write(said, b"done")


def start(work: Callable[[Path, int, int], None], folder: Path, number: int) -> tuple[int, int]:
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            work(folder, number, theirs)
        except BaseException:  # noqa: BLE001 - it must show, and is told apart by its length
            os.write(theirs, traceback.format_exc().encode()[-4000:].ljust(4001))
        finally:
            os._exit(1)
    os.close(theirs)
    return pid, ours


class Worker:
    """A process that works until it is killed, and what it said so far."""

    def __init__(self, work: Callable[[Path, int, int], None], folder: Path, number: int) -> None:
        self._pid, self._pipe = start(work, folder, number)
        self._said = b""

    def wait_until_said(self, count: int) -> None:
        """Wait until it said that it did so many things; however slow the machine is."""
        while len(self._said) < 4 * count:
            assert select.select([self._pipe], [], [], TIMEOUT_SECONDS)[0], "it does nothing"
            more = os.read(self._pipe, 4096)
            assert more, "it has ended"
            self._said += more
        assert len(self._said) % 4 == 0, self._said[-4001:].decode(errors="replace")

    def kill(self) -> list[int]:
        """Kill it; return what it said."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        with os.fdopen(self._pipe, "rb") as stream:
            said = self._said + stream.read()
        assert len(said) % 4 == 0, said[-4001:].decode(errors="replace")
        return [int.from_bytes(said[start : start + 4], "big") for start in range(0, len(said), 4)]


def check_all(folder: Path, acknowledged: list[int]) -> None:
    registry = Registry(folder / "registry", create=True)
    registry.audit.verify()
    versions = registry.versions("model") if registry.assets() else []
    assert [version.number for version in versions] == list(range(len(versions), 0, -1))
    held = {registry.manifest(version.reference).files[0].digest: version for version in versions}
    for serial in acknowledged:
        with registry.open(f"model:{held[Digest.of(content_of(serial))].number}/data") as stream:
            assert stream.read() == content_of(serial)
    if versions:
        at = {alias.name: alias.version for alias in registry.aliases("model")}
        assert at["champion"] == len(versions)  # it moves with the version, or not at all
        last = max((held[Digest.of(content_of(serial))].number for serial in acknowledged), default=0)
        assert last <= at.get("seen", 0) <= len(versions)
    registry.close()
    store = PackStore.in_folder(folder / "registry" / "blobs")
    report = check(store, read_data=True)
    assert report.is_clean, report.findings
    assert report.lost == ()
    store.index.close()


def warm_up(folder: Path) -> None:
    """Import here what the children would import each for itself."""
    folder.mkdir()
    registry = Registry(folder / "registry", create=True)
    (folder / "content").write_bytes(content_of(2))
    registry.register("model", {"data": folder / "content"}, alias="champion")
    registry.set_alias("model:1", "seen")
    registry.close()
    store = PackStore.in_folder(folder / "registry" / "blobs")
    collect(store, plan_collection(store, []), datetime.now(timezone.utc), QUARANTINE)
    repair(store)
    store.index.close()


def test_writers_and_collectors_killed_at_any_time_leave_a_registry_that_is_whole(quick_path: Path) -> None:
    chance = random.Random(1)
    registered = collected = 0
    warm_up(quick_path / "rehearsal")
    for number in range(ROUNDS):
        folder = quick_path / f"{number // 10}"  # ten rounds in each, so that a check stays quick
        if number % 10 == 0:
            folder.mkdir()
            Registry(folder / "registry", create=True).close()
        writer, collector = Worker(register_for_ever, folder, number), Worker(collect_for_ever, folder, number)
        # In some rounds they are killed in their first registration, or collection.
        (writer if number % 2 else collector).wait_until_said(chance.randrange(3))
        time.sleep(chance.uniform(0, 0.1))
        acknowledged = writer.kill()
        collected += len(collector.kill())
        registered += len(acknowledged)
        check_all(folder, acknowledged)
    assert registered > ROUNDS / 4
    assert collected > ROUNDS / 4
