"""Workspaces and assets."""

from __future__ import annotations

import datetime
import functools

import sqlalchemy as sa

from ama_tfx.catalog.inserting import insert_into
from ama_tfx.catalog.plain import rows_of
from ama_tfx.catalog.records import AssetRow
from ama_tfx.catalog.schema import assets, descriptions, versions, workspaces
from ama_tfx.errors import ConflictError

_WORKSPACES_LOCK = 0x616D62


def ensure_asset(connection: sa.Connection, workspace: str, name: str, now: datetime.datetime) -> int:
    """Return an asset's row number, making the asset and its workspace where they are missing, and lock it.

    Until the transaction ends nobody else changes the asset, its versions or its aliases through this layer.

    Raises:
        ConflictError: A workspace or an asset exists whose name differs only in case.
    """
    workspace_id = _ensure_workspace(connection, workspace, now)
    folded = name.casefold()
    _insert_missing(connection, assets, workspace_id=workspace_id, name=name, folded_name=folded, created_at=now)
    row = connection.execute(_locked(), {"of_workspace": workspace_id, "folded": folded}).one()
    if row.name != name:
        raise ConflictError(
            f"asset {name!r} would differ from the existing {row.name!r} only in case; use {row.name!r}"
        )
    return int(row.id)


@functools.cache
def _locked() -> sa.Select[tuple[int, str]]:
    here = (assets.c.workspace_id == sa.bindparam("of_workspace")) & (assets.c.folded_name == sa.bindparam("folded"))
    return sa.select(assets.c.id, assets.c.name).where(here).with_for_update()


def lock_asset(connection: sa.Connection, asset_id: int) -> None:
    """Keep others from changing the asset until the transaction ends."""
    connection.execute(sa.select(assets.c.id).where(assets.c.id == asset_id).with_for_update())


def find_asset(connection: sa.Connection, workspace: str, name: str) -> AssetRow | None:
    """Return an asset, or None."""
    rows = _rows(connection, workspaces.c.name == workspace, assets.c.name == name)
    return rows[0] if rows else None


def list_assets(connection: sa.Connection, workspace: str | None = None) -> list[AssetRow]:
    """Return the assets of one workspace, or of all, by name."""
    return _rows(connection, *([workspaces.c.name == workspace] if workspace is not None else []))


def _ensure_workspace(connection: sa.Connection, name: str, now: datetime.datetime) -> int:
    wanted = "SELECT id FROM workspaces WHERE name = :name"
    if found := rows_of(connection, wanted, name=name):
        return int(found[0][0])
    if connection.dialect.name == "postgresql":  # no row to lock yet, and twins in case are two rows
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WORKSPACES_LOCK})")
    for other in connection.execute(sa.select(workspaces.c.name)).scalars():
        if other != name and other.casefold() == name.casefold():
            raise ConflictError(
                f"workspace {name!r} would differ from the existing {other!r} only in case; use {other!r}"
            )
    _insert_missing(connection, workspaces, name=name, created_at=now)
    return int(rows_of(connection, wanted, name=name)[0][0])


def _rows(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[AssetRow]:
    query = (
        sa.select(
            assets.c.id,
            workspaces.c.name.label("workspace"),
            assets.c.name,
            sa.func.count(versions.c.id).label("version_count"),
            assets.c.created_at,
            sa.func.coalesce(descriptions.c.text, "").label("description"),
        )
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
        .outerjoin(versions, versions.c.asset_id == assets.c.id)
        .outerjoin(descriptions, descriptions.c.asset_id == assets.c.id)
        .where(*conditions)
        .group_by(assets.c.id, workspaces.c.name, assets.c.name, assets.c.created_at, descriptions.c.text)
    )
    rows = [AssetRow(**row._mapping) for row in connection.execute(query)]
    return sorted(rows, key=lambda row: (row.workspace, row.name))


def _insert_missing(connection: sa.Connection, table: sa.Table, **values: object) -> None:
    connection.execute(insert_into(connection, table).on_conflict_do_nothing(), values)
