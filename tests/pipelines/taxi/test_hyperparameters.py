"""The hyperparameters' way through Trainer's custom_config."""

import json

import pytest

from ama_tfx.errors import InvalidInputError
from pipelines.taxi.hyperparameters import Hyperparameters

JSON = {
    "learning_rate": 0.01,
    "epochs": 3,
    "hidden_units": [5, 4],
    "batch_size": 7,
    "seed": 11,
    "shuffled_labels": True,
}
VALUE = Hyperparameters(learning_rate=0.01, epochs=3, hidden_units=(5, 4), batch_size=7, seed=11, shuffled_labels=True)


def test_what_is_written_is_json_and_read_back():
    assert VALUE.to_json() == JSON
    assert Hyperparameters.from_json(json.loads(json.dumps(JSON))) == VALUE


def test_numbers_that_became_floats_are_read_as_integers():
    read = Hyperparameters.from_json(
        {
            "learning_rate": 0.01,
            "epochs": 3.0,
            "hidden_units": [5.0, 4.0],
            "batch_size": 7.0,
            "seed": 11.0,
            "shuffled_labels": 1,
        }
    )
    assert read == VALUE
    assert [type(number) for number in (read.epochs, read.batch_size, read.seed, *read.hidden_units)] == [int] * 5


def test_what_is_not_given_has_its_default():
    assert Hyperparameters.from_json({"seed": 11}) == Hyperparameters(seed=11)


def test_an_unknown_name_is_refused():
    with pytest.raises(InvalidInputError, match=r"unknown hyperparameters \['lr'\]; known: batch_size, epochs"):
        Hyperparameters.from_json({"lr": 0.01})


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"epochs": -1},
        {"batch_size": 0},
        {"hidden_units": (8, 0)},
    ],
)
def test_a_value_out_of_range_is_refused(wrong):
    (name,) = wrong
    with pytest.raises(InvalidInputError, match=name):
        Hyperparameters(**wrong)
