"""What bundles and forks ask of the catalog beside what others ask."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import sqlalchemy as sa

from ama_tfx.catalog.schema import assets, refs, versions, workspaces


def ancestors_of(connection: sa.Connection, starts: Collection[int]) -> list[int]:
    """Return the row numbers of versions and of all that they were made from, in the order of their registration."""
    found = sa.select(versions.c.id.label("id")).where(versions.c.id.in_(starts)).cte("ancestors", recursive=True)
    found = found.union(sa.select(refs.c.target_id).join(found, refs.c.version_id == found.c.id))
    return sorted(connection.execute(sa.select(found.c.id)).scalars())


def workspace_counts(connection: sa.Connection) -> Iterator[tuple[str, int, int]]:
    """Give every workspace by name, with how many assets and versions it has."""
    query = (
        sa.select(
            workspaces.c.name,
            sa.func.count(sa.distinct(assets.c.id)),
            sa.func.count(versions.c.id),
        )
        .select_from(workspaces)
        .outerjoin(assets, assets.c.workspace_id == workspaces.c.id)
        .outerjoin(versions, versions.c.asset_id == assets.c.id)
        .group_by(workspaces.c.name)
    )
    yield from sorted((row[0], row[1], row[2]) for row in connection.execute(query))
