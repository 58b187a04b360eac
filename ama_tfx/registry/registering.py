"""Registering: bytes first, then the manifest, then one transaction that makes the version visible."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ama_tfx import catalog
from ama_tfx.catalog import FileRow, NewVersion, VersionRow
from ama_tfx.errors import ConflictError, InvalidInputError
from ama_tfx.registry.aliases.aliasing import Actor, Expect, move_alias, why_alias_refused
from ama_tfx.registry.downloading import read_manifest
from ama_tfx.registry.lineage.ancestors import Ancestor, Ancestors
from ama_tfx.registry.manifest import FileEntry, Manifest, RefEntry
from ama_tfx.registry.measuring import update_metrics
from ama_tfx.registry.names import Alias, AssetName, AssetRef, SemanticVersion
from ama_tfx.registry.overlaying import overlay
from ama_tfx.registry.resolving import require_version
from ama_tfx.registry.results import Bump, Facts, Ref, Registered, Version
from ama_tfx.registry.tree import Content, Onto, check_unchanged, scan
from ama_tfx.storage import BlobStore, BlobWriter, Digest, OnProgress, Source, canonical_json

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ama_tfx.registry.bump_facts import Bumper
    from ama_tfx.registry.bumping import BumpDecision

FIRST = SemanticVersion(1, 0, 0)

_MOST_PART = 999_999_999
"""What `SemanticVersion.parse` reads at most."""

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
        InvalidInputError: A property is not JSON.
    """
    _check_properties(facts.properties)
    base = read_manifest(blobs, _digest_of(content.base)) if isinstance(content, Onto) and content.base else None
    with blobs.writer() as writer:
        files, directories = store_content(writer, content, parents, on_progress)
        if isinstance(content, Onto):
            files, directories = overlay(content, base, files, directories)
        manifest = Manifest(facts.kind, files, directories, refs, dict(facts.properties))
        digest = writer.add_stream(io.BytesIO(manifest.to_bytes())).digest
        writer.commit()
    return Stored(manifest, digest, writer.new_bytes, writer.secure)


def require_base(connection: sa.Connection, content: Content) -> None:
    """Check that the version is there that content lies on top of, and that its bytes are kept.

    Raises:
        NotFoundError: No such version.
        ConflictError: It is retired: its bytes go with the next collection.
    """
    if isinstance(content, Onto) and content.base is not None:
        row = require_version(connection, content.base)
        if catalog.retirement_of(connection, row.id) is not None:
            raise ConflictError(
                f"{str(content.base)!r} is retired, so its files may go; undo that with `ama retire --undo`, "
                "or add the files themselves"
            )


def store_content(
    writer: BlobWriter, content: Content, parents: Ancestors, on_progress: OnProgress | None
) -> tuple[tuple[FileEntry, ...], tuple[str, ...]]:
    """Add every file of the content to a writer.

    Returns:
        The files, and the empty folders.

    Raises:
        ContentChangedError: Something wrote to the content meanwhile.
    """
    if isinstance(content, Onto) and not content.local:
        return (), ()
    least = 0 if isinstance(content, Onto) else 1
    content = content.local if isinstance(content, Onto) else content
    tree = scan(content, least=least)
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
    asset_id = catalog.find_asset_id(connection, asset.workspace, asset.name)
    before = catalog.newest_version(connection, asset_id) if asset_id is not None else None
    targets = [require_version(connection, AssetRef(ref.asset, ref.digest)) for ref in refs]
    versions = ([before] if before else []) + targets
    looked_at = [version for version in versions if version.file_count <= MAX_PARENT_FILES]
    found = [
        {file.path: file.digest for file in catalog.files_of(connection, version.id) if file.url is None}
        for version in looked_at
    ]
    return Ancestors([Ancestor(files) for files in found])


def resolve_refs(connection: sa.Connection, refs: tuple[Ref, ...]) -> tuple[RefEntry, ...]:
    """Return what refs point at now, each once.

    Raises:
        NotFoundError: One points at nothing.
    """
    rows = [(ref.role, require_version(connection, ref.target)) for ref in refs]
    return tuple(sorted({RefEntry(role, AssetName(row.workspace, row.asset), row.digest) for role, row in rows}))


@dataclass(frozen=True, slots=True)
class Recording:
    """How a registration is recorded: by whom and when, who decides on the number, and the alias that is wanted."""

    actor: Actor
    bumper: Bumper
    alias: Alias | None = None


def record_registration(
    connection: sa.Connection, asset: AssetName, stored: Stored, facts: Facts, how: Recording
) -> Registered:
    """Make a version visible, or find the one that is the same, and set the wanted alias unless it is refused."""
    row, created, decided = record_version(connection, asset, stored, facts, how.actor, how.bumper)
    refused = None
    if how.alias is not None:
        refused = why_alias_refused(connection, row, how.alias, facts.message, created=created)
        if refused is None:
            move_alias(
                connection,
                asset,
                how.alias,
                row.number,
                expected=Expect.ANYTHING,
                reason=facts.message or "registered",
                actor=how.actor,
            )
    bump, why = (decided.bump, decided.reasons) if decided else (None, ())
    return Registered(Version.from_row(row), created, stored.new_bytes, refused, bump, why)


def record_version(
    connection: sa.Connection, asset: AssetName, stored: Stored, facts: Facts, actor: Actor, bumper: Bumper
) -> tuple[VersionRow, bool, BumpDecision | None]:
    """Make a version visible, or find the one that is the same.

    Returns:
        The version, whether it is new, and which part of the semantic version it raised; None when it raised none.
    """
    digest, decision = stored.digest, None
    asset_id = catalog.ensure_asset(connection, asset.workspace, asset.name, actor.now)
    known = catalog.find_version(connection, asset_id=asset_id, digest=digest)
    if known is None:
        last = catalog.newest_version(connection, asset_id)
        decision = bumper.decide(connection, last) if last else None
        semantic = next_semantic(SemanticVersion.parse(last.semantic), decision.bump) if last and decision else FIRST
        version_id = catalog.insert_version(
            connection, asset_id, _new_version(connection, stored, facts, actor, semantic)
        )
    else:
        version_id = known.id
    news: dict[str, Any] = {}
    if tags := catalog.add_tags(connection, version_id, facts.tags):
        news["tags"] = tags
    if measured := update_metrics(connection, version_id, facts.metrics, actor):
        news["metrics"] = measured
    if facts.provenance and _record_provenance(connection, version_id, facts.provenance, actor):
        news["provenance"] = dict(facts.provenance)
    row = catalog.find_version(connection, id=version_id)
    assert row is not None
    if known is not None:  # a new one cannot have been retired
        take_back(connection, row, actor)
    if known is None or news:
        action = "version.register" if known is None else "version.register-again"
        if known is None:
            news |= {"semantic": row.semantic, **({"message": row.message} if row.message else {})}
        if decision and decision.reasons:
            news["bump"] = {"part": decision.bump.value, "reasons": list(decision.reasons)}
        details = {"digest": str(digest), "version": row.number, **news}
        catalog.append_audit(connection, action, str(asset), details, now=actor.now, actor=actor.name)
    return row, known is None, decision


def take_back(connection: sa.Connection, row: VersionRow, actor: Actor) -> None:
    """Take a version's retirement off, if it has one, now that its files are stored."""
    if catalog.unretire_version(connection, row.id):
        subject = str(AssetName(row.workspace, row.asset))
        details = {"version": row.number}
        catalog.append_audit(connection, "version.unretire", subject, details, now=actor.now, actor=actor.name)


def next_semantic(last: SemanticVersion | None, bump: Bump) -> SemanticVersion:
    """Return the semantic version after another one; a part that can rise no more raises the one before it.

    Raises:
        ConflictError: MAJOR can rise no more.
    """
    if last is None:
        return FIRST
    if bump is Bump.PIPELINE and last.pipeline < _MOST_PART:
        return SemanticVersion(last.major, last.minor, last.pipeline + 1)
    if bump is not Bump.MAJOR and last.minor < _MOST_PART:
        return SemanticVersion(last.major, last.minor + 1, 0)
    if last.major < _MOST_PART:
        return SemanticVersion(last.major + 1, 0, 0)
    raise ConflictError(f"no semantic version comes after {last}: MAJOR is at its end; use another asset")


def _new_version(
    connection: sa.Connection, stored: Stored, facts: Facts, actor: Actor, semantic: SemanticVersion
) -> NewVersion:
    manifest = stored.manifest
    targets = [(ref.role, require_version(connection, ref.target).id) for ref in _refs(manifest)]
    return NewVersion(
        digest=stored.digest,
        kind=manifest.kind,
        message=facts.message,
        semantic=str(semantic),
        created_at=actor.now,
        created_by=actor.name,
        files=tuple(FileRow(entry.path, entry.digest, entry.size_bytes, entry.url) for entry in manifest.files),
        refs=tuple(targets),
        properties=manifest.properties,
    )


def _refs(manifest: Manifest) -> list[Ref]:
    return [Ref(AssetRef(entry.asset, entry.digest), entry.role) for entry in manifest.refs]


def _check_properties(properties: Mapping[str, Any]) -> None:
    for key, value in properties.items():
        _check_property(key, value)


def _check_property(key: str, value: object) -> None:
    try:
        canonical_json(value)
    except InvalidInputError as error:
        raise InvalidInputError(f"property {key!r}, of type {type(value).__name__}, {error}") from error


def _digest_of(base: AssetRef) -> Digest:
    if not isinstance(base.selector, Digest):
        raise InvalidInputError(f"content lies on top of a version by digest, not of {str(base)!r}")
    return base.selector


def _record_provenance(connection: sa.Connection, version_id: int, provenance: Mapping[str, Any], actor: Actor) -> bool:
    return catalog.add_registration(connection, version_id, provenance, now=actor.now, actor=actor.name)
