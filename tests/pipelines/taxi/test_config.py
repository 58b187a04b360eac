"""What a user may choose."""

import dataclasses
from pathlib import Path

import pytest

from ama_tfx.errors import InvalidInputError
from pipelines.taxi.config import TaxiConfig
from pipelines.taxi.hyperparameters import Hyperparameters


def config(**chosen) -> TaxiConfig:
    return TaxiConfig(pipeline_root="root", metadata_path="metadata.db", serving_dir="serving", **chosen)


@pytest.mark.parametrize("name", ["taxi", "0", "taxi-2", "a" * 128])
def test_a_name_that_kubeflow_takes_is_taken(name):
    assert config(pipeline_name=name).pipeline_name == name


@pytest.mark.parametrize("name", ["", "Taxi", "my_taxi", "-taxi", "taxi\n", "a" * 129])
def test_a_name_that_kubeflow_refuses_is_refused(name):
    with pytest.raises(InvalidInputError, match="pipeline_name"):
        config(pipeline_name=name)


def test_a_wrong_hyperparameter_is_refused_at_once():
    with pytest.raises(InvalidInputError, match="learning_rate -1"):
        config(learning_rate=-1)


def test_every_hyperparameter_may_be_chosen():
    names = {field.name for field in dataclasses.fields(Hyperparameters)}
    assert names <= {field.name for field in dataclasses.fields(TaxiConfig)}
    chosen = {
        "learning_rate": 0.5,
        "epochs": 1,
        "hidden_units": (2,),
        "batch_size": 3,
        "seed": 4,
        "shuffled_labels": True,
    }
    assert set(chosen) == names
    assert config(**chosen).hyperparameters == Hyperparameters(**chosen)


def test_trips_are_read_from_the_directory_given(tmp_path: Path):
    assert config(data_dir=tmp_path).input_base == str(tmp_path)


def test_without_a_directory_trips_are_read_from_the_wheel():
    assert Path(config().input_base, "data.csv").is_file()
