"""More rows than a statement has room for."""

import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import AliasMove
from ama_tfx.catalog.schema import metadata
from ama_tfx.storage import Digest

MANY = 66_000  # a statement of PostgreSQL has at most 65,535 parameters


def test_a_file_in_many_versions_with_many_referrers_is_found_in_all(database, add_version, asset_id, now):
    first = add_version("first", files=("data",))
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i <= {MANY})"
    with database.write() as connection:
        digest = "randomblob(32)" if connection.dialect.name == "sqlite" else "sha256(i::text::bytea)"
        for table, values in {
            "versions": f"i, asset_id, i, '1.0.' || i, {digest}, kind, '', 4, 1, created_at, 'ann' FROM versions, n",
            "files": "i, path, sha256, size_bytes, url FROM files, n",
            "refs": f"i, 'input', {first} FROM n",
        }.items():
            columns = ", ".join(column.name for column in metadata.tables[table].columns)
            insert = f"INSERT INTO {table} ({columns}) {numbers} SELECT {values}"
            connection.exec_driver_sql(insert)
        # What PostgreSQL does by itself within a minute: until then it may take the tables for empty.
        connection.exec_driver_sql("ANALYZE")
        for alias in ("b", "a"):
            catalog.point_alias(connection, asset_id, AliasMove(alias, None, 5, "", now, "ann"))
    with database.read() as connection:
        hits = catalog.find_files(connection, Digest.of(b"data"))
        assert [row.number for row, _ in hits] == list(range(1, MANY + 2))
        referrers = catalog.referrers_of(connection, first)
        assert [(role, row.number) for role, row in referrers] == [("input", number) for number in range(2, MANY + 2)]
        assert catalog.aliases_with_file(connection, Digest.of(b"data")) == {5: ["a", "b"]}


def test_naming_an_asset_counts_no_versions(database, asset_id):
    statements = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *event: statements.append(event[2]))
    with database.read() as connection:
        assert catalog.find_asset_id(connection, "default", "model") == asset_id
        assert catalog.find_asset_id(connection, "default", "models") is None
        assert catalog.asset_names(connection, "default") == ["model"]
    assert any("FROM assets" in statement for statement in statements)
    assert not any("versions" in statement or "count(" in statement for statement in statements)
