"""Aliases and the log of their moves."""

from __future__ import annotations

import sqlalchemy as sa

from ama_tfx.catalog.records import AliasMove, AliasRow
from ama_tfx.catalog.schema import alias_moves, aliases, assets, versions, workspaces


def aliases_of(connection: sa.Connection, asset_id: int) -> list[AliasRow]:
    """Return an asset's aliases by name."""
    query = (
        sa.select(aliases.c.name, versions.c.number.label("version"), aliases.c.moved_at, aliases.c.moved_by)
        .join(versions, versions.c.id == aliases.c.version_id)
        .where(aliases.c.asset_id == asset_id)
    )
    rows = [AliasRow(**row._mapping) for row in connection.execute(query)]
    return sorted(rows, key=lambda row: row.name)


def alias_version(connection: sa.Connection, asset_id: int, name: str) -> int | None:
    """Return the number of the version an alias points at, or None."""
    return next((alias.version for alias in aliases_of(connection, asset_id) if alias.name == name), None)


def assets_with_alias(connection: sa.Connection, workspace: str, name: str) -> list[str]:
    """Return the names of the workspace's assets that have this alias."""
    query = (
        sa.select(assets.c.name)
        .join(aliases, aliases.c.asset_id == assets.c.id)
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
        .where(workspaces.c.name == workspace, aliases.c.name == name)
    )
    return sorted(connection.execute(query).scalars())


def point_alias(connection: sa.Connection, asset_id: int, move: AliasMove) -> None:
    """Make, move or remove an alias as a move says, and log the move.

    The caller holds the asset's lock and has checked ``from_version``.
    """
    here = (aliases.c.asset_id == asset_id) & (aliases.c.name == move.name)
    connection.execute(aliases.delete().where(here))
    if move.to_version is not None:
        version_id = connection.execute(
            sa.select(versions.c.id).where(versions.c.asset_id == asset_id, versions.c.number == move.to_version)
        ).scalar_one()
        row = {"asset_id": asset_id, "name": move.name, "version_id": version_id}
        connection.execute(aliases.insert().values(**row, moved_at=move.moved_at, moved_by=move.moved_by))
    connection.execute(
        alias_moves.insert().values(
            asset_id=asset_id,
            name=move.name,
            from_version=move.from_version,
            to_version=move.to_version,
            reason=move.reason,
            moved_at=move.moved_at,
            moved_by=move.moved_by,
        )
    )


def moves_of(connection: sa.Connection, asset_id: int, name: str | None = None) -> list[AliasMove]:
    """Return the moves of an asset's aliases, or of one alias, the newest first."""
    query = sa.select(alias_moves).where(alias_moves.c.asset_id == asset_id).order_by(alias_moves.c.id.desc())
    if name is not None:
        query = query.where(alias_moves.c.name == name)
    return [
        AliasMove(row.name, row.from_version, row.to_version, row.reason, row.moved_at, row.moved_by)
        for row in connection.execute(query)
    ]
