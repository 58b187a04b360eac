"""From a reference to a version."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import AssetRow, VersionRow
from ama_tfx.errors import NotFoundError, did_you_mean
from ama_tfx.registry.names import Alias, AssetName, AssetRef, Newest, SemanticVersion
from ama_tfx.storage import Digest


def require_asset(connection: sa.Connection, name: AssetName) -> AssetRow:
    """Return an asset.

    Raises:
        NotFoundError: There is none of this name; the message has near names.
    """
    row = catalog.find_asset(connection, name.workspace, name.name)
    if row is None:
        known = [asset.name for asset in catalog.list_assets(connection, name.workspace)]
        raise NotFoundError(f"no asset {name.name!r} in workspace {name.workspace!r}{_hint(name.name, known)}")
    return row


def require_version(connection: sa.Connection, ref: AssetRef) -> VersionRow:
    """Return the version that a reference means now.

    Raises:
        NotFoundError: No such asset, alias or version; the message has what there is.
    """
    asset = require_asset(connection, ref.asset)
    selector = ref.selector
    if isinstance(selector, Newest):
        found = catalog.newest_version(connection, asset.id)
    elif isinstance(selector, Alias):
        number = catalog.alias_version(connection, asset.id, selector.name)
        found = None if number is None else catalog.find_version(connection, asset_id=asset.id, number=number)
    elif isinstance(selector, Digest):
        found = catalog.find_version(connection, asset_id=asset.id, digest=selector)
    elif isinstance(selector, SemanticVersion):
        found = catalog.find_version(connection, asset_id=asset.id, semantic=str(selector))
    else:
        found = catalog.find_version(connection, asset_id=asset.id, number=selector)
    if found is None:
        raise NotFoundError(_missing(connection, asset, ref))
    return found


def _missing(connection: sa.Connection, asset: AssetRow, ref: AssetRef) -> str:
    if isinstance(ref.selector, Alias):
        known = [alias.name for alias in catalog.aliases_of(connection, asset.id)]
        return f"no alias {ref.selector.name!r} on asset {asset.name!r}{_hint(ref.selector.name, known)}"
    there = f"it has versions 1 to {asset.version_count}" if asset.version_count else "it has no version yet"
    return f"no version {str(ref.selector)!r} of asset {asset.name!r}; {there}"


def _hint(wrong: str, known: Iterable[str]) -> str:
    names = list(known)
    near = did_you_mean(wrong, names)
    if near:
        return near
    return f"; there are {', '.join(map(repr, names[:10]))}" if names else "; there are none"
