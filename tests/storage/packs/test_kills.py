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
from tests.storage.packs.packs_parts import put, read, some_bytes

ROUNDS = 200
QUARANTINE = timedelta(seconds=2)
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


def kill(pid: int, pipe: int) -> list[Digest]:
    """Kill a process; return what it said."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with os.fdopen(pipe, "rb") as stream:
        said = stream.read()
    assert len(said) % 32 == 0, said[-4001:].decode(errors="replace")
    return [Digest.from_raw(said[start : start + 32]) for start in range(0, len(said), 32)]


def test_writers_and_collectors_killed_at_any_time_lose_nothing_that_was_acknowledged(quick_path: Path) -> None:
    chance = random.Random(1)
    committed, collected = 0, Counter[Digest]()
    for number in range(ROUNDS):
        folder = quick_path / f"{number // 10}"
        writers = [start(write_and_acknowledge, folder, 2 * number + n) for n in range(1 + number % 2)]
        collector = start(collect_and_repair, folder, number)
        if number % 2:  # in the other rounds it may be killed in its first collection
            assert select.select([collector[1]], [], [], 60)[0], "a collection takes more than a minute"
        time.sleep(chance.uniform(0.005, 0.1))
        acknowledged = [digest for writer in writers for digest in kill(*writer)]
        collected.update(kill(*collector))
        committed += len(acknowledged)
        store = PackStore.in_folder(folder)
        report = check(store, read_data=True)
        assert report.is_clean, report.findings
        assert report.lost == ()
        for digest in acknowledged:
            assert Digest.of(read(store, digest)) == digest
        assert all(put(store, read(store, digest)) == digest for digest in acknowledged[:1])
        store.index.close()
    assert committed > ROUNDS
    print(collected[Digest.of(b"deleted")], committed)
    assert collected[Digest.of(b"deleted")] >= 8
