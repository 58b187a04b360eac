"""The store against the system calls themselves: killed before each of them, and each of them failing."""

from __future__ import annotations

import contextlib
import functools
import io
import mmap
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from ama_tfx.errors import OutOfSpaceError
from ama_tfx.storage import Digest, Source
from ama_tfx.storage.packs import PackStore
from ama_tfx.storage.packs.checking import HARMLESS, Problem, check
from ama_tfx.storage.packs.collecting import collect, plan_collection
from ama_tfx.storage.packs.repairing import repair
from ama_tfx.testing.processes import in_process
from ama_tfx.testing.system_calls import Fault, calls_of, failures, kills, run_with, some_of, try_each
from tests.storage.packs.packs_parts import damage_blob, put, read, some_bytes

KILLS, FAILURES = 24, 28
"""How many faults of each scenario CI has time for; AMA_EVERY_SYSTEM_CALL=1 tries them all."""

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=timezone.utc)

Say = Callable[[Digest], None]


class Said:
    """Digests that a child has acknowledged: in memory that it shares, so that saying one makes no system call."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 1 << 16)

    def __call__(self, digest: Digest) -> None:
        (self._memory.write)(digest.raw)
        self._memory[-1] += 1

    def digests(self) -> list[Digest]:
        said = self._memory[: 32 * self._memory[-1]]
        return [Digest.from_raw(said[start : start + 32]) for start in range(0, len(said), 32)]


@dataclass(frozen=True)
class Scenario:
    """What a user does.

    Attributes:
        prepare: Makes what there is before, in a folder; returns the blobs that must be there whatever happens.
        act: What is interrupted, in such a folder; says what it has made durable. With True: the same once more.
        found: What a check may find afterwards, other than what killed writers leave.
    """

    prepare: Callable[[Path], list[Digest]]
    act: Callable[[Path, Say, bool], object]
    found: frozenset[Problem] = frozenset()


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[PackStore]:
    store = PackStore.in_folder(folder)
    try:
        yield store
    finally:
        store.index.close()
        store.objects.close()  # type: ignore[attr-defined]


@functools.cache
def contents(version: int) -> dict[str, bytes]:
    """Two versions of a few files: each new, changed in the middle, the same, or an array a step further."""
    body, array = some_bytes(1, 300_000), np.random.default_rng(1).normal(size=40_000).astype(np.float32)
    saved = io.BytesIO()
    np.save(saved, array * np.float32(1 + version / 10_000))
    return {
        "array.npy": saved.getvalue(),
        "empty": b"",
        "large": body[:150_000] + some_bytes(version, 2000) + body[150_000:],
        "same": some_bytes(3, 1000),
        "small": some_bytes(10 + version, 700),
    }


@functools.cache
def digests(version: int) -> dict[str, Digest]:
    return {name: Digest.of(content) for name, content in contents(version).items()}


def write_sources(folder: Path, version: int) -> None:
    sources = folder / f"version{version}"
    sources.mkdir()
    for name, content in contents(version).items():
        (sources / name).write_bytes(content)


def store_version(folder: Path, version: int, say: Say) -> None:
    names = list(contents(version))
    with opened(folder / "store") as store:
        for some in (names[:2], names[2:]):
            parents = {name: (digests(version - 1)[name],) if version > 1 else () for name in some}
            with store.writer() as writer:
                infos = writer.add_files([Source(folder / f"version{version}" / name, parents[name]) for name in some])
                writer.commit()
            for info in infos:
                say(info.digest)


def nothing_said(_: Digest) -> None:
    pass


def prepare_first(folder: Path) -> list[Digest]:
    write_sources(folder, 1)
    return []


def prepare_second(folder: Path) -> list[Digest]:
    write_sources(folder, 1)
    write_sources(folder, 2)
    store_version(folder, 1, nothing_said)
    return [*digests(1).values()]


def prepare_garbage(folder: Path) -> list[Digest]:
    """A pack of which a part is needed, one of which nothing is, and a second version, which is kept."""
    prepare_second(folder)
    with opened(folder / "store") as store:
        put(store, some_bytes(77, 400_000))
    store_version(folder, 2, nothing_said)
    (folder / "exported").mkdir()
    return [*digests(2).values()]


def collect_garbage(folder: Path, say: Say, again: bool) -> None:
    kept = [*digests(2).values()]
    with opened(folder / "store") as store:
        for day in (10, 12, 14) if again else (0, 2, 4):
            collect(store, plan_collection(store, kept), START + day * DAY, DAY)


def prepare_damage(folder: Path) -> list[Digest]:
    prepare_garbage(folder)
    shutil.copytree(folder / "store", folder / "copy")
    with opened(folder / "store") as store:
        damage_blob(store, digests(2)["large"])
    return [digests(2)["same"]]


def repair_damage(folder: Path, say: Say, again: bool) -> None:
    with opened(folder / "store") as store, opened(folder / "copy") as copy:
        repaired = repair(store, [copy])
        assert repaired.after.lost == ()
        for digest in digests(2).values():
            say(digest)


def prepare_bad_index(folder: Path) -> list[Digest]:
    kept = prepare_garbage(folder)
    (folder / "store" / "index.db").write_bytes(b"garbage" * 3000)
    return kept


def rebuild_index(folder: Path, say: Say, again: bool) -> None:
    with opened(folder / "store") as store:
        store.refresh()
        store.index.replace()
        store.refresh()


def export_files(folder: Path, say: Say, again: bool) -> None:
    target = folder / "exported"
    if again:
        shutil.rmtree(target)
        target.mkdir()
    with opened(folder / "store") as store:
        store.export([(digest, target / name) for name, digest in digests(2).items()])
    if again:
        assert {path.name: path.read_bytes() for path in target.iterdir()} == contents(2)


_DAMAGE = frozenset({Problem.DAMAGED_PAYLOAD, Problem.MISSING_PIECE})  # what it repairs, before and when it is moved

SCENARIOS = {
    "store": Scenario(prepare_first, lambda folder, say, again: store_version(folder, 1, say)),
    "store-again": Scenario(prepare_second, lambda folder, say, again: store_version(folder, 2, say)),
    "gc": Scenario(prepare_garbage, collect_garbage),
    "repair": Scenario(prepare_damage, repair_damage, _DAMAGE),
    "rebuild": Scenario(prepare_bad_index, rebuild_index, frozenset({Problem.WRONG_INDEX})),
    "export": Scenario(prepare_garbage, export_files),
}


class Trial:
    """Runs one scenario with one fault after the other, each in a fresh copy of the same folder."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario, self._start, self.folder = scenario, folder / "start", folder / "work"
        self._start.mkdir()
        self._needed = scenario.prepare(self._start)
        scenario.act(self.fresh(), nothing_said, False)  # also so that all is imported before the first child is made
        self._after = self._blobs()
        self.fresh()
        self.calls = calls_of(lambda: scenario.act(self.folder, nothing_said, False), about=self.folder)
        assert len(self.calls) > 20

    def fresh(self) -> Path:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self._start, self.folder)
        return self.folder

    def run(self, fault: Fault) -> BaseException | None:
        """Return what the scenario ended with, after making sure that the store is whole and can be used on."""
        self.fresh()
        said = Said()
        outcome: BaseException | None = None
        try:
            run_with(fault, lambda: self.scenario.act(self.folder, said, False))
        except BaseException as error:  # noqa: BLE001 - whatever the child ended with is looked at
            outcome = error.with_traceback(None)
        self.check(said.digests())
        self.scenario.act(self.folder, nothing_said, True)
        with opened(self.folder / "store") as store, store.writer():  # which removes what killed ones left
            assert {info.digest for info in store.blobs()} == self._after
            assert check(store, read_data=True).findings == ()
        return outcome

    def check(self, acknowledged: list[Digest]) -> None:
        with opened(self.folder / "store") as store:
            report = check(store, read_data=True)
            assert {finding.problem for finding in report.findings} <= HARMLESS | self.scenario.found, report.findings
            for digest in {*self._needed, *acknowledged}:
                assert Digest.of(read(store, digest)) == digest

    def _blobs(self) -> set[Digest]:
        with opened(self.folder / "store") as store:
            return {info.digest for info in store.blobs()}


@pytest.fixture(params=SCENARIOS)
def trial(request: pytest.FixtureRequest, quick_path: Path, strace: None) -> Trial:
    return Trial(SCENARIOS[request.param], quick_path)


def test_killed_before_any_change_nothing_acknowledged_is_lost_and_a_repeat_ends_clean(trial: Trial) -> None:
    faults = some_of(kills(trial.calls), KILLS, seed=1)
    tried = try_each(faults, trial.run, trial.folder)
    assert not tried.wrong, "\n".join(tried.wrong)
    assert tried.killed == len(faults) > 20


def test_any_call_that_fails_ends_in_a_clear_error_or_does_not_matter(trial: Trial) -> None:
    faults = some_of(failures(trial.calls), FAILURES, seed=2)
    tried = try_each(faults, trial.run, trial.folder)
    assert not tried.wrong, "\n".join(tried.wrong)
    assert tried.failed > len(faults) / 4


@pytest.mark.parametrize("limit_bytes", range(40_000, 500_000, 37_000))
def test_a_write_that_the_disk_takes_a_part_of_is_a_clear_error(quick_path: Path, limit_bytes: int) -> None:
    """No file may grow beyond a size: the write that would do so is cut there, the next one fails."""
    work = quick_path / "work"
    work.mkdir()
    needed = prepare_second(work)

    def act() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
        store_version(work, 2, nothing_said)

    if limit_bytes < 50_000:
        with pytest.raises(OutOfSpaceError, match=str(work)):
            in_process(act)
    else:
        with contextlib.suppress(OutOfSpaceError):
            in_process(act)
    with opened(work / "store") as store:
        assert check(store, read_data=True).is_clean
        assert [Digest.of(read(store, digest)) for digest in needed] == needed
    store_version(work, 2, nothing_said)
