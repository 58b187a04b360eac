"""Raw trips to features and label, in the graph that training and serving share."""

import math

import pytest
from taxi_parts import RAW_SPEC, analyse, transformed

from pipelines.taxi.features import AMOUNTS, LABEL, code_counts, transformed_name

# The logarithm of 1 + fare is 1 and 3: mean 2, standard deviation 1.
TRAINED_ON = [
    {"fare": math.expm1(1), "tips": 0.0, "payment_type": "Cash", "company": "Blue", "pickup_latitude": 41.8},
    {"fare": math.expm1(3), "tips": 9.0, "payment_type": "Cash", "company": "Red", "pickup_latitude": 41.9},
    {"tips": 1.0, "payment_type": "Credit Card", "company": "Red", "pickup_latitude": 42.0},
]


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """A function that gives the values of one feature for trips."""
    output = analyse(TRAINED_ON, tmp_path_factory.mktemp("handmade"))
    return lambda name, *rows: transformed(output, list(rows))[name]


def test_amounts_become_standardised_logarithms(features):
    fares = [{"fare": math.expm1(logarithm)} for logarithm in (1, 2, 3)]
    assert features("fare_xf", *fares) == pytest.approx([-1, 0, 1], abs=1e-6)


def test_a_missing_amount_counts_as_the_mean(features):
    assert features("fare_xf", {}) == [0.0]


def test_a_negative_amount_counts_as_nothing(features):
    assert features("fare_xf", {"fare": -5.0}) == features("fare_xf", {"fare": 0.0}) == pytest.approx([-2], abs=1e-6)


@pytest.mark.parametrize(
    ("column", "low", "high", "codes"),
    [("trip_start_hour", 0, 23, 24), ("trip_start_day", 1, 7, 7), ("pickup_community_area", 1, 77, 77)],
)
def test_integers_are_counted_from_one_and_the_rest_is_zero(features, column, low, high, codes):
    rows = [{column: low}, {column: high}, {column: low - 1}, {column: high + 1}, {}]
    assert features(f"{column}_xf", *rows) == [1, codes, 0, 0, 0]


def test_terms_are_counted_by_frequency_and_the_rest_is_zero(features):
    rows = [{"payment_type": "Cash"}, {"payment_type": "Credit Card"}, {"payment_type": "Barter"}, {}]
    assert features("payment_type_xf", *rows) == [1, 2, 0, 0]


def test_coordinates_become_ordered_buckets_and_missing_is_zero(features):
    south, north, nowhere = features("pickup_latitude_xf", {"pickup_latitude": 41.7}, {"pickup_latitude": 42.1}, {})
    assert nowhere == 0
    assert 1 <= south < north <= 10


@pytest.mark.parametrize(
    ("fare", "tips", "big"),
    [
        (12.45, 2.50, 1),
        (12.45, 2.49, 0),  # exactly 20 %; in floating point 2.49 > 0.2 * 12.45
        (10.0, 2.0, 0),
        (10.0, 2.01, 1),
        (0.0, 1.0, 1),
        (0.0, 0.0, 0),
        (700.07, 140.02, 1),
        (700.07, 140.01, 0),
    ],
)
def test_a_tip_is_big_when_it_is_more_than_a_fifth_of_the_fare(features, fare, tips, big):
    assert features(LABEL, {"fare": fare, "tips": tips}) == [big]


def test_a_trip_without_tips_can_be_transformed(features):
    assert features(LABEL, {"fare": 5.0}) == [0]


def test_a_trip_without_anything_has_every_feature(features):
    names = [*AMOUNTS, *code_counts()]
    assert len(names) == 14
    assert [features(transformed_name(name), {}) for name in names] == [[0]] * 14


def test_the_transformed_trip_has_no_column_but_features_and_label(prepared):
    expected = {transformed_name(name) for name in [*AMOUNTS, *code_counts()]} | {LABEL}
    assert set(prepared.transform.transformed_feature_spec()) == expected
    assert set(prepared.transform.raw_feature_spec()) == set(RAW_SPEC)
