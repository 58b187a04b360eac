"""What people add to versions and assets later on: tags taken off, metrics, pins, descriptions.

Each row is the state of now; the audit log has what was before. The caller holds the asset's lock.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from ama_tfx.catalog.records import DescriptionRow, PinRow, VersionRow
from ama_tfx.catalog.schema import assets, descriptions, metrics, pins, tags, versions, workspaces
from ama_tfx.catalog.versions import versions_where


def remove_tags(connection: sa.Connection, version_id: int, names: Collection[str]) -> None:
    """Take tags off a version; those that it does not have are passed over."""
    connection.execute(tags.delete().where(tags.c.version_id == version_id, tags.c.name.in_(names)))


def metrics_of(connection: sa.Connection, version_id: int) -> dict[str, float]:
    """Return a version's metrics by name."""
    query = sa.select(metrics.c.name, metrics.c.value).where(metrics.c.version_id == version_id)
    return dict(sorted((str(name), float(value)) for name, value in connection.execute(query)))


def write_metrics(
    connection: sa.Connection, version_id: int, values: Mapping[str, float], *, now: datetime.datetime, actor: str
) -> None:
    """Record metrics of a version, in place of those of the same names."""
    if values:
        here = (metrics.c.version_id == version_id) & metrics.c.name.in_(values)
        connection.execute(metrics.delete().where(here))
        same = {"version_id": version_id, "recorded_at": now, "recorded_by": actor}
        connection.execute(metrics.insert(), [{**same, "name": name, "value": value} for name, value in values.items()])


def pin_of(connection: sa.Connection, version_id: int) -> PinRow | None:
    """Return what pins a version, or None."""
    row = connection.execute(sa.select(pins).where(pins.c.version_id == version_id)).first()
    return None if row is None else PinRow(row.reason, row.pinned_at, row.pinned_by)


def list_pins(connection: sa.Connection, asset_id: int | None = None) -> list[tuple[VersionRow, PinRow]]:
    """Return the pinned versions of an asset, or of all, each with its pin; by workspace, asset and number."""
    found = {
        row.version_id: PinRow(row.reason, row.pinned_at, row.pinned_by) for row in connection.execute(sa.select(pins))
    }
    wanted = versions.c.id.in_(sa.select(pins.c.version_id))
    pinned = versions_where(connection, wanted, *([versions.c.asset_id == asset_id] if asset_id is not None else []))
    return [(row, found[row.id]) for row in sorted(pinned, key=lambda row: (row.workspace, row.asset, row.number))]


def write_pin(connection: sa.Connection, version_id: int, pin: PinRow | None) -> None:
    """Pin a version, in place of the pin that it has; or unpin it."""
    connection.execute(pins.delete().where(pins.c.version_id == version_id))
    if pin is not None:
        row = {"reason": pin.reason, "pinned_at": pin.pinned_at, "pinned_by": pin.pinned_by}
        connection.execute(pins.insert().values(version_id=version_id, **row))


def description_of(connection: sa.Connection, asset_id: int) -> DescriptionRow | None:
    """Return what an asset is said to be, or None."""
    row = connection.execute(sa.select(descriptions).where(descriptions.c.asset_id == asset_id)).first()
    return None if row is None else DescriptionRow(row.text, row.described_at, row.described_by)


def write_description(connection: sa.Connection, asset_id: int, description: DescriptionRow | None) -> None:
    """Say what an asset is, in place of what was said before; or nothing any more."""
    connection.execute(descriptions.delete().where(descriptions.c.asset_id == asset_id))
    if description is not None:
        made = {"described_at": description.described_at, "described_by": description.described_by}
        connection.execute(descriptions.insert().values(asset_id=asset_id, text=description.text, **made))


def version_metrics(connection: sa.Connection) -> Iterator[tuple[str, str, int, str, float, str, datetime.datetime]]:
    """Give every metric of every version: workspace, asset, number, name, value, by whom and when recorded."""
    columns = (metrics.c.name, metrics.c.value, metrics.c.recorded_by, metrics.c.recorded_at)
    query = _of_versions(*columns).join(metrics, metrics.c.version_id == versions.c.id)
    yield from (tuple(row) for row in connection.execute(query))


def version_pins(connection: sa.Connection) -> Iterator[tuple[str, str, int, str, str, datetime.datetime]]:
    """Give every pin: workspace, asset and number of its version, reason, by whom and when."""
    query = _of_versions(pins.c.reason, pins.c.pinned_by, pins.c.pinned_at)
    yield from (tuple(row) for row in connection.execute(query.join(pins, pins.c.version_id == versions.c.id)))


def asset_descriptions(connection: sa.Connection) -> Iterator[tuple[str, str, str, str, datetime.datetime]]:
    """Give every description: workspace and asset, text, by whom and when."""
    query = (
        sa.select(
            workspaces.c.name,
            assets.c.name,
            descriptions.c.text,
            descriptions.c.described_by,
            descriptions.c.described_at,
        )
        .select_from(descriptions)
        .join(assets, assets.c.id == descriptions.c.asset_id)
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
    )
    yield from (tuple(row) for row in connection.execute(query))


def _of_versions(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    return (
        sa.select(workspaces.c.name, assets.c.name, versions.c.number, *columns)
        .select_from(versions)
        .join(assets, assets.c.id == versions.c.asset_id)
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
    )
