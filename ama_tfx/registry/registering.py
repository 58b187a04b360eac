"""Registering: bytes first, then the manifest, then one transaction that makes the version visible."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import FileRow, NewVersion, VersionRow
from ama_tfx.registry.aliasing import Actor
from ama_tfx.registry.manifest import FileEntry, Manifest, RefEntry
from ama_tfx.registry.names import AssetName, AssetRef, SemanticVersion
from ama_tfx.registry.resolving import require_version
from ama_tfx.registry.results import Bump, Facts, Ref
from ama_tfx.registry.tree import Content, check_unchanged, scan
from ama_tfx.storage import BlobStore, Digest, OnBytes, import_file

FIRST = SemanticVersion(1, 0, 0)


def store_content(
    blobs: BlobStore, content: Content, on_bytes: OnBytes | None
) -> tuple[tuple[FileEntry, ...], tuple[str, ...], int]:
    """Put every file of the content into the store.

    Returns:
        The files, the empty folders, and how many bytes the store did not have before.

    Raises:
        ContentChangedError: Something wrote to the content meanwhile.
    """
    tree = scan(content)
    entries, new_bytes = [], 0
    for path, file in tree.files.items():
        info = import_file(blobs, file.local, expected=file.state, on_bytes=on_bytes)
        entries.append(FileEntry(path, info.digest, info.size_bytes))
        new_bytes += info.size_bytes if info.created else 0
    check_unchanged(content, tree)
    return tuple(entries), tree.directories, new_bytes


def store_manifest(blobs: BlobStore, manifest: Manifest) -> tuple[Digest, int]:
    """Put the manifest into the store; return its digest and how many bytes are new."""
    content = manifest.to_bytes()
    info = blobs.put(io.BytesIO(content))
    return info.digest, info.size_bytes if info.created else 0


def resolve_refs(connection: sa.Connection, refs: tuple[Ref, ...]) -> tuple[RefEntry, ...]:
    """Return what refs point at now, each once.

    Raises:
        NotFoundError: One points at nothing.
    """
    rows = [(ref.role, require_version(connection, ref.target)) for ref in refs]
    return tuple(sorted({RefEntry(role, AssetName(row.workspace, row.asset), row.digest) for role, row in rows}))


def record_version(
    connection: sa.Connection, asset: AssetName, manifest: Manifest, digest: Digest, facts: Facts, actor: Actor
) -> tuple[VersionRow, bool]:
    """Make a version visible, or find the one that is the same; return it and whether it is new."""
    asset_id = catalog.ensure_asset(connection, asset.workspace, asset.name, actor.now)
    known = catalog.find_version(connection, asset_id=asset_id, digest=digest)
    if known is None:
        new = _new_version(connection, asset_id, manifest, digest, facts, actor)
        version_id = catalog.insert_version(connection, asset_id, new)
    else:
        version_id = known.id
    news: dict[str, Any] = {}
    if tags := catalog.add_tags(connection, version_id, facts.tags):
        news["tags"] = tags
    if facts.provenance and _record_provenance(connection, version_id, facts.provenance, actor):
        news["provenance"] = dict(facts.provenance)
    row = catalog.find_version(connection, id=version_id)
    assert row is not None
    if known is None or news:
        action = "version.register" if known is None else "version.register-again"
        details = {"digest": str(digest), "version": row.number, **news}
        catalog.append_audit(connection, action, str(asset), details, now=actor.now, actor=actor.name)
    return row, known is None


def next_semantic(last: SemanticVersion | None, bump: Bump) -> SemanticVersion:
    """Return the semantic version after another one."""
    if last is None:
        return FIRST
    if bump is Bump.MAJOR:
        return SemanticVersion(last.major + 1, 0, 0)
    if bump is Bump.MINOR:
        return SemanticVersion(last.major, last.minor + 1, 0)
    return SemanticVersion(last.major, last.minor, last.pipeline + 1)


def _new_version(
    connection: sa.Connection, asset_id: int, manifest: Manifest, digest: Digest, facts: Facts, actor: Actor
) -> NewVersion:
    last = catalog.newest_version(connection, asset_id)
    targets = [(ref.role, require_version(connection, ref.target).id) for ref in _refs(manifest)]
    return NewVersion(
        digest=digest,
        kind=manifest.kind,
        message=facts.message,
        semantic=str(next_semantic(SemanticVersion.parse(last.semantic) if last else None, facts.bump)),
        created_at=actor.now,
        created_by=actor.name,
        files=tuple(FileRow(entry.path, entry.digest, entry.size_bytes) for entry in manifest.files),
        refs=tuple(targets),
        properties=manifest.properties,
    )


def _refs(manifest: Manifest) -> list[Ref]:
    return [Ref(AssetRef(entry.asset, entry.digest), entry.role) for entry in manifest.refs]


def _record_provenance(connection: sa.Connection, version_id: int, provenance: Mapping[str, Any], actor: Actor) -> bool:
    return catalog.add_registration(connection, version_id, provenance, now=actor.now, actor=actor.name)
