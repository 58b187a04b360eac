"""Questions in plain SQL keep what those through SQLAlchemy promise, on both kinds of database."""

import datetime

import pytest

from ama_tfx import catalog
from ama_tfx.catalog.plain import rows_of, utc_of
from ama_tfx.errors import BackendError, NotFoundError

WORKSPACES = "SELECT name FROM workspaces"


def add(database, name, now):
    with database.write() as connection:
        catalog.ensure_asset(connection, name, "model", now)


def test_a_question_sees_one_state_however_long_it_is(database, now):
    with database.asking() as connection:
        assert rows_of(connection, WORKSPACES) == []
        add(database, "one", now)
        assert rows_of(connection, WORKSPACES) == []
    with database.asking() as connection:
        assert rows_of(connection, WORKSPACES) == [("one",)]


def test_what_the_database_refuses_to_answer_is_an_error_of_ours(database):
    with pytest.raises(BackendError, match="catalog the test catalog does not answer"), database.asking() as connection:
        rows_of(connection, "SELECT name FROM nowhere")


def test_an_error_of_whoever_asks_is_left_as_it_is(database):
    with pytest.raises(NotFoundError, match="mine"), database.asking():
        raise NotFoundError("mine")


def test_a_value_is_never_read_as_sql(database, now):
    add(database, "one", now)
    odd = "' OR 'a' = 'a' -- :name %s ? \N{GRINNING FACE}"
    with database.asking() as connection:
        assert rows_of(connection, f"{WORKSPACES} WHERE name = :name", name=odd) == []
        assert rows_of(connection, f"{WORKSPACES} WHERE name = :name", name="one") == [("one",)]


def test_times_are_aware_and_in_utc_however_they_are_kept():
    found = [utc_of("2026-03-01 12:30:15.123456+05:45"), utc_of(datetime.datetime(2026, 3, 1, 6, 45, 15, 123456))]
    assert [time.isoformat() for time in found] == ["2026-03-01T06:45:15.123456+00:00"] * 2


@pytest.mark.parametrize(("damaged", "error"), [("soon", ValueError), (7, TypeError), (b"2026", TypeError)])
def test_a_damaged_time_is_what_fsck_knows_as_damage(damaged, error):
    with pytest.raises(error):
        utc_of(damaged)


def test_a_catalog_that_is_a_link_to_itself_is_told(tmp_path):
    path = tmp_path / "catalog.db"
    path.symlink_to(path)
    with (
        pytest.raises(BackendError, match="does not answer: unable to open database file"),
        catalog.Database(path, "c").asking(),
    ):
        pytest.fail("it opened")
