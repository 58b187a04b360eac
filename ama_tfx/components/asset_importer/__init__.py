"""AssetImporter: a version of an asset as an artifact that other components take."""

from ama_tfx.components.asset_importer.component import AssetImporter
from ama_tfx.components.asset_importer.linked import linked_content

__all__ = ["AssetImporter", "linked_content"]
