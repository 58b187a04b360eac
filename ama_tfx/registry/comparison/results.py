"""What comparing versions gives; `ama_tfx.registry.comparison.rows` has its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ama_tfx.registry.comparison.rows import FileRow, MetricRow, Problem, SchemaRow, TensorRow, ValueRow
from ama_tfx.registry.results import Version

SECTIONS = ("facts", "params", "metrics", "files", "refs", "schema", "tensors")
"""What can be compared, in the order in which it is told."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One of what is compared.

    Attributes:
        name: For people: ``model:3``, or the path as it was given.
        version: The version; None for a file or a folder on disk.
        written: As it was asked for: ``model:latest``; empty when that is not known.
    """

    name: str
    version: Version | None
    written: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {"name": self.name, **(self.version.to_json() if self.version else {})}


@dataclass(frozen=True)
class Comparison:
    """How versions differ; nothing in them was executed to find out.

    Attributes:
        subjects: What was compared; the first is what the others are compared with.
        sections: Which of `SECTIONS` were asked for.
        facts: Kind, message, tags and so on.
        params: Of files of parameters, and properties.
        metrics: Recorded ones, and those of files and properties.
        files: By path.
        shared_bytes: By column: how many bytes of its content the first column has too.
        refs: Role -> what it points at, in words.
        schema: Changes of schemas and signatures.
        tensors: By file and name.
        problems: What could not be read.
        with_same: Whether equal rows are told of too.
    """

    subjects: tuple[Subject, ...]
    sections: tuple[str, ...] = SECTIONS
    facts: tuple[ValueRow, ...] = ()
    params: tuple[ValueRow, ...] = ()
    metrics: tuple[MetricRow, ...] = ()
    files: tuple[FileRow, ...] = ()
    shared_bytes: tuple[int, ...] = ()
    total_bytes: tuple[int, ...] = ()
    refs: tuple[ValueRow, ...] = ()
    schema: tuple[SchemaRow, ...] = ()
    tensors: tuple[TensorRow, ...] = ()
    problems: tuple[Problem, ...] = ()
    with_same: bool = False

    @property
    def heads(self) -> tuple[str, ...]:
        """How people tell the columns apart: by name, or as they were asked for where several have that name."""
        names = [subject.name for subject in self.subjects]
        return tuple(
            subject.written if subject.written and names.count(subject.name) > 1 else subject.name
            for subject in self.subjects
        )

    @property
    def differing(self) -> tuple[str, ...]:
        """Which sections differ; of the facts only the kind counts: numbers, times and authors always do."""
        rows: Mapping[str, Sequence[Any]] = {
            "facts": [row for row in self.facts if row.name == "kind"],
            **{name: getattr(self, name) for name in SECTIONS if name not in {"facts", "schema"}},
        }
        found = {name for name, some in rows.items() if any(not row.is_same for row in some)}
        return tuple(name for name in SECTIONS if name in found or (name == "schema" and self.schema))

    @property
    def is_same(self) -> bool:
        """Whether nothing that was asked for differs."""
        return not self.differing

    @property
    def shared_percent(self) -> tuple[float, ...]:
        """By column: how much of its content the first column has too."""
        pairs = zip(self.shared_bytes, self.total_bytes, strict=True)
        return tuple(100 * shared / total if total else 100.0 for shared, total in pairs)

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama compare --json`` prints it (``docs/reference/commands.md``)."""
        told: dict[str, Any] = {
            name: [row.to_json() for row in getattr(self, name)] for name in SECTIONS if name in self.sections
        }
        if "files" in told:
            told["shared_bytes"] = list(self.shared_bytes)
            told["shared_percent"] = [rounded_percent(percent, 2) for percent in self.shared_percent]
        return {
            "versions": [subject.to_json() for subject in self.subjects],
            "same": self.is_same,
            "differing": list(self.differing),
            **told,
            "problems": [problem.to_json() for problem in self.problems],
        }

    def _repr_html_(self) -> str:
        from ama_tfx.registry.comparison.html import fragment

        return fragment(self)


def rounded_percent(percent: float, digits: int) -> float:
    """Return a part of a whole with so many digits; what is not all of it never becomes 100."""
    return round(percent, digits) if percent >= 100 else min(round(percent, digits), 100 - 10.0**-digits)
