"""The columns' names and ranges, against the trips themselves."""

import csv

import pytest

from pipelines.taxi.data import wheel_data_dir
from pipelines.taxi.features import (
    AMOUNTS,
    COORDINATES,
    INTEGER_RANGES,
    TIPS,
    VOCABULARY_SIZES,
    code_counts,
    transformed_name,
)

FEATURE_COLUMNS = {*AMOUNTS, *COORDINATES, *INTEGER_RANGES, *VOCABULARY_SIZES}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (wheel_data_dir() / "data.csv").open() as file:
        return list(csv.DictReader(file))


def test_every_column_is_a_feature_or_makes_the_label_or_is_left_out_on_purpose(rows):
    assert set(rows[0]) - FEATURE_COLUMNS == {
        "tips",
        "trip_start_timestamp",
        "pickup_census_tract",
        "dropoff_census_tract",
    }
    assert set(rows[0]) >= FEATURE_COLUMNS


def test_tips_are_not_a_feature():
    assert TIPS not in FEATURE_COLUMNS


@pytest.mark.parametrize("name", INTEGER_RANGES)
def test_every_trip_is_within_the_integer_ranges(rows, name):
    low, high = INTEGER_RANGES[name]
    values = {int(row[name]) for row in rows if row[name]}
    assert values
    assert low <= min(values)
    assert max(values) <= high


def test_every_categorical_feature_has_a_code_more_than_values():
    assert code_counts() == {
        "trip_start_hour": 25,
        "trip_start_day": 8,
        "trip_start_month": 13,
        "pickup_community_area": 78,
        "dropoff_community_area": 78,
        "payment_type": 9,
        "company": 33,
        "pickup_latitude": 11,
        "pickup_longitude": 11,
        "dropoff_latitude": 11,
        "dropoff_longitude": 11,
    }


def test_a_transformed_feature_is_not_named_as_its_column():
    assert transformed_name("fare") == "fare_xf"
