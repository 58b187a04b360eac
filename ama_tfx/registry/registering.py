"""Registering: bytes first, then the manifest, then one transaction that makes the version visible."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import FileRow, NewVersion, VersionRow
from ama_tfx.registry.aliasing import Actor
from ama_tfx.registry.ancestors import Ancestor, Ancestors
from ama_tfx.registry.manifest import FileEntry, Manifest, RefEntry
from ama_tfx.registry.names import AssetName, AssetRef, SemanticVersion
from ama_tfx.registry.resolving import require_version
from ama_tfx.registry.results import Bump, Facts, Ref
from ama_tfx.registry.tree import Content, check_unchanged, scan
from ama_tfx.storage import BlobStore, BlobWriter, Digest, OnProgress, Source

FIRST = SemanticVersion(1, 0, 0)

_AT_ONCE = 10_000
"""Files given to the store in one call: what it returns of each is dropped before the next ones."""

MAX_PARENT_FILES = 10_000
"""A version with more files is not looked through for parents: they help with few large files, not with many small."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A version's bytes, in the store and visible to nobody yet.

    Attributes:
        manifest: Which lists them.
        digest: The manifest's.
        new_bytes: Bytes that the store did not have before.
        secure: Makes sure that they stay; see `BlobWriter.secure`.
    """

    manifest: Manifest
    digest: Digest
    new_bytes: int
    secure: Callable[[], None]


def store_version(
    blobs: BlobStore,
    content: Content,
    facts: Facts,
    refs: tuple[RefEntry, ...],
    parents: Ancestors,
    on_progress: OnProgress | None,
) -> Stored:
    """Store the files of a version, then its manifest.

    Raises:
        ContentChangedError: Something wrote to the content meanwhile.
    """
    with blobs.writer() as writer:
        files, directories = store_content(writer, content, parents, on_progress)
        manifest = Manifest(facts.kind, files, directories, refs, dict(facts.properties))
        digest = writer.add_stream(io.BytesIO(manifest.to_bytes())).digest
        writer.commit()
    return Stored(manifest, digest, writer.new_bytes, writer.secure)


def store_content(
    writer: BlobWriter, content: Content, parents: Ancestors, on_progress: OnProgress | None
) -> tuple[tuple[FileEntry, ...], tuple[str, ...]]:
    """Add every file of the content to a writer.

    Returns:
        The files, and the empty folders.

    Raises:
        ContentChangedError: Something wrote to the content meanwhile.
    """
    tree = scan(content)
    entries: list[FileEntry] = []
    found = iter(tree.files.items())
    while some := list(itertools.islice(found, _AT_ONCE)):
        sources = (Source(file.local, parents.of(path), file.state) for path, file in some)
        infos = writer.add_files(sources, on_progress=on_progress)
        entries += (FileEntry(path, i.digest, i.size_bytes) for (path, _), i in zip(some, infos, strict=True))
    check_unchanged(content, tree)
    return tuple(entries), tree.directories


def likely_parents(connection: sa.Connection, asset: AssetName, refs: tuple[RefEntry, ...]) -> Ancestors:
    """Return what new files may be made from: the files of the newest version and of those that refs point at."""
    row = catalog.find_asset(connection, asset.workspace, asset.name)
    before = catalog.newest_version(connection, row.id) if row else None
    targets = [require_version(connection, AssetRef(ref.asset, ref.digest)) for ref in refs]
    versions = ([before] if before else []) + targets
    looked_at = [version for version in versions if version.file_count <= MAX_PARENT_FILES]
    found = [{file.path: file.digest for file in catalog.files_of(connection, version.id)} for version in looked_at]
    return Ancestors([Ancestor(files) for files in found])


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
        if known is None:
            news |= {"semantic": row.semantic, **({"message": row.message} if row.message else {})}
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
