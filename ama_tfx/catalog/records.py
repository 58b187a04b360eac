"""What the catalog gives back: frozen rows with names and types."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ama_tfx.storage import Digest


@dataclass(frozen=True, slots=True)
class AssetRow:
    """An asset.

    Attributes:
        id: Row number, meaningful in this database only.
        workspace: Name of the workspace.
        name: Name within the workspace.
        version_count: How many versions it has.
        created_at: When it was made, aware, UTC.
        description: What it is said to be; empty when nobody said anything.
    """

    id: int
    workspace: str
    name: str
    version_count: int
    created_at: datetime.datetime
    description: str = ""


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to be inserted: everything but what the database decides."""

    digest: Digest
    kind: str
    message: str
    semantic: str
    created_at: datetime.datetime
    created_by: str
    files: tuple[FileRow, ...]
    refs: tuple[tuple[str, int], ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version; ``digest`` is its manifest's, ``created_at`` aware in UTC."""

    id: int
    asset_id: int
    workspace: str
    asset: str
    number: int
    semantic: str
    digest: Digest
    kind: str
    message: str
    size_bytes: int
    file_count: int
    created_at: datetime.datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of a version: its path in the asset, its SHA-256 and its size; ``url`` when it is kept elsewhere."""

    path: str
    digest: Digest
    size_bytes: int
    url: str | None = None


@dataclass(frozen=True, slots=True)
class AliasRow:
    """Where an alias points, and who put it there."""

    name: str
    version: int
    moved_at: datetime.datetime
    moved_by: str


@dataclass(frozen=True, slots=True)
class AliasMove:
    """One move of an alias; ``None`` for a version means that the alias did not exist before, or after."""

    name: str
    from_version: int | None
    to_version: int | None
    reason: str
    moved_at: datetime.datetime
    moved_by: str


@dataclass(frozen=True, slots=True)
class AliasRule:
    """That an alias is protected, and whether only blessed versions may get it."""

    name: str
    needs_blessing: bool
    set_at: datetime.datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class PinRow:
    """Why a version is pinned, since when and by whom."""

    reason: str
    pinned_at: datetime.datetime
    pinned_by: str


@dataclass(frozen=True, slots=True)
class RetirementRow:
    """Why a version is retired, since when and by whom."""

    reason: str
    retired_at: datetime.datetime
    retired_by: str


@dataclass(frozen=True, slots=True)
class SizeRow:
    """How large an asset is: its kept versions, and their files with their sizes, each as often as it is listed."""

    id: int
    workspace: str
    asset: str
    version_count: int
    file_count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class DescriptionRow:
    """What an asset is said to be, since when and by whom."""

    text: str
    described_at: datetime.datetime
    described_by: str


@dataclass(frozen=True, slots=True)
class Registration:
    """One time that a version was registered: by whom, when, and by which run."""

    registered_at: datetime.datetime
    registered_by: str
    provenance: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry of the audit log; ``hash`` covers the entry and ``previous``, the hash of the entry before."""

    sequence: int
    at: datetime.datetime
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]
    previous: Digest
    hash: Digest


@dataclass(frozen=True, slots=True)
class AuditHead:
    """Where the audit log ended at a time: how many entries it had, and the last one's hash.

    Whoever keeps one elsewhere can tell later that nothing up to there was cut off or written anew.
    """

    count: int
    hash: Digest
