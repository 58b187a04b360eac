"""A registry as a dictionary: what it should remember, and refuse."""

from __future__ import annotations

from dataclasses import dataclass, field

from ama_tfx.errors import AmaError, GateError, InvalidInputError
from ama_tfx.registry import SemanticVersion
from ama_tfx.storage import Digest

BLESSING_RUN = "run-1"
"""The run whose gate says *blessed*; every other one's says *unknown*."""


@dataclass(frozen=True)
class Identity:
    """What makes a version of an asset another one."""

    content: int
    kind: str
    accuracy: float | None
    refs: frozenset[tuple[str, int]]


@dataclass
class ModelVersion:
    """A version, and what may change of it."""

    identity: Identity
    semantic: SemanticVersion
    digest: Digest
    tags: set[str] = field(default_factory=set)
    runs: list[str] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    pin: str | None = None

    @property
    def is_blessed(self) -> bool:
        """Whether every gate of its last run said so."""
        return self.runs[-1:] == [BLESSING_RUN]

    def measure(self, metrics: dict[str, float]) -> bool:
        """Record metrics and return whether any is news."""
        news = any(self.metrics.get(name) != value for name, value in metrics.items())
        self.metrics |= metrics
        return news


@dataclass
class ModelAsset:
    """An asset; ``rules`` are the protected aliases, and whether each takes blessed versions only."""

    versions: list[ModelVersion] = field(default_factory=list)
    aliases: dict[str, int] = field(default_factory=dict)
    moves: list[tuple[str, int | None, int | None]] = field(default_factory=list)
    rules: dict[str, bool] = field(default_factory=dict)
    description: str = ""

    def refusal(self, alias: str, to: int | None, reason: str) -> type[AmaError] | None:
        """Return what a protected alias's move is refused with, or None."""
        if alias not in self.rules or self.aliases.get(alias) == to:
            return None
        if not reason:
            return InvalidInputError
        return GateError if to and self.rules[alias] and not self.versions[to - 1].is_blessed else None

    def number_of(self, identity: Identity) -> int | None:
        """Return the number of the version of an identity."""
        return next((n for n, version in enumerate(self.versions, 1) if version.identity == identity), None)

    def has_moved_on(self, alias: str, number: int) -> bool:
        """Return whether an alias was at a version once and is not there now."""
        return self.aliases.get(alias) != number and any(name == alias and to == number for name, _, to in self.moves)

    def move(self, alias: str, to: int | None) -> bool:
        """Move an alias and return whether that was a move."""
        now = self.aliases.get(alias)
        if now == to:
            return False
        self.moves.insert(0, (alias, now, to))
        if to is None:
            del self.aliases[alias]
        else:
            self.aliases[alias] = to
        return True
