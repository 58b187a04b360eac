"""Which versions are retired: their record stays for ever, their files are not kept for their sake.

The caller holds the asset's lock; the audit log has what was before.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Sequence

import sqlalchemy as sa

from ama_tfx.catalog.lineage import TELLING_KINDS
from ama_tfx.catalog.records import RetirementRow, VersionRow
from ama_tfx.catalog.schema import aliases, assets, files, metrics, pins, refs, retirements, tags, versions, workspaces
from ama_tfx.catalog.versions import versions_where
from ama_tfx.storage import Digest

_RETIRED = sa.select(retirements.c.version_id)
_AT_ONCE = 500


def retirement_of(connection: sa.Connection, version_id: int) -> RetirementRow | None:
    """Return since when a version is retired, why and by whom; None when it is not."""
    row = connection.execute(sa.select(retirements).where(retirements.c.version_id == version_id)).first()
    return None if row is None else RetirementRow(row.reason, row.retired_at, row.retired_by)


def retire_version(connection: sa.Connection, version_id: int, row: RetirementRow) -> None:
    """Mark a version that is not retired."""
    made = {"reason": row.reason, "retired_at": row.retired_at, "retired_by": row.retired_by}
    connection.execute(retirements.insert().values(version_id=version_id, **made))


def unretire_version(connection: sa.Connection, version_id: int) -> bool:
    """Take the mark off; return whether there was one."""
    return bool(connection.execute(retirements.delete().where(retirements.c.version_id == version_id)).rowcount)


def list_retired(connection: sa.Connection) -> list[tuple[VersionRow, RetirementRow]]:
    """Return every retired version, by workspace, asset and number."""
    found = {
        row.version_id: RetirementRow(row.reason, row.retired_at, row.retired_by)
        for row in connection.execute(sa.select(retirements))
    }
    rows = versions_where(connection, versions.c.id.in_(_RETIRED))
    return [(row, found[row.id]) for row in sorted(rows, key=lambda row: (row.workspace, row.asset, row.number))]


def version_retirements(connection: sa.Connection) -> Iterator[tuple[str, str, int, str, str, datetime.datetime]]:
    """Give every retirement: workspace, asset and number of its version, reason, by whom and when."""
    made = (retirements.c.reason, retirements.c.retired_by, retirements.c.retired_at)
    query = (
        sa.select(workspaces.c.name, assets.c.name, versions.c.number, *made)
        .select_from(retirements)
        .join(versions, versions.c.id == retirements.c.version_id)
        .join(assets, assets.c.id == versions.c.asset_id)
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
    )
    yield from (tuple(row) for row in connection.execute(query))


def kept_versions(connection: sa.Connection, asset_ids: Collection[int]) -> list[VersionRow]:
    """Return the versions of some assets that are not retired, the newest first."""
    rows = versions_where(connection, versions.c.asset_id.in_(asset_ids), versions.c.id.not_in(_RETIRED))
    return sorted(rows, key=lambda row: (row.asset_id, -row.number))


def uses_among(connection: sa.Connection, asset_ids: Collection[int]) -> list[tuple[int, int]]:
    """Return every ref to a version of some assets from a version that is not retired: from which, and to which.

    Those that only tell of these (links, runs, verdicts) are left out: they are not made from them, and need no byte.
    """
    of_these = sa.select(versions.c.id).where(versions.c.asset_id.in_(asset_ids))
    telling = sa.select(versions.c.id).where(versions.c.kind.in_(TELLING_KINDS))
    query = sa.select(refs.c.version_id, refs.c.target_id).where(
        refs.c.target_id.in_(of_these), refs.c.version_id.not_in(_RETIRED), refs.c.version_id.not_in(telling)
    )
    return [(row.version_id, row.target_id) for row in connection.execute(query)]


def marks_of(connection: sa.Connection, asset_ids: Collection[int]) -> dict[int, list[str]]:
    """Return what keeps versions of some assets whatever a rule says, in words: aliases and pins."""
    of_these = sa.select(versions.c.id).where(versions.c.asset_id.in_(asset_ids))
    found: dict[int, list[str]] = {}
    named = sa.select(aliases.c.version_id, aliases.c.name).where(aliases.c.asset_id.in_(asset_ids))
    for version_id, name in sorted(tuple(row) for row in connection.execute(named)):
        found.setdefault(version_id, []).append(f"alias {name}")
    for version_id in connection.execute(sa.select(pins.c.version_id).where(pins.c.version_id.in_(of_these))).scalars():
        found.setdefault(version_id, []).append("pinned")
    return found


def tagged(connection: sa.Connection, asset_ids: Collection[int], tag: str) -> set[int]:
    """Return the versions of some assets that have a tag."""
    of_these = sa.select(versions.c.id).where(versions.c.asset_id.in_(asset_ids))
    query = sa.select(tags.c.version_id).where(tags.c.name == tag, tags.c.version_id.in_(of_these))
    return set(connection.execute(query).scalars())


def measured(connection: sa.Connection, asset_ids: Collection[int], metric: str) -> dict[int, float]:
    """Return the values of a metric of versions of some assets."""
    of_these = sa.select(versions.c.id).where(versions.c.asset_id.in_(asset_ids))
    query = sa.select(metrics.c.version_id, metrics.c.value).where(
        metrics.c.name == metric, metrics.c.version_id.in_(of_these)
    )
    return {row.version_id: float(row.value) for row in connection.execute(query)}


def freed_bytes(connection: sa.Connection, version_ids: Sequence[int]) -> int:
    """Return the size of all files of some versions that only retired versions have, each content once."""
    other = files.alias()
    kept = sa.exists().where(other.c.sha256 == files.c.sha256, other.c.version_id.not_in(_RETIRED))
    freed: dict[Digest, int] = {}
    for start in range(0, len(version_ids), _AT_ONCE):
        some = files.c.version_id.in_(version_ids[start : start + _AT_ONCE])
        query = sa.select(files.c.sha256, files.c.size_bytes).where(some, files.c.url.is_(None), ~kept)
        freed.update((row.sha256, int(row.size_bytes)) for row in connection.execute(query))
    return sum(freed.values())
