"""What TFX's blessing artifacts say."""

from collections.abc import Sequence
from typing import Any, Protocol

from ama_tfx.components.verdicts import Blessing, Judgement, Signal

__all__ = [
    "BLESSED",
    "MODEL_URI",
    "OUTCOME",
    "REASONS",
    "Blessing",
    "BlessingArtifact",
    "Signal",
    "read_blessing",
    "tell_outcome",
]


class BlessingArtifact(Protocol):
    """What is read of a TFX ``ModelBlessing`` or ``InfraBlessing``."""

    uri: str

    def has_custom_property(self, key: str) -> bool:
        """Return whether the property was set."""

    def get_int_custom_property(self, key: str) -> int:
        """Return its value."""

    def get_string_custom_property(self, key: str) -> str:
        """Return its value."""


BLESSED = "blessed"
OUTCOME, REASONS = "outcome", "reasons"
"""What gates of this suite write beside it: to TFX, *unknown* is no blessing like any other, and has no reason."""

_MOST_CHARACTERS = 1000
"""Of the reasons: ML Metadata on PostgreSQL holds no text of more than some 2.7 kB."""


def tell_outcome(blessing: Any, judgement: Judgement) -> None:
    """Write a judgement's outcome and reasons into a blessing's custom properties, where `read_blessing` finds them."""
    reasons = "; ".join(judgement.reasons)
    told = reasons if len(reasons) <= _MOST_CHARACTERS else reasons[: _MOST_CHARACTERS - 1] + "…"
    blessing.set_string_custom_property(OUTCOME, judgement.blessing.value)
    blessing.set_string_custom_property(REASONS, told)


MODEL_URI = "current_model"


def read_blessing(source: str, artifacts: Sequence[BlessingArtifact] | None, model_uri: str) -> Signal:
    """Return what a gate's blessing says of a model, reading what Pusher reads: the ``blessed`` property.

    Args:
        source: The gate's name, for the reason.
        artifacts: What its output channel holds; none when the gate did not run.
        model_uri: Of the model in question. Evaluator writes into a blessing which model it is of; the blessing of
            another model, an earlier run's perhaps, says nothing of this one.
    """
    if not artifacts:
        return Signal(source, Blessing.UNKNOWN, f"{source} gave no blessing: it did not run")
    if len(artifacts) > 1:
        return Signal(
            source, Blessing.UNKNOWN, f"{source} gave {len(artifacts)} blessings, and which counts is not known"
        )
    (artifact,) = artifacts
    if artifact.has_custom_property(MODEL_URI) and artifact.get_string_custom_property(MODEL_URI) != model_uri:
        other = artifact.get_string_custom_property(MODEL_URI)
        return Signal(source, Blessing.UNKNOWN, f"{source}'s blessing is of another model ({other})")
    if not artifact.has_custom_property(BLESSED):
        return Signal(source, Blessing.UNKNOWN, f"{source} decided nothing: it has no thresholds to check against")
    if artifact.get_int_custom_property(BLESSED) == 1:
        return Signal(source, Blessing.BLESSED, f"{source} blessed it")
    told = artifact.has_custom_property(REASONS) and artifact.get_string_custom_property(REASONS)
    why = f": {told}" if told else f" (see {artifact.uri})"
    if artifact.has_custom_property(OUTCOME) and artifact.get_string_custom_property(OUTCOME) == Blessing.UNKNOWN.value:
        return Signal(source, Blessing.UNKNOWN, f"{source} could not decide{why}")
    return Signal(source, Blessing.NOT_BLESSED, f"{source} did not bless it{why}")
