"""What names of assets and aliases mean, in SQL that both databases know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ama_tfx.catalog.plain import rows_of, utc_of
from ama_tfx.catalog.records import AliasRow

if TYPE_CHECKING:
    from ama_tfx.catalog.plain import AnyConnection


def aliases_of(connection: AnyConnection, asset_id: int) -> list[AliasRow]:
    """Return an asset's aliases by name."""
    question = """
        SELECT aliases.name, versions.number, aliases.moved_at, aliases.moved_by
        FROM aliases JOIN versions ON versions.id = aliases.version_id
        WHERE aliases.asset_id = :asset_id
    """
    found = rows_of(connection, question, asset_id=asset_id)
    rows = [AliasRow(name, version, utc_of(moved_at), moved_by) for name, version, moved_at, moved_by in found]
    return sorted(rows, key=lambda row: row.name)


def alias_version(connection: AnyConnection, asset_id: int, name: str) -> int | None:
    """Return the number of the version an alias points at, or None."""
    return next((alias.version for alias in aliases_of(connection, asset_id) if alias.name == name), None)


def find_asset_id(connection: AnyConnection, workspace: str, name: str) -> int | None:
    """Return an asset's row number, or None; counts no versions, of which there may be many."""
    question = """
        SELECT assets.id FROM assets JOIN workspaces ON workspaces.id = assets.workspace_id
        WHERE workspaces.name = :workspace AND assets.name = :name
    """
    rows = rows_of(connection, question, workspace=workspace, name=name)
    return int(rows[0][0]) if rows else None


def asset_names(connection: AnyConnection, workspace: str) -> list[str]:
    """Return the names of a workspace's assets in order."""
    question = """
        SELECT assets.name FROM assets JOIN workspaces ON workspaces.id = assets.workspace_id
        WHERE workspaces.name = :workspace
    """
    return sorted(name for (name,) in rows_of(connection, question, workspace=workspace))
