"""What may be tuned about the taxi model, as one value that travels through Trainer's ``custom_config``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ama_tfx.errors import InvalidInputError

__all__ = ["Hyperparameters"]


@dataclass(frozen=True)
class Hyperparameters:
    """Everything that decides a training besides its data and code.

    Attributes:
        learning_rate: Adam's step size, > 0.
        epochs: Passes over the training trips; 0 leaves the model as initialised.
        hidden_units: Width of each hidden layer of the deep part, input side first.
        batch_size: Trips per gradient step.
        seed: Decides initial weights and the order of trips; the same seed gives the same model.
        shuffled_labels: Whether the labels of the training trips are exchanged at random, so that there is nothing to
            learn: a model that every gate has to refuse.
    """

    learning_rate: float = 0.001
    epochs: int = 4
    hidden_units: tuple[int, ...] = (32, 16)
    batch_size: int = 64
    seed: int = 20_240_229
    shuffled_labels: bool = False

    def __post_init__(self) -> None:
        if not self.learning_rate > 0:
            raise InvalidInputError(f"learning_rate {self.learning_rate!r}: must be > 0")
        if self.epochs < 0:
            raise InvalidInputError(f"epochs {self.epochs!r}: must be >= 0")
        if self.batch_size < 1 or min(self.hidden_units, default=1) < 1:
            raise InvalidInputError(
                f"batch_size {self.batch_size!r}, hidden_units {self.hidden_units!r}: all must be >= 1"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the values as JSON types; ``from_json`` reads them back."""
        return {**asdict(self), "hidden_units": list(self.hidden_units)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Hyperparameters:
        """Read what ``to_json`` wrote; integral floats count as integers, as Kubeflow passes every number as a float.

        Raises:
            InvalidInputError: A name is unknown or a value is out of range.
        """
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise InvalidInputError(f"unknown hyperparameters {unknown!r}; known: {', '.join(sorted(known))}")
        whole = {name: int(values[name]) for name in ("epochs", "batch_size", "seed") if name in values}
        if "shuffled_labels" in values:
            whole["shuffled_labels"] = bool(values["shuffled_labels"])
        units = {"hidden_units": tuple(map(int, values["hidden_units"]))} if "hidden_units" in values else {}
        return cls(**{**values, **whole, **units})
