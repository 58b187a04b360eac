"""Names by how they begin, a few of many: for completion in shells."""

from __future__ import annotations

import sqlalchemy as sa

from ama_tfx.catalog.schema import aliases, assets, files, versions, workspaces


def workspaces_like(connection: sa.Connection, prefix: str, most: int) -> list[str]:
    """Return workspaces whose name begins so, by name."""
    name = workspaces.c.name
    query = sa.select(name).where(name.startswith(prefix, autoescape=True)).order_by(name).limit(most)
    return list(connection.execute(query).scalars())


def assets_like(connection: sa.Connection, workspace: str, prefix: str, most: int) -> list[str]:
    """Return a workspace's assets whose name begins so, by name."""
    name = assets.c.name
    query = (
        sa.select(name)
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
        .where(workspaces.c.name == workspace, name.startswith(prefix, autoescape=True))
    )
    return list(connection.execute(query.order_by(name).limit(most)).scalars())


def aliases_like(connection: sa.Connection, workspace: str, prefix: str, most: int) -> list[str]:
    """Return the aliases that a workspace's assets have and that begin so, by name."""
    name = aliases.c.name
    query = (
        sa.select(name)
        .distinct()
        .join(assets, assets.c.id == aliases.c.asset_id)
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
        .where(workspaces.c.name == workspace, name.startswith(prefix, autoescape=True))
    )
    return list(connection.execute(query.order_by(name).limit(most)).scalars())


def numbers_of(connection: sa.Connection, asset_id: int, most: int) -> list[int]:
    """Return the numbers of an asset's newest versions, the newest first."""
    query = sa.select(versions.c.number).where(versions.c.asset_id == asset_id)
    return list(connection.execute(query.order_by(versions.c.number.desc()).limit(most)).scalars())


def paths_like(connection: sa.Connection, version_id: int, prefix: str, most: int) -> list[str]:
    """Return paths of a version's files that begin so, by path."""
    path = files.c.path
    query = sa.select(path).where(files.c.version_id == version_id, path.startswith(prefix, autoescape=True))
    return list(connection.execute(query.order_by(path).limit(most)).scalars())
