"""MyValidationComponent, function-based: types say what is an artifact, what a parameter, and what is returned.

What TFX's guide has otherwise, and why it had to change for TFX 1.16: it leaves out ``evaluate_model`` and
``write_output_blessing``, which are written out here for a linear model of scikit-learn kept as JSON. This file may
have no ``from __future__ import annotations``: the decorator reads the types themselves. As in the guide, the blessing
is a Model artifact, so Pusher does not read it: `ama_tfx.components.BlessingValidator` writes one that it does.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, OutputDict, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model

HOLDOUT = slice(0, None, 3)
"""Every third flower is kept from training."""


@component
def TrainOnIris(model: OutputArtifact[Model], iterations: Parameter[int] = 200):  # noqa: N802 - TFX names function components like classes
    """Train a model of scikit-learn and keep its coefficients."""
    data = load_iris()
    kept = np.ones(len(data.target), dtype=bool)
    kept[HOLDOUT] = False
    trained = LogisticRegression(max_iter=iterations, tol=1.0 if iterations < 10 else 1e-4)
    trained.fit(data.data[kept], data.target[kept])
    weights = {"coefficients": trained.coef_.tolist(), "intercepts": trained.intercept_.tolist()}
    Path(model.uri).mkdir(parents=True, exist_ok=True)
    Path(model.uri, "model.json").write_text(json.dumps(weights))


def evaluate_model(model: Model) -> float:
    """Return how many of a hundred flowers, none of them seen in training, the model tells right."""
    weights = json.loads(Path(model.uri, "model.json").read_text())
    data = load_iris()
    scores = data.data[HOLDOUT] @ np.array(weights["coefficients"]).T + np.array(weights["intercepts"])
    return 100 * float(np.mean(scores.argmax(axis=1) == data.target[HOLDOUT]))


def write_output_blessing(blessing: Model) -> None:
    """Leave a file that says yes."""
    Path(blessing.uri, "BLESSED").write_text("")


@component
def MyValidationComponent(  # noqa: N802 - TFX names function components like classes
    model: InputArtifact[Model],
    blessing: OutputArtifact[Model],
    accuracy_threshold: Parameter[int] = 10,
) -> OutputDict(accuracy=float):
    """Bless a model that is accurate enough."""
    accuracy = evaluate_model(model)
    if accuracy >= accuracy_threshold:
        write_output_blessing(blessing)
    return {"accuracy": accuracy}
