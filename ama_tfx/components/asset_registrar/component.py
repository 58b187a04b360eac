"""The component: its specification, and what it looks like in a pipeline."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from ama_tfx.components.asset_importer.work import TFX_PREFIX
from ama_tfx.components.asset_registrar.driver import Driver
from ama_tfx.components.asset_registrar.executor import REF_PREFIX, Executor
from ama_tfx.components.producers import producer_of
from ama_tfx.components.registry_url import without_secret
from ama_tfx.components.types import Asset
from ama_tfx.errors import InvalidInputError
from ama_tfx.provenance import capture_code
from ama_tfx.registry import (
    DEFAULT_WORKSPACE,
    AssetRef,
    Facts,
    check_label,
    is_pinned,
    settable_alias,
)
from ama_tfx.storage import canonical_json

BEAM_ABOVE_BYTES = 1 << 30
"""Below that, starting workers and reading each byte twice cost more than they save (docs/reference/components.md)."""


class AssetRegistrarSpec(ComponentSpec):
    """Inputs, outputs and parameters; `AssetRegistrar` adds the inputs whose types depend on the channels given."""

    PARAMETERS = {
        "asset_name": ExecutionParameter(type=str),
        "registry": ExecutionParameter(type=str, optional=True),
        "alias": ExecutionParameter(type=str, optional=True),
        "message": ExecutionParameter(type=str, optional=True),
        # JSON, because Kubeflow hands lists and dictionaries over as strings.
        "tags": ExecutionParameter(type=str),
        "properties": ExecutionParameter(type=str),
        "pinned_refs": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
        "producers": ExecutionParameter(type=str),
        "beam_above_bytes": ExecutionParameter(type=int),
        # Written by the driver: the registry's identity and where the alias is, so that a result cached from another
        # registry, or from before the alias was moved, is not taken for done.
        "registry_id": ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {
        "artifact": ChannelParameter(type=types.Artifact),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing, optional=True),
        "infra_blessing": ChannelParameter(type=standard_artifacts.InfraBlessing, optional=True),
    }
    OUTPUTS = {"asset": ChannelParameter(type=Asset)}


class AssetRegistrar(base_component.BaseComponent):
    """Registers what a component made as a version of an asset.

    The artifact's files become the version's; its type becomes the version's kind, its typed properties (the splits of
    Examples, say) become properties ``tfx.<name>``. Pipeline name, run id, component ids, artifact ids, TFX version and
    the git commit of the pipeline's code are recorded with the registration.

    The same content, refs and properties are the same version, whichever run registers them: a repeated run registers
    once. When the component fails, nothing of the version is visible. With ``blessing`` or ``infra_blessing`` the alias
    is set only when each says *blessed*; otherwise the version is registered without the alias, and the output's custom
    property ``alias_refused``, the log and ``ama show`` say why.

    TFX's cache applies: with unchanged inputs and parameters the earlier output is reused and the registry is not
    touched. Where TFX runs custom drivers (locally), a result cached from another registry, from one since wiped or put
    back from a copy, or from before the alias was moved on is not reused; Kubeflow and Vertex drop custom drivers, so
    there turn the cache off after replacing a registry.

    An alias that was moved on from a version does not go back to it because a run made, or found, that version again:
    it stays, and ``alias_refused`` says so. Rolling back is somebody's decision: `ama_tfx.Registry.set_alias`.

    Example::

        model_asset = AssetRegistrar(
            artifact=trainer.outputs["model"],
            asset="taxi_model",
            alias="champion",
            blessing=evaluator.outputs["blessing"],
            refs={"trained_on": examples_asset.outputs["asset"]},
        ).with_id("RegisterModel")

    Args:
        artifact: A channel of any artifact type; it must hold one artifact when the component runs.
        asset: The asset's name, ``taxi_model`` or ``ama://<workspace>/taxi_model``.
        registry: A folder or ``postgresql://…?blobs=…``; None means ``AMA_REGISTRY``, or the user's own registry, as
            the process that runs the component sees it. A password is refused, because TFX records parameters: name
            it in ``PGPASSWORD`` or ``~/.pgpass``.
        alias: Moved to the version.
        message: One line or more for people.
        tags: Labels to find the version by.
        properties: JSON values to find the version by; part of its identity.
        blessing: Evaluator's (or any validator's) ``ModelBlessing``.
        infra_blessing: InfraValidator's ``InfraBlessing``.
        refs: Role -> what the version was made from: another AssetRegistrar's output, or a reference by digest. A
            reference by alias is refused: it could mean another version in the next run, and the cache would not know.
        code_folder: A folder of the git repository that holds the pipeline's code; the working folder by default.
        beam_above_bytes: An artifact of several files that is larger is stored in a Beam pipeline, with the pipeline's
            Beam arguments, before it is registered: the workers cut, compress and write at once. The registry has to
            mean the same on every worker: a shared folder, or PostgreSQL with a bucket. None never starts Beam.

    Outputs:
        asset: `ama_tfx.Asset`.

    Raises:
        InvalidInputError: A parameter that can never work, when the pipeline is composed.
    """

    SPEC_CLASS = AssetRegistrarSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        artifact: types.BaseChannel,
        asset: str,
        *,
        registry: str | Path | None = None,
        alias: str | None = None,
        message: str = "",
        tags: Sequence[str] = (),
        properties: Mapping[str, Any] | None = None,
        blessing: types.BaseChannel | None = None,
        infra_blessing: types.BaseChannel | None = None,
        refs: Mapping[str, types.BaseChannel | str] | None = None,
        code_folder: str | Path | None = None,
        beam_above_bytes: int | None = BEAM_ABOVE_BYTES,
    ):
        channels = {role: ref for role, ref in (refs or {}).items() if not isinstance(ref, str)}
        pinned = {role: ref for role, ref in (refs or {}).items() if isinstance(ref, str)}
        _check_channel(artifact, "artifact", "a component's output, as in trainer.outputs['model']")
        _check(asset, alias, message, tags, properties or {})
        _check_refs(channels, pinned)
        code = capture_code(Path(code_folder) if code_folder else Path.cwd())
        given = {"artifact": artifact, "blessing": blessing, "infra_blessing": infra_blessing}
        spec = _spec_class(artifact, channels)(
            asset_name=asset,
            registry=without_secret(registry),
            alias=alias,
            message=message,
            tags=json.dumps(sorted(tags)),
            properties=json.dumps(dict(properties or {}), sort_keys=True),
            pinned_refs=json.dumps(pinned, sort_keys=True),
            code=json.dumps(code.to_json() if code else None, sort_keys=True),
            beam_above_bytes=_size_bytes(beam_above_bytes),
            producers=json.dumps({key: producer_of(channel) for key, channel in given.items() if channel is not None}),
            **given,
            asset=types.Channel(type=Asset),
            **{f"{REF_PREFIX}{role}": channel for role, channel in channels.items()},
        )
        super().__init__(spec)


def _spec_class(artifact: types.BaseChannel, refs: Mapping[str, types.BaseChannel]) -> type[AssetRegistrarSpec]:
    """Return the specification for these channels: a spec is fixed per class, what users register is not."""
    inputs = {
        **AssetRegistrarSpec.INPUTS,
        "artifact": ChannelParameter(type=artifact.type),
        **{f"{REF_PREFIX}{role}": ChannelParameter(type=Asset) for role in refs},
    }
    return type("AssetRegistrarSpec", (AssetRegistrarSpec,), {"INPUTS": inputs})


def _size_bytes(given: int | None) -> int:
    """Return a size as the executor takes it: 0 for never."""
    if given is None:
        return 0
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise InvalidInputError(f"beam_above_bytes {given!r} is no size; expected bytes from 1, or None for never")
    return given


def _check_channel(given: Any, what: str, expected: str) -> None:
    if not isinstance(given, types.BaseChannel):
        raise InvalidInputError(f"{what} is a {type(given).__name__}, not a channel; expected {expected}")


def _check(asset: str, alias: str | None, message: str, tags: Sequence[str], properties: Mapping[str, Any]) -> None:
    ref = AssetRef.parse(asset, DEFAULT_WORKSPACE)
    if asset not in {ref.asset.name, str(ref.asset)}:
        raise InvalidInputError(f"asset {asset!r} names a version; expected the asset alone: {ref.asset.name!r}")
    if alias is not None:
        settable_alias(alias)
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
        raise InvalidInputError(f"tags must be a list of labels, got {tags!r}; use ['nightly'], say")
    Facts(message=message, tags=tuple(tags))  # which checks them
    for key in properties:
        if check_label(key, "property").startswith(TFX_PREFIX):
            raise InvalidInputError(f"property {key!r}: {TFX_PREFIX!r} is kept for the artifact's own properties")
    canonical_json(dict(properties))


def _check_refs(channels: Mapping[str, types.BaseChannel], pinned: Mapping[str, str]) -> None:
    for role, channel in channels.items():
        check_label(role, "role")
        _check_channel(channel, f"ref {role!r}", "another AssetRegistrar's outputs['asset']")
        if not role.isidentifier() or channel.type is not Asset:
            raise InvalidInputError(
                f"ref {role!r} is a channel of {channel.type.TYPE_NAME}; expected a role like 'trained_on' and "
                "another AssetRegistrar's outputs['asset']"
            )
    for role, reference in pinned.items():
        check_label(role, "role")
        if not is_pinned(AssetRef.parse(reference)):
            raise InvalidInputError(
                f"ref {role!r}: {reference!r} may move; expected a reference by digest, ama://…@sha256:…"
            )
