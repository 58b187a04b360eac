import datetime

import pytest

from ama_tfx import catalog
from ama_tfx.catalog import FileRow, NewVersion
from ama_tfx.storage import Digest

NOW = datetime.datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=datetime.timezone.utc)


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def add_version(database):
    """A function that adds a version to an asset and returns its row number; each word has a digest of its own."""

    def add(word, *, asset="model", files=("data",), refs=(), properties=None, semantic=None):
        with database.write() as connection:
            asset_id = catalog.ensure_asset(connection, "default", asset, NOW)
            new = NewVersion(
                digest=Digest.of(word.encode()),
                kind="Files",
                message=word,
                semantic=semantic or f"1.0.{len(catalog.list_versions(connection, asset_id))}",
                created_at=NOW,
                created_by="ann",
                files=tuple(FileRow(path, Digest.of(path.encode()), len(path)) for path in files),
                refs=refs,
                properties=properties or {},
            )
            return catalog.insert_version(connection, asset_id, new)

    return add


@pytest.fixture
def asset_id(database):
    with database.write() as connection:
        return catalog.ensure_asset(connection, "default", "model", NOW)
