"""What was asked of a served model, and what was seen."""

import cmath
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ama_tfx.components.infra_validator.serving import Served

Answer = Mapping[str, Any]
"""Outputs by name: numbers, texts or bytes in nested lists."""

LOADS = "loads"


@dataclass(frozen=True)
class Call:
    """What to ask one signature.

    Attributes:
        signature: Its name.
        requests: TF Serving's requests.
        problem: Why there are none; of one that is missing, why it should be there.
        missing: Whether the model does not declare it.
    """

    signature: str
    requests: tuple[Any, ...] = ()
    problem: str = ""
    missing: bool = False


class Client(Protocol):
    """What is needed of a client of a model server."""

    def send(self, request: Any) -> None:
        """Wait for the answer and drop it; ConnectionError when there is none."""

    def ask(self, request: Any) -> Answer:
        """Return the outputs; ConnectionError when there is no answer."""

    def status(self) -> tuple[str, str]:
        """Return ``READY``, ``NOT_READY`` or ``UNAVAILABLE``, and why."""

    def close(self) -> None:
        """Give the connection back."""


@dataclass
class Observation:
    """What was seen of one model.

    Attributes:
        undecided: Why nothing was found out; empty when something was.
        failures: Why it did not do something: ``loads``, or the name of a signature.
        answers: Of each signature that answered everything, in the order of its requests.
        load_seconds: From the start of loading until it answered that it is ready.
        first_ms: The slowest first answer of a signature.
        rounds: Times of answers in milliseconds; the best round counts.
        served: What the supervisor told at the end.
        changed_files: What it changed, found by comparing; only where it could not be watched.
    """

    undecided: str = ""
    failures: dict[str, str] = field(default_factory=dict)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    load_seconds: float = 0.0
    first_ms: float = 0.0
    rounds: list[list[float]] = field(default_factory=list)
    served: Served | None = None
    changed_files: Sequence[str] = ()

    @property
    def is_complete(self) -> bool:
        """Whether everything asked was answered."""
        return not self.undecided and not self.failures

    def latency_ms(self, percent: float) -> float:
        """Return the percentile, of the round in which it is lowest."""
        return min((percentile(times, percent) for times in self.rounds if times), default=math.nan)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below or at which so many of a hundred lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


@dataclass(frozen=True)
class Difference:
    """How one model's answers differ from another's.

    Attributes:
        largest: Between two numbers; infinite when only one of them is finite.
        changed: How many requests got another answer.
        requests: How many were compared.
        where: The signature with the largest difference, or what is not there to compare.
    """

    largest: float = 0.0
    changed: int = 0
    requests: int = 0
    where: str = ""


def difference(ours: Observation, theirs: Observation, tolerance: float) -> Difference:
    """Compare the answers to the same requests, of the signatures that both have."""
    largest, changed, requests, where = 0.0, 0, 0, ""
    for signature in sorted(ours.answers.keys() & theirs.answers.keys()):
        for mine, other in zip(ours.answers[signature], theirs.answers[signature], strict=True):
            found = _distance(mine, other)
            requests += 1
            changed += found > tolerance
            if found > largest:
                largest, where = found, signature
    return Difference(largest, changed, requests, where)


def _distance(mine: Any, other: Any) -> float:
    """Return the largest difference of two values; infinite when they are not alike."""
    if isinstance(other, Mapping):
        if not isinstance(mine, Mapping) or other.keys() - mine.keys():
            return math.inf
        return max((_distance(mine[key], value) for key, value in other.items()), default=0.0)
    if isinstance(other, list):
        if not isinstance(mine, list) or len(mine) != len(other):
            return math.inf
        return max((_distance(*pair) for pair in zip(mine, other, strict=True)), default=0.0)
    if mine == other or (mine != mine and other != other):
        return 0.0
    if not isinstance(mine, int | float) or not isinstance(other, int | float):
        return math.inf
    found = abs(mine - other)
    return found if found == found else math.inf


def is_finite(value: Any) -> bool:
    """Return whether no number in an answer is NaN or infinite."""
    if isinstance(value, Mapping):
        return all(map(is_finite, value.values()))
    if isinstance(value, list):
        return all(map(is_finite, value))
    return not isinstance(value, float | complex) or cmath.isfinite(value)
