"""Families of models, by real training: ``python -m tests.bench.store_families NAME FOLDER``.

The base is trained once and kept beside the families; it takes a minute, the largest family two.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import keras
import ml_dtypes
import numpy as np

from tests.bench.store_job import describe
from tests.bench.store_model import Weights, build, set_weights, train, tune, weights_of
from tests.bench.store_safetensors import write_safetensors

HEADS, TUNES, CLIENTS, AVERAGINGS, ADAPTERS = 8, 6, 4, 2, 6
_BASE_STEPS, _TUNE_STEPS, _HEAD_STEPS, _CLIENT_STEPS, _ADAPTER_STEPS = 100, 50, 20, 20, 30
_RANK = 8
_FILE = "model.safetensors"


def base_weights(folder: Path) -> Weights:
    """Return the weights of the base, trained the first time and kept in a folder."""
    kept = folder / "base.npz"
    if not kept.exists():
        model = build()
        train(model, 0, _BASE_STEPS, keras.optimizers.Adam(3e-4))
        np.savez(kept, **weights_of(model))
    with np.load(kept) as found:
        return dict(found)


def trained_heads(base: Weights) -> list[keras.Model]:
    """Return the base and fine-tunes of its head, whose backbone is frozen."""
    models = []
    for task in range(HEADS + 1):
        model = build()
        set_weights(model, base)
        for layer in model.layers:
            layer.trainable = layer.name == "head"
        if task:
            train(model, task, _HEAD_STEPS, keras.optimizers.Adam(1e-3))
        models.append(model)
    return models


def heads(folder: Path, base: Weights) -> None:
    """Write heads as safetensors."""
    names = ["base", *(f"head{number}" for number in range(1, HEADS + 1))]
    for name, model in zip(names, trained_heads(base), strict=True):
        write_safetensors(folder / name / _FILE, weights_of(model))
    _describe_children(folder, names)


def heads_as_saved_models(folder: Path, base: Weights) -> None:
    """Write heads as Keras exports them."""
    names = ["base", *(f"head{number}" for number in range(1, HEADS + 1))]
    for name, model in zip(names, trained_heads(base), strict=True):
        model.export(str(folder / name), verbose=False)
    _describe_children(folder, names)


def tunes(dtype: np.dtype) -> Callable[[Path, Weights], None]:
    """Return what writes fine-tunes of all weights, trained in fp32 and kept in a type."""

    def write(folder: Path, base: Weights) -> None:
        names = ["base", *(f"tune{number}" for number in range(1, TUNES + 1))]
        for task, name in enumerate(names):
            kept = folder.parent / f"{name}.npz"  # of the three types
            if task and not kept.exists():
                np.savez(kept, **tune(base, task, _TUNE_STEPS, lambda: keras.optimizers.Adam(1e-5)))
            weights = dict(np.load(kept))
            write_safetensors(folder / name / _FILE, {key: value.astype(dtype) for key, value in weights.items()})
        _describe_children(folder, names)

    return write


def federated(folder: Path, base: Weights) -> None:
    """Write rounds of averaging: clients that took a few steps of SGD from the last mean, and their own mean."""
    current, groups = "base", [["base"]]
    parents: dict[str, list[str]] = {}
    write_safetensors(folder / "base" / _FILE, base)
    for number in range(1, AVERAGINGS + 1):
        clients = {}
        for client in range(1, CLIENTS + 1):
            name = f"round{number}-client{client}"
            clients[name] = tune(base, 10 + client, _CLIENT_STEPS, lambda: keras.optimizers.SGD(1e-2))
            write_safetensors(folder / name / _FILE, clients[name])
            parents[name] = [current]
        base = {key: np.mean([weights[key] for weights in clients.values()], axis=0) for key in base}
        current = f"round{number}-mean"
        write_safetensors(folder / current / _FILE, base)
        parents[current] = [*clients]
        groups += [[*clients], [current]]
    describe(folder, groups, parents)


def lora(folder: Path, base: Weights) -> None:
    """Write adapters merged into the base: rank 8, on the queries and values of every block."""
    names = ["base", *(f"merged{number}" for number in range(1, ADAPTERS + 1))]
    write_safetensors(folder / "base" / _FILE, base)
    for task, name in enumerate(names[1:], 20):
        model = build()
        set_weights(model, base)
        adapted = [layer for layer in model.layers if layer.name.endswith(("_q", "_v"))]
        for layer in model.layers:
            layer.trainable = layer in adapted
        for layer in adapted:
            layer.enable_lora(_RANK)
        train(model, task, _ADAPTER_STEPS, keras.optimizers.Adam(1e-3))
        merged = {f"{layer.name}.kernel": np.array(layer.kernel) for layer in adapted}
        write_safetensors(folder / name / _FILE, base | merged)
    _describe_children(folder, names)


def _describe_children(folder: Path, names: list[str]) -> None:
    describe(folder, [names], {name: [names[0]] for name in names[1:]})


FAMILIES: dict[str, Callable[[Path, Weights], None]] = {
    "heads": heads,
    "heads-savedmodel": heads_as_saved_models,
    "tunes-fp32": tunes(np.dtype("<f4")),
    "tunes-bf16": tunes(np.dtype(ml_dtypes.bfloat16)),
    "tunes-fp16": tunes(np.dtype("<f2")),
    "federated": federated,
    "lora": lora,
}


if __name__ == "__main__":
    target = Path(sys.argv[2])
    FAMILIES[sys.argv[1]](target, base_weights(target.parent))
