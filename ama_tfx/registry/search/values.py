"""The values that a query compares with: numbers, sizes, times and versions, read from what people write."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass

from ama_tfx.catalog.patterns import Pattern
from ama_tfx.errors import InvalidInputError

_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,18}")
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z]*)")
_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgtp", 1):
    _UNITS |= {_letter: 1000**_power, f"{_letter}b": 1000**_power, f"{_letter}ib": 1024**_power}
_AGO = re.compile(r"([0-9]{1,6})(min|h|d|w)")
_AGO_UNITS = {
    "min": datetime.timedelta(minutes=1),
    "h": datetime.timedelta(hours=1),
    "d": datetime.timedelta(days=1),
    "w": datetime.timedelta(weeks=1),
}
_FARTHEST = datetime.timedelta(days=36525)
_DATE = re.compile(
    r"(?P<year>19[0-9]{2}|2[0-9]{3})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6}))?)?"
    r"(?P<zone>Z|[-+][0-9]{2}:[0-9]{2})?)?)?)?"
)
_SEMANTIC = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.(?:0|[1-9][0-9]{0,8})){0,2}")
_DAY = datetime.timedelta(days=1)

Period = tuple[datetime.datetime, datetime.datetime]


@dataclass(frozen=True, slots=True)
class When:
    """A period of time, as written: ``2026``, ``2026-01``, ``2026-01-31``, ``2026-01-31T12:30Z``, ``7d``, ``today``.

    ``7d`` ago is a moment, without length; everything else lasts as long as its last part: a day, a minute. Days begin
    at midnight in UTC, and a time without a zone is in UTC.

    Raises:
        InvalidInputError: No such period.
    """

    text: str

    def __post_init__(self) -> None:
        if self.text not in {"today", "yesterday"} and not self.ago and not _DATE.fullmatch(self.text):
            raise InvalidInputError(
                f"not a time: {self.text!r}; expected 2026-01-31, 2026-01, 2026-01-31T12:30Z, today, yesterday, "
                "or how long ago: 90min, 12h, 7d, 4w"
            )
        if not self.ago and self.text not in {"today", "yesterday"}:
            self._written()

    def __str__(self) -> str:
        return self.text

    @property
    def ago(self) -> datetime.timedelta | None:
        """How long ago, for ``7d`` and the like; else None."""
        if not (match := _AGO.fullmatch(self.text)):
            return None
        ago = int(match[1]) * _AGO_UNITS[match[2]]
        if ago > _FARTHEST:
            raise InvalidInputError(f"not a time: {self.text!r} is more than 100 years ago")
        return ago

    def period(self, now: datetime.datetime) -> Period:
        """Return when it begins and when it has ended, in UTC; for how long ago, both are the moment.

        Args:
            now: Aware.
        """
        now = now.astimezone(datetime.timezone.utc)
        if (ago := self.ago) is not None:
            return now - ago, now - ago
        if self.text in {"today", "yesterday"}:
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
            begin = midnight if self.text == "today" else midnight - _DAY
            return begin, begin + _DAY
        return self._written()

    def _written(self) -> Period:
        match = _DATE.fullmatch(self.text)
        assert match
        parts = [int(match[name]) for name in ("year", "month", "day", "hour", "minute", "second") if match[name]]
        fraction = match["fraction"] or ""
        try:
            begin = datetime.datetime(*[*parts, *[1, 1, 1][len(parts) :]], tzinfo=_zone(match["zone"]))  # type: ignore[arg-type, misc]
        except ValueError as error:
            raise InvalidInputError(f"not a time: {self.text!r}: {error}; expected one of the calendar") from error
        begin = begin.replace(microsecond=int(fraction.ljust(6, "0"))) if fraction else begin
        return begin.astimezone(datetime.timezone.utc), _after(begin, len(parts), fraction)


def _after(begin: datetime.datetime, parts: int, fraction: str) -> datetime.datetime:
    """Return when the period is over that begins then and is written with so many parts."""
    if fraction:
        end = begin + datetime.timedelta(microseconds=10 ** (6 - len(fraction)))
    elif parts == 1:
        end = begin.replace(year=begin.year + 1)
    elif parts == 2:
        end = (begin + 31 * _DAY).replace(day=1)
    else:
        length = {3: _DAY, 4: datetime.timedelta(hours=1), 5: datetime.timedelta(minutes=1)}
        end = begin + length.get(parts, datetime.timedelta(seconds=1))
    return end.astimezone(datetime.timezone.utc)


def _zone(text: str | None) -> datetime.timezone:
    if text is None or text == "Z":
        return datetime.timezone.utc
    hours, minutes = int(text[1:3]), int(text[4:6])
    offset = datetime.timedelta(hours=hours, minutes=minutes)
    return datetime.timezone(-offset if text[0] == "-" else offset)


@dataclass(frozen=True, slots=True)
class SemanticPrefix:
    """One to three numbers of MAJOR.MINOR.PIPELINE: ``1.4`` stands for every 1.4.x."""

    numbers: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> SemanticPrefix:
        """Read ``1``, ``1.4`` or ``1.4.2``."""
        if not _SEMANTIC.fullmatch(text):
            raise InvalidInputError(f"not a semantic version: {text!r}; expected 1, 1.4 or 1.4.2")
        return cls(tuple(map(int, text.split("."))))

    def __str__(self) -> str:
        return ".".join(map(str, self.numbers))

    @property
    def bounds(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """The first version that it stands for, and the first one after."""
        first = (*self.numbers, 0, 0)[:3]
        after = (*self.numbers[:-1], self.numbers[-1] + 1, 0, 0)[:3]
        return (first[0], first[1], first[2]), (after[0], after[1], after[2])


Value = Pattern | bool | int | float | When | SemanticPrefix | None


def read_number(text: str) -> float:
    """Read a number.

    Raises:
        InvalidInputError: Not one, or beyond what a database can hold.
    """
    if not _NUMBER.fullmatch(text) or not math.isfinite(number := float(text)):
        raise InvalidInputError(f"not a number: {text[:60]!r}; expected something like 0.9, -3 or 1e-4")
    return number


def write_number(number: float) -> str:
    """Return a number as `read_number` takes it."""
    return str(number) if isinstance(number, int) else repr(number)


def read_whole(text: str) -> int:
    """Read a version's number."""
    if not _WHOLE.fullmatch(text):
        raise InvalidInputError(f"not the number of a version: {text[:60]!r}; expected a whole number, as in 3")
    return int(text)


def read_size(text: str) -> int:
    """Read a size in bytes; kB, MB, GB and TB are powers of 1000, KiB, MiB, GiB and TiB of 1024.

    Raises:
        InvalidInputError: Not a size.
    """
    match = _SIZE.fullmatch(text)
    if not match or match[2].lower() not in _UNITS:
        raise InvalidInputError(f"not a size: {text[:60]!r}; expected bytes, or something like 10MB, 1.5GB or 64KiB")
    number = match[1]
    return int(number) * _UNITS[match[2].lower()] if number.isdigit() else int(float(number) * _UNITS[match[2].lower()])
