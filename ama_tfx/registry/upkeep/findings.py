"""What fsck, repair and gc give back."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ama_tfx.registry.results import Version
from ama_tfx.storage import Digest
from ama_tfx.storage.packs.planning import Plan

MOST_NAMED = 20
"""How many blobs that nobody needs are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class LostFile:
    """A file of a version that cannot be restored; that the same content is lost in another version is another one.

    Attributes:
        version: Whose file it is.
        path: In the version; None for its manifest, without which nothing of the version can be restored.
        digest: The blob that is lost.
        reason: What is missing: which piece, in which pack.
    """

    version: Version
    path: str | None
    digest: Digest
    reason: str

    def __str__(self) -> str:
        what = "its manifest" if self.path is None else f"file {self.path!r}"
        name = f"{self.version.asset}:{self.version.number}"
        return f"{name} cannot be restored: {what} (blob {self.digest}) {self.reason}"

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama fsck --json`` prints it."""
        return {
            "asset": self.version.asset.name,
            "workspace": self.version.asset.workspace,
            "version": self.version.number,
            "reference": str(self.version.reference),
            "path": self.path,
            "blob": str(self.digest),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that fsck has to tell.

    Attributes:
        problem: Its kind, as in ``damaged pack``; ``docs/reference/commands.md`` lists them.
        subject: What is damaged: a version, an alias, a pack, an object, a blob.
        detail: For people.
        is_note: Whether it harms nothing: what a killed writer left, or what no version needs.
        blobs: The blobs that cannot be read because of it, or those that it is about.
    """

    problem: str
    subject: str
    detail: str
    is_note: bool = False
    blobs: tuple[Digest, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama fsck --json`` prints it."""
        return {
            "problem": self.problem,
            "subject": self.subject,
            "detail": self.detail,
            "note": self.is_note,
            "blobs": [str(digest) for digest in self.blobs],
        }


@dataclass(frozen=True, slots=True)
class Checked:
    """What fsck found.

    Attributes:
        findings: What is damaged, and what is worth a note.
        lost: The files of versions that cannot be restored because of it.
        version_count: How many versions were checked.
        file_count: How many files they have together.
        blob_count: How many blobs the store has.
        pack_count: How many packs they are in.
        unreferenced_count: How many blobs no version needs.
        read_percent: Of how many packs in a hundred the payloads were read.
    """

    findings: tuple[Finding, ...]
    lost: tuple[LostFile, ...]
    version_count: int
    file_count: int
    blob_count: int
    pack_count: int
    unreferenced_count: int
    read_percent: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing is damaged; notes do not count."""
        return not self.lost and all(finding.is_note for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama fsck --json`` prints it."""
        return {
            "clean": self.is_clean,
            "findings": [finding.to_json() for finding in self.findings],
            "lost": [file.to_json() for file in self.lost],
            "version_count": self.version_count,
            "file_count": self.file_count,
            "blob_count": self.blob_count,
            "pack_count": self.pack_count,
            "unreferenced_count": self.unreferenced_count,
            "read_percent": self.read_percent,
        }


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did.

    Attributes:
        before: What was damaged.
        after: What is damaged still: what it could not mend.
        moved_packs: Damaged packs whose whole content was saved; they lie below ``damaged/`` now, and may be deleted.
    """

    before: Checked
    after: Checked
    moved_packs: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama fsck --repair --json`` prints it."""
        return {
            **self.after.to_json(),
            "before": self.before.to_json(),
            "moved_packs": list(self.moved_packs),
        }


@dataclass(frozen=True, slots=True)
class GcPlan:
    """What a collection would do.

    Attributes:
        decided: The packs that go, and those of which a part is copied and the rest goes.
        condemned_at: The packs that an earlier collection has condemned, and when.
    """

    decided: Plan
    condemned_at: Mapping[str, datetime.datetime]

    @property
    def won_bytes(self) -> int:
        """How much smaller the store becomes once the quarantine is over."""
        return self.decided.won_bytes

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama gc --json`` prints it."""
        return {
            "kept_blob_count": len(self.decided.keep),
            "packs": [
                {
                    "pack": pack,
                    "size_bytes": self.decided.packs[pack],
                    "rewritten": pack in self.decided.rewritten,
                    "condemned_at": since.isoformat() if (since := self.condemned_at.get(pack)) else None,
                }
                for pack in sorted({*self.decided.dead, *self.decided.rewritten})
            ],
            "won_bytes": self.won_bytes,
        }


@dataclass(frozen=True, slots=True)
class GcResult:
    """What a collection did.

    Attributes:
        condemned: Packs that go once the quarantine is over.
        spared: Packs that were condemned and are needed again.
        deleted: Packs that are gone.
        rewritten: Packs whose needed content lies in a new pack now; they are condemned too.
        won_bytes: Size of what is gone.
    """

    condemned: tuple[str, ...]
    spared: tuple[str, ...]
    deleted: tuple[str, ...]
    rewritten: tuple[str, ...]
    won_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama gc --apply --json`` prints it."""
        return {
            "condemned": list(self.condemned),
            "spared": list(self.spared),
            "deleted": list(self.deleted),
            "rewritten": list(self.rewritten),
            "won_bytes": self.won_bytes,
        }
