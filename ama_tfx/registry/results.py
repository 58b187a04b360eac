"""What the verbs take and give back."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from ama_tfx.catalog import AliasMove, Registration, VersionRow
from ama_tfx.registry.manifest import FileEntry
from ama_tfx.registry.names import AssetName, AssetRef, SemanticVersion, check_label, check_text
from ama_tfx.storage import Digest


class Bump(Enum):
    """Which part of MAJOR.MINOR.PIPELINE a new version raises."""

    MAJOR = "major"
    MINOR = "minor"
    PIPELINE = "pipeline"


@dataclass(frozen=True, slots=True)
class Ref:
    """A labelled edge to another version that a version was made from.

    Attributes:
        target: Which version; an alias is resolved when the version is registered, and stays what it was then.
        role: What the other version was used as: ``input``, ``schema``, ``trained_on``, …
    """

    target: AssetRef
    role: str = "input"

    def __post_init__(self) -> None:
        check_label(self.role, "role")


@dataclass(frozen=True)
class Facts:
    """What a version says of itself beside its files.

    ``kind``, ``refs`` and ``properties`` are part of the version's identity. ``message``, ``tags`` and ``provenance``
    are not: registering the same content from another run finds the same version and adds that run to its history.

    Attributes:
        kind: What it is: ``Files``, or the TFX artifact type (``Model``, ``Examples``, …).
        message: One line or more for people; that of the first registration stays.
        tags: Labels to find it by.
        properties: JSON values to find it by.
        refs: What it was made from.
        provenance: Where it came from: run, code, environment; a JSON object, never with a secret in it.
        bump: Which part of the semantic version a new version raises.
    """

    kind: str = "Files"
    message: str = ""
    tags: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    refs: tuple[Ref, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    bump: Bump = Bump.PIPELINE

    def __post_init__(self) -> None:
        check_text(self.message, "message")
        for tag in self.tags:
            check_label(tag, "tag")


@dataclass(frozen=True, slots=True)
class Asset:
    """A named series of versions."""

    name: AssetName
    version_count: int
    created_at: datetime.datetime


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable registration.

    Attributes:
        asset: Whose version it is.
        number: 1 for the asset's first version.
        semantic: MAJOR.MINOR.PIPELINE.
        digest: SHA-256 of the manifest: its identity.
        kind: What it is: ``Files``, ``Model``, …
        message: What its author said.
        size_bytes: Sum of its files' sizes.
        file_count: How many files it has.
        created_at: When, aware, UTC.
        created_by: By whom.
    """

    asset: AssetName
    number: int
    semantic: SemanticVersion
    digest: Digest
    kind: str
    message: str
    size_bytes: int
    file_count: int
    created_at: datetime.datetime
    created_by: str

    @classmethod
    def from_row(cls, row: VersionRow) -> Version:
        """Return the version that a catalog row tells of."""
        return cls(
            asset=AssetName(row.workspace, row.asset),
            number=row.number,
            semantic=SemanticVersion.parse(row.semantic),
            digest=row.digest,
            kind=row.kind,
            message=row.message,
            size_bytes=row.size_bytes,
            file_count=row.file_count,
            created_at=row.created_at,
            created_by=row.created_by,
        )

    @property
    def reference(self) -> AssetRef:
        """The reference that never moves: by digest."""
        return AssetRef(self.asset, self.digest)

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama … --json`` prints it."""
        return {
            "asset": self.asset.name,
            "workspace": self.asset.workspace,
            "version": self.number,
            "semantic": str(self.semantic),
            "digest": str(self.digest),
            "reference": str(self.reference),
            "kind": self.kind,
            "message": self.message,
            "size_bytes": self.size_bytes,
            "file_count": self.file_count,
            "created_at": self.created_at.isoformat(),
            "created_by": self.created_by,
        }


@dataclass(frozen=True, slots=True)
class Registered:
    """What registering did.

    Attributes:
        version: The version: new, or the one that was there with the same content and facts.
        created: Whether it is new.
        new_bytes: Bytes that the store did not have before.
        alias_refused: Why the wanted alias was not set; None when it was, or none was wanted.
    """

    version: Version
    created: bool
    new_bytes: int
    alias_refused: str | None = None


@dataclass(frozen=True, slots=True)
class Details:
    """Everything the registry knows of a version; ``used_by`` is the other end of other versions' refs."""

    version: Version
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    properties: Mapping[str, Any]
    files: tuple[FileEntry, ...]
    refs: tuple[tuple[str, Version], ...]
    used_by: tuple[tuple[str, Version], ...]
    registrations: tuple[Registration, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama show --json`` prints it."""
        return {
            **self.version.to_json(),
            "aliases": list(self.aliases),
            "tags": list(self.tags),
            "properties": dict(self.properties),
            "files": [{"path": f.path, "sha256": f.digest.hex, "size_bytes": f.size_bytes} for f in self.files],
            "refs": [{"role": role, **_brief(version)} for role, version in self.refs],
            "used_by": [{"role": role, **_brief(version)} for role, version in self.used_by],
            "registrations": [
                {
                    "registered_at": entry.registered_at.isoformat(),
                    "registered_by": entry.registered_by,
                    "provenance": dict(entry.provenance),
                }
                for entry in self.registrations
            ],
        }


def _brief(version: Version) -> dict[str, Any]:
    return {"asset": version.asset.name, "version": version.number, "reference": str(version.reference)}


@dataclass(frozen=True, slots=True)
class Hit:
    """A file found by its content: in which version, under which path, under which aliases."""

    version: Version
    path: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What a download wrote.

    Attributes:
        version: Which version it is.
        target: The folder, or the file when one file was asked for.
        file_count: How many files lie there now.
        size_bytes: Sum of their sizes.
        changed: False when the target already held exactly this.
    """

    version: Version
    target: Path
    file_count: int
    size_bytes: int
    changed: bool


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One event of an asset's history: a version, or the move of an alias."""

    at: datetime.datetime
    by: str
    event: Version | AliasMove
