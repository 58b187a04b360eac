"""The model, in Keras alone."""

import keras
import numpy as np
import pytest

from pipelines.taxi.features import code_counts
from pipelines.taxi.hyperparameters import Hyperparameters
from pipelines.taxi.model import build_model

SMALL = Hyperparameters(hidden_units=(8, 4), seed=3)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return build_model(SMALL)


def trips(count: int) -> dict[str, np.ndarray]:
    amounts = {f"{name}_xf": np.linspace(-3, 3, count)[:, None] for name in ("fare", "trip_miles", "trip_seconds")}
    codes = {f"{name}_xf": np.arange(count)[:, None] % size for name, size in code_counts().items()}
    return {**amounts, **codes}


def weights(model: keras.Model) -> dict[str, bytes]:
    return {weight.path: weight.numpy().tobytes() for weight in model.weights}


def test_the_inputs_are_the_features_and_tips_are_none_of_them(model):
    assert set(model.input) == set(trips(1))
    assert len(model.input) == 14
    assert not [name for name in model.input if "tip" in name]


def test_it_gives_one_probability_per_trip(model):
    probabilities = model.predict(trips(100), verbose=0)
    assert probabilities.shape == (100, 1)
    assert (probabilities > 0).all()
    assert (probabilities < 1).all()


def test_every_code_is_taken_up_to_the_largest(model):
    largest = {f"{name}_xf": np.array([[size - 1]]) for name, size in code_counts().items()}
    assert model.predict({**trips(1), **largest}, verbose=0).shape == (1, 1)


def test_it_has_a_wide_weight_and_four_deep_ones_per_category_and_the_layers_asked_for(model):
    categories = 288
    assert sum(code_counts().values()) == categories
    deep_inputs = 3 + 4 * 11
    assert model.count_params() == 5 * categories + (deep_inputs + 1) * 8 + 9 * 4 + 5 * 1


def test_it_may_have_no_hidden_layer():
    shallow = build_model(Hyperparameters(hidden_units=()))
    assert shallow.count_params() == 5 * 288 + 48


def test_the_same_seed_gives_the_same_weights_under_the_same_names(model):
    assert weights(build_model(SMALL)) == weights(model)


def test_another_seed_gives_other_weights(model):
    other = weights(build_model(Hyperparameters(hidden_units=(8, 4), seed=4)))
    differing = {path for path, content in weights(model).items() if other[path] != content}
    assert differing == {path for path in other if not path.endswith("bias")}


def test_global_random_state_is_left_alone():
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    build_model(SMALL)
    assert np.random.rand() == expected


def test_the_learning_rate_is_the_one_asked_for():
    assert build_model(Hyperparameters(learning_rate=0.25)).optimizer.learning_rate.numpy() == 0.25
