"""The component: its specification, and what it looks like in a pipeline."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.value_artifact import ValueArtifact

from ama_tfx.components.asset_importer.driver import Driver
from ama_tfx.components.asset_importer.executor import Executor
from ama_tfx.components.asset_importer.work import parse_importable
from ama_tfx.components.registry_url import without_secret
from ama_tfx.components.types import Asset
from ama_tfx.errors import InvalidInputError, did_you_mean
from ama_tfx.registry import is_pinned


class AssetImporterSpec(ComponentSpec):
    """Outputs and parameters; `AssetImporter` gives ``result`` its type."""

    PARAMETERS = {
        "asset_name": ExecutionParameter(type=str),
        "registry": ExecutionParameter(type=str, optional=True),
        "materialize": ExecutionParameter(type=int),
        "properties": ExecutionParameter(type=str),  # JSON, because Kubeflow hands dictionaries over as strings
        # Written by the driver: what the reference means now, and in which registry.
        "resolved": ExecutionParameter(type=str, optional=True),
        "registry_id": ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {}
    OUTPUTS = {"result": ChannelParameter(type=types.Artifact), "asset": ChannelParameter(type=Asset)}


class AssetImporter(base_component.BaseComponent):
    """Brings a version of an asset into a pipeline, as an artifact that standard components take.

    Locally a driver resolves the reference to a digest before TFX's cache is asked: an alias that moved is never served
    stale, one that did not is cached, and a version that is retired or lost fails the run. Kubeflow and Vertex drop
    custom drivers; there the executor resolves, and `ama_tfx.orchestration` compiles the task without cache unless the
    reference is by digest.

    Example::

        baseline = AssetImporter("taxi/model:champion", standard_artifacts.Model).with_id("Champion")
        evaluator = Evaluator(examples=…, model=…, baseline_model=baseline.outputs["result"], …)

    Args:
        asset: ``taxi/model:champion``, ``ama://<workspace>/taxi/model@sha256:…``; a `RuntimeParameter` may give it.
        artifact_type: The artifact's class. Its type name has to be the version's kind, which AssetRegistrar took from
            the artifact that it registered; a version of kind ``Files`` may be imported as anything.
        registry: As for `AssetRegistrar`; it has to exist.
        materialize: Whether the files are written into the artifact's folder, as every standard component expects.
            Without, the artifact holds ``reference.json`` and ``manifest.json`` alone: for components that read few
            files of many, or none, with `linked_content` or `ama_tfx.Registry.open`.
        properties: Typed properties of the artifact, instead of or beside those that AssetRegistrar recorded.

    Outputs:
        result: One artifact of the given type, with custom properties ``reference`` (by digest), ``version``, ``asset``
            and ``materialized``.
        asset: The version itself, an `ama_tfx.Asset`: what AssetPusher's ``asset``, BlessingValidator's and the
            ``refs`` of AssetRegistrar take, without registering the files again.

    Raises:
        InvalidInputError: A parameter that can never work, when the pipeline is composed.
    """

    SPEC_CLASS = AssetImporterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        asset: str | RuntimeParameter,
        artifact_type: type[types.Artifact],
        *,
        registry: str | Path | None = None,
        materialize: bool = True,
        properties: Mapping[str, Any] | None = None,
    ):
        _check_type(artifact_type, properties or {}, materialize=materialize)
        self.cache_needs_driver = isinstance(asset, RuntimeParameter) or not is_pinned(parse_importable(asset))
        """Whether a cached result may be stale where TFX does not run the driver."""
        spec = _spec_class(artifact_type)(
            asset_name=asset,
            registry=without_secret(registry),
            materialize=int(materialize),
            properties=json.dumps(dict(properties or {}), sort_keys=True),
            result=types.Channel(type=artifact_type),
            asset=types.Channel(type=Asset),
        )
        super().__init__(spec)


def _spec_class(artifact_type: type[types.Artifact]) -> type[AssetImporterSpec]:
    """Return the specification for this type: a spec is fixed per class, what users import is not."""
    outputs = {**AssetImporterSpec.OUTPUTS, "result": ChannelParameter(type=artifact_type)}
    return type("AssetImporterSpec", (AssetImporterSpec,), {"OUTPUTS": outputs})


def _check_type(artifact_type: Any, properties: Mapping[str, Any], *, materialize: bool) -> None:
    if not isinstance(artifact_type, type) or not issubclass(artifact_type, types.Artifact):
        raise InvalidInputError(
            f"artifact_type {artifact_type!r} is no artifact's class; expected one, as in standard_artifacts.Model"
        )
    if not artifact_type.TYPE_NAME:
        raise InvalidInputError(f"artifact_type {artifact_type.__name__!r} has no TYPE_NAME; expected a concrete type")
    if issubclass(artifact_type, ValueArtifact) and not materialize:
        raise InvalidInputError(
            f"a {artifact_type.TYPE_NAME} is one file, which TFX reads itself; import it with materialize=True"
        )
    known = sorted(artifact_type.PROPERTIES or {})
    for name in properties:
        if name not in known:
            raise InvalidInputError(
                f"a {artifact_type.TYPE_NAME} has no property {name!r}; known: {known}{did_you_mean(name, known)}"
            )
