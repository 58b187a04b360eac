"""The catalog of format 2: what versions measure, what aliases demand, what is pinned, retired or kept elsewhere."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SEARCHED = ("pipeline", "run_id")
SEARCHED_LENGTH = 255
"""Characters of what is searched; what is longer stands in the provenance only."""


def upgrade() -> None:
    """Add tables, columns and indexes, and make the runs that were recorded before searchable."""
    _version_table(
        "metrics",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        verb="recorded",
        key=("version_id", "name"),
    )
    op.create_index(op.f("ix_metrics_name_value"), "metrics", ["name", "value"], unique=False)
    _version_table("pins", sa.Column("reason", sa.Text(), nullable=False), verb="pinned", key=("version_id",))
    _version_table("retirements", sa.Column("reason", sa.Text(), nullable=False), verb="retired", key=("version_id",))
    _asset_tables()
    op.add_column("files", sa.Column("url", sa.Text(), nullable=True))
    for name in SEARCHED:
        op.add_column("registrations", sa.Column(name, sa.String(length=SEARCHED_LENGTH), nullable=True))
        op.create_index(op.f(f"ix_registrations_{name}"), "registrations", [name], unique=False)
    for name in ("created_at", "created_by"):
        op.create_index(op.f(f"ix_versions_{name}"), "versions", [name], unique=False)
    _fill_searched()


def _version_table(table: str, *columns: sa.Column[Any], verb: str, key: tuple[str, ...]) -> None:
    op.create_table(
        table,
        sa.Column("version_id", ROW_ID, nullable=False),
        *columns,
        sa.Column(f"{verb}_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(f"{verb}_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f(f"fk_{table}_version_id")),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
    )


def _asset_tables() -> None:
    op.create_table(
        "descriptions",
        sa.Column("asset_id", ROW_ID, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("described_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("described_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name=op.f("fk_descriptions_asset_id")),
        sa.PrimaryKeyConstraint("asset_id", name=op.f("pk_descriptions")),
    )
    op.create_table(
        "alias_rules",
        sa.Column("asset_id", ROW_ID, nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("needs_blessing", sa.Boolean(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name=op.f("fk_alias_rules_asset_id")),
        sa.PrimaryKeyConstraint("asset_id", "name", name=op.f("pk_alias_rules")),
    )


def _fill_searched() -> None:
    """Copy pipeline and run of every registration out of its provenance; the guard of its rows rests meanwhile."""
    connection = op.get_bind()
    postgresql = connection.dialect.name == "postgresql"
    name = "registrations_no_update"
    op.execute(f"ALTER TABLE registrations DISABLE TRIGGER {name}" if postgresql else f"DROP TRIGGER IF EXISTS {name}")
    rows = connection.execute(sa.text("SELECT id, provenance FROM registrations")).all()
    filled = [{"id": row_id, **_searched(provenance)} for row_id, provenance in rows]
    if filled := [row for row in filled if row["pipeline"] or row["run_id"]]:
        connection.execute(
            sa.text("UPDATE registrations SET pipeline = :pipeline, run_id = :run_id WHERE id = :id"), filled
        )
    op.execute(
        f"ALTER TABLE registrations ENABLE TRIGGER {name}"
        if postgresql
        else f"CREATE TRIGGER {name} BEFORE UPDATE ON registrations FOR EACH ROW "
        "BEGIN SELECT RAISE(ABORT, 'rows of registrations are never changed'); END"
    )


def _searched(provenance: str) -> dict[str, str | None]:
    try:
        document = json.loads(provenance)
    except ValueError:  # damage, which is for fsck to tell
        document = None
    found = document if isinstance(document, dict) else {}
    return {key: found.get(key) if _is_searchable(found.get(key)) else None for key in SEARCHED}


def _is_searchable(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= SEARCHED_LENGTH and value.isprintable()
