"""Transformed and trained once for all taxi tests: Beam and Keras take seconds to start."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # taxi_parts

TRIP_COUNT = 600


@dataclass(frozen=True)
class Prepared:
    """The first trips of TFX's wheel, as Transform hands them to Trainer."""

    transform: Any
    files: list[str]


@dataclass(frozen=True)
class Trained:
    """What the pipeline's run_fn wrote."""

    model: Path
    history: Path


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    from taxi_parts import analyse, wheel_rows

    folder = tmp_path_factory.mktemp("prepared")
    transform = analyse(wheel_rows(TRIP_COUNT), folder)
    return Prepared(transform, [str(path) for path in folder.glob("examples-*.gz")])


@pytest.fixture(scope="session")
def hyperparameters() -> Any:
    from pipelines.taxi.hyperparameters import Hyperparameters

    return Hyperparameters(epochs=2, hidden_units=(8,), seed=7)


@pytest.fixture(scope="session")
def trained(prepared: Prepared, hyperparameters: Any, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    from tfx.components.trainer.fn_args_utils import DataAccessor, FnArgs
    from tfx.components.util.tfxio_utils import get_tf_dataset_factory_from_artifact
    from tfx.types.standard_artifacts import Examples

    from pipelines.taxi.trainer import run_fn

    folder = tmp_path_factory.mktemp("trained")
    factory = get_tf_dataset_factory_from_artifact([Examples()], ["tests"])
    run_fn(
        FnArgs(
            train_files=prepared.files,
            eval_files=prepared.files,
            data_accessor=DataAccessor(factory, None, None),
            transform_graph_path=str(Path(prepared.transform.transform_savedmodel_dir).parent),
            custom_config={"hyperparameters": hyperparameters.to_json(), "source_digest": "sha256:0"},
            serving_model_dir=str(folder / "model"),
            model_run_dir=str(folder / "run"),
        )
    )
    return Trained(folder / "model", folder / "run" / "history.json")
