"""Writers and collectors killed at random times."""

from __future__ import annotations

import contextlib
import io
import os
import random
import select
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ama_tfx.errors import ConflictError
from ama_tfx.storage import Digest
from ama_tfx.storage.packs import PackStore
from ama_tfx.storage.packs.checking import check
from ama_tfx.storage.packs.collecting import collect, plan_collection
from ama_tfx.storage.packs.repairing import repair
from ama_tfx.testing.processes import TIMEOUT_SECONDS
from tests.storage.packs.packs_parts import put, read, some_bytes

ROUNDS, MOST_ROUNDS, ROUNDS_PER_FOLDER = 80, 800, 20
"""It goes on after the first number until enough was deleted; how many rounds that takes is the machine's matter."""

QUARANTINE = timedelta(seconds=5)
"""Longer than any commit of these takes: gc may delete what a writer has said it keeps when it expires again."""

RUBBISH = [some_bytes(-number, 50_000) for number in range(1, 6)]


def write_and_acknowledge(folder: Path, seed: int, say: Callable[[Digest], object]) -> None:
    """Write one commit after the other; say each digest once it is committed. Some of it nobody needs."""
    store = PackStore.in_folder(folder)
    for number in range(15):
        with contextlib.suppress(ConflictError), store.writer() as writer:  # gc was quicker: the next one stores it
            info = writer.add_stream(io.BytesIO(some_bytes(seed * 10_000 + number, 100 + number % 3 * 90_000)))
            writer.add_stream(io.BytesIO(b"the same in every commit" * 1000))
            writer.add_stream(io.BytesIO(RUBBISH[number % len(RUBBISH)]))
            writer.commit()
            say(info.digest)
    signal.pause()


def collect_and_repair(folder: Path, seed: int, say: Callable[[Digest], object]) -> None:
    """Collect garbage, and repair what nothing is wrong with, for ever; say when something was deleted."""
    store = PackStore.in_folder(folder)
    rubbish = {Digest.of(content) for content in RUBBISH}
    for number in range(1, 10_000):
        kept = [info.digest for info in store.blobs() if info.digest not in rubbish]
        done = collect(store, plan_collection(store, kept), datetime.now(timezone.utc), QUARANTINE)
        if number % 4 == 0:
            assert repair(store).before.lost == ()
        say(Digest.of(b"deleted" if done.deleted else b"none"))


Work = Callable[[Path, int, Callable[[Digest], object]], None]


class Worker:
    """A process that works until it is killed, and what it said so far."""

    def __init__(self, work: Work, folder: Path, seed: int) -> None:
        self._pid, self._pipe = start(work, folder, seed)
        self._said = b""

    def wait_until_said(self, count: int) -> None:
        """Wait until it said that it did so many things; however slow the machine is."""
        while len(self._said) < 32 * count:
            assert select.select([self._pipe], [], [], TIMEOUT_SECONDS)[0], "it does nothing"
            more = os.read(self._pipe, 4096)
            assert more, "it has ended"
            self._said += more
        assert len(self._said) % 32 == 0, self._said[-4001:].decode(errors="replace")

    def kill(self) -> list[Digest]:
        """Kill it; return what it said."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        with os.fdopen(self._pipe, "rb") as stream:
            said = self._said + stream.read()
        assert len(said) % 32 == 0, said[-4001:].decode(errors="replace")
        return [Digest.from_raw(said[start : start + 32]) for start in range(0, len(said), 32)]


def start(work: Work, folder: Path, seed: int) -> tuple[int, int]:
    """Fork a process that works; return its id, and the pipe to which it writes what it says."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            work(folder, seed, lambda digest: os.write(theirs, digest.raw))
        except BaseException:  # noqa: BLE001 - a failure must show: it is told apart from what was said by its length
            os.write(theirs, traceback.format_exc().encode()[-4000:].ljust(4001))
        finally:
            os._exit(1)
    os.close(theirs)
    return pid, ours


def test_writers_and_collectors_killed_at_any_time_lose_nothing_that_was_acknowledged(quick_path: Path) -> None:
    chance = random.Random(1)
    committed, collected = 0, Counter[Digest]()
    deleted, number = Digest.of(b"deleted"), 0
    while number < ROUNDS or collected[deleted] < 8:
        assert number < MOST_ROUNDS, f"{collected[deleted]} collections deleted something"
        folder = quick_path / f"{number // ROUNDS_PER_FOLDER}"
        writers = [Worker(write_and_acknowledge, folder, 2 * number + n) for n in range(1 + number % 2)]
        collector = Worker(collect_and_repair, folder, number)
        # In some rounds they may be killed in their first commit, or collection.
        writers[0].wait_until_said(chance.randrange(4))
        collector.wait_until_said(number % 2)
        time.sleep(chance.uniform(0, 0.03))
        acknowledged = [digest for writer in writers for digest in writer.kill()]
        collected.update(collector.kill())
        committed += len(acknowledged)
        check_all(folder, acknowledged)
        number += 1
    assert committed > ROUNDS


def check_all(folder: Path, acknowledged: list[Digest]) -> None:
    """The store is whole, and all that was acknowledged is there."""
    store = PackStore.in_folder(folder)
    report = check(store, read_data=True)
    assert report.is_clean, report.findings
    assert report.lost == ()
    for digest in acknowledged:
        assert Digest.of(read(store, digest)) == digest
    assert all(put(store, read(store, digest)) == digest for digest in acknowledged[:1])
    store.index.close()
