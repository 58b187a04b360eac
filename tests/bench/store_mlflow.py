"""mlflow's artifacts, as a process in its own environment: ``put STORE INPUT VERSION...``, ``get STORE TARGET ...``."""

from __future__ import annotations

import sys
from pathlib import Path

import mlflow


def put(folder: Path, source: Path, versions: list[str]) -> None:
    """Log each version as the artifacts of a run."""
    for version in versions:
        with mlflow.start_run() as run:
            mlflow.log_artifacts(str(source / version), version)
        (folder / f"{version}.run").write_text(run.info.run_id)


def get(folder: Path, target: Path, versions: list[str]) -> None:
    """Download versions."""
    for version in versions:
        run_id = (folder / f"{version}.run").read_text()
        mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=version, dst_path=str(target))


if __name__ == "__main__":
    verb, store, other, *wanted_versions = sys.argv[1:]
    Path(store).mkdir(parents=True, exist_ok=True)
    Path(other).mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(f"file://{store}/runs")
    {"put": put, "get": get}[verb](Path(store), Path(other), wanted_versions)
