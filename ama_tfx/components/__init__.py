"""Layer 5, TFX: thin adapters between TFX and the registry, one folder per component."""

from importlib.util import find_spec

from ama_tfx.errors import MissingExtraError

if find_spec("tfx") is None:
    raise MissingExtraError("tfx", "a TFX component")

from ama_tfx.components.asset_registrar import AssetRegistrar
from ama_tfx.components.types import Asset

__all__ = ["Asset", "AssetRegistrar"]
