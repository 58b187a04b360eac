"""Where the trips are."""

import sys
from pathlib import Path

import pytest

from ama_tfx.errors import MissingExtraError, NotFoundError
from pipelines.taxi.data import TRIP_COUNT, wheel_data_dir


def test_the_wheel_has_one_csv_file_of_all_trips():
    (path,) = wheel_data_dir().iterdir()
    assert path.name == "data.csv"
    with path.open() as file:
        header, *trips = file
    assert header.startswith("pickup_community_area,fare,")
    assert len(trips) == TRIP_COUNT == 15_002


def test_without_tfx_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tfx", None)  # how Python itself marks a module as not to be had
    with pytest.raises(MissingExtraError, match=r"the taxi data needs .* pip install 'ama-tfx\[tfx\]'"):
        wheel_data_dir()


def test_a_tfx_without_examples_is_told_from_no_tfx(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "tfx").mkdir()
    (tmp_path / "tfx" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tfx", raising=False)
    with pytest.raises(NotFoundError, match=r"no taxi data in .*pass TaxiConfig\(data_dir=...\)"):
        wheel_data_dir()
