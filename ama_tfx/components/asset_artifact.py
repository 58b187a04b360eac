"""Filling an `ama_tfx.Asset`, for the components that give one."""

import posixpath

from tfx.dsl.io import fileio

from ama_tfx.components.types import MANIFEST_FILE, Asset
from ama_tfx.registry import Manifest, Version


def write_manifest(uri: str, manifest: Manifest) -> None:
    """Write the manifest to the artifact's URI: it is what the asset's digest is the SHA-256 of."""
    fileio.makedirs(uri)
    with fileio.open(posixpath.join(uri, MANIFEST_FILE), "wb") as stream:
        stream.write(manifest.to_bytes())


def describe_asset(asset: Asset, version: Version) -> None:
    """Fill the artifact's properties."""
    asset.asset = f"{version.asset.workspace}/{version.asset.name}"
    asset.version = version.number
    asset.semantic = str(version.semantic)
    asset.digest = str(version.digest)
    asset.reference = str(version.reference)
    asset.size_bytes = version.size_bytes
