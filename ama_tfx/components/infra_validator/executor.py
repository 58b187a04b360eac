"""The executor: TFX's dictionaries -> `Request` -> `validate` -> the blessing and the verdict."""

import contextlib
import dataclasses
import json
import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from absl import logging
from tfx import types
from tfx.components.infra_validator import executor as tfx_executor
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.proto import infra_validator_pb2
from tfx.types import artifact_utils
from tfx.utils import path_utils, proto_utils

from ama_tfx.components.asset_importer.linked import require_files
from ama_tfx.components.blessings import tell_outcome
from ama_tfx.components.infra_validator import delegated
from ama_tfx.components.infra_validator.checks import Checks
from ama_tfx.components.infra_validator.models import Client, UnreadableModelError, build_calls, declared_signatures
from ama_tfx.components.infra_validator.observations import Call
from ama_tfx.components.infra_validator.observing import Plan
from ama_tfx.components.infra_validator.settings import ServingBudgets, ServingLimits
from ama_tfx.components.infra_validator.work import Request, validate
from ama_tfx.components.tree import local_copy
from ama_tfx.components.verdicts import Blessing, Judgement, judge, write_verdict

DEFAULT_NAME = "infra-validation-model"
DEFAULT_TRIES = 5

InputDict = dict[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):
    """Judges the one artifact of the input ``model``."""

    def Do(self, input_dict: InputDict, output_dict: InputDict, exec_properties: dict[str, Any]) -> None:  # noqa: N802
        """See `tfx.dsl.components.base.base_executor.BaseExecutor.Do`."""
        self._log_startup(input_dict, output_dict, exec_properties)
        job = _Job(input_dict, exec_properties, self._gate())
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        verdict = artifact_utils.get_single_instance(output_dict["verdict"])
        if job.platform:
            judgement = delegated.validate(self._context, job, blessing, exec_properties)
        else:
            with _local(job.model) as model, _local(job.champion) as champion:
                judgement, calls = _validate(job, model, champion)
                if judgement.blessing is Blessing.BLESSED and job.request_spec.make_warmup:
                    _write_warmup_model(blessing, model, calls)
        _bless(blessing, job.model, judgement)
        write_verdict(verdict, judgement)

    def _gate(self) -> str:
        node = self._context.pipeline_node if self._context else None
        return node.node_info.id if node else "InfraValidator"


class _Job:
    """What TFX's dictionaries say."""

    def __init__(self, input_dict: InputDict, exec_properties: dict[str, Any], gate: str) -> None:
        self.gate = gate
        self.model = artifact_utils.get_single_instance(input_dict["model"])
        require_files(self.model, *(input_dict.get("champion") or []), *(input_dict.get("examples") or []))
        self.examples = _optional(input_dict, "examples")
        self.champion = _optional(input_dict, "champion")
        self.serving_spec = _parse(exec_properties, "serving_spec", infra_validator_pb2.ServingSpec())
        self.request_spec = _parse(exec_properties, "request_spec", infra_validator_pb2.RequestSpec())
        self.validation_spec = _parse(exec_properties, "validation_spec", infra_validator_pb2.ValidationSpec())
        self.budgets = ServingBudgets.from_json(exec_properties["budgets"])
        self.limits = ServingLimits.from_json(exec_properties["limits"])
        if seconds := self.validation_spec.max_loading_time_seconds:
            self.limits = dataclasses.replace(self.limits, load_seconds=float(seconds))
        self.server, self.python = exec_properties["server"], exec_properties.get("python") or ""
        self.modules = tuple(json.loads(exec_properties["modules"]))

    @property
    def platform(self) -> str | None:
        """Where TFX's own executor is to start the server, if it is."""
        return self.serving_spec.WhichOneof("serving_platform")

    @property
    def name(self) -> str:
        """What requests call the model."""
        return self.serving_spec.model_name or DEFAULT_NAME


def _optional(input_dict: InputDict, key: str) -> types.Artifact | None:
    return artifact_utils.get_single_instance(input_dict[key]) if input_dict.get(key) else None


def _parse(exec_properties: dict[str, Any], key: str, message: Any) -> Any:
    if exec_properties.get(key):
        proto_utils.json_to_proto(exec_properties[key], message)
    return message


def _validate(job: _Job, model: Path, champion: Path | None) -> tuple[Judgement, tuple[Call, ...]]:
    """Judge a model in the sandbox; return also what it was asked."""
    try:
        calls = calls_of(job, model) + lost_calls(job, model, champion)
    except UnreadableModelError as error:
        signal = Checks(job.gate, job.limits, job.budgets).refused("load_seconds", f"the model does not load: {error}")
        return judge(job.gate, job.model.uri, [signal]), ()
    plan = Plan(
        name=job.name,
        calls=calls,
        connect=lambda address: Client(address, job.name),
        limits=job.limits,
        tries=job.validation_spec.num_tries or DEFAULT_TRIES,
    )
    where = {"server": job.server, "python": job.python, "modules": job.modules}
    return validate(Request(job.gate, job.model.uri, model, plan, job.budgets, champion, **where)), calls


def calls_of(job: _Job, model: Path) -> tuple[Call, ...]:
    """Return what to ask the model; nothing when there are no examples.

    Raises:
        UnreadableModelError: The SavedModel cannot be read.
        InvalidInputError: The examples do not have what the request specification asks for.
    """
    signatures = declared_signatures(model, job.request_spec.tensorflow_serving.tag_set)
    if not signatures:
        return (Call("serving_default", missing=True),)
    if job.examples is None:
        return tuple(Call(name, problem="there are no examples") for name in signatures)
    return build_calls(job.name, signatures, job.examples, job.request_spec)


def lost_calls(job: _Job, model: Path, champion: Path | None) -> tuple[Call, ...]:
    """Return the champion's signatures that the model has to have and does not: where answers are compared, all."""
    if champion is None or not job.budgets.compares_outputs or job.request_spec.tensorflow_serving.signature_names:
        return ()
    tags = job.request_spec.tensorflow_serving.tag_set
    try:
        lost = sorted(declared_signatures(champion, tags).keys() - declared_signatures(model, tags).keys())
    except UnreadableModelError:
        return ()  # what is served tells why
    return tuple(Call(name, problem="which the champion declares", missing=True) for name in lost)


def _write_warmup_model(blessing: types.Artifact, model: Path, calls: tuple[Call, ...]) -> None:
    """Let TFX write the stamped model with the requests that TF Serving replays before it serves."""
    requests = [request for call in calls for request in call.requests]
    tfx_executor.Executor()._CreateWarmupModel(blessing, str(model), requests)


def _bless(blessing: types.Artifact, model: types.Artifact, judgement: Judgement) -> None:
    """Write the blessing as TFX does, and of which model it is; unknown is told apart, and is not blessed."""
    if judgement.blessing is Blessing.BLESSED:
        tfx_executor._mark_blessed(blessing)
    else:
        logging.warning("%s: %s: %s", judgement.gate, judgement.blessing.value, "; ".join(judgement.reasons))
        tfx_executor._mark_not_blessed(blessing)
        marked = posixpath.join(blessing.uri, tfx_executor._BLESSED_FILENAME)
        if fileio.exists(marked):  # TFX's own executor blessed it, and there is more to say
            fileio.remove(marked)
    tell_outcome(blessing, judgement)
    blessing.set_string_custom_property("current_model", model.uri)
    blessing.set_int_custom_property("current_model_id", model.id)


@contextlib.contextmanager
def _local(model: types.Artifact | None) -> Iterator[Path | None]:
    """Give a model's SavedModel as a local folder: copied first when it lies in an object store."""
    if model is None:
        yield None
        return
    with local_copy(path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))) as copy:
        yield copy
