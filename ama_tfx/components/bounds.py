"""Numbers against bounds, as signals: what holds, what does not, and what cannot be told."""

import math
from dataclasses import dataclass

from ama_tfx.components.verdicts import Blessing, Signal


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


def compare(
    source: str, name: str, found: Found | None, bounds: Bounds, *, part: str = "", confident: bool = False
) -> Signal:
    """Return what a number says against its bounds.

    What is not there or is no number is *unknown*. With ``confident`` the whole interval has to lie within; one that
    lies within in part, or is not there, is *unknown* as well.
    """
    where, words = (f" of {part}" if part else ""), bounds.words
    if found is None or math.isnan(found.value):
        told = "was not measured" if found is None else "is not a number"
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


def _said(found: Found, bounds: Bounds, confident: bool) -> Blessing:
    if not bounds.holds(found.value):
        return Blessing.NOT_BLESSED
    if not confident:
        return Blessing.BLESSED
    sure = found.has_interval and bounds.holds(found.low) and bounds.holds(found.high)  # type: ignore[arg-type]
    return Blessing.BLESSED if sure else Blessing.UNKNOWN
