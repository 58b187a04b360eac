"""gc beside writers: what a version needs is never deleted, whoever runs when."""

from __future__ import annotations

import datetime
import mmap
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ama_tfx.errors import ConflictError, ContentChangedError, IntegrityError, InvalidInputError
from ama_tfx.registry import Facts, Registry
from ama_tfx.storage import PackStore
from ama_tfx.testing.processes import in_process, race

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime.datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(tmp_path: Path, clock: Clock) -> Registry:
    return Registry(tmp_path / "registry", create=True, clock=clock)


def file(tmp_path: Path, content: bytes, name: str = "file") -> Path:
    (tmp_path / "sources").mkdir(exist_ok=True)
    path = tmp_path / "sources" / name
    path.write_bytes(content)
    return path


def refuse(_: object) -> None:
    raise RuntimeError("no")


def abandon(registry: Registry, path: Path) -> None:
    """Store a file and its manifest without registering them, as a killed upload does."""
    with pytest.raises(RuntimeError, match="no"):
        registry.register("abandoned", path, before_commit=refuse)


def packs(registry: Registry) -> set[str]:
    return {path.stem for path in registry.location.folder.rglob("*.pack")}


def read(registry: Registry, reference: str) -> bytes:
    with registry.open(reference) as stream:
        return stream.read()


def test_garbage_goes_after_the_quarantine_and_what_versions_need_stays(
    registry_url: str, tmp_path: Path, clock: Clock
) -> None:
    registry = Registry(registry_url, create=True, clock=clock)
    registry.register("model", file(tmp_path, b"needed" * 100))
    needed = packs(registry)
    abandon(registry, file(tmp_path, os.urandom(9000), "other"))
    garbage = packs(registry) - needed
    assert len(garbage) == 1
    plan = registry.upkeep.plan_gc()
    assert plan.to_json()["packs"] == [
        {"pack": garbage.copy().pop(), "size_bytes": plan.won_bytes, "rewritten": False, "condemned_at": None}
    ]
    assert plan.won_bytes > 9000
    assert packs(registry) == needed | garbage  # a plan changes nothing
    assert set(registry.upkeep.gc(plan).condemned) == garbage
    clock.now += 13 * DAY
    assert registry.upkeep.gc().deleted == ()
    assert registry.upkeep.plan_gc().to_json()["packs"][0]["condemned_at"] == NOW.isoformat()
    clock.now += DAY
    done = registry.upkeep.gc()
    assert set(done.deleted) == garbage
    assert done.won_bytes == plan.won_bytes
    assert packs(registry) == needed
    assert read(registry, "model:1/file") == b"needed" * 100
    assert registry.upkeep.fsck(read_percent=100).findings == ()
    assert registry.upkeep.plan_gc().to_json() == {"kept_blob_count": 2, "packs": [], "won_bytes": 0}


def test_a_collection_is_undone_while_in_quarantine(registry: Registry, tmp_path: Path, clock: Clock) -> None:
    abandon(registry, file(tmp_path, b"garbage"))
    (garbage,) = registry.upkeep.gc().condemned
    assert registry.upkeep.undo_gc() == (garbage,)
    assert registry.upkeep.undo_gc() == ()
    clock.now += 20 * DAY
    assert registry.upkeep.gc().deleted == ()  # the quarantine begins anew
    clock.now += 20 * DAY
    assert registry.upkeep.gc().deleted == (garbage,)
    assert registry.upkeep.undo_gc() == ()


def test_what_is_registered_during_the_quarantine_is_spared(registry: Registry, tmp_path: Path, clock: Clock) -> None:
    path = file(tmp_path, b"abandoned, and wanted after all")
    abandon(registry, path)
    assert len(registry.upkeep.gc().condemned) == 1
    registry.register("abandoned", path)
    for _ in range(3):
        clock.now += 20 * DAY
        registry.upkeep.gc()
    assert read(registry, "abandoned:1/file") == path.read_bytes()
    assert registry.upkeep.fsck(read_percent=100).is_clean


def test_only_what_the_plan_names_goes(registry: Registry, tmp_path: Path, clock: Clock) -> None:
    abandon(registry, file(tmp_path, b"first"))
    plan = registry.upkeep.plan_gc()
    registry.upkeep.gc(plan)
    abandon(registry, file(tmp_path, b"second", "2"))
    clock.now += 20 * DAY
    assert len(registry.upkeep.gc(plan).deleted) == 1
    assert len(packs(registry)) == 1
    assert registry.upkeep.gc(plan).condemned == ()
    assert len(registry.upkeep.gc().condemned) == 1


def test_a_plan_that_is_older_than_a_version_does_not_harm_it(registry: Registry, tmp_path: Path, clock: Clock) -> None:
    path = file(tmp_path, b"wanted" * 99)
    abandon(registry, path)
    plan = registry.upkeep.plan_gc()
    registry.register("abandoned", path)
    for _ in range(3):
        registry.upkeep.gc(plan)
        clock.now += 20 * DAY
    assert read(registry, "abandoned:1/file") == path.read_bytes()


@pytest.mark.parametrize("before", [False, True], ids=["its own pack", "a pack of somebody before it"])
def test_collections_between_the_bytes_and_the_transaction_make_it_store_them_again(
    registry: Registry, tmp_path: Path, clock: Clock, before: bool
) -> None:
    """An upload that took longer than the quarantine: all that it stored is gone when it is to become visible."""
    path = file(tmp_path, os.urandom(200_000))
    if before:
        abandon(registry, path)
    calls = []

    def collect(manifest: object) -> None:
        calls.append(manifest)
        other = Registry(registry.location.folder, clock=clock)
        assert len(other.upkeep.gc().condemned) == 1
        clock.now += 20 * DAY
        assert len(other.upkeep.gc().deleted) == 1
        assert packs(other) == set()

    done = registry.register("abandoned", path, before_commit=collect)
    assert done.created
    assert len(calls) == 1
    assert read(registry, "abandoned:1/file") == path.read_bytes()
    assert registry.upkeep.fsck(read_percent=100).findings == ()


def test_content_that_changed_before_it_is_stored_again_is_not_registered(
    registry: Registry, tmp_path: Path, clock: Clock
) -> None:
    path = file(tmp_path, b"first")

    def collect(_: object) -> None:
        registry.upkeep.gc()
        clock.now += 20 * DAY
        assert registry.upkeep.gc().deleted
        path.write_bytes(b"second")

    with pytest.raises(ContentChangedError, match="written to while it was registered"):
        registry.register("model", path, before_commit=collect)
    assert registry.assets() == []


def test_a_condemnation_between_the_bytes_and_the_transaction_is_taken_back(
    registry: Registry, tmp_path: Path, clock: Clock
) -> None:
    path = file(tmp_path, b"wanted")
    registry.register("model", path, before_commit=lambda _: registry.upkeep.gc())
    clock.now += 20 * DAY
    assert registry.upkeep.gc().deleted == ()
    assert read(registry, "model:1/file") == b"wanted"


def test_a_collection_that_begins_behind_the_last_look_is_waited_for(registry_url: str, tmp_path: Path) -> None:
    """The number that collections raise: without it this order loses the bytes of a version."""
    clock = Clock()
    registry = Registry(registry_url, create=True, clock=clock)
    path = file(tmp_path, b"wanted" * 50)
    abandon(registry, path)
    gc = Registry(registry_url, clock=clock)
    assert len(gc.upkeep.gc().condemned) == 1
    gc.upkeep.undo_gc()
    looks = []

    class Looking(PackStore):
        """Lets a collection run right behind each look whether bytes stay."""

        def writer(self):  # type: ignore[no-untyped-def]
            writer = super().writer()
            secure = writer.secure

            def look() -> None:
                secure()
                looks.append(len(looks))
                if len(looks) == 1:
                    gc.upkeep.gc()
                    clock.now += 20 * DAY
                    assert len(gc.upkeep.gc().deleted) == 1

            writer.secure = look  # type: ignore[method-assign]
            return writer

    registry._blobs = Looking.in_folder(registry.location.folder / "blobs")
    registry.register("abandoned", path)
    assert len(looks) >= 2
    assert read(registry, "abandoned:1/file") == path.read_bytes()
    assert registry.upkeep.fsck(read_percent=100).is_clean


def test_nothing_is_collected_from_a_damaged_registry(registry: Registry, tmp_path: Path) -> None:
    registry.register("model", file(tmp_path, b"needed"))
    (pack,) = registry.location.folder.rglob("*.pack")
    abandon(registry, file(tmp_path, b"garbage", "2"))
    pack.unlink()
    with pytest.raises(IntegrityError, match="repair the store"):
        registry.upkeep.plan_gc()
    with pytest.raises(IntegrityError, match="repair the store"):
        registry.upkeep.gc()


def test_a_negative_quarantine_is_refused(registry: Registry) -> None:
    with pytest.raises(InvalidInputError, match="cannot be negative"):
        registry.upkeep.gc(quarantine=-DAY)


def test_registrations_beside_collections_lose_nothing(tmp_path: Path) -> None:
    """Real processes, a quarantine of nothing at all, and uploads that linger before they become visible."""
    folder = tmp_path / "registry"
    Registry(folder, create=True).close()
    ended = mmap.mmap(-1, 3)
    contents = [random.Random(seed).randbytes(30_000) for seed in range(6)]
    for number, content in enumerate(contents):
        file(tmp_path, content, f"{number}")

    def write(seed: int) -> list[tuple[str, int]]:
        chance = random.Random(seed)
        registry = Registry(folder)
        made = []
        for _ in range(12):
            number = chance.randrange(6)
            path = tmp_path / "sources" / f"{number}"
            try:
                if chance.random() < 0.4:
                    registry.register("never", path, before_commit=refuse)
                linger = chance.random() * 0.05
                facts = Facts(properties={"seed": seed})
                done = registry.register(f"asset-{seed}", path, facts, before_commit=lambda _, s=linger: time.sleep(s))
                made.append((str(done.version.reference), number))
            except RuntimeError as error:
                assert isinstance(error, ConflictError) or str(error) == "no", error  # noqa: PT017
        ended[seed - 1] = 1
        return made

    def collect() -> int:
        registry, deleted, rounds_after = Registry(folder), 0, 0
        while rounds_after < 3:
            rounds_after += sum(ended[:3]) == 3
            deleted += len(registry.upkeep.gc(quarantine=datetime.timedelta(0)).deleted)
        return deleted

    *made, deleted = race([lambda: write(1), lambda: write(2), lambda: write(3), collect])
    assert isinstance(deleted, int), deleted
    assert deleted > 0
    registry = Registry(folder)
    count = 0
    for versions in made:
        assert isinstance(versions, list), versions
        for reference, number in versions:
            assert read(registry, f"{reference}/{number}") == contents[number]
            count += 1
    assert count >= 10
    assert registry.upkeep.fsck(read_percent=100).lost == ()


def test_a_killed_collection_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    registry = Registry(folder, create=True)
    registry.register("model", file(tmp_path, b"needed" * 100))
    abandon(registry, file(tmp_path, b"garbage", "2"))
    registry.close()
    never = datetime.timedelta(0)
    for delay in range(0, 60, 4):
        copy = tmp_path / f"copy-{delay}"
        shutil.copytree(folder, copy)

        def collect(copy: Path = copy, delay: int = delay) -> None:
            if os.fork() == 0:
                other = Registry(copy)
                for _ in range(3):
                    other.upkeep.gc(quarantine=never)
                os._exit(0)
            time.sleep(delay / 1000)
            os._exit(9)

        with pytest.raises(ChildProcessError):
            in_process(collect)
        after = Registry(copy)
        for _ in range(3):
            try:
                after.upkeep.gc(quarantine=never)
            except ConflictError:  # noqa: PERF203 - the one that goes on is still at work
                time.sleep(0.2)
        assert read(after, "model:1/file") == b"needed" * 100
        assert after.upkeep.fsck(read_percent=100).lost == ()


class Histories(RuleBasedStateMachine):
    """Random histories of registering, abandoning, collecting and time passing, against a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.root = Path(self._folder.name)
        self.clock = Clock()
        self.kept: dict[str, bytes] = {}
        self.plan = None

    def teardown(self) -> None:
        self.registry.close()
        self._folder.cleanup()

    @initialize()
    def begin(self) -> None:
        self.registry = Registry(self.root / "registry", create=True, clock=self.clock)

    def _content(self, seed: int) -> bytes:
        return random.Random(seed % 5).randbytes(3000 * (seed + 1)) + bytes([seed])

    @rule(seed=st.integers(0, 9), asset=st.sampled_from(["a", "b"]))
    def register(self, seed: int, asset: str) -> None:
        self._register(seed, asset, None)

    @rule(seed=st.integers(0, 9), hours=st.sampled_from([1, 25, 50]), runs=st.integers(1, 2))
    def register_with_collections_in_between(self, seed: int, hours: int, runs: int) -> None:
        def collect(_: object) -> None:
            for _ in range(runs):
                self.collect(hours)

        self._register(seed, "c", collect)

    def _register(self, seed: int, asset: str, hook: Callable[[object], object] | None) -> None:
        path = file(self.root, self._content(seed))
        done = self.registry.register(asset, path, before_commit=hook)
        self.kept[f"{done.version.reference}/file"] = path.read_bytes()

    @rule(seed=st.integers(0, 9))
    def abandon(self, seed: int) -> None:
        abandon(self.registry, file(self.root, self._content(seed)))

    @rule(hours=st.sampled_from([1, 25]))
    def collect(self, hours: int) -> None:
        self.clock.now += datetime.timedelta(hours=hours)
        self.registry.upkeep.gc(quarantine=DAY)

    @rule()
    def make_a_plan(self) -> None:
        self.plan = self.registry.upkeep.plan_gc()  # type: ignore[assignment]

    @precondition(lambda self: self.plan is not None)
    @rule(hours=st.sampled_from([1, 25]))
    def carry_out_an_old_plan(self, hours: int) -> None:
        self.clock.now += datetime.timedelta(hours=hours)
        self.registry.upkeep.gc(self.plan, quarantine=DAY)

    @rule()
    def undo(self) -> None:
        self.registry.upkeep.undo_gc()

    @rule()
    def rebuild_the_index(self) -> None:
        self.registry.upkeep.rebuild_index()

    @invariant()
    def every_version_is_there(self) -> None:
        for reference, content in self.kept.items():
            assert read(self.registry, reference) == content

    @invariant()
    def fsck_is_clean(self) -> None:
        if hasattr(self, "registry"):
            checked = self.registry.upkeep.fsck()
            assert checked.is_clean, checked.findings


Histories.TestCase.settings = settings(
    max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHistories = Histories.TestCase
