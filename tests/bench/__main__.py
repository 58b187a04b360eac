"""Measurements as ratios against a named peer in one run: ``make bench``.

Peer of the taxi pipeline with gates, registrars, pusher and linker is the standard one, which has Evaluator and Pusher
alone. Machines are noisy, so the two take turns, each round starts from nothing, and medians are compared; the seconds
of the suite's own nodes are given too. The bar is on the registrars, which nobody wants to wait for; InfraValidator
starts a server and asks it, which takes what it takes.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

ROUNDS = 3
MOST_SHARE = 0.10
"""Of the standard pipeline's time, for all registrars together."""


GROUPS = {
    "registrars": ("Register",),
    "InfraValidator": ("InfraValidator",),
    "other nodes of the suite": ("Champion", "BlessingValidator", "AssetPusher", "LineageLinker"),
}


def run_once(folder: Path, *, suite: bool) -> tuple[float, dict[str, float]]:
    """Run the pipeline from nothing; return its seconds and, of these, those of each group of the suite's nodes."""
    from ama_tfx.orchestration import run_local
    from pipelines.taxi.config import TaxiConfig
    from pipelines.taxi.pipeline import create_pipeline
    from pipelines.taxi.registered import create_registered_pipeline

    config = TaxiConfig(folder / "root", folder / "metadata.db", folder / "serving")
    started = time.perf_counter()
    report = run_local(
        create_registered_pipeline(config, str(folder / "registry")) if suite else create_pipeline(config)
    )
    total = time.perf_counter() - started
    spent = {
        group: sum(o.seconds or 0.0 for o in report.outcomes if o.node_id.startswith(names))
        for group, names in GROUPS.items()
    }
    assert all(seconds > 0 for seconds in spent.values()) is suite
    return total, spent


def main() -> int:
    """Measure and print; the exit code says whether the bar was met."""
    with_suite, own, without = [], [], []
    with tempfile.TemporaryDirectory() as temporary:
        run_once(Path(temporary, "warm-up"), suite=False)  # imports and traces once
        for number in range(ROUNDS):
            total, spent = run_once(Path(temporary, f"with-{number}"), suite=True)
            with_suite.append(total)
            own.append(spent)
            without.append(run_once(Path(temporary, f"without-{number}"), suite=False)[0])
    standard = statistics.median(without)
    print(f"taxi pipeline, from nothing, median of {ROUNDS}:")
    print(f"  standard pipeline    {standard:6.1f} s")
    total = statistics.median(with_suite)
    print(f"  with the suite       {total:6.1f} s   {total / standard:.3f}")
    shares = {}
    for group in GROUPS:
        seconds = statistics.median(spent[group] for spent in own)
        shares[group] = seconds / standard
        bar = f"   (bar: {MOST_SHARE})" if group == "registrars" else ""
        print(f"    {group:25s} {seconds:6.2f} s   {shares[group]:.3f}{bar}")
    return 0 if shares["registrars"] <= MOST_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
