"""Making a version visible that exists elsewhere already: with its manifest as it is, and what was said of it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ama_tfx import catalog
from ama_tfx.catalog import FileRow, NewVersion, VersionRow
from ama_tfx.errors import NotFoundError
from ama_tfx.registry.aliases.aliasing import Actor
from ama_tfx.registry.manifest import Manifest, RefEntry
from ama_tfx.registry.measuring import update_metrics
from ama_tfx.registry.names import AssetName, AssetRef, SemanticVersion
from ama_tfx.registry.registering import next_semantic
from ama_tfx.registry.resolving import require_version
from ama_tfx.registry.results import Bump
from ama_tfx.storage import Digest

if TYPE_CHECKING:
    import sqlalchemy as sa


@dataclass(frozen=True)
class Carried:
    """What is said of a version beside its manifest.

    Attributes:
        message: What its author said.
        semantic: MAJOR.MINOR.PIPELINE where it comes from; kept where that is free and goes forward.
        tags: Labels.
        metrics: Name -> value.
        provenances: One for each of its registrations; the first one goes with the new version.
    """

    message: str
    semantic: SemanticVersion
    tags: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    provenances: tuple[Mapping[str, Any], ...] = ()


def record_carried(
    connection: sa.Connection, asset: AssetName, manifest: Manifest, digest: Digest, carried: Carried, actor: Actor
) -> tuple[VersionRow, bool]:
    """Make a version visible; or find the one of the same digest, and leave that as it is.

    Raises:
        NotFoundError: It was made from something that is not in this registry.
    """
    asset_id = catalog.ensure_asset(connection, asset.workspace, asset.name, actor.now)
    known = catalog.find_version(connection, asset_id=asset_id, digest=digest)
    if known is not None:
        return known, False
    version_id = catalog.insert_version(
        connection, asset_id, _new(connection, asset_id, manifest, digest, carried, actor)
    )
    row = catalog.find_version(connection, id=version_id)
    assert row is not None
    news: dict[str, Any] = {"semantic": row.semantic}
    if row.message:
        news["message"] = row.message
    if tags := catalog.add_tags(connection, version_id, carried.tags):
        news["tags"] = tags
    if measured := update_metrics(connection, version_id, carried.metrics, actor):
        news["metrics"] = measured
    first, *others = carried.provenances or ({},)
    if first and _register(connection, version_id, first, actor):
        news["provenance"] = dict(first)
    _log(connection, "version.register", row, news, actor)
    for provenance in others:
        if _register(connection, version_id, provenance, actor):
            _log(connection, "version.register-again", row, {"provenance": dict(provenance)}, actor)
    return row, True


def require_targets(connection: sa.Connection, refs: Iterable[RefEntry], of: str) -> list[tuple[str, int]]:
    """Return the edges to what a version was made from: role and row number.

    Raises:
        NotFoundError: Some of that is not in this registry.
    """
    return [(ref.role, _target(connection, ref, of).id) for ref in refs]


def _target(connection: sa.Connection, ref: RefEntry, of: str) -> VersionRow:
    try:
        return require_version(connection, AssetRef(ref.asset, ref.digest))
    except NotFoundError as error:
        raise NotFoundError(
            f"{of} was made from {ref.asset}@{ref.digest} ({ref.role}), which is not in this registry; "
            "make the bundle with all that its versions were made from, or apply that one first"
        ) from error


def _new(
    connection: sa.Connection, asset_id: int, manifest: Manifest, digest: Digest, carried: Carried, actor: Actor
) -> NewVersion:
    return NewVersion(
        digest=digest,
        kind=manifest.kind,
        message=carried.message,
        semantic=str(_free_semantic(connection, asset_id, carried.semantic)),
        created_at=actor.now,
        created_by=actor.name,
        files=tuple(FileRow(entry.path, entry.digest, entry.size_bytes, entry.url) for entry in manifest.files),
        refs=tuple(require_targets(connection, manifest.refs, f"version {digest}")),
        properties=manifest.properties,
    )


def _free_semantic(connection: sa.Connection, asset_id: int, wanted: SemanticVersion) -> SemanticVersion:
    newest = catalog.newest_version(connection, asset_id)
    last = SemanticVersion.parse(newest.semantic) if newest else None
    return wanted if last is None or wanted > last else next_semantic(last, Bump.PIPELINE)


def _register(connection: sa.Connection, version_id: int, provenance: Mapping[str, Any], actor: Actor) -> bool:
    return catalog.add_registration(connection, version_id, provenance, now=actor.now, actor=actor.name)


def _log(connection: sa.Connection, action: str, row: VersionRow, news: Mapping[str, Any], actor: Actor) -> None:
    details = {"digest": str(row.digest), "version": row.number, **news}
    subject = str(AssetName(row.workspace, row.asset))
    catalog.append_audit(connection, action, subject, details, now=actor.now, actor=actor.name)
