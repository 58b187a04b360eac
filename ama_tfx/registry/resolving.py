"""From a reference to a version."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ama_tfx import catalog
from ama_tfx.catalog import VersionRow
from ama_tfx.errors import NotFoundError, did_you_mean
from ama_tfx.registry.names import Alias, AssetName, AssetRef, Newest, SemanticVersion
from ama_tfx.storage import Digest

if TYPE_CHECKING:
    from ama_tfx.catalog.plain import AnyConnection

MAX_NUMBER = 2**31 - 1
"""The largest number of a version that a catalog can hold; databases refuse to look for a larger one."""


def require_asset(connection: AnyConnection, name: AssetName) -> int:
    """Return an asset's row number.

    Raises:
        NotFoundError: There is none of this name; the message has near names.
    """
    asset_id = catalog.find_asset_id(connection, name.workspace, name.name)
    if asset_id is None:
        known = catalog.asset_names(connection, name.workspace)
        raise NotFoundError(f"no asset {name.name!r} in workspace {name.workspace!r}{_hint(name.name, known)}")
    return asset_id


def require_version(connection: AnyConnection, ref: AssetRef) -> VersionRow:
    """Return the version that a reference means now.

    Raises:
        NotFoundError: No such asset, alias or version; the message has what there is.
    """
    asset_id = require_asset(connection, ref.asset)
    selector = ref.selector
    if isinstance(selector, Newest):
        found = catalog.newest_version(connection, asset_id)
    elif isinstance(selector, Alias):
        number = catalog.alias_version(connection, asset_id, selector.name)
        found = None if number is None else catalog.find_version(connection, asset_id=asset_id, number=number)
    elif isinstance(selector, Digest):
        found = catalog.find_version(connection, asset_id=asset_id, digest=selector)
    elif isinstance(selector, SemanticVersion):
        found = catalog.find_version(connection, asset_id=asset_id, semantic=str(selector))
    else:
        known = selector <= MAX_NUMBER
        found = catalog.find_version(connection, asset_id=asset_id, number=selector) if known else None
    if found is None:
        raise NotFoundError(_missing(connection, asset_id, ref))
    return found


def _missing(connection: AnyConnection, asset_id: int, ref: AssetRef) -> str:
    asset = ref.asset.name
    if isinstance(ref.selector, Alias):
        known = [alias.name for alias in catalog.aliases_of(connection, asset_id)]
        return f"no alias {ref.selector.name!r} on asset {asset!r}{_hint(ref.selector.name, known)}"
    newest = catalog.newest_version(connection, asset_id)
    there = f"it has versions 1 to {newest.number}" if newest else "it has no version yet"
    return f"no version {str(ref.selector)!r} of asset {asset!r}; {there}"


def _hint(wrong: str, known: Iterable[str]) -> str:
    names = list(known)
    near = did_you_mean(wrong, names)
    if near:
        return near
    return f"; there are {', '.join(map(repr, names[:10]))}" if names else "; there are none"
