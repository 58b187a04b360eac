"""Names of artifact types: in ML Metadata, and as kinds of versions in the registry."""

from __future__ import annotations

__all__ = ["ASSET", "EVALUATION", "EXAMPLES"]

ASSET = "ama_tfx.Asset"
EVALUATION, EXAMPLES = "ModelEvaluation", "Examples"
