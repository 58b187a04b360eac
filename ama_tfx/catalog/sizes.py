"""How large assets are: as they are seen, and with each content once."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from ama_tfx.catalog.records import SizeRow
from ama_tfx.catalog.schema import assets, files, retirements, versions, workspaces
from ama_tfx.storage import Digest


def asset_sizes(connection: sa.Connection, workspace: str | None = None) -> list[SizeRow]:
    """Return the sizes of a workspace's assets, or of all, by name; files of retired versions do not count."""
    kept = versions.c.id.not_in(sa.select(retirements.c.version_id))
    query = (
        sa.select(
            assets.c.id,
            workspaces.c.name.label("workspace"),
            assets.c.name,
            sa.func.count(versions.c.id).label("version_count"),
            sa.func.coalesce(sa.func.sum(versions.c.file_count), 0).label("file_count"),
            sa.func.coalesce(sa.func.sum(versions.c.size_bytes), 0).label("size_bytes"),
        )
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
        .join(versions, (versions.c.asset_id == assets.c.id) & kept)
        .group_by(assets.c.id, workspaces.c.name, assets.c.name)
    )
    if workspace is not None:
        query = query.where(workspaces.c.name == workspace)
    rows = [
        SizeRow(row.id, row.workspace, row.name, int(row.version_count), int(row.file_count), int(row.size_bytes))
        for row in connection.execute(query)
    ]
    return sorted(rows, key=lambda row: (row.workspace, row.asset))


def contents_by_asset(connection: sa.Connection) -> Iterator[tuple[Digest, int, int]]:
    """Give every content of every asset once: its digest, its size in bytes and the asset, in the digests' order."""
    query = (
        sa.select(files.c.sha256, files.c.size_bytes, versions.c.asset_id)
        .join(versions, versions.c.id == files.c.version_id)
        .where(files.c.url.is_(None), versions.c.id.not_in(sa.select(retirements.c.version_id)))
        .distinct()
        .order_by(files.c.sha256)
    )
    for row in connection.execution_options(yield_per=10_000).execute(query):
        yield row.sha256, int(row.size_bytes), int(row.asset_id)
