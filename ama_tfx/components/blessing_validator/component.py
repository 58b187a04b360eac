"""The component: its specification, and what it looks like in a pipeline."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from ama_tfx.components.blessing_validator.comparison import asked_for
from ama_tfx.components.blessing_validator.driver import Driver
from ama_tfx.components.blessing_validator.executor import VERDICT_PREFIX, Executor
from ama_tfx.components.blessing_validator.policy import BlessingPolicy
from ama_tfx.components.producers import producer_of
from ama_tfx.components.registry_url import without_secret
from ama_tfx.components.types import Asset, Verdict
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry import AssetRef


class BlessingValidatorSpec(ComponentSpec):
    """Inputs, outputs and parameters; `BlessingValidator` adds an input for each verdict."""

    PARAMETERS = {
        # JSON, because Kubeflow hands dictionaries over as strings.
        "policy": ExecutionParameter(type=str),
        "producers": ExecutionParameter(type=str),
        "comparison": ExecutionParameter(type=str, optional=True),
        "champion": ExecutionParameter(type=str, optional=True),
        "registry": ExecutionParameter(type=str, optional=True),
        # Written by the driver: the champion by digest, and a fingerprint of what else of the registry counts.
        "resolved": ExecutionParameter(type=str, optional=True),
        "registry_state": ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
        "evaluator_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing, optional=True),
        "infra_blessing": ChannelParameter(type=standard_artifacts.InfraBlessing, optional=True),
        "anomalies": ChannelParameter(type=standard_artifacts.ExampleAnomalies, optional=True),
        "baseline_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "asset": ChannelParameter(type=Asset, optional=True),
    }
    OUTPUTS = {
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "verdict": ChannelParameter(type=Verdict),
    }


class BlessingValidator(base_component.BaseComponent):
    """Gives one verdict on a model from everything that is known of it.

    What is connected is required: each threshold of the evaluation, per slice, becomes a signal with its value, bound
    and source, as do TFMA's own validation, the blessings of Evaluator and InfraValidator, every signal of other
    verdicts, the data's anomalies, and what the policy asks for. The model is blessed when each of them says yes;
    *unknown* is not *yes*.

    The champion is found in the registry by alias, so a model that was vetoed later, or moved away from, is no
    standard to measure by. Locally a driver resolves the alias before TFX's cache is asked: neither a moved alias nor
    a changed metric or approval is served stale. Kubeflow and Vertex drop custom drivers; there the executor resolves,
    and `ama_tfx.orchestration` compiles the task without cache when the registry is asked.

    Example::

        gate = BlessingValidator(
            model=trainer.outputs["model"],
            evaluation=evaluator.outputs["evaluation"],
            evaluator_blessing=evaluator.outputs["blessing"],
            verdicts={"infra": infra_validator.outputs["verdict"]},
            anomalies=example_validator.outputs["anomalies"],
            champion="ama://default/taxi/model:champion",
            policy=BlessingPolicy(min_change={"auc": -0.005}, max_size_ratio=1.5),
        )
        pusher = Pusher(model=trainer.outputs["model"], model_blessing=gate.outputs["blessing"], …)

    Args:
        model: The candidate.
        evaluation: Evaluator's ``outputs["evaluation"]``.
        evaluator_blessing: Evaluator's ``outputs["blessing"]``.
        infra_blessing: InfraValidator's.
        verdicts: Name -> a `Verdict` on the model, as our InfraValidator or ContainerCheck give.
        anomalies: ExampleValidator's.
        baseline_model: What Evaluator compared with; noted in the blessing, as Evaluator does. When it is connected,
            there is a champion, and Evaluator found no baseline, the verdict is *unknown*.
        asset: The candidate as AssetRegistrar registered it: approvals are read from there.
        champion: A reference to the version to compare with, by alias as a rule.
        policy: Which evidence counts, and what it must show.
        registry: As for `AssetRegistrar`.

    Outputs:
        blessing: ``ModelBlessing`` for Pusher and LatestBlessedModelStrategy; *unknown* is written as not blessed.
        verdict: `ama_tfx.Verdict` with all signals.

    Raises:
        InvalidInputError: A parameter that can never work, or nothing to judge by, when the pipeline is composed.
    """

    SPEC_CLASS = BlessingValidatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        model: types.BaseChannel,
        evaluation: types.BaseChannel | None = None,
        *,
        evaluator_blessing: types.BaseChannel | None = None,
        infra_blessing: types.BaseChannel | None = None,
        verdicts: Mapping[str, types.BaseChannel] | None = None,
        anomalies: types.BaseChannel | None = None,
        baseline_model: types.BaseChannel | None = None,
        asset: types.BaseChannel | None = None,
        champion: str | None = None,
        policy: BlessingPolicy | None = None,
        registry: str | Path | None = None,
    ):
        chosen = policy or BlessingPolicy()
        evidence = {
            "evaluation": evaluation,
            "evaluator_blessing": evaluator_blessing,
            "infra_blessing": infra_blessing,
            "anomalies": anomalies,
            **{f"{VERDICT_PREFIX}{name}": channel for name, channel in (verdicts or {}).items()},
        }
        given = {key: channel for key, channel in evidence.items() if channel is not None}
        _check(chosen, given, verdicts or {}, champion, asset)
        self.cache_needs_driver = champion is not None or asset is not None
        """Whether a cached result may be stale where TFX does not run the driver."""
        spec = _spec_class(verdicts or {})(
            model=model,
            baseline_model=baseline_model,
            asset=asset,
            **{key: evidence.get(key) for key in BlessingValidatorSpec.INPUTS if key in evidence},
            **{key: channel for key, channel in given.items() if key.startswith(VERDICT_PREFIX)},
            policy=chosen.to_json(),
            producers=json.dumps({key: producer_of(channel) or key for key, channel in given.items()}, sort_keys=True),
            comparison=asked_for(evaluation, baseline_model).to_json(),
            champion=champion,
            registry=without_secret(registry),
            blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            verdict=types.Channel(type=Verdict),
        )
        super().__init__(spec)


def _spec_class(verdicts: Mapping[str, Any]) -> type[BlessingValidatorSpec]:
    """Return the specification for these verdicts: a spec is fixed per class, how many gates there are is not."""
    inputs = {
        **BlessingValidatorSpec.INPUTS,
        **{f"{VERDICT_PREFIX}{n}": ChannelParameter(type=Verdict) for n in verdicts},
    }
    return type("BlessingValidatorSpec", (BlessingValidatorSpec,), {"INPUTS": inputs})


def _check_verdicts(verdicts: Mapping[str, Any]) -> None:
    for name, channel in verdicts.items():
        if not name.isidentifier() or not isinstance(channel, types.BaseChannel) or channel.type is not Verdict:
            raise InvalidInputError(
                f"verdict {name!r} is {channel!r:.80}; expected a name like 'infra' and a channel of ama_tfx.Verdict"
            )


def _check(
    policy: BlessingPolicy,
    evidence: Mapping[str, Any],
    verdicts: Mapping[str, Any],
    champion: str | None,
    asset: types.BaseChannel | None,
) -> None:
    _check_verdicts(verdicts)
    if not evidence and not policy.needs_champion and not policy.approvals and policy.max_size_bytes is None:
        raise InvalidInputError(
            "there is nothing to judge the model by; connect evaluation=…, infra_blessing=…, verdicts=… or "
            "anomalies=…, or set a rule of the policy"
        )
    if champion is not None and AssetRef.parse(champion).path is not None:
        raise InvalidInputError(
            f"champion {champion!r} names a file; expected a version, as ama://default/model:champion"
        )
    if policy.needs_champion and champion is None:
        raise InvalidInputError(
            "the policy compares with a champion and none is named; pass champion='ama://default/model:champion'"
        )
    if policy.approvals and asset is None:
        raise InvalidInputError(
            "the policy asks for approvals, which are tags of the registered candidate; pass "
            "asset=registrar.outputs['asset']"
        )
