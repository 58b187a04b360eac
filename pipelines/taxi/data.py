"""Where the taxi trips are: in TFX's wheel, found without importing TFX."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ama_tfx.errors import MissingExtraError, NotFoundError

__all__ = ["TRIP_COUNT", "wheel_data_dir"]

TRIP_COUNT = 15_002
"""Trips in the CSV file that TFX 1.16.0 ships."""

_IN_WHEEL = "examples/chicago_taxi_pipeline/data/simple"


def wheel_data_dir() -> Path:
    """Return the directory of the installed TFX wheel that holds ``data.csv`` and nothing else.

    Raises:
        MissingExtraError: TFX is not installed.
        NotFoundError: TFX is installed without its example data.
    """
    spec = find_spec("tfx")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("tfx", "the taxi data")
    directory = Path(next(iter(spec.submodule_search_locations))) / _IN_WHEEL
    if not (directory / "data.csv").is_file():
        raise NotFoundError(
            f"no taxi data in {str(directory)!r}: this TFX was installed without its examples; "
            "pass TaxiConfig(data_dir=...) with a directory that holds CSV files of taxi trips"
        )
    return directory
