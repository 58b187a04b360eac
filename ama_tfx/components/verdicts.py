"""Verdicts: what every gate of the suite says of something, with its reasons, in one form.

A verdict is decided from signals, each of which names what was looked at, what it was compared with and where that came
from. It is written as ``verdict.json`` for programs and ``verdict.md`` for people into an `ama_tfx.Verdict` artifact.
"""

import enum
import math
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tfx.dsl.io import fileio

from ama_tfx.components.types import VERDICT_JSON, VERDICT_TEXT, Verdict
from ama_tfx.errors import IntegrityError, InvalidInputError
from ama_tfx.storage import canonical_json, parse_json

SCHEMA_VERSION = 1
"""Of ``verdict.json``."""


class Blessing(enum.Enum):
    """The outcome of a gate; *unknown* is not *yes*."""

    BLESSED = "blessed"
    NOT_BLESSED = "not_blessed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Signal:
    """What one check says, and how it came to say so.

    Attributes:
        source: What was asked: a component's id, or ``policy``.
        blessing: Its outcome.
        reason: One sentence for people, with the value and the bound.
        name: What was checked, ``auc``, ``latency_p99_ms``; the source's name when there is but one thing.
        value: What was found: a number, a text or None.
        bound: What it was compared with, in words that can be compared: ``>= 0.8``.
        slice: Of which part of the data, ``payment_type=Cash``; empty for all of it.
        required: Whether the verdict needs it; one that is not required is told and does not decide.
    """

    source: str
    blessing: Blessing
    reason: str
    name: str = ""
    value: float | str | None = None
    bound: str = ""
    slice: str = ""
    required: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return the signal as ``verdict.json`` has it; a number that JSON cannot carry is text."""
        value = self.value
        if isinstance(value, float) and not math.isfinite(value):
            value = str(value)
        return {
            "source": self.source,
            "name": self.name or self.source,
            "slice": self.slice,
            "outcome": self.blessing.value,
            "value": value,
            "bound": self.bound,
            "reason": self.reason,
            "required": self.required,
        }


@dataclass(frozen=True)
class Judgement:
    """A verdict as a value.

    Attributes:
        gate: The id of the component that judged.
        subject: URI of what was judged.
        blessing: The outcome: *blessed* when every required signal is and there is at least one; *not blessed* when one
            says no; otherwise *unknown*.
        signals: All of them, in the order in which they were read.
    """

    gate: str
    subject: str
    blessing: Blessing
    signals: tuple[Signal, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not blessed: the reasons of the required signals that do not bless; empty when it is blessed."""
        against = tuple(s.reason for s in self.signals if s.required and s.blessing is not Blessing.BLESSED)
        return against or (
            () if self.blessing is Blessing.BLESSED else ("nothing was required, so nothing was decided",)
        )

    def to_json(self) -> dict[str, Any]:
        """Return the document that ``verdict.json`` is."""
        return {
            "schema_version": SCHEMA_VERSION,
            "gate": self.gate,
            "subject": self.subject,
            "outcome": self.blessing.value,
            "reasons": list(self.reasons),
            "signals": [signal.to_json() for signal in self.signals],
        }


def judge(gate: str, subject: str, signals: Iterable[Signal]) -> Judgement:
    """Decide: AND of all signals that are required; *unknown* is not *yes*, and nothing asked is unknown."""
    found = tuple(signals)
    said = [signal.blessing for signal in found if signal.required]
    if Blessing.NOT_BLESSED in said:
        outcome = Blessing.NOT_BLESSED
    elif not said or Blessing.UNKNOWN in said:
        outcome = Blessing.UNKNOWN
    else:
        outcome = Blessing.BLESSED
    return Judgement(gate, subject, outcome, found)


def write_verdict(artifact: Verdict, judgement: Judgement) -> None:
    """Write a judgement into its artifact: both files, then the properties."""
    fileio.makedirs(artifact.uri)
    content = {VERDICT_JSON: canonical_json(judgement.to_json()), VERDICT_TEXT: to_markdown(judgement).encode()}
    for name, data in content.items():
        with fileio.open(posixpath.join(artifact.uri, name), "wb") as stream:
            stream.write(data)
    artifact.outcome = judgement.blessing.value
    artifact.subject = judgement.subject
    artifact.gate = judgement.gate
    artifact.reasons = "; ".join(judgement.reasons)


def read_verdict(uri: str) -> Judgement:
    """Read the judgement of a Verdict artifact; the outcome is decided anew from its signals.

    Raises:
        IntegrityError: There is no verdict, or its outcome is not the one that its signals give.
    """
    path = posixpath.join(uri, VERDICT_JSON)
    if not fileio.exists(path):  # TFX's file system opens what is not there, and fails at the first read
        raise IntegrityError(f"no verdict can be read from {path!r}: there is no such file")
    try:
        with fileio.open(path, "rb") as stream:
            document = parse_json(stream.read(), path)
        signals = [_signal(entry) for entry in document["signals"]]
        found = judge(document["gate"], document["subject"], signals)
        told = Blessing(document["outcome"])
    except (fileio.NotFoundError, InvalidInputError, KeyError, TypeError, ValueError) as error:
        raise IntegrityError(f"no verdict can be read from {path!r}: {error}") from error
    if told is not found.blessing:
        raise IntegrityError(f"{path!r} says {told.value!r}, its signals say {found.blessing.value!r}; it was edited")
    return found


def _signal(entry: dict[str, Any]) -> Signal:
    return Signal(
        source=entry["source"],
        blessing=Blessing(entry["outcome"]),
        reason=entry["reason"],
        name=entry["name"],
        value=entry["value"],
        bound=entry["bound"],
        slice=entry["slice"],
        required=entry["required"],
    )


_MARKS = {Blessing.BLESSED: "yes", Blessing.NOT_BLESSED: "**no**", Blessing.UNKNOWN: "*unknown*"}


def to_markdown(judgement: Judgement) -> str:
    """Return the verdict for people: the outcome, the reasons, and a table of all signals."""
    lines = [f"# {judgement.gate}: {judgement.blessing.value.replace('_', ' ')}", "", f"Of `{judgement.subject}`.", ""]
    lines += [*(f"* {_cell(reason)}" for reason in judgement.reasons), *([""] if judgement.reasons else [])]
    lines += ["| check | slice | value | bound | blessed | source |", "| --- | --- | --- | --- | --- | --- |"]
    lines += [_row(signal) for signal in judgement.signals]
    return "\n".join(lines) + "\n"


def _row(signal: Signal) -> str:
    value = f"{signal.value:.6g}" if isinstance(signal.value, float) else signal.value
    said = _MARKS[signal.blessing] + ("" if signal.required else " (not required)")
    cells: Sequence[Any] = (signal.name or signal.source, signal.slice, value, signal.bound, said, signal.source)
    return "| " + " | ".join(_cell("" if cell is None else str(cell)) for cell in cells) + " |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
