"""Numbers against bounds, as signals: what holds, what does not, and what cannot be told."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ama_tfx.components.verdicts import Blessing, Signal
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.metric_directions import higher_is_better


@dataclass(frozen=True)
class Found:
    """A number that was measured.

    Attributes:
        value: The number.
        low: Lower end of its confidence interval; None when there is no interval.
        high: Upper end.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        interval = f" (interval {self.low:.6g} to {self.high:.6g})" if self.has_interval else ""
        return f"{self.value:.6g}{interval}"

    @property
    def has_interval(self) -> bool:
        """Whether there is an interval of finite numbers."""
        return all(end is not None and math.isfinite(end) for end in (self.low, self.high))

    def minus(self, other: float) -> "Found":
        """Return how far it is above another number, which counts as exact."""
        low, high = (None if end is None else end - other for end in (self.low, self.high))
        return Found(self.value - other, low, high)


@dataclass(frozen=True)
class Bounds:
    """From where to where a number may lie, both ends included.

    Attributes:
        least: Lower bound.
        most: Upper bound.
        relative: Of a change: bound for the change divided by the baseline's value.
        higher: Of a relative bound: whether it is the lower one.
        baseline: What the relative bound is relative to; None while it is not known.
    """

    least: float | None = None
    most: float | None = None
    relative: float | None = None
    higher: bool = True
    baseline: float | None = None

    @property
    def words(self) -> str:
        """The bounds as verdicts have them: ``>= 0.7 and <= 0.9``."""
        sign = ">=" if self.higher else "<="
        parts = [
            *([f">= {self.least:.6g}"] if self.least is not None else []),
            *([f"<= {self.most:.6g}"] if self.most is not None else []),
            *([f"{sign} {self.relative:+.6g} of the baseline's"] if self.relative is not None else []),
        ]
        return " and ".join(parts)

    @property
    def is_known(self) -> bool:
        """Whether a number can be compared with them: a relative bound needs a baseline other than zero."""
        if self.relative is None:
            return True
        baseline = self.baseline
        return baseline is not None and math.isfinite(baseline) and not math.isclose(baseline, 0.0)

    def holds(self, value: float) -> bool:
        """Return whether a number lies within; NaN does not. They have to be known."""
        least = -math.inf if self.least is None else self.least
        most = math.inf if self.most is None else self.most
        return least <= value <= most and (self.relative is None or self._holds_relatively(value))

    def _holds_relatively(self, value: float) -> bool:
        assert self.relative is not None
        assert self.baseline is not None
        ratio = value / self.baseline  # as TFMA compares; the product would differ by a rounding
        return ratio >= self.relative if self.higher else ratio <= self.relative


def direction(metric: str, own: Mapping[str, bool]) -> bool | None:
    """Return whether more of a metric is better: by its name, or as ``own`` says, for slices of it too; else None."""
    known = higher_is_better(metric)
    return own.get(metric, own.get(metric.partition("[")[0])) if known is None else known


def check_directions(own: Mapping[str, bool]) -> None:
    """Refuse directions of own metrics that are no directions, or not what a metric of that name is known for."""
    if not isinstance(own, Mapping):
        raise InvalidInputError(f"higher_is_better is {own!r}; expected a metric and a bool each, as {{'gain': True}}")
    for metric, higher in own.items():
        if not isinstance(metric, str) or not metric or not isinstance(higher, bool):
            told = f"higher_is_better of {metric!r} is {higher!r}"
            raise InvalidInputError(f"{told}; expected a metric and a bool, as {{'gain': True}}")
        if higher_is_better(metric) is (not higher):
            raise InvalidInputError(f"higher_is_better of {metric!r} is {higher!r}; of that metric it is {not higher}")


def compare(
    source: str, name: str, found: Found | None, bounds: Bounds, *, part: str = "", confident: bool = False
) -> Signal:
    """Return what a number says against its bounds.

    What is not there, infinite or no number is *unknown*. With ``confident`` the whole interval has to lie within; one
    that lies within in part, or is not there, is *unknown* as well.
    """
    where, words = (f" of {part}" if part else ""), bounds.words
    if found is None or not math.isfinite(found.value):
        told = "was not measured" if found is None else f"is {found.value}, which is not a finite number"
        value = None if found is None else found.value
        return Signal(source, Blessing.UNKNOWN, f"{name}{where} {told}; expected {words}", name, value, words, part)
    if not bounds.is_known:
        told = f"{name}{where} is {found}, and the baseline's value that {words!r} speaks of is not known"
        return Signal(source, Blessing.UNKNOWN, told, name, found.value, words, part)
    said = _said(found, bounds, confident)
    told = {
        Blessing.BLESSED: f"{name}{where} is {found}" + (f", within {words}" if words else ""),
        Blessing.NOT_BLESSED: f"{name}{where} is {found}; expected {words}",
        Blessing.UNKNOWN: f"{name}{where} is {found}, which is too uncertain for {words}",
    }[said]
    return Signal(source, said, told, name, found.value, words, part)


def compare_measured(source: str, name: str, found: Found | None, bounds: Bounds) -> Signal:
    """Return what a time or a size says against its bounds, as `compare`; one below 0 is *unknown*."""
    if found is not None and found.value < 0 and math.isfinite(found.value):
        told = f"{name} is {found}, and less than 0 cannot be measured; expected {bounds.words}"
        return Signal(source, Blessing.UNKNOWN, told, name, found.value, bounds.words)
    return compare(source, name, found, bounds)


def worst_told(name: str, signals: Iterable[Signal]) -> Found | None:
    """Return the most that signals of a name tell of a time or a size; None when none of them knows it.

    One that cannot have been measured (below 0, infinite, no number) is worse than any, so that nobody's word makes up
    for another's. What a slice needs is not what the whole needs, and does not count.
    """
    named = [signal for signal in signals if signal.name == name and not signal.slice]
    numbers = [number for signal in named if (number := _number_told(signal)) is not None]
    if not numbers or all(signal.blessing is Blessing.UNKNOWN for signal in named):
        return None
    return Found(next((number for number in numbers if not 0 <= number < math.inf), max(numbers)))


def _number_told(signal: Signal) -> float | None:
    """Return a signal's number, also one that a verdict's file has as text since JSON cannot carry it."""
    value = signal.value
    if isinstance(value, str):
        return float(value) if value in {"inf", "-inf", "nan"} else None
    return None if value is None or isinstance(value, bool) else float(value)


def _said(found: Found, bounds: Bounds, confident: bool) -> Blessing:
    if not bounds.holds(found.value):
        return Blessing.NOT_BLESSED
    if not confident:
        return Blessing.BLESSED
    sure = found.has_interval and bounds.holds(found.low) and bounds.holds(found.high)  # type: ignore[arg-type]
    return Blessing.BLESSED if sure else Blessing.UNKNOWN
