"""The executor: TFX's dictionaries -> `Evidence` -> `decide` -> a ModelBlessing and a Verdict."""

import json
import posixpath
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from absl import logging
from tfx import types
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as evaluator_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from ama_tfx.components.anomalies import anomaly_signals
from ama_tfx.components.asset_importer.linked import require_files
from ama_tfx.components.blessing_validator import evidence as reading
from ama_tfx.components.blessing_validator.champion import RegistryState, look_up, with_linked_metrics
from ama_tfx.components.blessing_validator.comparison import Comparison
from ama_tfx.components.blessing_validator.driver import sought
from ama_tfx.components.blessing_validator.policy import BlessingPolicy
from ama_tfx.components.blessing_validator.work import Evidence, decide
from ama_tfx.components.blessings import tell_outcome
from ama_tfx.components.evaluations import Evaluation
from ama_tfx.components.tree import tree_digests, tree_size
from ama_tfx.components.verdicts import Blessing, Judgement, Signal, write_verdict
from ama_tfx.errors import ConflictError

VERDICT_PREFIX = "verdict_"
"""An input ``verdict_infra`` holds the Verdict that the pipeline calls ``infra``."""

SERVING_FOLDER = "/Format-Serving"

InputDict = dict[str, list[types.Artifact]]


class Executor(evaluator_executor.Executor):
    """Judges the one artifact of the input ``model``.

    It inherits from Evaluator's executor because TFX's container entry point turns ``current_model_id`` into the name
    of a resource only for those; without that, LatestBlessedModelStrategy never finds the model on Vertex.
    """

    def Do(self, input_dict: InputDict, output_dict: InputDict, exec_properties: dict[str, Any]) -> None:  # noqa: N802
        """See `tfx.dsl.components.base.base_executor.BaseExecutor.Do`."""
        policy = BlessingPolicy.from_json(exec_properties["policy"])
        model = artifact_utils.get_single_instance(input_dict["model"])
        require_files(model, *(input_dict.get("baseline_model") or []))
        state = _state(input_dict, exec_properties, policy)
        producers = json.loads(exec_properties["producers"])
        evaluation, signals = _signals(input_dict, producers, policy)
        baseline = _baseline_uri(input_dict, evaluation)
        judgement = decide(
            policy,
            Evidence(
                gate=self._gate(),
                model_uri=model.uri,
                size_bytes=tree_size(model.uri),
                signals=signals,
                metrics=evaluation.all_found() if evaluation and evaluation.is_of(model.uri) else {},
                has_champion_rule=bool(exec_properties.get("champion")),
                is_registered=bool(input_dict.get("asset")),
                baseline_files=tree_digests(baseline) if baseline and state.champion else None,
                has_change_thresholds=any(s.name.endswith("_change") for s in signals.get("evaluation", ())),
                comparison=Comparison.from_json(exec_properties.get("comparison") if evaluation else None),
            ),
            state,
        )
        _bless(artifact_utils.get_single_instance(output_dict["blessing"]), model, input_dict, judgement)
        write_verdict(artifact_utils.get_single_instance(output_dict["verdict"]), judgement)
        logging.info("%s: %s %s", model.uri, judgement.blessing.value, "; ".join(judgement.reasons))

    def _gate(self) -> str:
        """Return the component's id; on Kubeflow an executor does not know it."""
        node = self._context.pipeline_node if self._context else None
        return node.node_info.id if node else "BlessingValidator"


def _state(input_dict: InputDict, exec_properties: dict[str, Any], policy: BlessingPolicy) -> RegistryState:
    what = sought(exec_properties, input_dict)
    if what.champion is None and what.candidate is None:
        return RegistryState()
    state = look_up(what)
    driven = exec_properties.get("registry_state")
    if driven and driven != state.fingerprint():  # else this verdict would be cached as that of the former state
        raise ConflictError("the champion, its metrics or the approvals changed while the model was judged; run again")
    if state.champion is None or not policy.needs_metrics:
        return state
    champion = with_linked_metrics(what.registry, state.champion, policy.higher_is_better)
    return replace(state, champion=champion)


def _signals(
    input_dict: InputDict, producers: dict[str, str], policy: BlessingPolicy
) -> tuple[Evaluation | None, dict[str, tuple[Signal, ...]]]:
    """Read what the pipeline connected, by kind of evidence; a channel that held nothing is unknown, not absent."""
    uri = artifact_utils.get_single_instance(input_dict["model"]).uri
    found: dict[str, tuple[Signal, ...]] = {}
    evaluation = None
    if "evaluation" in producers:
        evaluation, found["evaluation"] = reading.evaluation_of(
            producers["evaluation"], input_dict.get("evaluation"), uri, confident=policy.confident
        )
        found["evaluation"] += reading.baseline_signals(
            producers["evaluation"], evaluation, input_dict.get("baseline_model")
        )
    for key, files in (("evaluator_blessing", reading.MODEL_FILES), ("infra_blessing", reading.INFRA_FILES)):
        if key in producers:
            found[key] = reading.blessing_signals(producers[key], input_dict.get(key), uri, files)
    verdicts = [key for key in sorted(producers) if key.startswith(VERDICT_PREFIX)]
    if verdicts:
        found["verdicts"] = tuple(s for key in verdicts for s in _verdict(input_dict, producers, key, uri))
    if "anomalies" in producers:
        given = input_dict.get("anomalies")
        found["anomalies"] = anomaly_signals(producers["anomalies"], given, blocking=policy.blocking)
    return evaluation, found


def _verdict(input_dict: InputDict, producers: dict[str, str], key: str, uri: str) -> Iterator[Signal]:
    yield from reading.verdict_signals(producers[key], input_dict.get(key), uri)


def _baseline_uri(input_dict: InputDict, evaluation: Evaluation | None) -> str | None:
    """Return where the model lies that Evaluator compared with; None when it compared with none."""
    if evaluation is None or not evaluation.baseline:
        return None
    named = [each.uri for each in input_dict.get("baseline_model") or [] if evaluation.was_compared_with(each.uri)]
    return named[0] if named else evaluation.baseline.removesuffix(SERVING_FOLDER)


def _bless(blessing: types.Artifact, model: types.Artifact, input_dict: InputDict, judgement: Judgement) -> None:
    """Write the blessing as Evaluator writes it; *unknown* is not blessed."""
    blessed = judgement.blessing is Blessing.BLESSED
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    for baseline in input_dict.get("baseline_model") or []:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.id)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))
    tell_outcome(blessing, judgement)
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    fileio.makedirs(blessing.uri)
    with fileio.open(posixpath.join(blessing.uri, name), "w") as stream:
        stream.write("\n".join(judgement.reasons))
