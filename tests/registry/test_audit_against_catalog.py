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

NOTED = {
    "a tag taken off": (
        "tags",
        "DELETE FROM tags WHERE name = 'good'",
        "tags of version 'ama://default/model:1' .*: the catalog has late, the audit log tells of good, late",
    ),
    "a tag put on": (
        "tags",
        "INSERT INTO tags (version_id, name) SELECT id, 'prod' FROM versions WHERE number = 2",
        "tags of version 'ama://default/model:2' .*: the catalog has prod, the audit log does not tell of it",
    ),
    "a tag that was taken off": (
        "tags",
        "INSERT INTO tags (version_id, name) SELECT id, 'bad' FROM versions WHERE number = 1",
        "tags of version 'ama://default/model:1' .*: the catalog has bad, good, late, the audit log tells of",
    ),
    "a metric's value": (
        "metrics",
        "UPDATE metrics SET value = 0.99 WHERE name = 'auc'",
        "metrics of version 'ama://default/model:1' .*: the catalog has auc = 0.99 by ann .*tells of auc = 0.75 by ann",
    ),
    "a metric's author": (
        "metrics",
        "UPDATE metrics SET recorded_by = 'eve' WHERE name = 'loss'",
        "metrics of version 'ama://default/model:1' .*: the catalog has .*loss = 2.0 by eve",
    ),
    "a metric removed": (
        "metrics",
        "DELETE FROM metrics",
        "metrics of version 'ama://default/model:1' .*: the catalog lacks it",
    ),
    "a pin removed": (
        "pins",
        "DELETE FROM pins",
        "pin of version 'ama://default/model:1' .*: the catalog lacks it, the audit log tells of 'paper' by ann",
    ),
    "a pin put in": (
        "pins",
        f"INSERT INTO pins SELECT {OTHER}, reason, pinned_at, pinned_by FROM pins",
        "pin of version 'ama://default/model:2' .*the audit log does not tell of it",
    ),
    "a retirement put in": (
        "retirements",
        f"INSERT INTO retirements SELECT {OTHER}, reason, pinned_at, pinned_by FROM pins",
        "retirement of version 'ama://default/model:2' .*the audit log does not tell of it",
    ),
    "a rule loosened": (
        "alias_rules",
        "UPDATE alias_rules SET needs_blessing = false",
        "protection of alias 'ama://default/model:champion' .*has protected by ann .*tells of blessed versions only",
    ),
    "a rule removed": (
        "alias_rules",
        "DELETE FROM alias_rules",
        "protection of alias 'ama://default/model:champion' .*: the catalog lacks it",
    ),
    "a description": (
        "descriptions",
        "UPDATE descriptions SET text = 'edited'",
        "description of asset 'ama://default/model' .*: the catalog has 'edited' by ann .*tells of 'a model' by ann",
    ),
}


@pytest.fixture
def noted(history):
    """The same, with everything noted of it that can be, and some of that taken back."""
    notes = history.notes
    notes.tag("model:1", "late", "bad")
    notes.untag("model:1", "bad")
    notes.tag("model:2", "gone")
    notes.untag("model:2", "gone")
    notes.record_metrics("model:1", {"auc": 0.5, "loss": 2})
    notes.record_metrics("model:1", {"auc": 0.75})
    notes.pin("model:2", "by mistake")
    notes.unpin("model:2")
    notes.pin("model:1", "paper")
    notes.describe("model", "a model")
    history.protection.protect("model", "canary")
    history.protection.unprotect("model", "canary", "by mistake")
    history.protection.protect("model", "champion", needs_blessing=True)
    return history


def test_notes_nobody_touched_agree_with_their_log(noted):
    assert noted.audit.verify() == 20
    assert noted.upkeep.fsck().is_clean


def test_a_registration_that_is_found_by_a_run_it_is_not_of_is_named(noted, hello):
    noted.register("model", hello, Facts(provenance={"pipeline": "taxi", "run_id": "run-7"}))
    assert noted.upkeep.fsck().is_clean
    edit(noted, "registrations", "UPDATE registrations SET pipeline = 'other' WHERE run_id = 'run-7'")
    told = [finding.detail for finding in noted.upkeep.fsck().findings if finding.problem == "wrong history"]
    assert [text.partition(",")[0] for text in told] == [
        "a registration of ama://default/model:1 is found by pipeline 'other' and run 'run-7'"
    ]


@pytest.mark.parametrize(("table", "statement", "message"), NOTED.values(), ids=NOTED)
def test_a_note_that_was_edited_beside_the_log_is_found_and_named(noted, table, statement, message):
    edit(noted, table, statement)
    with pytest.raises(IntegrityError, match=message):
        noted.audit.verify()
    found = [finding.problem for finding in noted.upkeep.fsck().findings if not finding.is_note]
    assert found == ["wrong history"]


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


def test_two_registrations_that_changed_places_are_found_and_named(history):
    edit(history, "registrations", "UPDATE registrations SET id = 99 WHERE id = 1")
    with pytest.raises(IntegrityError, match="provenance of version 'ama://default/model:1' was changed"):
        history.audit.verify()
