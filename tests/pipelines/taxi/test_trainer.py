"""What Trainer leaves behind: a model that serves raw trips."""

import json

import numpy as np
import pytest
import tensorflow as tf
from taxi_parts import serialized, wheel_rows

from pipelines.taxi.model import build_model
from pipelines.taxi.trainer import fit

ADAM = ("adam", "momentum", "velocity", "optimizer")


@pytest.fixture(scope="module")
def served(trained):
    return tf.saved_model.load(str(trained.model))


@pytest.fixture(scope="module")
def retrained(prepared, hyperparameters):
    """The same training once more, on the same trips in another order; with the trips."""
    spec = prepared.transform.transformed_feature_spec()
    records = tf.data.TFRecordDataset(prepared.files, "GZIP").batch(10_000)
    (features,) = records.map(lambda batch: tf.io.parse_example(batch, spec)).as_numpy_iterator()
    backwards = {name: values[::-1] for name, values in features.items()}
    trips = backwards, backwards.pop("big_tip")
    model = build_model(hyperparameters)
    return model, fit(model, trips, trips, hyperparameters), trips


def probabilities(served, *rows) -> list[float]:
    outputs = served.signatures["serving_default"](examples=tf.constant([serialized(row) for row in rows]))
    return outputs["big_tip"].numpy()[:, 0].tolist()


def test_the_same_seed_gives_the_same_model_in_whatever_order_the_trips_come(trained, retrained):
    model, history, _ = retrained
    reader = tf.train.load_checkpoint(str(trained.model / "variables" / "variables"))
    again = {f"weights/{weight.path.replace('/', '.S')}/.ATTRIBUTES/VARIABLE_VALUE": weight for weight in model.weights}
    assert len(again) == 26
    assert [
        name for name, weight in again.items() if reader.get_tensor(name).tobytes() != weight.numpy().tobytes()
    ] == []
    assert history == json.loads(trained.history.read_text())


def test_training_lowers_the_loss(trained):
    history = json.loads(trained.history.read_text())
    assert set(history) == {"auc", "loss", "val_auc", "val_loss"}
    first, last = history["val_loss"]
    assert last < first < 0.7


def test_each_epoch_has_its_line_in_the_history(trained):
    assert {name: len(values) for name, values in json.loads(trained.history.read_text()).items()} == {
        "auc": 2,
        "loss": 2,
        "val_auc": 2,
        "val_loss": 2,
    }


def test_the_exported_weights_are_the_models_alone(trained):
    names = [name for name, _ in tf.train.list_variables(str(trained.model / "variables" / "variables"))]
    assert len(names) == 27
    assert [name for name in names if not name.startswith("weights/")] == ["_CHECKPOINTABLE_OBJECT_GRAPH"]
    assert [name for name in names if any(part in name.lower() for part in ADAM)] == []


def test_the_served_model_takes_raw_examples(served):
    signature = served.signatures["serving_default"]
    assert signature.structured_input_signature[1] == {"examples": tf.TensorSpec([None], tf.string, name="examples")}
    assert set(signature.structured_outputs) == {"big_tip"}


def test_what_is_served_is_what_was_trained(served, retrained):
    model, _, (features, _) = retrained
    trained_on = model.predict(features, verbose=0)[:, 0]
    assert len(trained_on) == 600
    np.testing.assert_allclose(
        np.sort(probabilities(served, *wheel_rows(600))), np.sort(trained_on), rtol=1e-5, atol=1e-7
    )


def test_serving_needs_no_label_and_a_tip_in_the_request_changes_nothing(served):
    trip = {"fare": 10.0, "payment_type": "Credit Card", "trip_start_hour": 19}
    without, with_tip = probabilities(served, trip, {**trip, "tips": 9.0})
    assert without == with_tip


def test_serving_takes_a_trip_without_any_column(served):
    (probability,) = probabilities(served, {})
    assert 0 < probability < 1


def test_evaluation_gets_the_label_from_the_model(served):
    rows = [{"fare": 10.0, "tips": 2.01}, {"fare": 10.0, "tips": 2.0}]
    outputs = served.signatures["transform_features"](examples=tf.constant([serialized(row) for row in rows]))
    assert outputs["big_tip"].numpy().tolist() == [[1], [0]]
