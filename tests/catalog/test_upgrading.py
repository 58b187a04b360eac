"""A catalog that an earlier release wrote is brought to this release's schema where it is opened."""

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from ama_tfx import catalog
from ama_tfx.catalog import Database, postgresql_engine, sqlite_engine
from ama_tfx.catalog.migrating import migrate
from ama_tfx.catalog.schema import FileName, files, metadata
from ama_tfx.errors import ConflictError, FormatError, PermissionDeniedError
from ama_tfx.registry import Registry
from ama_tfx.testing.processes import count_lines, kill_at_line, race

pytestmark = pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")

V1 = Path(__file__).parents[1] / "compat" / "v1"
IDENTITY = "00000000-0000-4000-8000-000000000001"
DIGEST = b"\1" * 32
TIME = "2026-01-01 00:00:00+00:00"
PROVENANCES = (
    {"pipeline": "taxi", "run_id": "run-7", "code": {"commit": "abc"}},
    {"pipeline": "x" * 256, "run_id": 7},
    {"pipeline": "nul\0", "note": "none"},
)


def _fill(connection):
    """Write what release 0.1 would have: one version, registered three times."""
    migrate(connection, "0001")
    run = connection.exec_driver_sql
    run(f"INSERT INTO registry_facts VALUES ('registry_id', '{IDENTITY}')")
    run(f"INSERT INTO workspaces (id, name, created_at) VALUES (1, 'default', '{TIME}')")
    run(f"INSERT INTO assets VALUES (1, 1, 'model', 'model', '{TIME}')")
    columns = "id, asset_id, number, semantic, digest, kind, message, size_bytes, file_count, created_at, created_by"
    values = f"1, 1, 1, '1.0.0', :digest, 'Files', '', 4, 1, '{TIME}', 'ann'"
    connection.execute(sa.text(f"INSERT INTO versions ({columns}) VALUES ({values})"), {"digest": DIGEST})
    connection.execute(sa.text("INSERT INTO files VALUES (1, 'data', :digest, 4)"), {"digest": DIGEST})
    for number, provenance in enumerate(PROVENANCES, 1):
        connection.execute(
            sa.text(f"INSERT INTO registrations VALUES (:id, 1, '{TIME}', 'ann', :document, :digest)"),
            {"id": number, "document": json.dumps(provenance), "digest": bytes([number]) * 32},
        )


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request, tmp_path):
    """A function that connects to one catalog of revision 0001."""
    if request.param == "sqlite":
        address = tmp_path / "catalog.db"
        made = Database(sqlite_engine(address, create=True), "made")
        with contextlib.closing(sqlite3.connect(address)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    else:
        address = sa.make_url(request.getfixturevalue("empty_postgresql"))
        made = Database(postgresql_engine(address), "made")
    with made.write() as connection:
        _fill(connection)
    made.close()
    opened = [made]

    def connect():
        engine = sqlite_engine(address) if isinstance(address, Path) else postgresql_engine(address)
        opened.append(Database(engine, "the old catalog"))
        return opened[-1]

    yield connect
    for database in opened:
        database.close()


def _revision(database):
    with database.read() as connection:
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _tables(database):
    with database.read() as connection:
        return set(sa.inspect(connection).get_table_names())


def test_an_earlier_catalog_becomes_the_declared_one_when_it_is_opened(old):
    database = old()
    assert _revision(database) == "0001"
    assert database.check() == IDENTITY
    assert _revision(database) == "0003"
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        assert catalog.missing_guards(connection) == []


def test_a_catalog_of_the_revision_before_this_one_becomes_the_declared_one(old):
    database = old()
    with database.write() as connection:
        migrate(connection, "0002")
    assert database.check() == IDENTITY
    assert _revision(database) == "0003"
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        named = sa.select(files.c.path).where(FileName(files.c.path) == "data")
        assert connection.execute(named).scalars().all() == ["data"]


def test_what_was_registered_before_can_be_searched_by_pipeline_and_run(old):
    database = old()
    database.check()
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT pipeline, run_id FROM registrations ORDER BY id").all()
        held = catalog.files_of(connection, 1)
    assert [tuple(row) for row in rows] == [("taxi", "run-7"), (None, None), (None, None)]
    assert [(file.path, file.size_bytes, file.url) for file in held] == [("data", 4, None)]


def test_after_the_upgrade_history_is_guarded_as_before(old):
    database = old()
    database.check()
    with pytest.raises(Exception, match="rows of registrations are never changed"), database.write() as connection:
        connection.exec_driver_sql("UPDATE registrations SET run_id = 'another'")


def test_processes_that_meet_an_earlier_catalog_at_once_upgrade_it_once(old):
    def open_it():
        database = old()
        try:
            return database.check()
        finally:
            database.close()

    assert race([open_it] * 6) == [IDENTITY] * 6
    assert _revision(old()) == "0003"


def test_an_upgrade_that_is_killed_leaves_the_catalog_old_or_new(tmp_path):
    """Killed before each of many lines; SQLite's own writing is killed by the tests of system calls."""
    made = tmp_path / "made.db"
    database = Database(sqlite_engine(made, create=True), "made")
    with database.write() as connection:
        _fill(connection)

    def upgrade(path):
        Database(sqlite_engine(path), "the old catalog").check()

    shutil.copy(made, tmp_path / "counted.db")
    lines = count_lines(lambda: upgrade(tmp_path / "counted.db"))
    assert lines > 50
    states = []
    for line in range(1, lines, max(1, lines // 25)):
        path = tmp_path / f"{line}.db"
        shutil.copy(made, path)
        assert kill_at_line(lambda path=path: upgrade(path), line) or line > 0.8 * lines
        killed = Database(sqlite_engine(path), "the old catalog")
        states.append(_revision(killed))
        assert ("pins" in _tables(killed)) is (states[-1] == "0003")
        assert killed.check() == IDENTITY
        assert _revision(killed) == "0003"
    assert set(states) == {"0001", "0003"}


def test_a_later_catalog_is_refused_and_left_alone(old):
    database = old()
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0004'")
    with pytest.raises(FormatError, match="the old catalog has schema '0004', this release of ama-tfx reads '0003'"):
        database.check()
    assert "pins" not in _tables(database)


def test_a_reader_of_an_earlier_file_is_told_who_has_to_open_it(tmp_path, as_another_user):
    path = tmp_path / "catalog.db"
    database = Database(sqlite_engine(path, create=True), "made")
    with database.write() as connection:
        _fill(connection)
    path.chmod(0o444)
    with pytest.raises(PermissionDeniedError, match="has schema '0001'.*reads '0003'.*let somebody who may write"):
        as_another_user(lambda: Database(sqlite_engine(path), "the old catalog").check())
    assert _revision(database) == "0001"


def test_a_reader_of_an_earlier_postgresql_is_told_who_has_to_open_it(empty_postgresql, postgresql_server):
    url = sa.make_url(empty_postgresql)
    owner = Database(postgresql_engine(url), "made")
    with owner.write() as connection:
        _fill(connection)
    postgresql_server.execute("CREATE ROLE looker LOGIN")
    postgresql_server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker", url.database)
    looker = Database(postgresql_engine(url.set(username="looker")), "the old catalog")
    try:
        with pytest.raises(PermissionDeniedError, match="has schema '0001'.*let somebody who may write"):
            looker.check()
        postgresql_server.execute("GRANT CREATE ON SCHEMA public TO looker", url.database)
        postgresql_server.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO looker", url.database)
        with pytest.raises(PermissionDeniedError, match="has schema '0001'.*let somebody who may write"):
            looker.check()
        assert _revision(owner) == "0001"
    finally:
        looker.close()
        owner.close()
        postgresql_server.execute("DROP OWNED BY looker", url.database)
        postgresql_server.execute("DROP ROLE looker")


def test_a_busy_earlier_file_is_tried_again_later(tmp_path, monkeypatch):
    monkeypatch.setattr("ama_tfx.catalog.database.BUSY_SECONDS", 0.05)
    path = tmp_path / "catalog.db"
    with Database(sqlite_engine(path, create=True), "made").write() as connection:
        _fill(connection)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(ConflictError, match="the old catalog was busy"):
            Database(sqlite_engine(path), "the old catalog").check()
    finally:
        holder.close()
    assert Database(sqlite_engine(path), "the old catalog").check() == IDENTITY


def test_a_registry_of_release_0_1_is_whole_after_the_upgrade(tmp_path):
    shutil.copytree(V1, tmp_path / "registry")
    registry = Registry(tmp_path / "registry")
    try:
        registry.upkeep.rebuild_index()
        checked = registry.upkeep.fsck(read_percent=100)
        assert checked.is_clean
        assert checked.version_count > 0
        assert registry.audit.verify() > 0
    finally:
        registry.close()
