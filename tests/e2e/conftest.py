"""The taxi pipeline, run for real, once for all the tests that look at what came of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


@dataclass
class Runs:
    """What is on disk after the runs, and the reports of the runs.

    Attributes:
        home: Everything the runs wrote.
        first: The pipeline as it is.
        blobs_after_first: The digests that the registry held then.
        second: The same with another learning rate.
        shuffled: The same with shuffled labels: a model that has learned nothing.
        repeated: The second again.
    """

    home: Path
    first: Any
    blobs_after_first: set[str]
    second: Any
    shuffled: Any
    repeated: Any

    @property
    def registry(self) -> Any:
        from ama_tfx.registry import Registry

        return Registry(self.home / "registry")


def blobs(home: Path) -> set[str]:
    from ama_tfx.storage import PackStore

    return {str(info.digest) for info in PackStore.in_folder(home / "registry" / "blobs").blobs()}


@pytest.fixture(scope="session")
def taxi(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    from ama_tfx.orchestration import run_local
    from pipelines.taxi.config import TaxiConfig
    from pipelines.taxi.registered import create_registered_pipeline

    home = tmp_path_factory.mktemp("taxi")
    registry = str(home / "registry")
    config = TaxiConfig(home / "root", home / "metadata.db", home / "serving")
    first = run_local(create_registered_pipeline(config, registry))
    after_first = blobs(home)
    changed = replace(config, learning_rate=0.002)
    second = run_local(create_registered_pipeline(changed, registry))
    shuffled = run_local(create_registered_pipeline(replace(config, shuffled_labels=True), registry))
    repeated = run_local(create_registered_pipeline(changed, registry))
    return Runs(home, first, after_first, second, shuffled, repeated)
