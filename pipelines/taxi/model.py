"""The taxi model: wide and deep, in Keras alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import keras

from pipelines.taxi.features import AMOUNTS, LABEL, code_counts, transformed_name
from pipelines.taxi.hyperparameters import Hyperparameters

__all__ = ["build_model"]

_EMBEDDING_WIDTH = 4


def build_model(hyperparameters: Hyperparameters) -> keras.Model:
    """Return a compiled, untrained model; the same hyperparameters give the same initial weights.

    The wide part learns one weight per category; the deep part learns how amounts and embedded categories act together.
    Their sum goes through a sigmoid.

    Args:
        hyperparameters: Uses the learning rate, hidden units and seed.

    Returns:
        A model from features by transformed name, each ``[batch, 1]``, to the probability of a big tip, ``[batch, 1]``.
    """
    # One seed per layer, so that no global random state is read or set: TFX runs several components in one process.
    seeds = count(hyperparameters.seed)
    amounts = [keras.Input((1,), name=transformed_name(name), dtype="float32") for name in AMOUNTS]
    codes = {name: keras.Input((1,), name=transformed_name(name), dtype="int64") for name in code_counts()}
    wide = _embedded(codes, "wide", 1, seeds)
    deep = keras.layers.concatenate([*amounts, *_embedded(codes, "deep", _EMBEDDING_WIDTH, seeds)])
    deep = _stacked(deep, hyperparameters.hidden_units, seeds)
    probability = keras.layers.Activation("sigmoid", name=LABEL)(keras.layers.add([deep, *wide]))
    model = keras.Model({tensor.name: tensor for tensor in [*amounts, *codes.values()]}, probability)
    model.compile(
        optimizer=keras.optimizers.Adam(hyperparameters.learning_rate),
        loss="binary_crossentropy",
        metrics=[keras.metrics.AUC(name="auc")],
    )
    return model


def _embedded(
    codes: dict[str, keras.KerasTensor], part: str, width: int, seeds: Iterator[int]
) -> list[keras.KerasTensor]:
    """Return one ``[batch, width]`` embedding per categorical input."""
    embedded = []
    for name, size in code_counts().items():
        initializer = keras.initializers.RandomUniform(seed=next(seeds))
        layer = keras.layers.Embedding(size, width, embeddings_initializer=initializer, name=f"{part}_{name}")
        embedded.append(keras.layers.Flatten()(layer(codes[name])))
    return embedded


def _stacked(deep: keras.KerasTensor, hidden_units: tuple[int, ...], seeds: Iterator[int]) -> keras.KerasTensor:
    """Return the deep part's ``[batch, 1]`` contribution to the logit."""
    for depth, units in enumerate(hidden_units):
        initializer = keras.initializers.HeUniform(next(seeds))
        deep = keras.layers.Dense(units, "relu", kernel_initializer=initializer, name=f"deep_{depth}")(deep)
    initializer = keras.initializers.GlorotUniform(next(seeds))
    return keras.layers.Dense(1, kernel_initializer=initializer, name="deep_logit")(deep)
