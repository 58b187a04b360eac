"""The results as ``docs/reference/measurements-registry.md``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.registry_questions import QUERIES

BAR = 5.0
"""How many times faster than each peer ama wants to be."""
_ANSWER_MS = 100.0
"""What counts as milliseconds."""

_HEAD = """\
# Measurements of the registry

Written by `make bench`; do not edit. {cores} cores, {memory:.0f} GB of memory; medians of rounds in which all took
turns. Machines are noisy, so only ratios within one table mean anything.
"""
_PEERS = """\
## Register and find, beside MLflow and DVC

20 versions of 5 files of 10 kB each, registered one by one in one process, and then, in another, the version that
holds a given file; start-up included, an earlier version there already; ama syncs what it writes. MLflow's registry
(SQLite) knows no contents, so its versions are tagged with their files' SHA-256 and found by tag. With DVC a version
is `dvc add`, a commit and a tag of git, and every tag is looked through by DVC's own API. Measured on {date},
{rounds} rounds.
"""
_STARTUP = """\
## Start-up

Whole processes, each tool installed into an environment of its own and compiled; the two questions are asked of the
registry of 100,000 versions. Measured on {date}, {rounds} rounds.
"""
_ANSWERS = """\
## Answers from 100,000 versions and 1,000,000 files

SQLite, 2,000 assets, at most 100 versions in an answer, the newest first; median milliseconds in process, and of the
whole `ama` command where it was measured. Measured on {date}, {rounds} rounds.
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bar, what was measured, and whether it was reached."""

    bar: str
    measured: str
    reached: bool

    def __str__(self) -> str:
        return f"{'reached' if self.reached else 'MISSED '}  {self.bar}: {self.measured}"


def write(results: dict[str, Any], page: Path) -> list[Verdict]:
    """Write the page; return the verdicts."""
    verdicts = list(_verdicts(results))
    rows = [f"| {v.bar} | {v.measured} | {'yes' if v.reached else '**no**'} |" for v in verdicts]
    bars = ["## Bars\n", "| bar | measured | reached |", "| --- | --- | --- |", *rows, ""]
    page.write_text("\n".join([_HEAD.format(**results["machine"]), *bars, *_sections(results)]))
    return verdicts


def _verdicts(results: dict[str, Any]) -> Iterator[Verdict]:
    peers, startup = _median(results, "peers"), _median(results, "startup")
    for verb in ("register", "find") if "ama" in peers else ():
        for peer in sorted(set(peers) - {"ama"}):
            yield _times(f"{verb}: {BAR:.0f} times faster than {peer}", peers[peer][verb] / peers["ama"][verb])
    for peer in ("dvc --version", "mlflow --version"):
        for ours in ("ama --help", "ama find"):
            if peer in startup:
                yield _times(
                    f"`{ours}`: {BAR:.0f} times faster than `{peer}`",
                    startup[peer]["seconds"] / startup[ours]["seconds"],
                )
    answers = {name: found["process"] for name, found in _median(results, "answers").items()}
    if answers:
        slowest = max(answers, key=lambda name: answers[name])
        measured = f"{answers[slowest]:.0f} ms ({slowest})"
        yield Verdict(f"every answer within {_ANSWER_MS:.0f} ms", measured, answers[slowest] <= _ANSWER_MS)


def _times(bar: str, ratio: float) -> Verdict:
    return Verdict(bar, f"{ratio:.1f} times", ratio >= BAR)


def _median(results: dict[str, Any], part: str) -> dict[str, Any]:
    return dict(results.get(part, {}).get("median", {}))


def _sections(results: dict[str, Any]) -> Iterator[str]:
    if peers := _median(results, "peers"):
        yield _PEERS.format(**results["peers"])
        yield "| tool | register s | of the cores s | find s | of the cores s |\n| --- | --- | --- | --- | --- |"
        columns = ("register", "register cpu", "find", "find cpu")
        for tool, taken in peers.items():
            yield f"| {tool} | {' | '.join(f'{taken[column]:.2f}' for column in columns)} |"
        yield ""
    if startup := _median(results, "startup"):
        yield _STARTUP.format(**results["startup"])
        yield "| command | s | of the cores s |\n| --- | --- | --- |"
        yield from (f"| `{name}` | {taken['seconds']:.3f} | {taken['cpu']:.3f} |" for name, taken in startup.items())
        yield ""
    if answers := _median(results, "answers"):
        yield _ANSWERS.format(**results["answers"])
        yield "| question | query | in process ms | `ama` ms |\n| --- | --- | --- | --- |"
        for name, taken in answers.items():
            through = f"{taken['ama']:.0f}" if "ama" in taken else ""
            query = f"`{QUERIES[name]}`" if QUERIES.get(name) else ""
            yield f"| {name} | {query} | {taken['process']:.1f} | {through} |"
        yield ""
