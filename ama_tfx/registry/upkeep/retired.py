"""What retiring gives back."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from ama_tfx.registry.results import Version


@dataclass(frozen=True, slots=True)
class Retired:
    """What retiring did, or would do.

    Attributes:
        versions: Which are retired now.
        freed_bytes: Size of their files that no other version has, each content once: what a collection may remove.
    """

    versions: tuple[Version, ...]
    freed_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama retire --json`` prints it."""
        return {"retired": [version.to_json() for version in self.versions], "freed_bytes": self.freed_bytes}


@dataclass(frozen=True, slots=True)
class RetiredVersion:
    """A version that is retired: why, since when (aware, UTC) and by whom."""

    version: Version
    reason: str
    retired_at: datetime.datetime
    retired_by: str

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama retire --list --json`` prints it."""
        return {
            **self.version.to_json(),
            "reason": self.reason,
            "retired_at": self.retired_at.isoformat(),
            "retired_by": self.retired_by,
        }


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A version that a retention rule leaves, and why, in words."""

    version: Version
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What a retention rule did, or would do.

    Attributes:
        retired: The versions that it does not keep.
        kept: The others, and what keeps them.
        freed_bytes: As in `Retired`.
    """

    retired: tuple[Version, ...]
    kept: tuple[KeptVersion, ...]
    freed_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama gc --keep … --json`` prints it."""
        return {
            "retired": [version.to_json() for version in self.retired],
            "kept": [{**kept.version.to_json(), "reasons": list(kept.reasons)} for kept in self.kept],
            "freed_bytes": self.freed_bytes,
        }
