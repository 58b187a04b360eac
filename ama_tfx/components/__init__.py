"""Layer 5, TFX: thin adapters between TFX and the registry, one folder per component."""

from ama_tfx.components.asset_registrar import AssetRegistrar
from ama_tfx.components.types import Asset

__all__ = ["Asset", "AssetRegistrar"]
