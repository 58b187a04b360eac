"""Rounds: every contender stores and restores an input once, then again, so that noise meets all of them alike."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.store_contenders import CONTENDERS, Contender, stored_in
from tests.bench.store_job import Input
from tests.bench.store_running import Cost, check_same, content_bytes, disk_bytes, empty, run


@dataclass(frozen=True, slots=True)
class Round:
    """One contender with one input.

    Attributes:
        puts: What each group of versions took.
        stored_bytes: What was on disk after each.
        get: What restoring took; everything came back bit for bit, or there is no round.
    """

    puts: list[Cost]
    stored_bytes: list[int]
    get: Cost


def run_once(contender: Contender, source: Input) -> Round:
    """Store an input in an empty store, restore it and compare."""
    empty(contender.work)
    contender.begin()
    puts, stored = [], []
    for versions in source.groups:
        contender.before_put(source, versions)
        puts.append(run(contender.put(source, versions)))
        stored.append(disk_bytes(*stored_in(contender)))
    contender.before_get(source.restored)
    get = run(contender.get(source.restored))
    for version in source.restored:
        check_same(source.folder / version, contender.restored / version)
    empty(contender.work)
    return Round(puts, stored, get)


def run_rounds(source: Input, names: list[str], rounds: int, work: Path) -> Iterator[dict[str, Any]]:
    """Yield the results so far after each round; each begins with another contender."""
    sizes = [sum(content_bytes(source.folder / v) for v in group) for group in source.groups]
    restored = sum(content_bytes(source.folder / v) for v in source.restored)
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            found = run_once(CONTENDERS[name](work), source)
            results[name].append(asdict(found))
            puts = " + ".join(f"{cost.seconds:.2f}" for cost in found.puts)
            print(f"  {name:8} put {puts} s, get {found.get.seconds:.2f} s", file=sys.stderr, flush=True)
        yield {"put_bytes": sizes, "restored_bytes": restored, "rounds": results}


@dataclass(frozen=True, slots=True)
class Work:
    """The results of one input: medians of all rounds.

    Attributes:
        found: What `run_rounds` yielded.
    """

    found: dict[str, Any]

    @property
    def names(self) -> list[str]:
        return list(self.found["rounds"])

    @property
    def put_bytes(self) -> list[int]:
        """How many bytes the versions of each group have."""
        return list(self.found["put_bytes"])

    @property
    def groups(self) -> range:
        return range(len(self.put_bytes))

    @property
    def restored_bytes(self) -> int:
        return int(self.found["restored_bytes"])

    def put_seconds(self, name: str, *groups: int) -> float:
        """Return what putting some groups took, all of them by default."""
        rounds = self.found["rounds"][name]
        return statistics.median(sum(float(r["puts"][g]["seconds"]) for g in groups or self.groups) for r in rounds)

    def get_seconds(self, name: str) -> float:
        return statistics.median(float(r["get"]["seconds"]) for r in self.found["rounds"][name])

    def cpu_seconds(self, name: str) -> tuple[float, float]:
        """Return what putting all and what restoring took of the cores."""
        rounds = self.found["rounds"][name]
        puts = statistics.median(sum(cost["cpu_seconds"] for cost in r["puts"]) for r in rounds)
        return puts, statistics.median(r["get"]["cpu_seconds"] for r in rounds)

    def stored_bytes(self, name: str, group: int = -1) -> float:
        """Return what was on disk after a group."""
        return statistics.median(float(r["stored_bytes"][group]) for r in self.found["rounds"][name])

    def new_bytes(self, name: str, *groups: int) -> float:
        """Return by how much some groups made the store grow."""
        return sum(self.stored_bytes(name, g) - (self.stored_bytes(name, g - 1) if g else 0) for g in groups)

    def peak_bytes(self, name: str) -> tuple[int, int]:
        """Return the largest peak of putting, and of restoring."""
        rounds = self.found["rounds"][name]
        puts = max(cost["peak_bytes"] for r in rounds for cost in r["puts"])
        return puts, max(r["get"]["peak_bytes"] for r in rounds)
