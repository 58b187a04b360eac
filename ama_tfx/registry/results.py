"""What the verbs take and give back."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from ama_tfx.catalog import AliasMove, PinRow, Registration, RetirementRow, VersionRow
from ama_tfx.registry.manifest import FileEntry
from ama_tfx.registry.measuring import check_metrics
from ama_tfx.registry.names import AssetName, AssetRef, SemanticVersion, check_label, check_text
from ama_tfx.registry.repr_html import facts_html, files_html, rows_html
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

    ``kind``, ``refs`` and ``properties`` are part of the version's identity. ``message``, ``tags``, ``metrics`` and
    ``provenance`` are not: registering the same content from another run finds the same version and adds that run to
    its history.

    Attributes:
        kind: What it is: ``Files``, or the TFX artifact type (``Model``, ``Examples``, …).
        message: One line or more for people; that of the first registration stays.
        tags: Labels to find it by.
        properties: JSON values to find it by.
        refs: What it was made from.
        provenance: Where it came from: run, code, environment; a JSON object, never with a secret in it.
        bump: Which part of the semantic version a new version raises; None to decide it from what is known
            (``docs/reference/versions.md``).
        metrics: Finite numbers to compare it by; the newest value of a name counts.
    """

    kind: str = "Files"
    message: str = ""
    tags: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    refs: tuple[Ref, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    bump: Bump | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_text(self.message, "message")
        check_metrics(self.metrics)
        for tag in self.tags:
            check_label(tag, "tag")


@dataclass(frozen=True, slots=True)
class Asset:
    """A named series of versions."""

    name: AssetName
    version_count: int
    created_at: datetime.datetime
    description: str = ""

    def _html_row(self) -> dict[str, object]:
        return {
            "asset": self.name,
            "versions": self.version_count,
            "created": _time(self.created_at),
            "description": self.description,
        }

    def _repr_html_(self) -> str:
        return facts_html(self._html_row())


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

    def _html_row(self) -> dict[str, object]:
        return {
            "version": f"{self.asset}:{self.number}",
            "semantic": self.semantic,
            "kind": self.kind,
            "message": self.message,
            "files": self.file_count,
            "bytes": self.size_bytes,
            "created": f"{_time(self.created_at)} by {self.created_by}",
            "digest": self.digest,
        }

    def _repr_html_(self) -> str:
        return facts_html(self._html_row())


@dataclass(frozen=True, slots=True)
class Registered:
    """What registering did.

    Attributes:
        version: The version: new, or the one that was there with the same content and facts.
        created: Whether it is new.
        new_bytes: Bytes that the store did not have before.
        alias_refused: Why the wanted alias was not set; None when it was, or none was wanted.
        bump: Which part of MAJOR.MINOR.PIPELINE it raised; None for the first version, and one that was there already.
        bump_reasons: Why, where that was decided and not told.
    """

    version: Version
    created: bool
    new_bytes: int
    alias_refused: str | None = None
    bump: Bump | None = None
    bump_reasons: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        refused = {"alias refused": self.alias_refused} if self.alias_refused else {}
        news = {"registered": "new" if self.created else "was there already", "new bytes": self.new_bytes}
        return facts_html({**news, **refused, **self.version._html_row()})


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
    metrics: Mapping[str, float] = field(default_factory=dict)
    pinned: PinRow | None = None
    retired: RetirementRow | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama show --json`` prints it."""
        return {
            **self.version.to_json(),
            "aliases": list(self.aliases),
            "tags": list(self.tags),
            "properties": dict(self.properties),
            "metrics": dict(self.metrics),
            "pinned": _pin_document(self.pinned) if self.pinned else None,
            "retired": _retirement_document(self.retired) if self.retired else None,
            "files": [entry.to_json() for entry in self.files],
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

    def _repr_html_(self) -> str:
        facts = {
            **self.version._html_row(),
            "aliases": ", ".join(self.aliases),
            "tags": ", ".join(self.tags),
            **{f"property {key}": value for key, value in self.properties.items()},
            **{f"metric {key}": value for key, value in self.metrics.items()},
        }
        edges = [("made from", self.refs), ("used by", self.used_by)]
        rows = [
            {"edge": edge, "role": role, "version": f"{version.asset}:{version.number}"}
            for edge, versions in edges
            for role, version in versions
        ]
        return facts_html(facts) + files_html(self.files) + (rows_html(rows) if rows else "")


def _retirement_document(row: RetirementRow) -> dict[str, Any]:
    return {"reason": row.reason, "retired_at": row.retired_at.isoformat(), "retired_by": row.retired_by}


def _pin_document(pin: PinRow) -> dict[str, str]:
    return {"reason": pin.reason, "pinned_at": pin.pinned_at.isoformat(), "pinned_by": pin.pinned_by}


def _brief(version: Version) -> dict[str, Any]:
    return {"asset": version.asset.name, "version": version.number, "reference": str(version.reference)}


@dataclass(frozen=True, slots=True)
class Pin:
    """That a version is pinned: why, since when (aware, UTC) and by whom."""

    version: Version
    reason: str
    pinned_at: datetime.datetime
    pinned_by: str

    @classmethod
    def of(cls, row: VersionRow, pin: PinRow) -> Pin:
        """Return the pin that catalog rows tell of."""
        return cls(Version.from_row(row), pin.reason, pin.pinned_at, pin.pinned_by)


@dataclass(frozen=True, slots=True)
class Hit:
    """A file found by its content: in which version, under which path, under which aliases."""

    version: Version
    path: str
    aliases: tuple[str, ...]

    def _html_row(self) -> dict[str, object]:
        version = f"{self.version.asset}:{self.version.number}"
        return {"version": version, "aliases": ", ".join(self.aliases), "path": self.path}

    def _repr_html_(self) -> str:
        return facts_html(self._html_row())


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


def _time(at: datetime.datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"
