"""The catalog of format 1. Written once; later schemas are later steps."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NEVER_UPDATED = ("versions", "files", "refs", "properties", "registrations", "alias_moves", "audit")
NEVER_DELETED = ("alias_moves", "audit")
KEYS: dict[str, list[tuple[str, ...]]] = {
    "versions": [("id",), ("asset_id", "number"), ("asset_id", "semantic"), ("asset_id", "digest")],
    "files": [("version_id", "path")],
    "refs": [("version_id", "role", "target_id")],
    "properties": [("version_id", "key")],
    "registrations": [("id",), ("version_id", "provenance_sha256")],
    "alias_moves": [("id",)],
    "audit": [("sequence",)],
}
"""What is unique in each table that is never updated."""


def upgrade() -> None:
    """Build the tables, and the triggers that keep history as it was written."""
    _create_tables()
    guarded = [("UPDATE", table) for table in NEVER_UPDATED] + [("DELETE", table) for table in NEVER_DELETED]
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION ama_refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME; END $$"
        )
    for change, table in guarded:
        op.execute(_trigger(change, table))
    for table in NEVER_UPDATED:
        op.execute(_trigger_against_replacing(table))


def _trigger(change: str, table: str) -> str:
    head = f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} FOR EACH ROW"
    if op.get_bind().dialect.name == "postgresql":
        return f"{head} EXECUTE FUNCTION ama_refuse_change()"
    return f"{head} BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"


def _trigger_against_replacing(table: str) -> str:
    """Return the trigger against what changes rows without updating or deleting any, to the database's mind."""
    if op.get_bind().dialect.name == "postgresql":
        head = f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"
        return f"{head} EXECUTE FUNCTION ama_refuse_change()"
    # REPLACE INTO removes the row that has the key; SQLite runs no delete trigger for it unless the client asks.
    taken = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} WHERE {' AND '.join(f'{column} = NEW.{column}' for column in key)})"  # noqa: S608
        for key in KEYS[table]
    )
    head = f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} FOR EACH ROW WHEN {taken}"
    reason = f"unique constraint: this row of {table} is there, and rows of {table} are never changed"
    return f"{head} BEGIN SELECT RAISE(ABORT, '{reason}'); END"


def _create_tables() -> None:
    op.create_table(
        "audit",
        sa.Column("sequence", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous", sa.LargeBinary(32), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit")),
    )
    op.create_table(
        "registry_facts",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_registry_facts")),
    )
    op.create_table(
        "workspaces",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspaces")),
        sa.UniqueConstraint("name", name=op.f("uq_workspaces_name")),
    )
    op.create_table(
        "assets",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("workspace_id", ROW_ID, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("folded_name", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_assets_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assets")),
        sa.UniqueConstraint("workspace_id", "folded_name", name=op.f("uq_assets_workspace_id_folded_name")),
    )
    op.create_table(
        "alias_moves",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("asset_id", ROW_ID, nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("from_version", sa.Integer(), nullable=True),
        sa.Column("to_version", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name=op.f("fk_alias_moves_asset_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alias_moves")),
    )
    op.create_index(op.f("ix_alias_moves_asset_id_name"), "alias_moves", ["asset_id", "name"], unique=False)
    op.create_table(
        "versions",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("asset_id", ROW_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("semantic", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("kind", sa.String(length=128), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("file_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name=op.f("fk_versions_asset_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("asset_id", "digest", name=op.f("uq_versions_asset_id_digest")),
        sa.UniqueConstraint("asset_id", "number", name=op.f("uq_versions_asset_id_number")),
        sa.UniqueConstraint("asset_id", "semantic", name=op.f("uq_versions_asset_id_semantic")),
    )
    op.create_index(op.f("ix_versions_digest"), "versions", ["digest"], unique=False)
    op.create_table(
        "aliases",
        sa.Column("asset_id", ROW_ID, nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("version_id", ROW_ID, nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name=op.f("fk_aliases_asset_id")),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_aliases_version_id")),
        sa.PrimaryKeyConstraint("asset_id", "name", name=op.f("pk_aliases")),
    )
    op.create_index(op.f("ix_aliases_name"), "aliases", ["name"], unique=False)
    op.create_index(op.f("ix_aliases_version_id"), "aliases", ["version_id"], unique=False)
    op.create_table(
        "files",
        sa.Column("version_id", ROW_ID, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_files_version_id")),
        sa.PrimaryKeyConstraint("version_id", "path", name=op.f("pk_files")),
    )
    op.create_index(op.f("ix_files_sha256"), "files", ["sha256"], unique=False)
    op.create_table(
        "properties",
        sa.Column("version_id", ROW_ID, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_properties_version_id")),
        sa.PrimaryKeyConstraint("version_id", "key", name=op.f("pk_properties")),
    )
    op.create_index(op.f("ix_properties_key"), "properties", ["key"], unique=False)
    op.create_table(
        "refs",
        sa.Column("version_id", ROW_ID, nullable=False),
        sa.Column("role", sa.String(length=128), nullable=False),
        sa.Column("target_id", ROW_ID, nullable=False),
        sa.ForeignKeyConstraint(["target_id"], ["versions.id"], name=op.f("fk_refs_target_id")),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_refs_version_id")),
        sa.PrimaryKeyConstraint("version_id", "role", "target_id", name=op.f("pk_refs")),
    )
    op.create_index(op.f("ix_refs_target_id"), "refs", ["target_id"], unique=False)
    op.create_table(
        "registrations",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("version_id", ROW_ID, nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("registered_by", sa.String(length=255), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("provenance_sha256", sa.LargeBinary(32), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_registrations_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations")),
        sa.UniqueConstraint(
            "version_id", "provenance_sha256", name=op.f("uq_registrations_version_id_provenance_sha256")
        ),
    )
    op.create_index(op.f("ix_registrations_version_id"), "registrations", ["version_id"], unique=False)
    op.create_table(
        "tags",
        sa.Column("version_id", ROW_ID, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_tags_version_id")),
        sa.PrimaryKeyConstraint("version_id", "name", name=op.f("pk_tags")),
    )
    op.create_index(op.f("ix_tags_name"), "tags", ["name"], unique=False)
