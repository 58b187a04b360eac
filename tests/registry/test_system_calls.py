"""A registry against the system calls themselves: killed before each of them, and each of them failing."""

from __future__ import annotations

import contextlib
import mmap
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ama_tfx.registry import Registry
from ama_tfx.storage import PackStore
from ama_tfx.storage.packs.checking import check
from ama_tfx.testing import TickingClock
from ama_tfx.testing.system_calls import Fault, calls_of, failures, kills, run_with, some_of, try_each

KILLS, FAILURES = 16, 24
"""How many faults of each scenario CI has time for; AMA_EVERY_SYSTEM_CALL=1 tries them all."""

CONTENTS = {
    number: {"large": random.Random(number).randbytes(200_000), "small": b"%d" % number, "same": b"same" * 500}
    for number in (1, 2)
}


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Registry]:
    registry = Registry(folder / "registry", create=True, actor="ann", clock=TickingClock())
    try:
        yield registry
    finally:
        registry.close()


def register(folder: Path, number: int) -> None:
    with opened(folder) as registry:
        registry.register("model", folder / f"content{number}", alias="champion")


@dataclass(frozen=True)
class Scenario:
    """What a user does.

    Attributes:
        before: How many versions there are before.
        act: What is interrupted.
        after: How many versions there are once it is done.
    """

    before: int
    act: Callable[[Path], object]
    after: int


def download(folder: Path) -> None:
    with opened(folder) as registry:
        registry.download("model:champion", folder / "downloaded")


SCENARIOS = {
    "first": Scenario(0, lambda folder: register(folder, 1), 1),
    "next": Scenario(1, lambda folder: register(folder, 2), 2),
    "download": Scenario(1, download, 1),
}


class Trial:
    """Runs one scenario with one fault after the other, each in a fresh copy of the same folder."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario, self._start, self.folder = scenario, folder / "start", folder / "work"
        for number, content in CONTENTS.items():
            (self._start / f"content{number}").mkdir(parents=True)
            for name, data in content.items():
                (self._start / f"content{number}" / name).write_bytes(data)
        for number in range(1, scenario.before + 1):
            register(self._start, number)
        scenario.act(self.fresh())  # so that all is imported before the first child is made
        self.fresh()
        self.calls = calls_of(lambda: scenario.act(self.folder), about=self.folder)

    def fresh(self) -> Path:
        shutil.rmtree(self.folder, ignore_errors=True)
        return Path(shutil.copytree(self._start, self.folder))

    def run(self, fault: Fault) -> BaseException | None:
        """Return what the scenario ended with, after making sure that the registry is whole and can be used on."""
        self.fresh()
        done, outcome = mmap.mmap(-1, 1), None

        def act() -> None:
            self.scenario.act(self.folder)
            done[0] = 1

        try:
            run_with(fault, act)
        except BaseException as error:  # noqa: BLE001 - whatever the child ended with is looked at
            outcome = error.with_traceback(None)
        self.check(self.scenario.after if done[0] else None)
        self.scenario.act(self.folder)
        self.check(self.scenario.after)
        self.check_store()
        return outcome

    def check(self, acknowledged: int | None) -> None:
        """All that is visible is whole, the newest version is the champion, and what was acknowledged is visible."""
        with opened(self.folder) as registry:
            names = [asset.name for asset in registry.assets()]
            versions = registry.versions("model") if names else []
            numbers = {version.number for version in versions}
            allowed = [acknowledged] if acknowledged else [self.scenario.before, self.scenario.after]
            assert numbers in [set(range(1, last + 1)) for last in allowed]
            for number in numbers:
                with self.downloaded(registry, number) as target:
                    assert {path.name: path.read_bytes() for path in target.iterdir()} == CONTENTS[number]
            aliases = [(alias.name, alias.version) for alias in registry.aliases("model")] if names else []
            assert aliases == ([("champion", max(numbers))] if numbers else [])
            assert registry.audit.verify() == 2 * len(numbers)
        target = self.folder / "downloaded"
        assert not target.exists() or {path.name: path.read_bytes() for path in target.iterdir()} == CONTENTS[1]

    @contextlib.contextmanager
    def downloaded(self, registry: Registry, number: int) -> Iterator[Path]:
        target = self.folder / "checked"
        registry.download(f"model:{number}", target)
        yield target
        shutil.rmtree(target)

    def check_store(self) -> None:
        assert list(self.folder.glob(".*")) == []
        assert [path.name for path in (self.folder / "registry").glob(".*")] == []
        store = PackStore.in_folder(self.folder / "registry" / "blobs")
        with store.writer():  # which removes what killed ones left
            pass
        assert check(store, read_data=True).findings == ()
        store.index.close()


@pytest.fixture(params=SCENARIOS)
def trial(request: pytest.FixtureRequest, quick_path: Path, strace: None) -> Trial:
    return Trial(SCENARIOS[request.param], quick_path)


def test_killed_before_any_change_a_registration_has_happened_wholly_or_not_at_all(trial: Trial) -> None:
    faults = some_of(kills(trial.calls), KILLS, seed=1)
    tried = try_each(faults, trial.run, trial.folder)
    assert not tried.wrong, "\n".join(tried.wrong)
    assert tried.killed == len(faults) > 10


def test_any_call_that_fails_ends_in_a_clear_error_and_leaves_nothing_half_done(trial: Trial) -> None:
    faults = some_of(failures(trial.calls), FAILURES, seed=2)
    tried = try_each(faults, trial.run, trial.folder)
    assert not tried.wrong, "\n".join(tried.wrong)
    assert tried.failed > len(faults) / 4
