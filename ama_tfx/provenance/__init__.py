"""Layer 4, history: what happened in runs, and with which code."""

from ama_tfx.provenance.code import CodeState, capture_code
from ama_tfx.provenance.recorded import recorded_references

__all__ = ["CodeState", "capture_code", "recorded_references"]
