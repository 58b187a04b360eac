"""What is asked of the registry of 100,000 versions, in process and through ``ama``."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from ama_tfx import Registry
from ama_tfx.storage import Digest
from tests.bench.registry_seed import KNOWN
from tests.bench.store_running import Command, run

REPEATS = 9
QUERIES = {
    "a range of a metric": "metric.auc:0.9990..0.9995",
    "a metric, a tag and a time": "metric.auc>0.9 tag:prod created>2024-06-01",
    "the best by a metric": "metric.auc>0.9 sort:metric.auc desc",
    "a tag": "tag:prod",
    "a name": "name:team7/taxi_1007",
    "names that begin so": "name:team7/*",
    "a run": "run:run-1234",
    "an alias and a metric": "alias:champion metric.auc>0.99",
    "the beginning of a SHA-256": f"sha256:{Digest.of(KNOWN).hex[:12]}",
    "a word that is everywhere": "churn",
    "a phrase of one description": '"customer 1234"',
    "a word that is nowhere": "zeppelin",
    "a property and a tag": "property.lr<0.01 tag:prod",
    "a file's name that is nowhere": "file:nothing.bin",
    "an ending that no file has": "file:*.h5",
    "no condition": "",
}
THROUGH_AMA = ("a metric, a tag and a time", "a run", "a word that is everywhere")


def ask_everything(folder: Path, known: Path, ama: str) -> dict[str, dict[str, float]]:
    """Return the milliseconds of every question."""
    registry = Registry(folder)
    found = {"find by content": {"process": _median_ms(lambda: len(registry.find(known)), 1)}}
    for name, query in QUERIES.items():
        found[name] = {"process": _median_ms(lambda query=query: len(registry.search(query)), None)}  # type: ignore[misc]
    registry.close()
    where = ("--registry", str(folder))
    found["find by content"]["ama"] = run([Command((ama, "find", str(known), *where))]).seconds * 1000
    for name in THROUGH_AMA:
        found[name]["ama"] = run([Command((ama, "search", QUERIES[name], *where))]).seconds * 1000
    return found


def _median_ms(ask: Callable[[], int], expected: int | None) -> float:
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        count = ask()
        taken.append(time.perf_counter() - started)
        assert expected is None or count == expected
    return statistics.median(taken) * 1000
