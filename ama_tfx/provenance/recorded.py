"""What ML Metadata holds of registered assets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ama_tfx.provenance.type_names import ASSET
from ama_tfx.registry import DEFAULT_WORKSPACE, AssetRef

if TYPE_CHECKING:
    from ml_metadata import MetadataStore


def recorded_references(store: MetadataStore, asset: str) -> set[str]:
    """Return the references, by digest, of all versions of an asset that a metadata store knows.

    Args:
        store: ML Metadata's.
        asset: The asset's name, with or without its workspace.
    """
    import ml_metadata

    name = AssetRef.parse(asset, DEFAULT_WORKSPACE).asset
    # Names hold letters, digits and `_./-` alone, so the literal cannot end early.
    query = f"type = '{ASSET}' AND properties.asset.string_value = '{name.workspace}/{name.name}'"
    found = store.get_artifacts(list_options=ml_metadata.ListOptions(filter_query=query))
    return {artifact.properties["reference"].string_value for artifact in found}
