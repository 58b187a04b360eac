"""AssetRegistrar: registers what a component made as a version of an asset."""

from ama_tfx.components.asset_registrar.component import AssetRegistrar

__all__ = ["AssetRegistrar"]
