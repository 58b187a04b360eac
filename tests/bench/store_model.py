"""A small transformer in Keras, trained for real on sequences that a seeded generator makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import keras
import numpy as np
from keras import layers, ops

VOCABULARY, LENGTH, CLASSES = 4096, 32, 16
_WIDTH, _HEADS, _BLOCKS = 384, 6, 6
_BATCH = 8

Weights = dict[str, np.ndarray]


def build() -> keras.Model:
    """Return a model of 12 million weights that begins as any other of the same seed."""
    keras.utils.set_random_seed(0)
    tokens = keras.Input((LENGTH,), dtype="int32", name="tokens")
    state = layers.Embedding(VOCABULARY, _WIDTH, name="embedding")(tokens)
    for number in range(_BLOCKS):
        state = _block(state, f"block{number}")
    features = ops.mean(layers.LayerNormalization(name="norm")(state), axis=1)
    return keras.Model(tokens, layers.Dense(CLASSES, name="head")(features))


def _block(state: keras.KerasTensor, name: str) -> keras.KerasTensor:
    normal = layers.LayerNormalization(name=f"{name}_norm1")(state)
    query, key, value = (_heads(layers.Dense(_WIDTH, name=f"{name}_{part}")(normal)) for part in ("q", "k", "v"))
    scores = ops.softmax(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / (_WIDTH // _HEADS) ** 0.5)
    mixed = ops.reshape(ops.transpose(ops.matmul(scores, value), (0, 2, 1, 3)), (-1, LENGTH, _WIDTH))
    state = layers.Add()([state, layers.Dense(_WIDTH, name=f"{name}_o")(mixed)])
    normal = layers.LayerNormalization(name=f"{name}_norm2")(state)
    hidden = layers.Dense(4 * _WIDTH, activation="gelu", name=f"{name}_up")(normal)
    return layers.Add()([state, layers.Dense(_WIDTH, name=f"{name}_down")(hidden)])


def _heads(state: keras.KerasTensor) -> keras.KerasTensor:
    return ops.transpose(ops.reshape(state, (-1, LENGTH, _HEADS, _WIDTH // _HEADS)), (0, 2, 1, 3))


def batches(task: int, steps: int, size: int = _BATCH) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield sequences and their classes: each class of a task prefers words of its own, by Zipf's law."""
    rng = np.random.default_rng([4, task])
    orders = np.stack([rng.permutation(VOCABULARY) for _ in range(CLASSES)])
    for _ in range(steps):
        classes = rng.integers(CLASSES, size=size)
        ranks = (rng.zipf(1.3, (size, LENGTH)) - 1) % VOCABULARY
        yield orders[classes[:, None], ranks].astype("int32"), classes


def train(model: keras.Model, task: int, steps: int, optimizer: keras.Optimizer) -> float:
    """Take steps on a task; return the loss of the last."""
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    loss = 0.0
    for tokens, classes in batches(task, steps):
        loss = float(model.train_on_batch(tokens, classes))
    return loss


def weights_of(model: keras.Model) -> Weights:
    """Return copies of a model's weights by name."""
    return {weight.path.replace("/", "."): np.array(weight) for weight in model.weights}


def set_weights(model: keras.Model, weights: Weights) -> None:
    """Put weights back."""
    for weight in model.weights:
        weight.assign(weights[weight.path.replace("/", ".")])


def tune(base: Weights, task: int, steps: int, optimizer: Callable[[], keras.Optimizer]) -> Weights:
    """Return what training all weights of a base on a task makes of it."""
    model = build()
    set_weights(model, base)
    train(model, task, steps, optimizer())
    return weights_of(model)
