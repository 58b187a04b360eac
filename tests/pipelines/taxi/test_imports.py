"""What importing the taxi modules costs."""

import subprocess
import sys

import pytest

LIGHT = ["pipelines", "pipelines.taxi", *(f"pipelines.taxi.{name}" for name in ("config", "data", "features"))]
LIGHT += ["pipelines.taxi.hyperparameters", "pipelines.taxi.sources"]
HEAVY = {"tfx", "tensorflow", "keras", "apache_beam", "kfp", "tensorflow_model_analysis", "ml_metadata", "numpy"}


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_loads_nothing_heavy(module: str):
    program = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_finding_trips_and_digests_loads_nothing_heavy():
    program = f"""
import sys
from pipelines.taxi.config import TaxiConfig
from pipelines.taxi.sources import TRAINER_MODULES, TRANSFORM_MODULES, source_digest
assert TaxiConfig(pipeline_root="r", metadata_path="m", serving_dir="s").input_base.endswith("simple")
source_digest(TRAINER_MODULES + TRANSFORM_MODULES)
print(*sorted({HEAVY!r} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
