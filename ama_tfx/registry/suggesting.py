"""How something that is being typed may go on: names of workspaces, assets and aliases, references and paths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ama_tfx import catalog
from ama_tfx.catalog.prefixes import aliases_like, assets_like, numbers_of, paths_like, workspaces_like
from ama_tfx.errors import AmaError
from ama_tfx.registry.names import SCHEME, AssetName, AssetRef
from ama_tfx.registry.registry import Registry
from ama_tfx.registry.resolving import require_version

if TYPE_CHECKING:
    import sqlalchemy as sa

MOST = 100
"""How many suggestions there are: nobody reads more, and shells ask before they list as many."""

_NEWEST = 9


def suggest(registry: Registry, what: str, text: str, *, asset: str | None = None) -> list[str]:
    """Return how a text may go on; each suggestion begins with the text.

    Args:
        registry: Whose names.
        what: ``workspaces``, ``assets``, ``aliases``, ``references``, or ``paths`` in a version.
        text: What is there so far.
        asset: With ``aliases``: of this asset only. With ``paths``: the reference to the version.

    Returns:
        At most 100, in order; one that ends with ``:`` or ``/`` goes on itself.
    """
    with registry._database.read() as connection:
        if what == "workspaces":
            return workspaces_like(connection, text, MOST)
        if what == "aliases":
            return _aliases(connection, registry.workspace, text, asset)
        if what == "paths":
            return _paths(connection, asset or "", registry.workspace, text)
        whole, workspace, name = _split(text, registry.workspace)
        if workspace is None:
            return [f"{SCHEME}{found}/" for found in workspaces_like(connection, name, MOST)]
        if what == "references" and (":" in name or "@" in name):
            return [found for found in _selected(connection, workspace, name, whole) if found.startswith(text)]
        names = assets_like(connection, workspace, name, MOST)
        more = [f"{names[0]}:"] if what == "references" and len(names) == 1 else []
        return [whole + found for found in (*names, *more) if found.startswith(name)]


def _split(text: str, workspace: str) -> tuple[str, str | None, str]:
    """Return what is before an asset's name, its workspace (None while it is typed), and the rest."""
    if not text.startswith(SCHEME):
        return "", workspace, text
    typed, slash, name = text[len(SCHEME) :].partition("/")
    return (f"{SCHEME}{typed}/", typed, name) if slash else (SCHEME, None, typed)


def _aliases(connection: sa.Connection, workspace: str, text: str, asset: str | None) -> list[str]:
    if asset is None:
        return aliases_like(connection, workspace, text, MOST)
    try:
        name = AssetRef.parse(asset, workspace).asset
    except AmaError:
        return []
    return [row for row in _alias_names(connection, name) if row.startswith(text)][:MOST]


def _selected(connection: sa.Connection, workspace: str, name: str, whole: str) -> Iterable[str]:
    """Return the selectors of an asset, or the paths of a version, behind its name."""
    try:
        head, slash, path = name.partition("/") if ":" not in name else _at_selector(name)
        ref = AssetRef.parse(f"{SCHEME}{workspace}/{head.rstrip(':')}")
        if slash:
            return [f"{whole}{head}/{found}" for found in _paths(connection, str(ref), workspace, path)]
    except AmaError:
        return ()
    asset_id = catalog.find_asset_id(connection, workspace, ref.asset.name)
    numbers = numbers_of(connection, asset_id, _NEWEST) if asset_id is not None else []
    selectors = [*_alias_names(connection, ref.asset), "latest", *map(str, numbers)]
    return [f"{whole}{ref.asset.name}:{selector}" for selector in selectors]


def _paths(connection: sa.Connection, reference: str, workspace: str, text: str) -> list[str]:
    """Return the files and folders of a version whose paths begin so, up to the next folder."""
    try:
        row = require_version(connection, AssetRef.parse(reference, workspace))
    except AmaError:
        return []
    return list(dict.fromkeys(_one_level(path, text) for path in paths_like(connection, row.id, text, MOST)))


def _at_selector(name: str) -> tuple[str, str, str]:
    asset, _, rest = name.partition(":")
    selector, slash, path = rest.partition("/")
    return f"{asset}:{selector}", slash, path


def _one_level(path: str, typed: str) -> str:
    """Return a path up to the next folder behind what is typed."""
    folder, slash, _ = path[len(typed) :].partition("/")
    return f"{typed}{folder}{slash}"


def _alias_names(connection: sa.Connection, asset: AssetName) -> list[str]:
    asset_id = catalog.find_asset_id(connection, asset.workspace, asset.name)
    return [] if asset_id is None else [row.name for row in catalog.aliases_of(connection, asset_id)]
