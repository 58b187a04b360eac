"""Layer 4, history: what happened in runs, and with which code."""

from ama_tfx.provenance.code import CodeState, capture_code

__all__ = ["CodeState", "capture_code"]
