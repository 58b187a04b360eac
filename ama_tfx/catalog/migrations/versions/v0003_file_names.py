"""The catalog of format 3: indexes that find files by path, and by name in any folder."""

from alembic import op

revision = "0003"
down_revision = "0002"

NAME = {
    "sqlite": "substr(path, length(rtrim(path, replace(path, '/', ''))) + 1)",
    "postgresql": "regexp_replace(path, '^.*/', '')",
}
"""The last part of a path."""


def upgrade() -> None:
    """Add the indexes; no row changes."""
    op.create_index(op.f("ix_files_path"), "files", ["path"], unique=False)
    op.execute(f"CREATE INDEX ix_files_name ON files ({NAME[op.get_bind().dialect.name]})")
