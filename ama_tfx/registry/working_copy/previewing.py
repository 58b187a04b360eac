"""What an upload would register, without registering it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ama_tfx.errors import NotFoundError
from ama_tfx.registry.manifest import Manifest, RefEntry
from ama_tfx.registry.names import AssetRef
from ama_tfx.registry.registry import Registry
from ama_tfx.registry.results import Version
from ama_tfx.registry.working_copy.draft import Draft
from ama_tfx.registry.working_copy.draft_changes import with_settings
from ama_tfx.registry.working_copy.refs import UploadBase, upload_base
from ama_tfx.registry.working_copy.status import next_entries, next_number
from ama_tfx.registry.working_copy.working_copy import WorkingCopy
from ama_tfx.storage import Digest


@dataclass(frozen=True)
class Preview:
    """What an upload would register.

    Attributes:
        draft: What it would be made from.
        manifest: The version's.
        reference: The version's name for ever: its digest is that of the manifest.
        there: The version that is this already; None when a new one would be made.
        number: The version's number.
        semantic: Its MAJOR.MINOR.PIPELINE, unless the registry decides on another part to raise.
        base: The version that it is based on; None for none.
    """

    draft: Draft
    manifest: Manifest
    reference: AssetRef
    there: Version | None
    number: int
    semantic: str
    base: UploadBase | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama upload --dry-run --json`` prints it."""
        return {
            "asset": self.draft.asset.name,
            "workspace": self.draft.asset.workspace,
            "version": self.number,
            "semantic": self.semantic,
            "digest": str(self.reference.selector),
            "reference": str(self.reference),
            "kind": self.manifest.kind,
            "message": self.draft.message or "",
            "size_bytes": self.manifest.size_bytes,
            "file_count": len(self.manifest.files),
            "files": [entry.to_json() for entry in self.manifest.files],
            "alias": self.draft.alias,
            "created": self.there is None,
            "base": self.base and self.base.to_json(),
        }


def preview(working_copy: WorkingCopy, registry: Registry | None, *, message: str | None = None) -> Preview:
    """Return what an upload would register; the files are read, and nothing is written.

    Args:
        working_copy: Which.
        registry: Where; None when there is none yet.
        message: Instead of the draft's.

    Raises:
        AmaError: As `WorkingCopy.pending` says.
    """
    draft = with_settings(working_copy.draft(), message=message)
    files, directories = next_entries(working_copy, draft)
    facts = draft.facts
    refs = tuple(sorted({_entry(ref.role, ref.target) for ref in draft.refs}))
    manifest = Manifest(facts.kind, files, directories, refs, facts.properties)
    reference = AssetRef(draft.asset, Digest.of(manifest.to_bytes()))
    there = _found(registry, reference)
    newest = _found(registry, AssetRef(draft.asset))
    number, semantic = (there.number, str(there.semantic)) if there else next_number(newest)
    base = upload_base(registry, draft.base, 0 if there or newest is None else newest.number)
    return Preview(draft, manifest, reference, there, number, semantic, base)


def _entry(role: str, target: AssetRef) -> RefEntry:
    assert isinstance(target.selector, Digest)
    return RefEntry(role, target.asset, target.selector)


def _found(registry: Registry | None, reference: AssetRef) -> Version | None:
    try:
        return registry.resolve(reference) if registry else None
    except NotFoundError:
        return None
