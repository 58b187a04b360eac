"""The results as ``docs/reference/measurements.md``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.store_bars import JUDGES, Verdict
from tests.bench.store_rounds import Work

_HEAD = """\
# Measurements of the store

Written by `make bench`; do not edit. {cores} cores, {memory:.0f} GB of memory; medians of {rounds}, in which all
took turns. Times are those of whole processes, start-up included, with a warm page cache; machines are noisy,
so only ratios within one table mean anything. Everything that was restored was compared with the original, byte by
byte.

ama, restic and borg sync what they write, the others do not; restic encrypts, which cannot be turned off. Stored bytes
are blocks on disk, a file with several names once. Peak memory is that of the largest process of each, for storing and
for restoring.
"""

WORKS = {
    "files": "10,000 files, 536 MB: noise, text, weights and copies",
    "large": "one safetensors file of 1 GiB, then the same with 1 % changed in 164 places; the second is restored",
    "million": "1,000,000 files of about 100 bytes",
    "heads": "a transformer and 8 fine-tunes of its head, safetensors",
    "heads-savedmodel": "the same as Keras SavedModels",
    "tunes-fp32": "a transformer and 6 full fine-tunes (Adam, 1e-5), safetensors, fp32",
    "tunes-bf16": "the same, bf16",
    "tunes-fp16": "the same, fp16",
    "federated": "2 rounds of federated averaging: a model, 4 clients, their mean, 4 clients, their mean",
    "lora": "a transformer and 6 merges of LoRA adapters of rank 8 (queries and values)",
    "examples-tf": "Examples of taxi trips, gzip TFRecord written by TensorFlow; then with 1 % of records changed",
    "examples-beam": "the same, written by Beam as TFX does",
}


def render(results: dict[str, Any]) -> str:
    """Return the page for the results in the benchmark's JSON."""
    works = {name: Work(results["works"][name]) for name in WORKS if name in results["works"]}
    head = _HEAD.format(**results["machine"], rounds=_rounds(works))
    verdicts = [verdict for name, work in works.items() for verdict in JUDGES[name](work)]
    missed = [v for v in verdicts if not v.reached]
    summary = f"{len(verdicts) - len(missed)} of {len(verdicts)} bars are reached."
    lines = ["| work | bar | measured | reached |", "| --- | --- | --- | --- |", *map(_line, verdicts)]
    parts = [head, f"## Bars\n\n{summary}\n", "\n".join(lines) + "\n"]
    parts += ["\n".join(_section(name, work)) for name, work in works.items()]
    return "\n".join(parts)


def machine() -> dict[str, Any]:
    """Return what is said of the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {"cores": os.cpu_count(), "memory": memory}


def write(results: dict[str, Any], path: Path) -> None:
    """Write the page."""
    path.write_text(render(results))


def _rounds(works: dict[str, Work]) -> str:
    counts = sorted({len(rounds) for work in works.values() for rounds in work.found["rounds"].values()})
    return "1 round" if counts == [1] else f"{' or '.join(map(str, counts))} rounds"


def _line(verdict: Verdict) -> str:
    return f"| {verdict.work} | {verdict.bar} | {verdict.measured} | {'yes' if verdict.reached else '**no**'} |"


def _section(name: str, work: Work) -> Iterator[str]:
    yield f"## {name}\n\n{WORKS[name][0].upper()}{WORKS[name][1:]}. Measured on {work.found['date']}.\n"
    yield "| tool | store s | of the cores s | stored MB | raw / stored | restore s | of the cores s | peak MB |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    raw = sum(work.put_bytes)
    for tool in work.names:
        puts = " + ".join(f"{work.put_seconds(tool, group):.2f}" for group in work.groups)
        stored = " + ".join(f"{work.new_bytes(tool, group) / 1e6:.1f}" for group in work.groups)
        cpu, peak = work.cpu_seconds(tool), work.peak_bytes(tool)
        yield (
            f"| {tool} | {puts} | {cpu[0]:.2f} | {stored} | {raw / work.stored_bytes(tool):.2f} "
            f"| {work.get_seconds(tool):.2f} | {cpu[1]:.2f} | {peak[0] / 1e6:.0f}, {peak[1] / 1e6:.0f} |"
        )
    yield ""
