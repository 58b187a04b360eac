"""Choosing the best of several candidates, without TFX: who qualifies, who wins, and why."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from ama_tfx.components.bounds import Bounds, Found, check_directions, compare, compare_measured, direction, worst_told
from ama_tfx.components.verdicts import Blessing, Judgement, Signal, judge
from ama_tfx.errors import GateError, InvalidInputError

LATENCY, SIZE = "latency_p99_ms", "size_bytes"


@dataclass(frozen=True)
class Wanted:
    """What is looked for; see `ama_tfx.components.ModelSelector`."""

    metric: str
    minimum: Mapping[str, float] = field(default_factory=dict)
    max_size_bytes: float | None = None
    max_latency_ms: float | None = None
    tolerance: float = 0.0
    needs_verdict: bool = False
    higher_is_better: Mapping[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_directions(self.higher_is_better)
        for name in (self.metric, *self.minimum):
            if not isinstance(name, str) or self.direction(name) is None:
                raise InvalidInputError(
                    f"which way metric {name!r} is better is not known; expected one such as auc, accuracy or loss, "
                    "or higher_is_better={metric: True} beside it"
                )
        numbers = [*self.minimum.values(), self.max_size_bytes, self.max_latency_ms, self.tolerance]
        for number in numbers:
            if number is not None and (not isinstance(number, int | float) or not math.isfinite(number)):
                raise InvalidInputError(f"{number!r} is not a number to compare with; expected a finite one")
        if self.tolerance < 0:
            raise InvalidInputError(f"tolerance is {self.tolerance!r}; expected a number from 0")

    def direction(self, metric: str) -> bool | None:
        """Return whether more of a metric is better; None when nobody says."""
        return direction(metric, self.higher_is_better)

    def to_json(self) -> str:
        """Return it as the parameter that TFX records."""
        mappings = {"minimum": dict(self.minimum), "higher_is_better": dict(self.higher_is_better)}
        return json.dumps({**asdict(self), **mappings}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Wanted":
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Candidate:
    """What is known of a model.

    Attributes:
        uri: Of the model.
        size_bytes: Of all its files.
        metrics: By name, slices as ``auc[hour=3]``.
        verdicts: On this model.
    """

    uri: str
    size_bytes: float
    metrics: Mapping[str, Found]
    verdicts: tuple[Judgement, ...] = ()

    @property
    def latency_ms(self) -> float | None:
        """The longest latency that a verdict tells; None when none does."""
        found = worst_told(LATENCY, (signal for verdict in self.verdicts for signal in verdict.signals))
        return None if found is None else found.value


@dataclass(frozen=True)
class Choice:
    """The candidate that was selected, and the verdict on it."""

    selected: Candidate
    judgement: Judgement


def choose(gate: str, subject: str, candidates: Sequence[Candidate], wanted: Wanted) -> Choice:
    """Return the best candidate.

    Args:
        gate: Who selects.
        subject: URI of the model that is going to have the selected one's files.
        candidates: In the order that decides where nothing else does.
        wanted: What is looked for.

    Raises:
        GateError: None qualifies; the message has the reasons of each.
    """
    signals = {number: tuple(_signals(each, wanted)) for number, each in enumerate(candidates, start=1)}
    qualified = [n for n, found in signals.items() if all(s.blessing is Blessing.BLESSED for s in found)]
    if not qualified:
        told = [f"{n} ({candidates[n - 1].uri}): {'; '.join(_against(found))}" for n, found in signals.items()]
        raise GateError(f"none of {len(candidates)} candidates qualifies; {' | '.join(told) or 'there are none'}")
    best = _best({number: candidates[number - 1] for number in qualified}, wanted)
    of_all = [
        replace(signal, source=gate, name=f"candidate_{number}.{signal.name}", required=number == best)
        for number, found in signals.items()
        for signal in found
    ]
    selected = candidates[best - 1]
    won = Signal(gate, Blessing.BLESSED, _why(selected, wanted, len(qualified)), "selected", selected.uri, "best")
    return Choice(selected, judge(gate, subject, [won, *of_all]))


def _signals(candidate: Candidate, wanted: Wanted) -> Iterator[Signal]:
    """Yield what decides whether a candidate qualifies; the metric itself only has to be a number."""
    found = candidate.metrics.get(wanted.metric)
    source = candidate.uri
    if found is None or not math.isfinite(found.value):
        told = f"{wanted.metric} was not measured"
        yield Signal(source, Blessing.UNKNOWN, told, wanted.metric, None, "measured")
    else:
        yield Signal(source, Blessing.BLESSED, f"{wanted.metric} is {found}", wanted.metric, found.value, "measured")
    for metric, bound in sorted(wanted.minimum.items()):
        bounds = Bounds(least=bound) if wanted.direction(metric) else Bounds(most=bound)
        yield compare(source, f"{metric}_minimum", candidate.metrics.get(metric), bounds)
    yield compare(source, SIZE, Found(candidate.size_bytes), Bounds(most=wanted.max_size_bytes))
    if wanted.max_latency_ms is not None or candidate.latency_ms is not None:
        latency = None if candidate.latency_ms is None else Found(candidate.latency_ms)
        yield compare_measured(source, LATENCY, latency, Bounds(most=wanted.max_latency_ms))
    if wanted.needs_verdict and not candidate.verdicts:
        yield Signal(source, Blessing.UNKNOWN, "no verdict is on this model", "verdict", None, "= blessed")
    for verdict in candidate.verdicts:
        reason = "; ".join(verdict.reasons) or f"{verdict.gate} blessed it"
        yield Signal(source, verdict.blessing, reason, f"verdict:{verdict.gate}", verdict.blessing.value, "= blessed")


def _against(found: Sequence[Signal]) -> list[str]:
    return [signal.reason for signal in found if signal.blessing is not Blessing.BLESSED]


def _best(qualified: Mapping[int, Candidate], wanted: Wanted) -> int:
    sign = 1 if wanted.direction(wanted.metric) else -1
    gains = {number: sign * each.metrics[wanted.metric].value for number, each in qualified.items()}
    most = max(gains.values())
    near = [number for number, gain in gains.items() if gain >= most - wanted.tolerance]
    return min(near, key=lambda number: _order(number, qualified[number], -gains[number], bool(wanted.tolerance)))


def _order(number: int, candidate: Candidate, loss: float, is_tolerant: bool) -> tuple[float, ...]:
    """Return what decides among equals: the metric itself only where nothing is tolerated."""
    latency = math.inf if candidate.latency_ms is None else candidate.latency_ms
    return (0.0 if is_tolerant else loss, latency, candidate.size_bytes, number)


def _why(selected: Candidate, wanted: Wanted, qualified: int) -> str:
    near = f", or within {wanted.tolerance:g} of it and quicker or smaller" if wanted.tolerance else ""
    return f"{wanted.metric} is {selected.metrics[wanted.metric]}: the best of {qualified} that qualify{near}"
