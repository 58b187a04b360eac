"""Forking: versions of one asset become versions of another one, without a byte being copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ama_tfx import catalog
from ama_tfx.catalog import VersionRow
from ama_tfx.errors import ConflictError, InvalidInputError
from ama_tfx.registry.aliases.aliasing import Actor, Expect, move_alias
from ama_tfx.registry.aliases.rules import why_protected
from ama_tfx.registry.downloading import read_manifest
from ama_tfx.registry.names import Alias, AssetName, AssetRef
from ama_tfx.registry.resolving import require_asset, require_version
from ama_tfx.registry.results import Version
from ama_tfx.registry.retirement import why_retired
from ama_tfx.registry.sharing.recording import Carried, record_carried
from ama_tfx.registry.sharing.results import Forked
from ama_tfx.storage import BlobStore

if TYPE_CHECKING:
    import sqlalchemy as sa


def plan_fork(connection: sa.Connection, ref: AssetRef, asset: AssetName, *, all_versions: bool) -> list[VersionRow]:
    """Return the versions that a fork takes, the oldest first.

    Raises:
        NotFoundError: No such version.
        InvalidInputError: An asset is forked into itself, or one version is named where all are meant.
        ConflictError: The new asset holds something else, or a version is retired.
    """
    if ref.path is not None:
        raise InvalidInputError(f"a fork takes whole versions, not {str(ref)!r}")
    if ref.asset == asset:
        raise InvalidInputError(f"{asset} cannot be forked into itself; give the fork another name")
    if all_versions and str(ref) != str(AssetRef(ref.asset)):
        raise InvalidInputError(f"--all-versions takes an asset, not one version: {str(ref)!r}; use {str(ref.asset)!r}")
    known = catalog.list_versions(connection, require_asset(connection, ref.asset))[::-1]
    rows = known if all_versions else [require_version(connection, ref)]
    for row in rows:
        if catalog.retirement_of(connection, row.id) is not None:
            raise ConflictError(
                f"version {row.number} of {ref.asset} is retired, so its bytes may go; take that back first"
            )
    _refuse_stranger(connection, asset, known)
    return rows


def record_fork(
    connection: sa.Connection,
    blobs: BlobStore,
    rows: Sequence[VersionRow],
    asset: AssetName,
    actor: Actor,
    *,
    why_aliases: str | None,
) -> Forked:
    """Make the versions of a fork visible, and set aliases unless there is no saying why: None.

    The manifests are the same, so digests, files and what they were made from are too. Where a version comes from
    stands in its registration, under ``forked_from``: registrations are never changed, the audit log covers them, and
    they are no part of a version's identity.
    """
    catalog.ensure_asset(connection, asset.workspace, asset.name, actor.now)
    forked, new_count = [], 0
    for row in rows:
        origin = Version.from_row(row)
        told = {"reference": str(origin.reference), "version": row.number, "semantic": row.semantic}
        carried = Carried(
            message=row.message,
            semantic=origin.semantic,
            tags=catalog.tags_of(connection, row.id),
            metrics=catalog.metrics_of(connection, row.id),
            provenances=({"forked_from": {**told, "created_by": row.created_by}},),
        )
        manifest = read_manifest(blobs, row.digest)
        made, created = record_carried(connection, asset, manifest, row.digest, carried, actor)
        new_count += created
        forked.append((origin, Version.from_row(made)))
    outcomes = {} if why_aliases is None else _set_aliases(connection, forked, why_aliases, actor)
    refused = {alias: why for alias, why in outcomes.items() if why is not None}
    names = tuple(alias for alias in outcomes if alias not in refused)
    return Forked(asset, tuple(forked), new_count, names, aliases_refused=refused)


def _set_aliases(
    connection: sa.Connection, forked: Sequence[tuple[Version, Version]], why: str, actor: Actor
) -> dict[str, str | None]:
    """Set what aliases may be set; return each that was to be: None, or why it was not."""
    numbers = {old.number: new for old, new in forked}
    source = forked[0][0].asset
    outcomes: dict[str, str | None] = {}
    for alias in catalog.aliases_of(connection, require_asset(connection, source)):
        if (new := numbers.get(alias.version)) is None:
            continue
        asset_id = require_asset(connection, new.asset)
        if catalog.alias_version(connection, asset_id, alias.name) is not None:
            continue
        origin, name = f"forked from {source}:{alias.name}", Alias(alias.name)
        outcomes[alias.name] = _why_not(connection, new, asset_id, alias.name, why)
        if outcomes[alias.name] is None:
            reason = f"{why} ({origin})" if why else origin
            move_alias(connection, new.asset, name, new.number, expected=Expect.ABSENT, reason=reason, actor=actor)
    return outcomes


def _why_not(connection: sa.Connection, new: Version, asset_id: int, alias: str, reason: str) -> str | None:
    row = require_version(connection, new.reference)
    error = why_retired(connection, row) or why_protected(connection, asset_id, alias, new.number, reason)
    return None if error is None else str(error)


def _refuse_stranger(connection: sa.Connection, asset: AssetName, known: Sequence[VersionRow]) -> None:
    """Refuse an asset that exists and begins with something else than this asset's versions."""
    asset_id = catalog.find_asset_id(connection, asset.workspace, asset.name)
    there = [] if asset_id is None else catalog.list_versions(connection, asset_id)
    if there and there[-1].digest not in {row.digest for row in known}:
        raise ConflictError(f"{asset} exists and is no fork of {known[0].workspace}/{known[0].asset}; use another name")
