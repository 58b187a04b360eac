"""Retention rules: which versions of an asset are worth their bytes. Decides only; values in, values out."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ama_tfx.catalog import VersionRow
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.metric_directions import higher_is_better
from ama_tfx.registry.names import check_label

MOST_DAYS = 36_500
"""A hundred years: a rule that keeps more than that keeps everything."""

_TERMS = "last N, best [N] metric=NAME, highest [N] metric=NAME, lowest [N] metric=NAME, tag=NAME and newer DAYSd"
_LAST = re.compile(r"last\s+(\d{1,9})")
_METRIC = re.compile(r"(best|highest|lowest)(?:\s+(\d{1,9}))?\s+metric\s*=\s*(\S+)")
_TAG = re.compile(r"tag\s*=\s*(\S+)")
_NEWER = re.compile(r"newer(?:\s+than)?\s+(\d{1,6})\s*d(?:ays?)?")


@dataclass(frozen=True, slots=True)
class Last:
    """Keep the newest versions."""

    count: int

    def __str__(self) -> str:
        return f"last {self.count}"


@dataclass(frozen=True, slots=True)
class Best:
    """Keep the versions with the best values of a metric; of equal ones the newer."""

    metric: str
    count: int
    is_highest: bool

    def __str__(self) -> str:
        number = f" {self.count}" if self.count != 1 else ""
        return f"{'highest' if self.is_highest else 'lowest'}{number} metric={self.metric}"


@dataclass(frozen=True, slots=True)
class Tagged:
    """Keep the versions with a tag."""

    tag: str

    def __str__(self) -> str:
        return f"tag={self.tag}"


@dataclass(frozen=True, slots=True)
class Newer:
    """Keep the versions of the last days."""

    days: int

    def __str__(self) -> str:
        return f"newer {self.days}d"


Term = Last | Best | Tagged | Newer


@dataclass(frozen=True, slots=True)
class Retention:
    """What to keep of an asset; a version is kept that any of the terms keeps.

    Attributes:
        terms: At least one.
    """

    terms: tuple[Term, ...]

    @classmethod
    def parse(cls, text: str) -> Retention:
        """Read a rule such as ``last 5, and best metric=auc``.

        Raises:
            InvalidInputError: Not a rule.
        """
        parts = [part.strip() for part in re.split(r",|\band\b", text)]
        terms = tuple(_term(part, text) for part in parts if part)
        if not terms:
            raise InvalidInputError(f"the rule {text!r} keeps nothing; expected some of {_TERMS}")
        return cls(terms)

    def __str__(self) -> str:
        return ", ".join(map(str, self.terms))


@dataclass(frozen=True, slots=True)
class Known:
    """What a rule looks at.

    Attributes:
        versions: Those of some assets that are not retired, of each the newest first.
        marks: Row number -> what keeps a version whatever the rule says, in words.
        uses: Refs to these versions: from which row number, and to which.
        tagged: Tag -> the versions that have it.
        measured: Metric -> version -> value.
        now: Aware.
    """

    versions: Sequence[VersionRow]
    marks: Mapping[int, Sequence[str]]
    uses: Sequence[tuple[int, int]]
    now: datetime.datetime
    tagged: Mapping[str, set[int]] = field(default_factory=dict)
    measured: Mapping[str, Mapping[int, float]] = field(default_factory=dict)


def plan_retention(rule: Retention, known: Known) -> dict[int, list[str]]:
    """Return what keeps each version, in words; a version that nothing keeps may be retired.

    Beside the rule, aliases and pins keep a version, and whatever is kept keeps what it was made from.

    Raises:
        InvalidInputError: The rule names a metric or a tag that no version of an asset has: it would keep nothing.
    """
    kept: dict[int, list[str]] = {row.id: list(known.marks.get(row.id, ())) for row in known.versions}
    by_asset: dict[int, list[VersionRow]] = {}
    for row in known.versions:
        by_asset.setdefault(row.asset_id, []).append(row)
    for rows in by_asset.values():
        for term in rule.terms:
            for row in _kept_by(term, rows, known):
                kept[row.id].append(str(term))
    names = {row.id: f"{row.asset}:{row.number}" for row in known.versions}
    _keep_what_is_used(kept, known.uses, names)
    return kept


def _keep_what_is_used(kept: dict[int, list[str]], uses: Iterable[tuple[int, int]], names: Mapping[int, str]) -> None:
    targets: dict[int, list[int]] = {}
    for source, target in uses:
        targets.setdefault(source, []).append(target)
    # Sources that are no candidates themselves are versions of other assets, which stay.
    waiting = [source for source in targets if source not in kept or kept[source]]
    seen = set(waiting)
    while waiting:
        source = waiting.pop()
        for target in targets.get(source, ()):
            kept[target].append(f"{names[source]} is made from it" if source in names else "used by a kept version")
            if target not in seen:
                seen.add(target)
                waiting.append(target)


def _kept_by(term: Term, rows: Sequence[VersionRow], known: Known) -> Sequence[VersionRow]:
    if isinstance(term, Last):
        return rows[: term.count]
    if isinstance(term, Newer):
        oldest = known.now - datetime.timedelta(days=term.days)
        return [row for row in rows if row.created_at >= oldest]
    if isinstance(term, Tagged):
        return [row for row in rows if row.id in known.tagged.get(term.tag, ())]
    values = known.measured.get(term.metric, {})
    found = [row for row in rows if row.id in values]
    if not found:
        raise InvalidInputError(
            f"no version of {rows[0].asset!r} has the metric {term.metric!r}, so {str(term)!r} would keep nothing; "
            "name a metric that `ama metrics` shows, or leave the term out"
        )
    sign = -1 if term.is_highest else 1
    return sorted(found, key=lambda row: (sign * values[row.id], -row.number))[: term.count]


def _term(part: str, text: str) -> Term:
    if found := _LAST.fullmatch(part):
        return Last(_count(found[1], text))
    if found := _NEWER.fullmatch(part):
        return Newer(_days(found[1], text))
    if found := _TAG.fullmatch(part):
        return Tagged(check_label(found[1], "tag"))
    if found := _METRIC.fullmatch(part):
        name = check_label(found[3], "metric")
        return Best(name, _count(found[2] or "1", text), _is_highest(found[1], name))
    raise InvalidInputError(f"{part!r} in the rule {text!r} is no term of one; expected some of {_TERMS}")


def _days(digits: str, text: str) -> int:
    if int(digits) > MOST_DAYS:
        raise InvalidInputError(f"the rule {text!r} asks for {int(digits)} days; expected at most {MOST_DAYS}")
    return int(digits)


def _count(digits: str, text: str) -> int:
    if int(digits) < 1:
        raise InvalidInputError(f"the rule {text!r} keeps 0 versions by a term; expected a number from 1")
    return int(digits)


def _is_highest(word: str, metric: str) -> bool:
    if word != "best":
        return word == "highest"
    higher = higher_is_better(metric)
    if higher is None:
        raise InvalidInputError(
            f"which way is {metric!r} better? its name does not say so; "
            f"use 'highest metric={metric}' or 'lowest metric={metric}'"
        )
    return higher
