"""Names and ranges of the taxi columns: what each raw column is, and what Transform makes of it. Pure data.

Not used, on purpose: ``trip_start_timestamp`` (its cycles are in hour, day and month; the rest would be the year),
``pickup_census_tract`` (filled in 1 trip of 15,002) and ``dropoff_census_tract`` (community area is its coarser, better
filled form).
"""

from __future__ import annotations

__all__ = [
    "AMOUNTS",
    "COORDINATES",
    "COORDINATE_BUCKETS",
    "FARE",
    "INTEGER_RANGES",
    "LABEL",
    "MISSING_CODE",
    "TIPS",
    "VOCABULARY_SIZES",
    "code_counts",
    "transformed_name",
]

FARE = "fare"
"""Raw column, dollars."""

TIPS = "tips"
"""Raw column, dollars; only the label is made from it."""

LABEL = "big_tip"
"""Transformed label: 1 when the tip is more than 20 % of the fare, else 0."""

AMOUNTS = (FARE, "trip_miles", "trip_seconds")
"""Non-negative, heavy-tailed raw columns (fares reach 700 dollars, trips 1,710 miles)."""

COORDINATES = ("pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude")
"""Raw columns in degrees."""

COORDINATE_BUCKETS = 10

INTEGER_RANGES = {
    "trip_start_hour": (0, 23),
    "trip_start_day": (1, 7),
    "trip_start_month": (1, 12),
    "pickup_community_area": (1, 77),
    "dropoff_community_area": (1, 77),
}
"""Raw integer columns with their smallest and largest value. Day 1 is Sunday; Chicago has 77 community areas."""

VOCABULARY_SIZES = {"payment_type": 8, "company": 32}
"""Raw text columns with the largest number of terms to learn; the rest is treated as unknown."""

MISSING_CODE = 0
"""The code that every categorical feature uses for missing, unknown or out of range."""


def transformed_name(name: str) -> str:
    """Return the name of the model's feature that is made from the raw column ``name``."""
    return f"{name}_xf"


def code_counts() -> dict[str, int]:
    """Return for each categorical raw column how many codes its feature can take, ``MISSING_CODE`` included."""
    ranges = {name: high - low + 2 for name, (low, high) in INTEGER_RANGES.items()}
    vocabularies = {name: size + 1 for name, size in VOCABULARY_SIZES.items()}
    buckets = dict.fromkeys(COORDINATES, COORDINATE_BUCKETS + 1)
    return {**ranges, **vocabularies, **buckets}
