"""Where readers write what they see, within limits that no content can get around."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ama_tfx.inspection.facts import (
    Danger,
    ExamplesFact,
    FeatureFact,
    Inspected,
    JsonScalar,
    Problem,
    TensorFact,
)

V = TypeVar("V")

MOST_TENSORS = 200_000
MOST_OF_A_FILE = 50
"""Dangers and problems of one file; the next is the last and says that there are more."""

MOST_TEXT = 500
"""Characters of what is told; a file can make a name as long as itself."""


@dataclass
class Findings:
    """What was seen so far; a path's own values until they are put together."""

    formats: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Mapping[str, JsonScalar]] = field(default_factory=dict)
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    schemas: dict[str, tuple[FeatureFact, ...]] = field(default_factory=dict)
    signatures: dict[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    tensors: list[TensorFact] = field(default_factory=list)
    records: dict[str, int] = field(default_factory=dict)
    features: dict[str, set[str]] = field(default_factory=dict)
    sampled: int = 0
    counted_all: bool = True
    dangers: list[Danger] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    _told: dict[tuple[str, str], int] = field(default_factory=dict)

    def danger(self, path: str, what: str, why: str) -> None:
        """Take down a danger."""
        if self._may_tell("danger", path):
            self.dangers.append(Danger(path, _short(what), why))
        elif self._told["danger", path] == MOST_OF_A_FILE + 1:
            self.dangers.append(Danger(path, "more dangers of this kind", "see the first ones"))

    def problem(self, path: str, what: str) -> None:
        """Take down a problem."""
        if self._may_tell("problem", path):
            self.problems.append(Problem(path, _short(what)))

    def note(self, path: str, what: str) -> None:
        """Take down something else."""
        if self._may_tell("note", path):
            self.notes.append((path, _short(what)))

    def tensor(self, tensor: TensorFact) -> None:
        """Take down a tensor."""
        if len(self.tensors) < MOST_TENSORS:
            self.tensors.append(tensor)
        elif len(self.tensors) == MOST_TENSORS:
            self.problem(tensor.path, f"more than {MOST_TENSORS:,} tensors; the others are not listed")

    def inspected(self) -> Inspected:
        """Return all of it, put together."""
        return Inspected(
            formats=dict(sorted(self.formats.items())),
            parameters=_together(self.parameters),
            metrics=dict(sorted(_together(self.metrics).items(), key=lambda pair: ("[" in pair[0], pair[0]))),
            schema=next((self.schemas[path] for path in sorted(self.schemas)), ()),
            tensors=tuple(sorted(self.tensors, key=lambda tensor: (tensor.path, tensor.name))),
            signatures=_together(self.signatures),
            examples=self._examples(),
            dangers=tuple(dict.fromkeys(self.dangers)),
            problems=tuple(dict.fromkeys(self.problems)),
            notes=tuple(dict.fromkeys(self.notes)),
        )

    def _examples(self) -> ExamplesFact | None:
        if not self.records:
            return None
        features = {name: "|".join(sorted(kinds)) for name, kinds in sorted(self.features.items())}
        return ExamplesFact(dict(sorted(self.records.items())), self.counted_all, self.sampled, features)

    def _may_tell(self, kind: str, path: str) -> bool:
        self._told[kind, path] = self._told.get((kind, path), 0) + 1
        return self._told[kind, path] <= MOST_OF_A_FILE


def _short(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"


def _together(by_path: Mapping[str, Mapping[str, V]]) -> dict[str, V]:
    """Return the values of all files; those of a key that files disagree on have their paths before the key."""
    seen: dict[str, V] = {}
    clashing = set()
    for values in by_path.values():
        for key, value in values.items():
            if key in seen and seen[key] != value:
                clashing.add(key)
            seen.setdefault(key, value)
    return {
        f"{path}:{key}" if key in clashing else key: value
        for path, values in sorted(by_path.items())
        for key, value in values.items()
    }
