"""History stays as it was written: triggers refuse to change it, and the audit log shows when somebody did."""

import datetime

import pytest
import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import AuditEntry
from ama_tfx.catalog.audit import START
from ama_tfx.catalog.schema import audit, retirements
from ama_tfx.errors import AmaError, IntegrityError, InvalidInputError
from ama_tfx.storage import Digest
from ama_tfx.testing.processes import race_threads

CHANGES = {
    "versions": "UPDATE versions SET message = 'edited'",
    "files": "UPDATE files SET size_bytes = 0",
    "refs": "UPDATE refs SET role = 'edited'",
    "properties": "UPDATE properties SET value = '0'",
    "registrations": "UPDATE registrations SET provenance = '{}'",
    "alias_moves": "UPDATE alias_moves SET reason = 'edited'",
    "audit": "UPDATE audit SET actor = 'somebody else'",
    "alias_moves rows": "DELETE FROM alias_moves",
    "audit rows": "DELETE FROM audit",
}


@pytest.fixture
def history(database, add_version, now):
    """A catalog with a row in every table."""
    first = add_version("first", properties={"accuracy": 0.9})
    second = add_version("second", refs=(("input", first),))
    with database.write() as connection:
        catalog.add_registration(connection, second, {"run": "1"}, now=now, actor="ann")
        catalog.add_tags(connection, second, ["good"])
        catalog.point_alias(connection, 1, catalog.AliasMove("champion", None, 2, "better", now, "ann"))
        catalog.write_rule(connection, 1, catalog.AliasRule("champion", False, now, "ann"))
        catalog.write_metrics(connection, second, {"auc": 0.9}, now=now, actor="ann")
        catalog.write_pin(connection, second, catalog.PinRow("shipped", now, "ann"))
        catalog.write_description(connection, 1, catalog.DescriptionRow("a model", now, "ann"))
        retired = {"reason": "old", "retired_at": now, "retired_by": "ann"}
        connection.execute(retirements.insert().values(version_id=first, **retired))
        for number in range(1, 6):
            catalog.append_audit(
                connection, "version.register", f"ama://default/model-{number}", {"n": number}, now=now, actor="ann"
            )
    return database


def everything(database):
    with database.read() as connection:
        tables = sorted(set(sa.inspect(connection).get_table_names()))
        return {table: sorted(map(str, connection.exec_driver_sql(f"SELECT * FROM {table}").all())) for table in tables}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
def test_written_history_cannot_be_changed(history, statement):
    before = everything(history)
    assert all(before.values())
    with pytest.raises(AmaError, match="are never changed"), history.write() as connection:
        connection.exec_driver_sql(statement)
    assert everything(history) == before


def attack(database, statement, **parameters):
    """Change the audit log like somebody who owns the database."""
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER ALL")
        else:
            connection.exec_driver_sql("DROP TRIGGER audit_no_update")
            connection.exec_driver_sql("DROP TRIGGER audit_no_delete")
        changed = connection.execute(sa.text(statement), parameters)
    assert changed.rowcount > 0


def test_an_untouched_log_verifies_and_tells_its_length(history):
    with history.read() as connection:
        assert catalog.verify_audit(connection) == 5


def test_an_empty_log_verifies(database):
    with database.read() as connection:
        assert catalog.verify_audit(connection) == 0
        assert catalog.audit_entries(connection) == []


EDITS = {
    "actor": "UPDATE audit SET actor = 'bob' WHERE sequence = 3",
    "action": "UPDATE audit SET action = 'alias.set' WHERE sequence = 3",
    "subject": "UPDATE audit SET subject = 'ama://default/other' WHERE sequence = 3",
    "details": """UPDATE audit SET details = '{}' WHERE sequence = 3""",
    "details that are no JSON": "UPDATE audit SET details = 'x' WHERE sequence = 3",
    "time": "UPDATE audit SET at = '2020-01-01 00:00:00.000000+00:00' WHERE sequence = 3",
    "hash": "UPDATE audit SET hash = (SELECT hash FROM audit AS other WHERE sequence = 1) WHERE sequence = 3",
}


@pytest.mark.parametrize("statement", EDITS.values(), ids=EDITS)
def test_an_edited_entry_is_found_and_named(history, statement):
    attack(history, statement)
    with (
        history.read() as connection,
        pytest.raises(IntegrityError, match=r"audit log: entry 3 \(.* '.*'\) was edited"),
    ):
        catalog.verify_audit(connection)


REWRITES = {
    "removed at the start": ("DELETE FROM audit WHERE sequence = 1", 1),
    "removed in the middle": ("DELETE FROM audit WHERE sequence = 3", 3),
    "renumbered over a gap": ("UPDATE audit SET sequence = sequence + 1 WHERE sequence = 5", 5),
    "another chain": ("UPDATE audit SET previous = hash WHERE sequence = 4", 4),
    "put in at the end": (
        "INSERT INTO audit SELECT 6, at, actor, action, subject, details, previous, hash FROM audit WHERE sequence = 5",
        6,
    ),
    "put in before the start": (
        "INSERT INTO audit SELECT 0, at, actor, action, subject, details, previous, hash FROM audit WHERE sequence = 1",
        1,
    ),
}


@pytest.mark.parametrize(("statement", "entry"), REWRITES.values(), ids=REWRITES)
def test_an_entry_removed_or_put_in_is_found(history, statement, entry):
    attack(history, statement)
    with (
        history.read() as connection,
        pytest.raises(IntegrityError, match=f"audit log: entry {entry} is missing or was put in"),
    ):
        catalog.verify_audit(connection)


def test_entries_that_swapped_places_are_found(history):
    attack(history, "UPDATE audit SET sequence = -2 WHERE sequence = 2")
    with history.write() as connection:
        connection.exec_driver_sql("UPDATE audit SET sequence = 2 WHERE sequence = 3")
        connection.exec_driver_sql("UPDATE audit SET sequence = 3 WHERE sequence = -2")
    with history.read() as connection, pytest.raises(IntegrityError, match="entry 2 is missing or was put in"):
        catalog.verify_audit(connection)


@pytest.mark.parametrize("column", ["hash", "previous"])
def test_a_hash_that_is_no_hash_is_found(history, column):
    attack(history, f"UPDATE audit SET {column} = :junk WHERE sequence = 3", junk=b"junk")
    with history.read() as connection, pytest.raises(IntegrityError, match="audit log: "):
        catalog.verify_audit(connection)


def test_a_time_that_is_no_time_is_found_where_the_database_takes_it(history):
    if history.engine.dialect.name == "postgresql":
        pytest.skip("PostgreSQL checks the type itself")
    attack(history, "UPDATE audit SET at = 'yesterday' WHERE sequence = 3")
    with history.read() as connection, pytest.raises(IntegrityError, match="audit log: "):
        catalog.verify_audit(connection)


def test_removing_the_newest_entries_shows_in_the_length_only(history):
    """No chain can tell that its end is missing: whoever wants to know keeps the last length and hash elsewhere."""
    attack(history, "DELETE FROM audit WHERE sequence > 3")
    with history.read() as connection:
        assert catalog.verify_audit(connection) == 3


def test_an_entry_tells_who_did_what_to_what_and_when(database, now):
    with database.write() as connection:
        catalog.append_audit(connection, "alias.set", "ama://default/m:champion", {"to": 1}, now=now, actor="ann")
    with database.read() as connection:
        (entry,) = catalog.audit_entries(connection)
    assert entry == AuditEntry(
        sequence=1,
        at=now,
        actor="ann",
        action="alias.set",
        subject="ama://default/m:champion",
        details={"to": 1},
        previous=START,
        # sha256 of {"action":"alias.set","actor":"ann","at":"2026-03-01T12:30:15.123456+00:00","details":"{\"to\":1}",
        # "previous":"sha256:00…00","sequence":1,"subject":"ama://default/m:champion"}
        hash=Digest("f54bf523dbbc5e4970664cc0138e838a53041a25aa153c75f08eaac2e0ddcc13"),
    )


def test_an_entry_may_be_written_with_the_time_of_any_zone(database, now):
    there = now.astimezone(datetime.timezone(datetime.timedelta(hours=-7)))
    with database.write() as connection:
        catalog.append_audit(connection, "alias.set", "model", {}, now=there, actor="ann")
    with database.read() as connection:
        assert catalog.verify_audit(connection) == 1
        assert catalog.audit_entries(connection)[0].at == now


def test_details_that_json_cannot_carry_are_refused_and_not_logged(database, now):
    with pytest.raises(InvalidInputError), database.write() as connection:
        catalog.append_audit(connection, "alias.set", "model", {"value": {1, 2}}, now=now, actor="ann")
    with database.read() as connection:
        assert catalog.verify_audit(connection) == 0


def test_many_writers_make_one_chain(database, now):
    def append(number):
        for serial in range(5):
            with database.write() as connection:
                catalog.append_audit(connection, "test", f"{number}", {"serial": serial}, now=now, actor="ann")

    assert race_threads([lambda number=n: append(number) for n in range(4)]) == [None] * 4
    with database.read() as connection:
        assert catalog.verify_audit(connection) == 20
        subjects = [entry.subject for entry in catalog.audit_entries(connection)]
        assert sorted(subjects) == sorted(["0", "1", "2", "3"] * 5)
        assert connection.execute(sa.select(sa.func.max(audit.c.sequence))).scalar() == 20
