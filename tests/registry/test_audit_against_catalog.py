"""A catalog that was edited beside its audit log: the log is whole, and still tells."""

import pytest
import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.errors import IntegrityError
from ama_tfx.registry import Facts

OTHER = "(SELECT id FROM versions WHERE number = 2)"

EDITS = {
    "a version's digest": (
        "versions",
        "UPDATE versions SET digest = sha WHERE number = 1",
        "version 'ama://default/model:1' was changed .*: the catalog has sha256:0.*, the audit log tells of sha256:",
    ),
    "a version's number": (
        "versions",
        "UPDATE versions SET number = 7 WHERE number = 1",
        "version 'ama://default/model:1' was changed .*: the catalog lacks it, the audit log tells of sha256:",
    ),
    "a version put in": (
        "versions",
        "INSERT INTO versions (asset_id, number, semantic, digest, kind, message, size_bytes, file_count, created_at, "
        "created_by) SELECT asset_id, 3, '9.0.0', sha, kind, message, size_bytes, file_count, created_at, created_by "
        "FROM versions WHERE number = 1",
        "version 'ama://default/model:3' .*: the catalog has sha256:0.*, the audit log does not tell of it",
    ),
    "an asset's name": (
        "assets",
        "UPDATE assets SET name = 'modem'",
        "version 'ama://default/model:1' was changed .*: the catalog lacks it",
    ),
    "an alias's place": (
        "aliases",
        f"UPDATE aliases SET version_id = {OTHER} WHERE name = 'champion'",
        "alias 'ama://default/model:champion' .*: the catalog has 2, the audit log tells of 1",
    ),
    "an alias removed": (
        "aliases",
        "DELETE FROM aliases WHERE name = 'champion'",
        "alias 'ama://default/model:champion' .*: the catalog lacks it, the audit log tells of 1",
    ),
    "an alias put in": (
        "aliases",
        "INSERT INTO aliases SELECT asset_id, 'forged', version_id, moved_at, moved_by FROM aliases "
        "WHERE name = 'champion'",
        "alias 'ama://default/model:forged' .*: the catalog has 1, the audit log does not tell of it",
    ),
    "a move": (
        "alias_moves",
        "UPDATE alias_moves SET from_version = 2 WHERE name = 'champion' AND from_version IS NULL",
        "history of alias 'ama://default/model:champion' .*: the catalog has 2 -> 2, 2 -> 1",
    ),
    "moves forgotten": (
        "alias_moves",
        "DELETE FROM alias_moves WHERE name = 'gone'",
        "history of alias 'ama://default/model:gone' .*: the catalog lacks it",
    ),
}


@pytest.fixture
def history(registry, hello, write):
    """A registry with two versions and aliases that were set, moved and removed."""
    registry.register("model", hello, Facts(tags=("good",), provenance={"run": "1"}))
    registry.register("model", write("next", {"x": b"y"}), alias="champion")
    registry.register("model", hello, Facts(provenance={"run": "2"}), alias="champion")
    registry.set_alias("model:1", "gone")
    registry.remove_alias("model", "gone")
    return registry


def edit(registry, table, statement):
    """Change a table like somebody who owns the database."""
    with registry._database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            statement = statement.replace("sha", "decode(repeat('00', 32), 'hex')")
        else:
            for change in ("update", "delete", "replace"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_{change}")
            statement = statement.replace("sha", "zeroblob(32)")
        assert connection.execute(sa.text(statement)).rowcount > 0


def test_a_history_nobody_touched_agrees_with_its_log(history):
    assert history.audit.verify() == 7
    assert history.audit.verify(history.audit.head()) == 7


@pytest.mark.parametrize(("table", "statement", "message"), EDITS.values(), ids=EDITS)
def test_what_was_edited_beside_the_log_is_found_and_named(history, table, statement, message):
    edit(history, table, statement)
    with pytest.raises(IntegrityError, match=message):
        history.audit.verify()


def test_a_log_cut_together_with_what_it_told_of_is_known_by_a_head_kept_elsewhere(history):
    head = history.audit.head()
    edit(history, "alias_moves", "DELETE FROM alias_moves WHERE name = 'gone'")
    edit(history, "audit", "DELETE FROM audit WHERE subject LIKE '%gone'")
    assert history.audit.verify() == 5
    with pytest.raises(IntegrityError, match="it had 7 entries, it has 5; its end was cut off"):
        history.audit.verify(head)


def test_a_log_that_tells_what_no_registry_writes_is_refused(history):
    with history._database.write() as connection:
        catalog.append_audit(connection, "alias.set", "forged", {}, now=history._clock(), actor="mallory")
    with pytest.raises(IntegrityError, match=r"entry 8 \(alias.set 'forged'\) lacks what it should tell"):
        history.audit.verify()
