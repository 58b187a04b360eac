"""Which schemas this release knows; apart from the tables, so that opening a registry loads no SQLAlchemy."""

HEAD = "0003"
"""The Alembic revision that this release reads and writes."""

OLDER = ("0001", "0002")
"""The revisions that it takes to `HEAD` where it meets them."""
