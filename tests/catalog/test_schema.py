import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from ama_tfx.catalog.schema import HEAD, FileName, Utc, files, metadata

pytestmark = pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")

TABLES = [
    "alias_moves",
    "alias_rules",
    "aliases",
    "assets",
    "audit",
    "descriptions",
    "files",
    "metrics",
    "pins",
    "properties",
    "refs",
    "registrations",
    "registry_facts",
    "retirements",
    "tags",
    "versions",
    "workspaces",
]


def test_the_migrated_database_is_the_declared_one(database):
    with database.read() as connection:
        found = sorted(set(sa.inspect(connection).get_table_names()) - {"alembic_version"})
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        differences = compare_metadata(context, metadata)
    assert found == TABLES
    assert sorted(metadata.tables) == TABLES
    assert differences == []


def test_the_comparison_sees_a_difference(database):
    other = sa.MetaData()
    for table in metadata.tables.values():
        table.to_metadata(other)
    other.tables["tags"].append_column(sa.Column("colour", sa.Text))
    with database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), other)
    assert [difference[0] for difference in differences] == ["add_column"]


def test_primary_and_foreign_keys_are_the_declared_ones(database):
    """What Alembic does not compare."""
    with database.read() as connection:
        inspector = sa.inspect(connection)
        for name, table in metadata.tables.items():
            assert inspector.get_pk_constraint(name)["constrained_columns"] == [c.name for c in table.primary_key], name
            found = {
                (tuple(key["constrained_columns"]), key["referred_table"]) for key in inspector.get_foreign_keys(name)
            }
            assert found == {(tuple(key.column_keys), key.referred_table.name) for key in table.foreign_key_constraints}


def test_the_database_says_which_schema_it_has(database):
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
    assert rows == ["0003"]
    assert HEAD == "0003"


def test_the_name_of_a_file_is_the_last_part_of_its_path(database, add_version):
    paths = ["a", "a/a", "a/a/b", "x/yx", "ä/ß ü.txt", "50%/_*?[.bin", "a.b/c.d/.e", "aa/a", "a/b\\c"]
    add_version("odd", files=tuple(paths))
    with database.read() as connection:
        found = connection.execute(sa.select(files.c.path, FileName(files.c.path))).all()
    assert sorted(map(tuple, found)) == sorted((path, path.rpartition("/")[2]) for path in paths)


def test_a_naive_time_is_a_programming_error(now):
    with pytest.raises(TypeError, match="naive time"):
        Utc().process_bind_param(now.replace(tzinfo=None), None)
