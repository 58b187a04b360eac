"""History that somebody tries to change without an UPDATE or a DELETE, and a log whose end was cut off."""

import pytest
import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import AuditHead
from ama_tfx.catalog.audit import START
from ama_tfx.errors import AmaError, IntegrityError

HISTORY = ["versions", "files", "refs", "properties", "registrations", "alias_moves", "audit"]


@pytest.fixture
def history(database, add_version, now):
    """A catalog with a row in every table of history."""
    first = add_version("first", properties={"accuracy": 0.9})
    second = add_version("second", refs=(("input", first),))
    with database.write() as connection:
        catalog.add_registration(connection, second, {"run": "1"}, now=now, actor="ann")
        catalog.point_alias(connection, 1, catalog.AliasMove("champion", None, 2, "better", now, "ann"))
        for number in range(1, 6):
            catalog.append_audit(connection, "test", f"subject-{number}", {}, now=now, actor="ann")
    return database


def rows(database, table):
    with database.read() as connection:
        return sorted(map(str, connection.exec_driver_sql(f"SELECT * FROM {table}").all()))


@pytest.mark.parametrize("table", HISTORY)
def test_no_table_of_history_is_emptied_at_once(history, table):
    if history.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no TRUNCATE")
    before = rows(history, table)
    assert before
    with pytest.raises(AmaError, match="are never changed"), history.write() as connection:
        connection.exec_driver_sql(f"TRUNCATE {table} CASCADE")
    assert rows(history, table) == before


@pytest.mark.parametrize("table", HISTORY)
def test_no_row_of_history_is_replaced_by_another(history, table):
    """REPLACE INTO deletes the row that is in the way, and tells no trigger of deletions."""
    if history.engine.dialect.name == "postgresql":
        pytest.skip("PostgreSQL has no REPLACE")
    before = rows(history, table)
    assert before
    with pytest.raises(AmaError, match=f"rows of {table} are never changed"), history.write() as connection:
        connection.exec_driver_sql(f"REPLACE INTO {table} SELECT * FROM {table}")
    assert rows(history, table) == before


@pytest.mark.parametrize(("key", "number", "semantic"), [("number", 1, "9.0.0"), ("semantic", 9, "1.0.0")])
def test_no_version_is_replaced_by_one_of_another_row_number(history, key, number, semantic):
    if history.engine.dialect.name == "postgresql":
        pytest.skip("PostgreSQL has no REPLACE")
    before = rows(history, "versions")
    forged = (
        "REPLACE INTO versions SELECT 99, asset_id, :number, :semantic, zeroblob(32), kind, message, size_bytes, "
        "file_count, created_at, created_by FROM versions WHERE number = 1"
    )
    with pytest.raises(AmaError, match="rows of versions are never changed"), history.write() as connection:
        connection.execute(sa.text(forged), {"number": number, "semantic": semantic})
    assert rows(history, "versions") == before


def cut(database, statement):
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER ALL")
        else:
            connection.exec_driver_sql("DROP TRIGGER audit_no_delete")
        connection.exec_driver_sql(statement)


def test_the_head_of_the_log_is_its_length_and_last_hash(history):
    with history.read() as connection:
        assert catalog.audit_head(connection) == AuditHead(5, catalog.audit_entries(connection)[-1].hash)


def test_the_head_of_an_empty_log_is_where_it_starts(database):
    with database.read() as connection:
        assert catalog.audit_head(connection) == AuditHead(0, START)
        assert catalog.verify_audit(connection, AuditHead(0, START)) == 0


def test_a_log_that_grew_since_still_has_the_head_that_was_kept(history, now):
    with history.read() as connection:
        head = catalog.audit_head(connection)
    with history.write() as connection:
        catalog.append_audit(connection, "test", "subject-6", {}, now=now, actor="ann")
    with history.read() as connection:
        assert catalog.verify_audit(connection, head) == 6


@pytest.mark.parametrize("last", [0, 3])
def test_a_log_whose_end_was_cut_off_is_known_by_the_head_that_was_kept(history, last):
    with history.read() as connection:
        head = catalog.audit_head(connection)
    cut(history, f"DELETE FROM audit WHERE sequence > {last}")
    with (
        history.read() as connection,
        pytest.raises(IntegrityError, match=f"it had 5 entries, it has {last}; its end was cut off"),
    ):
        catalog.verify_audit(connection, head)


def test_a_log_that_was_cut_and_written_on_is_known_by_the_head_that_was_kept(history, now):
    with history.read() as connection:
        head = catalog.audit_head(connection)
    cut(history, "DELETE FROM audit WHERE sequence > 3")
    with history.write() as connection:
        for number in range(3):
            catalog.append_audit(connection, "test", f"forged-{number}", {}, now=now, actor="mallory")
    with history.read() as connection:
        assert catalog.verify_audit(connection) == 6
        with pytest.raises(IntegrityError, match="entry 5 is not the one that was there before"):
            catalog.verify_audit(connection, head)
