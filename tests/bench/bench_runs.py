"""Answers from a metadata store of 10,000 executions: ``python -m tests.bench.bench_runs --rounds 5``.

The store is made once, under ``.tools/bench``; the results are rendered into the documentation. Lineage has a peer, ML
Metadata's own ``get_lineage_subgraph``, which takes turns with it. The exit code says whether every bar was reached.
"""

from __future__ import annotations

import argparse
import datetime
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ama_tfx.provenance import History, open_history
from tests.bench.store_running import ROOT
from tests.bench.store_table import machine

STORE = ROOT / ".tools" / "bench" / "runs-10k.db"
PAGE = ROOT / "docs" / "reference" / "measurements-runs.md"
AMA = str(Path(sys.executable).parent / "ama")
BAR_SECONDS = 1.0
OF_MODEL = "all before and behind a model, 40 runs deep"
OF_SCHEMA = "all before and behind a schema that every run used"
PEERS_HEAD = (
    "| question | executions, ours / peer's | ours, of the cores ms | peer, of the cores ms | ratio |",
    "| --- | --- | --- | --- | --- |",
)

Question = Callable[[History], object]


def seeded() -> Path:
    """Return the store, made when it is missing."""
    if not STORE.exists():
        print("making 10,000 executions ...", file=sys.stderr, flush=True)
        STORE.parent.mkdir(parents=True, exist_ok=True)
        unfinished = STORE.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        subprocess.run([sys.executable, "-m", "tests.bench.runs_seed", str(unfinished)], check=True, cwd=ROOT)
        unfinished.rename(STORE)
    return STORE


def questions(model: int, schema: int) -> dict[str, Question]:
    """Return what is asked."""
    return {
        "the 20 newest runs (`runs list`)": lambda history: history.runs(most=20),
        "a run in full (`runs show`)": lambda history: history.run(),
        "the newest model (`Model`)": lambda history: history.artifact("Model"),
        "the datasets of a model, 40 runs deep": lambda history: history.datasets(model),
        "the metrics of a model": lambda history: history.metrics(model),
        OF_MODEL: lambda history: history.lineage(model),
        OF_SCHEMA: lambda history: history.lineage(schema),
        "all 1,000 runs (`runs list --limit 0`)": lambda history: history.runs(),
    }


def peer(artifact: int) -> tuple[int, tuple[float, float]]:
    """Return how many executions ML Metadata finds before and behind an artifact, and the seconds as `asked` does."""
    import ml_metadata
    from ml_metadata.proto import metadata_store_pb2 as protos

    config = protos.ConnectionConfig()
    config.sqlite.filename_uri = str(STORE)
    config.sqlite.connection_mode = protos.SqliteMetadataSourceConfig.READONLY
    started, cores, found = time.perf_counter(), time.process_time(), set[int]()
    store = ml_metadata.MetadataStore(config)
    for direction in ("UPSTREAM", "DOWNSTREAM"):
        options = protos.LineageSubgraphQueryOptions(max_num_hops=100, direction=direction)
        options.starting_artifacts.filter_query = f"id = {artifact}"
        found |= {execution.id for execution in store.get_lineage_subgraph(options).executions}
    return len(found), (time.perf_counter() - started, time.process_time() - cores)


def asked(question: Question) -> tuple[float, float]:
    """Return the seconds of opening the store and asking, and those of the cores."""
    started, cores = time.perf_counter(), time.process_time()
    question(open_history(str(STORE)))
    return time.perf_counter() - started, time.process_time() - cores


def commanded(*args: str) -> tuple[float, float]:
    """Return the seconds of a whole command, and those of the cores."""
    environment = {**os.environ, "AMA_METADATA": str(STORE)}
    before, started = os.times(), time.perf_counter()
    subprocess.run([AMA, "runs", *args], check=True, capture_output=True, env=environment)
    after = os.times()
    cores = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - started, cores


def measure(rounds: int) -> dict[str, Any]:
    """Ask everything in turns; return the medians."""
    history = open_history(str(seeded()))
    model, schema = history.artifact("Model").id, history.artifact("Schema").id
    every, seconds = questions(model, schema), dict[str, list[tuple[float, float]]]()
    commands = {"list": ["list"], "show": ["show"], "datasets": ["datasets", "Model"], "lineage": ["lineage", "Model"]}
    for _ in range(rounds):
        for name, question in every.items():
            seconds.setdefault(name, []).append(asked(question))
        for name, artifact in (("peer model", model), ("peer schema", schema)):
            seconds.setdefault(name, []).append(peer(artifact)[1])
        for name, args in commands.items():
            seconds.setdefault(f"ama runs {name}", []).append(commanded(*args))
    counts = {
        name: (len(history.lineage(artifact).executions), peer(artifact)[0])
        for name, artifact in (("model", model), ("schema", schema))
    }
    return {"seconds": {name: _medians(values) for name, values in seconds.items()}, "counts": counts}


def _medians(values: list[tuple[float, float]]) -> tuple[float, float]:
    wall, cores = zip(*values, strict=True)
    return statistics.median(wall), statistics.median(cores)


_HEAD = """\
# Measurements of the history of runs

Written by `python -m tests.bench.bench_runs`; do not edit. {cores} cores, {memory:.0f} GB of memory, {date}; medians of
{rounds} rounds in which all took turns. Machines are noisy, so only ratios within one table mean anything.

A metadata store on SQLite with 1,000 runs of 10 nodes: 10,000 executions, 10,001 artifacts, 30,000 associations. Each
answer includes opening the store. The bar is {bar:.0f} s for each.
"""


def page(results: dict[str, Any], rounds: int) -> str:
    """Return the page."""
    seconds, counts = results["seconds"], results["counts"]
    answers = {name: value for name, value in seconds.items() if not name.startswith("peer")}
    rows = [
        f"| {_shown(name)} | {wall * 1000:.0f} | {cores * 1000:.0f} | {'yes' if wall < BAR_SECONDS else '**no**'} |"
        for name, (wall, cores) in answers.items()
    ]
    names = {"model": OF_MODEL, "schema": OF_SCHEMA}
    peers = [
        f"| {names[key]} | {counts[key][0]:,} / {counts[key][1]:,} | {seconds[names[key]][1] * 1000:.0f} | "
        f"{seconds[f'peer {key}'][1] * 1000:.0f} | {seconds[names[key]][1] / seconds[f'peer {key}'][1]:.1f} |"
        for key in names
    ]
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    head = _HEAD.format(**machine(), date=date, rounds=rounds, bar=BAR_SECONDS)
    return "\n".join(
        [
            *(head, "| question | ms | of the cores ms | reached |", "| --- | --- | --- | --- |", *rows, "", _PEER),
            *(*PEERS_HEAD, *peers, ""),
        ]
    )


_PEER = """\
## Beside ML Metadata's own lineage

`get_lineage_subgraph` upstream and downstream, 100 hops each, which is the most it follows: it stops there without a
word. Ours has no such limit, tells the steps, and names run and node of each execution.
"""


def _shown(name: str) -> str:
    return f"`{name}`, the whole command" if name.startswith("ama ") else name


def main() -> int:
    """Measure, write the page, and say whether the bars were reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    results = measure(rounds)
    PAGE.write_text(page(results, rounds))
    late = {n: v for n, v in results["seconds"].items() if v[0] >= BAR_SECONDS and not n.startswith("peer")}
    for name, value in results["seconds"].items():
        print(f"{value[0] * 1000:8.0f} ms {value[1] * 1000:8.0f} ms of the cores  {name}")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
