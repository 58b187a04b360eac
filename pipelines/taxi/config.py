"""What a user may choose about the taxi pipeline; light, so that tools can read and list it without TFX."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from ama_tfx.errors import InvalidInputError
from pipelines.taxi.data import wheel_data_dir
from pipelines.taxi.hyperparameters import Hyperparameters

__all__ = ["TaxiConfig"]

_PIPELINE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")


@dataclass(frozen=True)
class TaxiConfig:
    """Where the taxi pipeline reads and writes, and how its model is trained.

    Attributes:
        pipeline_root: Directory or URI under which TFX writes the artifacts.
        metadata_path: SQLite file of ML Metadata for local runs; Kubeflow and Vertex bring their own store.
        serving_dir: Directory or URI to which blessed models are pushed, one subdirectory per push.
        data_dir: Directory or URI of CSV files of trips; None takes those in TFX's wheel.
        learning_rate: See ``Hyperparameters``, like the next five.
        epochs: Passes over the training trips.
        hidden_units: Width of each hidden layer.
        batch_size: Trips per gradient step.
        seed: Same seed, same model.
        shuffled_labels: See ``Hyperparameters``: a model that has to be refused.
        pipeline_name: Lower-case letters, digits and hyphens, at most 128; the rule is Kubeflow's.
        enable_cache: Whether TFX may reuse the outputs of executions with equal inputs.
        beam_pipeline_args: Options for every component that runs on Beam.
    """

    pipeline_root: str | os.PathLike[str]
    metadata_path: str | os.PathLike[str]
    serving_dir: str | os.PathLike[str]
    data_dir: str | os.PathLike[str] | None = None
    learning_rate: float = Hyperparameters.learning_rate
    epochs: int = Hyperparameters.epochs
    hidden_units: tuple[int, ...] = Hyperparameters.hidden_units
    batch_size: int = Hyperparameters.batch_size
    seed: int = Hyperparameters.seed
    shuffled_labels: bool = Hyperparameters.shuffled_labels
    pipeline_name: str = "taxi"
    enable_cache: bool = True
    beam_pipeline_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _PIPELINE_NAME.fullmatch(self.pipeline_name):
            raise InvalidInputError(
                f"pipeline_name {self.pipeline_name!r}: must be 1 to 128 of a-z, 0-9 and '-', and not begin with '-'"
            )
        _ = self.hyperparameters  # a wrong one is reported here, not when Trainer is built

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The part of the configuration that Trainer gets."""
        return Hyperparameters(
            learning_rate=self.learning_rate,
            epochs=self.epochs,
            hidden_units=self.hidden_units,
            batch_size=self.batch_size,
            seed=self.seed,
            shuffled_labels=self.shuffled_labels,
        )

    @property
    def input_base(self) -> str:
        """Directory or URI of the CSV files that are read.

        Raises:
            NotFoundError: None was given and TFX's wheel has none.
        """
        return os.fspath(wheel_data_dir() if self.data_dir is None else self.data_dir)
