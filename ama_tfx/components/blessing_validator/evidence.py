"""Reading evidence: artifacts of gates -> signals."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace

from tfx import types
from tfx.dsl.io import fileio

from ama_tfx.components.blessings import read_blessing
from ama_tfx.components.evaluations import Evaluation, evaluation_signals, read_evaluation
from ama_tfx.components.types import VERDICT_JSON, Verdict
from ama_tfx.components.verdicts import Blessing, Judgement, Signal, read_verdict
from ama_tfx.errors import IntegrityError

MODEL_FILES, INFRA_FILES = ("BLESSED", "NOT_BLESSED"), ("INFRA_BLESSED", "INFRA_NOT_BLESSED")
"""The file that TFX writes beside the property ``blessed``: when it is 1, and when not."""


def blessing_signals(
    source: str, artifacts: Sequence[types.Artifact] | None, model_uri: str, files: tuple[str, str]
) -> tuple[Signal, ...]:
    """Return what a blessing says: its property decides, as for Pusher, and its file must not say otherwise."""
    signal = read_blessing(source, artifacts, model_uri)
    if signal.blessing is Blessing.UNKNOWN or not artifacts:
        return (signal,)
    yes, no = files
    wrong = no if signal.blessing is Blessing.BLESSED else yes
    if not fileio.exists(posixpath.join(artifacts[0].uri, wrong)):
        return (signal,)
    told = f"{source}'s blessing contradicts itself: its property says {signal.blessing.value}, its file is {wrong}"
    said = Blessing.UNKNOWN if signal.blessing is Blessing.BLESSED else Blessing.NOT_BLESSED
    return (Signal(source, said, told, value=wrong, bound=yes),)


def evaluation_of(
    source: str, artifacts: Sequence[types.Artifact] | None, model_uri: str, *, confident: bool
) -> tuple[Evaluation | None, tuple[Signal, ...]]:
    """Return an evaluation, None when it cannot be read, and what it says of the model."""
    if not artifacts or len(artifacts) > 1:
        told = f"{source} gave {len(artifacts)} evaluations" if artifacts else f"{source} gave no evaluation"
        return None, (Signal(source, Blessing.UNKNOWN, told, "evaluation"),)
    try:
        found = read_evaluation(artifacts[0].uri)
    except IntegrityError as error:
        return None, (Signal(source, Blessing.UNKNOWN, str(error), "evaluation", None, "can be read"),)
    return found, evaluation_signals(source, found, model_uri, confident=confident)


def baseline_signals(
    source: str, evaluation: Evaluation | None, baselines: Sequence[types.Artifact] | None
) -> tuple[Signal, ...]:
    """Return whether an evaluation was made against the baseline that the pipeline names, if it names one."""
    if evaluation is None or not baselines:
        return ()
    uri, found = baselines[0].uri, evaluation.baseline
    if evaluation.was_compared_with(uri):
        told = "the evaluation compares with the baseline that the pipeline names"
        return (Signal(source, Blessing.BLESSED, told, "baseline_model", found, f"= {uri}"),)
    told = f"the evaluation compares with {found or 'no baseline'}, and the pipeline names {uri}"
    return (Signal(source, Blessing.UNKNOWN, told, "baseline_model", found, f"= {uri}"),)


def verdict_signals(source: str, artifacts: Sequence[Verdict] | None, model_uri: str) -> tuple[Signal, ...]:
    """Return what another gate of the suite says of the model: all its signals, or why they do not count."""
    if not artifacts or len(artifacts) > 1:
        told = f"{source} gave {len(artifacts)} verdicts" if artifacts else f"{source} gave no verdict: it did not run"
        return (Signal(source, Blessing.UNKNOWN, told, "verdict"),)
    (artifact,) = artifacts
    try:
        found = read_verdict(artifact.uri)
    except IntegrityError as error:
        return (Signal(source, Blessing.UNKNOWN, str(error), "verdict", None, "can be read"),)
    if found.subject != model_uri:
        told = f"{source}'s verdict is of another model ({found.subject})"
        return (Signal(source, Blessing.UNKNOWN, told, "verdict", found.subject, f"= {model_uri}"),)
    if artifact.outcome and artifact.outcome != found.blessing.value:  # a container's artifact has no properties
        told = (
            f"{source}'s {VERDICT_JSON} says {found.blessing.value}, its artifact {artifact.outcome!r}: it was edited"
        )
        return (Signal(source, Blessing.UNKNOWN, told, "verdict", found.blessing.value, f"= {artifact.outcome}"),)
    signals = _told_by(found)
    if not any(signal.required for signal in signals):
        return (*signals, Signal(source, Blessing.UNKNOWN, f"{source} required nothing", "verdict"))
    return signals


def _told_by(found: Judgement) -> tuple[Signal, ...]:
    """Return a verdict's signals; who says so is put before a reason that does not name the gate."""
    names = re.compile(rf"(?<!\w){re.escape(found.gate)}(?!\w)")
    return tuple(s if names.search(s.reason) else replace(s, reason=f"{found.gate}: {s.reason}") for s in found.signals)
