"""What TFX's Trainer runs: read the transformed trips, fit the model, write it as it will be served."""

from __future__ import annotations

import json
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import DataAccessor, FnArgs
from tfx_bsl.tfxio.dataset_options import TensorFlowDatasetOptions

from pipelines.taxi.features import LABEL
from pipelines.taxi.hyperparameters import Hyperparameters
from pipelines.taxi.model import build_model

__all__ = ["Trips", "export", "fit", "run_fn"]

Trips = tuple[dict[str, np.ndarray], np.ndarray]
"""Features by transformed name, and labels: arrays of shape ``[trips, 1]`` in one common order."""


def run_fn(fn_args: FnArgs) -> None:
    """Train and export the taxi model; TFX's Trainer calls this.

    Reads ``custom_config["hyperparameters"]`` (``Hyperparameters.to_json``). Writes the SavedModel to
    ``serving_model_dir`` and, per epoch, loss and AUC of both splits to ``history.json`` in ``model_run_dir``.
    """
    hyperparameters = Hyperparameters.from_json(fn_args.custom_config["hyperparameters"])
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    train, validation = (
        _read_trips(files, fn_args.data_accessor, transform) for files in (fn_args.train_files, fn_args.eval_files)
    )
    model = build_model(hyperparameters)
    history = fit(model, train, validation, hyperparameters)
    tf.io.gfile.makedirs(fn_args.model_run_dir)
    with tf.io.gfile.GFile(f"{fn_args.model_run_dir}/history.json", "w") as history_file:
        json.dump(history, history_file, indent=1, sort_keys=True)
    export(model, transform, fn_args.serving_model_dir)


def fit(
    model: keras.Model, train: Trips, validation: Trips, hyperparameters: Hyperparameters
) -> dict[str, list[float]]:
    """Train in place; return loss and AUC of both splits (``val_`` for validation), one value per epoch.

    The order of the trips does not matter: they are sorted, then shuffled by the seed. ExampleGen writes them in
    another order at each execution, which would otherwise make each run's model a different one.
    """
    (features, labels), validation = _sorted_trips(train), _sorted_trips(validation)
    trip_count = len(labels)
    if hyperparameters.shuffled_labels:
        labels = np.random.default_rng(hyperparameters.seed).permutation(labels)

    def batch(indices: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        return {name: tf.gather(values, indices) for name, values in features.items()}, tf.gather(labels, indices)

    order = tf.data.Dataset.range(trip_count).shuffle(trip_count, seed=hyperparameters.seed)
    batches = order.batch(hyperparameters.batch_size).map(batch)
    history = model.fit(
        batches, validation_data=validation, validation_batch_size=4096, epochs=hyperparameters.epochs, verbose=0
    )
    return {name: [float(value) for value in values] for name, values in history.history.items()}


def export(model: keras.Model, transform: tft.TFTransformOutput, directory: str) -> None:
    """Write a SavedModel that takes serialized ``tf.Example`` messages of raw trips.

    Signatures: ``serving_default`` gives ``big_tip``, the probability, and needs no label; ``transform_features`` gives
    features and label, which is how Evaluator gets the label.
    """
    served = tf.Module()
    # Not TFT's transform_features_layer(): that is a Keras 2 model, whose saving traces it for 4 s and 66 kB more.
    served.transform = tf.saved_model.load(transform.transform_savedmodel_dir)
    # The weights alone, by their paths: the model would bring Adam's slots, which are two thirds of the bytes.
    served.weights = {weight.path: weight.value for weight in model.weights}

    def transform_features(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        return served.transform.transform_fn(tf.io.parse_example(serialized, transform.raw_feature_spec()))

    def predict(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        features = transform_features(serialized)
        return {LABEL: model({name: features[name] for name in model.input})}

    signatures = {"serving_default": _on_examples(predict), "transform_features": _on_examples(transform_features)}
    tf.saved_model.save(served, directory, signatures=signatures)


def _on_examples(function: Callable[[tf.Tensor], dict[str, tf.Tensor]]) -> tf.types.experimental.GenericFunction:
    # Nothing branches on tensors, and AutoGraph would spend 1.5 s on rewriting Keras's own code.
    signature = [tf.TensorSpec([None], tf.string, name="examples")]
    return tf.function(function, input_signature=signature, autograph=False)


def _read_trips(files: list[str], accessor: DataAccessor, transform: tft.TFTransformOutput) -> Trips:
    options = TensorFlowDatasetOptions(batch_size=4096, num_epochs=1, shuffle=False, label_key=LABEL)
    schema = transform.transformed_metadata.schema
    batches = list(accessor.tf_dataset_factory(files, options, schema).as_numpy_iterator())
    features = {name: np.concatenate([batch[name] for batch, _ in batches]) for name in batches[0][0]}
    return features, np.concatenate([labels for _, labels in batches])


def _sorted_trips(trips: Trips) -> Trips:
    features, labels = trips
    order = np.lexsort([*(features[name][:, 0] for name in sorted(features)), labels[:, 0]])
    return {name: values[order] for name, values in features.items()}, labels[order]
