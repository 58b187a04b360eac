import datetime
import sqlite3
import threading

import psycopg
import pytest
import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import Database, postgresql_engine, sqlite_engine
from ama_tfx.catalog.schema import registry_facts, workspaces
from ama_tfx.errors import (
    BackendError,
    ConflictError,
    FormatError,
    IntegrityError,
    NotFoundError,
    PermissionDeniedError,
)
from ama_tfx.testing.postgresql import PASSWORD
from ama_tfx.testing.processes import race_threads


def names(connection):
    return sorted(connection.execute(sa.select(workspaces.c.name)).scalars())


def add(connection, name, now):
    connection.execute(workspaces.insert().values(name=name, created_at=now))


def is_sqlite(database):
    return database.engine.dialect.name == "sqlite"


def test_what_is_written_is_read_after_the_transaction(database, now):
    with database.write() as connection:
        add(connection, "default", now)
    with database.read() as connection:
        assert names(connection) == ["default"]


def test_a_transaction_that_fails_leaves_nothing(database, now):
    def write_and_fail():
        with database.write() as connection:
            add(connection, "one", now)
            assert names(connection) == ["one"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with database.read() as connection:
        assert names(connection) == []


def test_a_transaction_that_fails_in_the_database_leaves_nothing(database, now):
    def write_twice():
        with database.write() as connection:
            add(connection, "one", now)
            add(connection, "one", now)

    with pytest.raises(ConflictError, match="the test catalog"):
        write_twice()
    with database.read() as connection:
        assert names(connection) == []


def test_others_do_not_see_a_transaction_before_its_end(database, now):
    with database.write() as writer:
        add(writer, "one", now)
        with database.read() as reader:
            assert names(reader) == []


def test_a_reader_sees_one_state_however_long_it_reads(database, now):
    with database.read() as reader:
        assert names(reader) == []
        with database.write() as writer:
            add(writer, "one", now)
        assert names(reader) == []
    with database.read() as reader:
        assert names(reader) == ["one"]


def test_a_write_transaction_reads_what_the_writer_before_it_wrote(database, now):
    """Without it, two writers read one state, and both write the next version."""
    numbers = race_threads([lambda: _count_up(database, now)] * 8)
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6, 7, 8]


def _count_up(database, now):
    with database.write() as connection:
        asset_id = catalog.ensure_asset(connection, "default", "counter", now)
        move = catalog.moves_of(connection, asset_id)
        number = (move[0].to_version if move else 0) + 1
        connection.execute(
            sa.text(
                "INSERT INTO alias_moves (asset_id, name, to_version, reason, moved_at, moved_by) VALUES "
                "(:asset_id, 'count', :number, '', '2026-01-01 00:00:00+00:00', 'ann')"
            ).bindparams(asset_id=asset_id, number=number)
        )
        return number


def test_times_come_back_aware_in_utc_to_the_microsecond(database, now):
    with database.write() as connection:
        add(connection, "utc", now)
        add(connection, "there", now.astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=45))))
    with database.read() as connection:
        times = list(connection.execute(sa.select(workspaces.c.created_at)).scalars())
    assert times == [now, now]
    assert [time.isoformat() for time in times] == ["2026-03-01T12:30:15.123456+00:00"] * 2


def test_foreign_keys_are_enforced(database):
    with pytest.raises(ConflictError, match=r"(?i)foreign key"), database.write() as connection:
        connection.exec_driver_sql("INSERT INTO tags (version_id, name) VALUES (12345, 'orphan')")


def test_creating_again_changes_nothing(database):
    database.create("another-id")
    assert database.check() == "00000000-0000-4000-8000-000000000001"


def test_a_new_catalog_holds_no_versions(database, add_version):
    assert not database.has_versions()
    add_version("first")
    assert database.has_versions()


def test_a_catalog_of_another_release_is_refused_by_its_schema(database):
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(FormatError, match="the test catalog has schema '0999', this release of ama-tfx reads '0003'"):
        database.check()


def test_a_catalog_without_its_identity_is_damaged(database):
    with database.write() as connection:
        connection.execute(registry_facts.delete())
    with pytest.raises(IntegrityError, match="does not say which registry it is of"):
        database.check()


def test_a_database_without_a_catalog_is_not_found(tmp_path):
    database = Database(sqlite_engine(tmp_path / "empty.db", create=True), "'empty.db'")
    with pytest.raises(NotFoundError, match="no catalog in 'empty.db'"):
        database.check()


def test_a_missing_sqlite_file_is_never_made_by_opening_it(tmp_path):
    database = Database(sqlite_engine(tmp_path / "absent.db"), "'absent.db'")
    with pytest.raises(BackendError, match="'absent.db' does not answer"):
        database.check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["with space.db", "with?mode=memory.db", "with#hash.db", "with%20.db", "ümlaut.db"])
def test_any_file_name_is_the_file_of_that_name(tmp_path, name):
    database = Database(sqlite_engine(tmp_path / name, create=True), name)
    database.create("an-id")
    assert database.check() == "an-id"
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


def test_sqlite_keeps_a_write_ahead_log_and_syncs_every_commit(tmp_path):
    engine = sqlite_engine(tmp_path / "catalog.db", create=True)
    Database(engine, "catalog").create("an-id")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_sqlite_writer_that_waits_too_long_is_told_to_try_again(tmp_path, monkeypatch):
    monkeypatch.setattr("ama_tfx.catalog.database.BUSY_SECONDS", 0.05)
    database = Database(sqlite_engine(tmp_path / "catalog.db", create=True), "'catalog.db'")
    database.create("an-id")
    holder = sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(ConflictError, match=r"'catalog.db' was busy for 0\.05 s .*try again"), database.write():
            pass
        with database.read() as connection:  # readers never wait
            assert names(connection) == []
    finally:
        holder.close()


def test_a_sqlite_file_that_may_not_be_written_is_a_question_of_permission(tmp_path, as_another_user, now):
    path = tmp_path / "catalog.db"
    Database(sqlite_engine(path, create=True), "catalog").create("an-id")
    path.chmod(0o444)

    def write():
        with Database(sqlite_engine(path), "'catalog.db'").write() as connection:
            add(connection, "one", now)

    with pytest.raises((PermissionDeniedError, BackendError), match="'catalog.db'"):
        as_another_user(write)


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 5000], ids=["text", "header"])
def test_a_file_that_is_no_database_is_damaged(tmp_path, content):
    (tmp_path / "catalog.db").write_bytes(content)
    with pytest.raises(IntegrityError, match="'catalog.db' is damaged: .*restore it from a backup"):
        Database(sqlite_engine(tmp_path / "catalog.db"), "'catalog.db'").check()
    assert (tmp_path / "catalog.db").read_bytes() == content


def test_catalogs_may_be_made_in_many_threads_at_once(tmp_path):
    def create(name):
        database = Database(sqlite_engine(tmp_path / name, create=True), name)
        database.create(f"id of {name}")
        return database.check()

    found = race_threads([lambda name=f"{n}.db": create(name) for n in range(8)])
    assert found == [f"id of {n}.db" for n in range(8)]


def test_clients_that_meet_an_empty_postgresql_at_once_make_one_catalog(empty_postgresql):
    def create(number):
        engine = postgresql_engine(sa.make_url(empty_postgresql))
        try:
            database = Database(engine, "catalog")
            database.create(f"id {number}")
            return database.check()
        finally:
            engine.dispose()

    found = race_threads([lambda number=n: create(number) for n in range(6)])
    assert len(found) == 6
    assert len(set(found)) == 1
    assert found[0] in {f"id {n}" for n in range(6)}


def test_more_threads_than_connections_wait_for_one(database, now):
    def write(number):
        with database.write() as connection:
            add(connection, f"workspace-{number:02}", now)

    assert race_threads([lambda number=n: write(number) for n in range(30)]) == [None] * 30
    with database.read() as connection:
        assert names(connection) == [f"workspace-{n:02}" for n in range(30)]


def test_an_error_of_a_driver_never_shows_the_password(postgresql_server):
    url = sa.make_url(postgresql_server.url("no_such_database"))
    with pytest.raises(BackendError, match='database "no_such_database" does not exist') as caught:
        Database(postgresql_engine(url), url.render_as_string(hide_password=True)).check()
    assert isinstance(caught.value.__cause__.orig, psycopg.OperationalError)
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in str(caught.value.__cause__)


def test_postgresql_rights_that_are_missing_are_a_question_of_permission(catalog_postgresql, postgresql_server, now):
    postgresql_server.execute("CREATE ROLE reader LOGIN")
    url = sa.make_url(catalog_postgresql)
    postgresql_server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", url.database)
    engine = postgresql_engine(url.set(username="reader"))
    database = Database(engine, "the test catalog")
    try:
        with pytest.raises(PermissionDeniedError, match="permission denied"), database.write() as connection:
            add(connection, "one", now)
        assert database.check() == "00000000-0000-4000-8000-000000000001"
    finally:
        engine.dispose()
        postgresql_server.execute("DROP OWNED BY reader", url.database)
        postgresql_server.execute("DROP ROLE reader")


def test_a_database_serves_many_threads(database, now):
    barrier = threading.Barrier(4)

    def read_and_write(number):
        barrier.wait()
        for serial in range(5):
            with database.write() as connection:
                add(connection, f"{number}-{serial}", now)
            with database.read() as connection:
                assert f"{number}-{serial}" in names(connection)

    assert race_threads([lambda number=n: read_and_write(number) for n in range(4)]) == [None] * 4
    with database.read() as connection:
        assert len(names(connection)) == 20
