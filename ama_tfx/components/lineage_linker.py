"""LineageLinker: links what a run made, and draws it. Function-based: TFX makes the component from `link_lineage`."""

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import logging
from tfx import types
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio

from ama_tfx.components.lineage_linking import LinkRequest, link
from ama_tfx.components.registry_url import without_secret
from ama_tfx.components.types import Asset, Lineage
from ama_tfx.errors import InvalidInputError
from ama_tfx.provenance.address import StoreAddress
from ama_tfx.registry import DEFAULT_WORKSPACE, AssetRef

INPUTS = ("model", "examples", "schema", "base_model", "evaluation")


@component
def link_lineage(
    model: InputArtifact[Asset],
    lineage: OutputArtifact[Lineage],
    examples: InputArtifact[Asset] = None,
    schema: InputArtifact[Asset] = None,
    base_model: InputArtifact[Asset] = None,
    evaluation: InputArtifact[Asset] = None,
    registry: Parameter[str] = "",
    metadata: Parameter[str] = "",
    name: Parameter[str] = "",
):
    """See `LineageLinker`."""
    given = (model, examples, schema, base_model, evaluation)
    linked = link(
        LinkRequest(
            assets={key: asset.reference for key, asset in zip(INPUTS, given, strict=True) if asset is not None},
            registry=registry or None,
            metadata=metadata or None,
            name=name or None,
            provenance={"component": "LineageLinker"},
        )
    )
    fileio.makedirs(lineage.uri)
    for file, content in linked.documents().items():
        with fileio.open(posixpath.join(lineage.uri, file), "wb") as stream:
            stream.write(content)
    lineage.links = len(linked.links)
    logging.info(
        "%d links, %s", len(linked.links), f"recorded as {linked.recorded}" if linked.recorded else "all known"
    )


class LineageLinker(link_lineage):
    """Links the asset versions that a run registered, and draws what the model was made from and what was made of it.

    What the inputs' names say is linked: the model was ``trained_on`` the examples, with ``schema`` and ``base_model``,
    and ``evaluated_by`` the evaluation. With ``metadata``, what ML Metadata recorded is linked too: of each of these
    versions, the nearest registered things that it was made from, whatever unregistered steps lie between.

    Refs that AssetRegistrar recorded are part of a version's identity; links are not, so they can be told after the
    version is registered. ``ama lineage`` and ``ama impact`` follow both.

    Example::

        LineageLinker(
            register_model.outputs["asset"],
            examples=register_examples.outputs["asset"],
            schema=register_schema.outputs["asset"],
            evaluation=register_evaluation.outputs["asset"],
            metadata="metadata.db",
        )

    Args:
        model: An AssetRegistrar's output.
        examples: What it was trained on.
        schema: What its features were read with.
        base_model: What it was trained on from.
        evaluation: What Evaluator wrote of it.
        registry: As for `AssetRegistrar`; it has to exist.
        metadata: The pipeline's metadata store, as ``ama runs`` takes it: a file of SQLite, ``mysql://user@host/db``,
            ``postgresql://…`` or ``grpc://host:port``. On Kubeflow and Vertex there is usually none that a component
            can read; then the inputs alone tell.
        name: Asset that keeps the links; ``lineage/<the model's name>`` by default.

    Outputs:
        lineage: `ama_tfx.Lineage`, with ``lineage.json``, ``lineage.dot`` and ``lineage.svg``.

    Raises:
        InvalidInputError: A parameter that can never work, when the pipeline is composed.
    """

    def __init__(
        self,
        model: types.BaseChannel,
        *,
        examples: types.BaseChannel | None = None,
        schema: types.BaseChannel | None = None,
        base_model: types.BaseChannel | None = None,
        evaluation: types.BaseChannel | None = None,
        registry: str | Path | None = None,
        metadata: str | Path | None = None,
        name: str | None = None,
    ):
        given = (model, examples, schema, base_model, evaluation)
        channels = {key: channel for key, channel in zip(INPUTS, given, strict=True) if channel is not None}
        _check(channels, metadata, name)
        parameters = {"registry": without_secret(registry), "metadata": metadata and str(metadata), "name": name}
        super().__init__(**channels, **{key: value for key, value in parameters.items() if value is not None})


def _check(channels: Mapping[str, Any], metadata: str | Path | None, name: str | None) -> None:
    for key, channel in channels.items():
        if not isinstance(channel, types.BaseChannel) or channel.type is not Asset:
            raise InvalidInputError(f"{key} {channel!r:.80} is no asset; expected an AssetRegistrar's outputs['asset']")
    if metadata is not None:
        StoreAddress.parse(str(metadata))
    if name is not None and AssetRef(AssetRef.parse(name, DEFAULT_WORKSPACE).asset) != AssetRef.parse(name):
        raise InvalidInputError(f"name {name!r} names a version; expected an asset, as in 'lineage/taxi'")
