"""Artifact types of the suite.

A type's name is the path it is imported by, ``ama_tfx.Asset``: Kubeflow's container entry point imports exactly that.
"""

from tfx.types.artifact import Artifact, Property, PropertyType

from ama_tfx.catalog.lineage import VERDICT_KIND
from ama_tfx.provenance.type_names import ASSET


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

    TYPE_NAME = ASSET
    PROPERTIES = {
        "asset": Property(type=PropertyType.STRING),
        "version": Property(type=PropertyType.INT),
        "semantic": Property(type=PropertyType.STRING),
        "digest": Property(type=PropertyType.STRING),
        "reference": Property(type=PropertyType.STRING),
        "size_bytes": Property(type=PropertyType.INT),
    }


class Verdict(Artifact):
    """What a gate says of a model or of data, and why.

    The artifact's folder holds ``verdict.json`` (see `ama_tfx.components.verdicts`) and ``verdict.md``, the same for
    people. Pusher and resolvers do not read it: for them there is a standard blessing beside it.

    Properties:
        outcome: ``blessed``, ``not_blessed`` or ``unknown``.
        subject: URI of what was judged.
        gate: Id of the component that judged.
        reasons: Why it was not blessed, joined with ``; ``; empty when it was.
    """

    TYPE_NAME = VERDICT_KIND
    PROPERTIES = {
        "outcome": Property(type=PropertyType.STRING),
        "subject": Property(type=PropertyType.STRING),
        "gate": Property(type=PropertyType.STRING),
        "reasons": Property(type=PropertyType.STRING),
    }


class Lineage(Artifact):
    """What this run made from what, as a picture.

    The artifact's folder holds ``lineage.json``, ``lineage.dot`` and ``lineage.svg``, the same graph three times.

    Properties:
        links: How many refs between asset versions were recorded by the run.
    """

    TYPE_NAME = "ama_tfx.Lineage"
    PROPERTIES = {"links": Property(type=PropertyType.INT)}


class Archive(Artifact):
    """A zip of a registered version or of an artifact, as `ama_tfx.components.ContainerExport` makes it.

    The artifact's folder holds the one zip. A container cannot set properties, so it has none.
    """

    TYPE_NAME = "ama_tfx.Archive"


MANIFEST_FILE = "manifest.json"
VERDICT_JSON = "verdict.json"
VERDICT_TEXT = "verdict.md"
LINEAGE_JSON = "lineage.json"
LINEAGE_DOT = "lineage.dot"
LINEAGE_SVG = "lineage.svg"
