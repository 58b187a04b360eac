"""MLflow's registry on SQLite, in its own environment: ``register HOME SOURCE FIRST LAST`` and ``find HOME FILE``.

It knows no contents, so each version gets its files' SHA-256s as tags, which is what can be searched for. Artifacts are
logged as a run's, the way that models get into the registry.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import mlflow
from mlflow import MlflowClient


def register(home: Path, source: Path, first: int, last: int) -> None:
    """Register versions of a model, from the first to the last; what is missing is made with version 1."""
    client = _client(home)
    if first == 1:
        client.create_registered_model("model")
        client.create_experiment("bench", artifact_location=(home / "artifacts").as_uri())
    experiment = client.get_experiment_by_name("bench").experiment_id
    for number in range(first, last + 1):
        folder = source / str(number)
        run = client.create_run(experiment)
        client.log_artifacts(run.info.run_id, str(folder), "model")
        tags = {f"sha256.{_sha256(path)}": path.name for path in sorted(folder.iterdir())}
        client.create_model_version("model", f"{run.info.artifact_uri}/model", run.info.run_id, tags=tags)
        client.set_terminated(run.info.run_id)


def find(home: Path, file: Path) -> list[int]:
    """Return the versions that are tagged with the digest of a file."""
    found = _client(home).search_model_versions(f"tags.`sha256.{_sha256(file)}` = '{file.name}'")
    return [int(version.version) for version in found]


def _client(home: Path) -> MlflowClient:
    mlflow.set_tracking_uri(f"sqlite:///{home}/mlflow.db")
    return MlflowClient()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    verb, place, other, *more = sys.argv[1:]
    if verb == "register":
        register(Path(place), Path(other), *map(int, more))
    else:
        print(*find(Path(place), Path(other)))
