"""Measurements as ratios against a named peer in one run: ``make bench``.

Peer of the taxi pipeline with registrars: the same pipeline without them. Machines are noisy, so the two take turns,
each round starts from nothing, and medians are compared; the registrars' own seconds are given too.
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


def run_once(folder: Path, *, register: bool) -> tuple[float, float]:
    """Run the pipeline from nothing; return its seconds and, of these, those of the registrars."""
    from ama_tfx.orchestration import run_local
    from pipelines.taxi.config import TaxiConfig
    from pipelines.taxi.pipeline import create_pipeline
    from pipelines.taxi.registered import create_registered_pipeline

    config = TaxiConfig(folder / "root", folder / "metadata.db", folder / "serving")
    started = time.perf_counter()
    pipeline = create_registered_pipeline(config, str(folder / "registry")) if register else create_pipeline(config)
    report = run_local(pipeline)
    total = time.perf_counter() - started
    registrars = [o.seconds or 0.0 for o in report.outcomes if o.node_id.startswith("Register")]
    assert len(registrars) == (4 if register else 0)
    return total, sum(registrars)


def main() -> int:
    """Measure and print; the exit code says whether the bar was met."""
    with_registrars, without, own = [], [], []
    with tempfile.TemporaryDirectory() as temporary:
        run_once(Path(temporary, "warm-up"), register=False)  # imports and traces once
        for number in range(ROUNDS):
            total, registering = run_once(Path(temporary, f"with-{number}"), register=True)
            with_registrars.append(total)
            own.append(registering)
            without.append(run_once(Path(temporary, f"without-{number}"), register=False)[0])
    ratio = statistics.median(with_registrars) / statistics.median(without)
    share = statistics.median(own) / statistics.median(without)
    print(f"taxi pipeline, from nothing, median of {ROUNDS}:")
    print(f"  without registrars   {statistics.median(without):6.1f} s")
    print(f"  with 4 registrars    {statistics.median(with_registrars):6.1f} s   ratio {ratio:.3f}   (bar: 1.10)")
    print(f"  the registrars' own  {statistics.median(own):6.2f} s   share {share:.3f}")
    return 0 if ratio <= 1.10 else 1


if __name__ == "__main__":
    sys.exit(main())
