"""The executor: TFX's dictionaries -> `Request` -> `register` -> the Asset artifact."""

import contextlib
import importlib.metadata
import json
from typing import Any

from absl import logging
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils

from ama_tfx.components.asset_artifact import describe_asset, write_manifest
from ama_tfx.components.asset_importer.linked import linked_content
from ama_tfx.components.asset_registrar.work import Outcome, Request, open_registry, recordable, register
from ama_tfx.components.blessings import Signal, read_blessing
from ama_tfx.components.tree import local_copy
from ama_tfx.components.types import Asset
from ama_tfx.registry import default_registry_url

REF_PREFIX = "ref_"
"""An input ``ref_schema`` holds the Asset that the registered version refers to in the role ``schema``."""

GATES = ("blessing", "infra_blessing")

InputDict = dict[str, list[types.Artifact]]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Registers the one artifact of the input ``artifact``."""

    def Do(self, input_dict: InputDict, output_dict: InputDict, exec_properties: dict[str, Any]) -> None:  # noqa: N802
        """See `tfx.dsl.components.base.base_executor.BaseExecutor.Do`."""
        artifact = artifact_utils.get_single_instance(input_dict["artifact"])
        output = artifact_utils.get_single_instance(output_dict["asset"])
        self._store_ahead(artifact.uri, input_dict, exec_properties)
        with linked_content(artifact) as uri, local_copy(uri) as content:
            outcome = register(
                Request(
                    registry=exec_properties.get("registry") or None,
                    asset=exec_properties["asset_name"],
                    kind=artifact.type_name,
                    content=content,
                    alias=exec_properties.get("alias") or None,
                    message=exec_properties.get("message") or "",
                    tags=tuple(json.loads(exec_properties["tags"])),
                    properties={**json.loads(exec_properties["properties"]), **_typed_properties(artifact)},
                    refs=_refs(input_dict, json.loads(exec_properties["pinned_refs"])),
                    signals=_signals(input_dict, json.loads(exec_properties["producers"]), artifact.uri),
                    provenance=self._provenance(input_dict, exec_properties),
                ),
                # Before the version is visible: an output that cannot be written fails the node and registers nothing.
                lambda manifest: write_manifest(output.uri, manifest),
            )
        _describe(outcome, output)

    def _store_ahead(self, uri: str, input_dict: InputDict, exec_properties: dict[str, Any]) -> None:
        """Store a large artifact's files in a Beam pipeline; a small one's are stored as they are registered."""
        least_bytes = int(exec_properties.get("beam_above_bytes") or 0)
        if not least_bytes:
            return
        from ama_tfx.components.asset_registrar import beam  # which few registrations need

        files = beam.files_of(uri)
        if len(files) < 2 or sum(file.size_bytes for file in files) <= least_bytes:
            return
        with contextlib.closing(open_registry(exec_properties.get("registry") or None)) as registry:
            destination = beam.Destination(
                # As it is written: what a password is for stands in the environment of every worker.
                registry=exec_properties.get("registry") or default_registry_url(),
                asset=exec_properties["asset_name"],
                refs=_refs(input_dict, json.loads(exec_properties["pinned_refs"])),
                uri=uri,
            )
            logging.info("%s is stored in %s ahead of its registration", uri, registry)
        beam.store(self._make_beam_pipeline(), destination, files)

    def _provenance(self, input_dict: InputDict, exec_properties: dict[str, Any]) -> dict[str, Any]:
        """Return where the artifact came from; what is not known here (on Kubeflow: the run) is left out."""
        artifact = artifact_utils.get_single_instance(input_dict["artifact"])
        context = self._context
        info, node = (context.pipeline_info, context.pipeline_node) if context else (None, None)
        known = {
            "pipeline": info.id if info else None,
            "run_id": context.pipeline_run_id if context else None,
            "registrar": node.node_info.id if node else None,
            "component": json.loads(exec_properties["producers"]).get("artifact") or None,
            # As text: Vertex's ids have 63 bits, more than a JSON number carries exactly.
            "artifact_id": str(artifact.id),
            "artifact_uri": artifact.uri,
            "input_artifact_ids": {
                key: [str(a.id) for a in artifacts] for key, artifacts in sorted(input_dict.items())
            },
            "artifact_properties": _custom_properties(artifact),
            "tfx_version": importlib.metadata.version("tfx"),
            "code": json.loads(exec_properties["code"]),
        }
        return {key: value for key, value in known.items() if value is not None}


def _refs(input_dict: InputDict, pinned: dict[str, str]) -> tuple[tuple[str, str], ...]:
    linked = {
        key[len(REF_PREFIX) :]: artifact_utils.get_single_instance(artifacts).reference
        for key, artifacts in input_dict.items()
        if key.startswith(REF_PREFIX)
    }
    return tuple(sorted({**pinned, **linked}.items()))


def _signals(input_dict: InputDict, producers: dict[str, str], model_uri: str) -> tuple[Signal, ...]:
    """Read the gates that the pipeline names; one that gave nothing is unknown, not absent."""
    named = [key for key in GATES if key in producers]
    return tuple(read_blessing(producers[key] or key, input_dict.get(key), model_uri) for key in named)


def _typed_properties(artifact: types.Artifact) -> dict[str, Any]:
    """Return the properties that the artifact's type declares and that were set."""
    names = [name for name in artifact.PROPERTIES or {} if name in artifact.mlmd_artifact.properties]
    return recordable({name: getattr(artifact, name) for name in names})


def _custom_properties(artifact: types.Artifact) -> dict[str, str] | None:
    """Return what else TFX noted of the artifact: of Examples, the fingerprint of the files they were made from."""
    found = artifact.mlmd_artifact.custom_properties
    return {key: found[key].string_value for key in sorted(found) if found[key].string_value} or None


def _describe(outcome: Outcome, asset: Asset) -> None:
    """Fill the output artifact's properties."""
    version = outcome.registered.version
    describe_asset(asset, version)
    if outcome.alias:
        asset.set_string_custom_property("alias", outcome.alias)
    if outcome.refusals:
        asset.set_string_custom_property("alias_refused", "; ".join(outcome.refusals))
        logging.warning("%s registered without its alias: %s", version.reference, "; ".join(outcome.refusals))
    logging.info("%s %s", "registered" if outcome.registered.created else "already registered:", version.reference)
