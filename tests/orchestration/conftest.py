"""Pipelines for the tests, made fresh for each."""

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# Executors are imported by dotted path, and Kubeflow wants artifact types named <module>.<Class>: a top-level module.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def make_pipeline(tmp_path):
    """Return a function (components, **Pipeline's own arguments) -> Pipeline that stores under this test's folder."""
    from orchestration_parts import pipeline_of

    def make(components, **arguments):
        return pipeline_of(components, tmp_path, **arguments)

    return make
