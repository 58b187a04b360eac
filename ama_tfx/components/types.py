"""Artifact types of the suite.

A type's name is the path it is imported by, ``ama_tfx.Asset``: Kubeflow's container entry point imports exactly that.
"""

from tfx.types.artifact import Artifact, Property, PropertyType


class Asset(Artifact):
    """An asset version in the registry, as a TFX artifact.

    The artifact's folder holds ``manifest.json``, the version's canonical manifest; its SHA-256 is ``digest``. The
    content itself is in the registry: ``ama download <reference>``.

    Properties:
        asset: Name with its workspace, ``default/taxi_model``.
        version: Number of the version, from 1.
        semantic: MAJOR.MINOR.PIPELINE.
        digest: ``sha256:<64 hex>`` of the manifest.
        reference: ``ama://<workspace>/<asset>@<digest>``: never moves.
        size_bytes: Sum of the files' sizes.

    Custom properties:
        alias: The alias that was set; absent when none was.
        alias_refused: Why the wanted alias was not set; absent when it was.
    """

    TYPE_NAME = "ama_tfx.Asset"
    PROPERTIES = {
        "asset": Property(type=PropertyType.STRING),
        "version": Property(type=PropertyType.INT),
        "semantic": Property(type=PropertyType.STRING),
        "digest": Property(type=PropertyType.STRING),
        "reference": Property(type=PropertyType.STRING),
        "size_bytes": Property(type=PropertyType.INT),
    }


MANIFEST_FILE = "manifest.json"
