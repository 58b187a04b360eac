"""The component: its specification, and what it looks like in a pipeline."""

import json
from collections.abc import Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import infra_validator_pb2
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import proto_utils

from ama_tfx.components.infra_validator.executor import Executor
from ama_tfx.components.infra_validator.settings import ServingBudgets, ServingLimits
from ama_tfx.components.infra_validator.work import SERVERS
from ama_tfx.components.types import Verdict
from ama_tfx.errors import InvalidInputError


class InfraValidatorSpec(ComponentSpec):
    """Inputs, outputs and parameters; everything structured is JSON, because Kubeflow hands it over as text."""

    PARAMETERS = {
        "serving_spec": ExecutionParameter(type=str, optional=True),
        "request_spec": ExecutionParameter(type=str, optional=True),
        "validation_spec": ExecutionParameter(type=str, optional=True),
        "limits": ExecutionParameter(type=str),
        "budgets": ExecutionParameter(type=str),
        "server": ExecutionParameter(type=str),
        "python": ExecutionParameter(type=str, optional=True),
        "modules": ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "examples": ChannelParameter(type=standard_artifacts.Examples, optional=True),
        "champion": ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {
        "blessing": ChannelParameter(type=standard_artifacts.InfraBlessing),
        "verdict": ChannelParameter(type=Verdict),
    }


class InfraValidator(base_component.BaseComponent):
    """Serves a model the way production would, in a limited process of its own, and judges what it does.

    Takes the place of TFX's InfraValidator, with its arguments and its output, and needs no Docker: it starts
    ``tensorflow_model_server`` when that is on PATH, and otherwise a server in Python that speaks the same gRPC API;
    TFX's own request builder and client ask either. Checked are: the model loads; every signature answers (those that
    ``request_spec`` names, or else all that it declares); latency and memory are within the budgets, absolute ones and
    ones relative to the champion; outputs are near the champion's; the model writes no file, reaches no network and
    starts no process, which the kernel denies where it can and which is a reason not to bless it.

    A model that fails is judged once, since trying again would not help. What could not be found out (no server
    starts, no examples, a signature for which no request can be made) is *unknown*: never blessed.

    With a ``serving_spec`` that names a platform (``local_docker``, ``kubernetes``), TFX's own executor does the work,
    and the verdict says what came of it.

    Example::

        InfraValidator(
            model=trainer.outputs["model"],
            examples=example_gen.outputs["examples"],
            champion=champion.outputs["model"],
            request_spec=infra_validator_pb2.RequestSpec(make_warmup=True, num_examples=20),
            limits=ServingLimits(memory_mib=2048),
            budgets=ServingBudgets(latency_p99_ms=50, latency_p50_ratio=1.5, output_difference=0.1),
        )

    Args:
        model: Channel of a Model.
        examples: Channel of Examples, of which requests are made. Without it the outcome is *unknown*.
        champion: Channel of the Model to compare with; it may hold none, as before the first champion.
        request_spec: TFX's; ten examples of the first split when it does not say. Has to be given with a platform.
        validation_spec: TFX's. ``num_tries``: how often answers over their budget are timed again, and a server that
            something outside killed is started again.
        serving_spec: TFX's. Without a platform only its ``model_name`` counts.
        limits: What the server may use.
        budgets: What the model must keep.
        server: ``auto``, ``python`` or ``tensorflow_model_server``.
        python: Path of the Python that runs the server, for an environment other than the pipeline's; it needs
            TensorFlow, grpcio and tensorflow-serving-api, nothing else.
        modules: Imported by the server in Python for the operations they register, ``tensorflow_text`` say.

    Outputs:
        blessing: InfraBlessing as TFX writes it: Pusher and AssetRegistrar take it.
        verdict: `ama_tfx.Verdict` with each check's value, bound and reason.

    Raises:
        InvalidInputError: Arguments that can never work, when the pipeline is composed.
    """

    SPEC_CLASS = InfraValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        examples: types.BaseChannel | None = None,
        *,
        champion: types.BaseChannel | None = None,
        request_spec: infra_validator_pb2.RequestSpec | None = None,
        validation_spec: infra_validator_pb2.ValidationSpec | None = None,
        serving_spec: infra_validator_pb2.ServingSpec | None = None,
        limits: ServingLimits | None = None,
        budgets: ServingBudgets | None = None,
        server: str = "auto",
        python: str | None = None,
        modules: Sequence[str] = (),
    ):
        _check_server(server, modules)
        _check_champion(champion, budgets)
        _check_requests(examples, request_spec)
        _check_counts(request_spec, ("num_examples",))
        _check_counts(validation_spec, ("num_tries", "max_loading_time_seconds"))
        given = {"limits": limits, "budgets": budgets, "champion": champion}
        given |= {"server": server.removeprefix(SERVERS[0]), "python": python, "modules": modules}
        _check_platform(serving_spec, request_spec, [name for name, value in given.items() if value])
        spec = InfraValidatorSpec(
            model=model,
            examples=examples,
            champion=champion,
            serving_spec=_text(serving_spec),
            request_spec=_text(request_spec),
            validation_spec=_text(validation_spec),
            limits=(limits or ServingLimits()).to_json(),
            budgets=(budgets or ServingBudgets()).to_json(),
            server=server,
            python=python,
            modules=json.dumps(list(modules)),
            blessing=types.Channel(type=standard_artifacts.InfraBlessing),
            verdict=types.Channel(type=Verdict),
        )
        super().__init__(spec)


def _text(message: Any) -> str | None:
    return None if message is None else proto_utils.proto_to_json(message)


def _check_server(server: str, modules: Sequence[str]) -> None:
    if isinstance(modules, str) or not all(isinstance(name, str) for name in modules):
        raise InvalidInputError(f"modules must be a list of names, got {modules!r}; use ['tensorflow_text'], say")
    if server not in SERVERS:
        raise InvalidInputError(f"unknown server {server!r}; known: {', '.join(SERVERS)}")


def _check_champion(champion: types.BaseChannel | None, budgets: ServingBudgets | None) -> None:
    if champion is None and budgets and budgets.needs_champion:
        raise InvalidInputError(f"{budgets} compares with a champion; give champion=, a channel of a Model")


def _check_requests(examples: types.BaseChannel | None, spec: infra_validator_pb2.RequestSpec | None) -> None:
    if spec is not None and examples is None:
        raise InvalidInputError("request_spec says how requests are made of examples; give examples= too")


def _check_counts(spec: Any, names: Sequence[str]) -> None:
    for name in names if spec is not None else ():
        if (given := getattr(spec, name)) < 0:
            raise InvalidInputError(f"{name} is {given}; expected a number from 1 on, or 0 for the default")


def _check_platform(
    spec: infra_validator_pb2.ServingSpec | None, requests: infra_validator_pb2.RequestSpec | None, given: list[str]
) -> None:
    """Refuse what TFX's executor would take for nothing to do, and so for blessed."""
    platform = spec.WhichOneof("serving_platform") if spec is not None else None
    if platform is None:
        return
    images = spec.tensorflow_serving
    if not images.tags and not images.digests:
        raise InvalidInputError(
            f"serving_spec names the platform {platform!r} and no image: with no tags and no digests nothing would be "
            "validated; give tensorflow_serving tags, ['latest'] say"
        )
    if requests is None:
        raise InvalidInputError(
            f"on {platform!r} TFX's executor makes no requests without request_spec, and what nobody asked is not "
            "blessed; give request_spec=RequestSpec(num_examples=10), say, and examples="
        )
    if given:
        raise InvalidInputError(
            f"{', '.join(given)}: on {platform!r} TFX's executor does the work, without limits and champion; "
            "leave them out, or leave the platform out of serving_spec"
        )
