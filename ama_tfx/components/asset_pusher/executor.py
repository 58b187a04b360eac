"""The executor: asks the gates, then pushes, then promotes."""

import contextlib
import datetime
import json
from pathlib import Path
from typing import Any

from absl import logging
from tfx import types
from tfx.components.pusher import executor as tfx_pusher
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils, proto_utils

from ama_tfx.components.asset_importer.linked import require_files
from ama_tfx.components.asset_importer.work import open_existing
from ama_tfx.components.asset_pusher.promoting import Promotion, plan_promotion, promote, require_same_content
from ama_tfx.components.asset_pusher.remote import push_remote
from ama_tfx.components.asset_pusher.work import Pushed, push, read_content
from ama_tfx.components.blessings import read_blessing
from ama_tfx.components.links import refuse_links_below
from ama_tfx.components.tree import local_copy
from ama_tfx.components.verdicts import Blessing
from ama_tfx.errors import GateError
from ama_tfx.registry import AssetRef, Registry

GATES = ("model_blessing", "infra_blessing")
REFUSED = "refused"
"""Custom property of a PushedModel that was not pushed: why."""

ArtifactDict = dict[str, list[types.Artifact]]


class Executor(tfx_pusher.Executor):
    """Pushes the model to a file system, when every gate that the pipeline names blessed it."""

    def Do(self, input_dict: ArtifactDict, output_dict: ArtifactDict, exec_properties: dict[str, Any]) -> None:  # noqa: N802
        """See `tfx.dsl.components.base.base_executor.BaseExecutor.Do`.

        Raises:
            GateError: It is not pushed, and the pipeline says that it has to be.
            InvalidInputError: There is a link in the model, even where a copy of it is what would be pushed.
        """
        output = artifact_utils.get_single_instance(output_dict["pushed_model"])
        require_files(artifact_utils.get_single_instance(input_dict["model"]))
        with contextlib.ExitStack() as stack:
            registry = _registry(stack, input_dict, exec_properties)
            reasons = _refusals(input_dict, json.loads(exec_properties["producers"]))
            planned = _plan(registry, input_dict, exec_properties) if not reasons else None
            if isinstance(planned, str):
                reasons = [planned]
            if reasons:
                self._refuse(output, reasons, is_required=bool(int(exec_properties["require"])))
                return
            refuse_links_below(artifact_utils.get_single_instance(input_dict["model"]).uri)
            source = stack.enter_context(local_copy(self.GetModelPath(input_dict)))
            pushed = _push(source, registry, input_dict, exec_properties)
            io_utils.copy_dir(str(source), output.uri)  # as TFX's Pusher does
            if registry and isinstance(planned, Promotion):
                promote(registry, planned, pushed.destination)
                output.set_string_custom_property("alias", planned.alias)
        self._describe(output, pushed, _reference(input_dict))

    def GetModelPath(self, input_dict: ArtifactDict) -> str:  # noqa: N802
        """Return where the model is that the gates looked at: with warm-up requests, if InfraValidator made one."""
        for blessing in input_dict.get("infra_blessing") or []:
            if blessing.has_custom_property("has_model") and blessing.get_int_custom_property("has_model"):
                return path_utils.stamped_model_path(blessing.uri)
        return super().GetModelPath(input_dict)

    def _refuse(self, output: types.Artifact, reasons: list[str], *, is_required: bool) -> None:
        told = "; ".join(reasons)
        if is_required:
            raise GateError(f"the model is not pushed: {told}")
        logging.warning("the model is not pushed: %s", told)
        output.set_string_custom_property(REFUSED, told)
        self._MarkNotPushed(output)

    def _describe(self, output: types.Artifact, pushed: Pushed, reference: AssetRef | None) -> None:
        if reference is not None:
            output.set_string_custom_property("reference", str(reference))
        self._MarkPushed(output, pushed_destination=pushed.destination, pushed_version=pushed.version)
        logging.info("%s %s", "pushed to" if pushed.changed else "is there already:", pushed.destination)


def _registry(stack: contextlib.ExitStack, inputs: ArtifactDict, properties: dict[str, Any]) -> Registry | None:
    if not inputs.get("asset"):
        return None
    return stack.enter_context(open_existing(properties.get("registry") or None))


def _reference(inputs: ArtifactDict) -> AssetRef | None:
    given = inputs.get("asset")
    return AssetRef.parse(artifact_utils.get_single_instance(given).reference) if given else None


def _refusals(inputs: ArtifactDict, producers: dict[str, str]) -> list[str]:
    """Return why gates do not let the model pass; one that gave nothing is unknown, and that is not *yes*."""
    model = artifact_utils.get_single_instance(inputs["model"])
    named = [key for key in GATES if key in producers]
    signals = [read_blessing(producers[key] or key, inputs.get(key), model.uri) for key in named]
    against = [signal.reason for signal in signals if signal.blessing is not Blessing.BLESSED]
    return against if signals else ["no gate was asked"]


def _plan(registry: Registry | None, inputs: ArtifactDict, properties: dict[str, Any]) -> Promotion | str | None:
    """Return how the alias is to move, before anything is pushed, or why it may not."""
    alias, reference = properties.get("alias") or None, _reference(inputs)
    if alias is None or registry is None or reference is None:
        return None
    return plan_promotion(registry, reference, alias)


def _push(source: Path, registry: Registry | None, inputs: ArtifactDict, properties: dict[str, Any]) -> Pushed:
    reference = _reference(inputs)
    if registry is not None and reference is not None:
        require_same_content(registry, reference, read_content(source).files)
    destination = pusher_pb2.PushDestination()
    proto_utils.json_to_proto(properties["push_destination"], destination)
    base, now = destination.filesystem.base_directory, datetime.datetime.now(datetime.timezone.utc)
    told = None if reference is None else str(reference)
    return push_remote(source, base, now, told) if "://" in base else push(source, Path(base), now, told)
