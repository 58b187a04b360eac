"""Aliases and the log of their moves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from ama_tfx.catalog.records import AliasMove
from ama_tfx.catalog.schema import alias_moves, aliases, assets, versions, workspaces


def assets_with_alias(connection: sa.Connection, workspace: str, name: str) -> list[str]:
    """Return the names of the workspace's assets that have this alias."""
    query = (
        sa.select(assets.c.name)
        .join(aliases, aliases.c.asset_id == assets.c.id)
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
        .where(workspaces.c.name == workspace, aliases.c.name == name)
    )
    return sorted(connection.execute(query).scalars())


def alias_versions(connection: sa.Connection) -> Iterator[tuple[str, str, str, int]]:
    """Give every alias there is: its workspace, asset and name, and the number of the version it points at."""
    query = (
        sa.select(workspaces.c.name, assets.c.name, aliases.c.name, versions.c.number)
        .select_from(aliases)
        .join(versions, versions.c.id == aliases.c.version_id)
        .join(assets, assets.c.id == aliases.c.asset_id)
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
    )
    yield from (tuple(row) for row in connection.execute(query))


def all_moves(connection: sa.Connection) -> Iterator[tuple[str, str, AliasMove]]:
    """Give every move of every alias, the oldest first: the workspace, the asset and the move."""
    query = (
        sa.select(workspaces.c.name.label("workspace"), assets.c.name.label("asset"), alias_moves)
        .select_from(alias_moves)
        .join(assets, assets.c.id == alias_moves.c.asset_id)
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
        .order_by(alias_moves.c.id)
    )
    for row in connection.execute(query):
        yield row.workspace, row.asset, _move(row)


def _move(row: sa.Row[Any]) -> AliasMove:
    return AliasMove(row.name, row.from_version, row.to_version, row.reason, row.moved_at, row.moved_by)


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
    return [_move(row) for row in connection.execute(query)]
