import pytest
import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import AssetRow, Database, postgresql_engine, sqlite_engine
from ama_tfx.catalog.schema import assets, workspaces
from ama_tfx.errors import ConflictError
from ama_tfx.testing.processes import race, race_threads


def ensure(database, name, now, workspace="default"):
    with database.write() as connection:
        return catalog.ensure_asset(connection, workspace, name, now)


def test_an_asset_is_made_with_its_workspace_and_found_again(database, now):
    made = ensure(database, "model", now, workspace="acme")
    assert ensure(database, "model", now, workspace="acme") == made
    with database.read() as connection:
        assert catalog.find_asset(connection, "acme", "model") == AssetRow(made, "acme", "model", 0, now)
        assert connection.execute(sa.select(sa.func.count()).select_from(workspaces)).scalar() == 1
        assert connection.execute(sa.select(sa.func.count()).select_from(assets)).scalar() == 1


def test_an_asset_is_not_found_by_another_name_or_in_another_workspace(database, now):
    ensure(database, "model", now, workspace="acme")
    with database.read() as connection:
        assert catalog.find_asset(connection, "acme", "models") is None
        assert catalog.find_asset(connection, "default", "model") is None
        assert catalog.find_asset(connection, "acme", "%") is None


def test_workspaces_have_assets_of_one_name_apart(database, now):
    assert ensure(database, "model", now, workspace="acme") != ensure(database, "model", now, workspace="default")


@pytest.mark.parametrize("twin", ["MODEL", "Model", "modeL"])
def test_a_name_that_differs_only_in_case_is_refused_with_the_right_one(database, now, twin):
    ensure(database, "model", now)
    with pytest.raises(ConflictError, match=f"asset '{twin}' would differ from the existing 'model' only in case"):
        ensure(database, twin, now)
    with database.read() as connection:
        assert [row.name for row in catalog.list_assets(connection)] == ["model"]


def test_assets_are_listed_by_workspace_and_name_in_one_order_everywhere(database, now, add_version):
    for name in ("b", "a-b", "a", "B2", "a_b", "a/b", "Z", "a.b", "ab"):
        ensure(database, name, now)
    ensure(database, "other", now, workspace="Acme")
    add_version("first", asset="ab")
    add_version("second", asset="ab")
    with database.read() as connection:
        rows = catalog.list_assets(connection)
        ours = catalog.list_assets(connection, "default")
    assert [(row.workspace, row.name) for row in rows] == [("Acme", "other")] + [
        ("default", name) for name in ["B2", "Z", "a", "a-b", "a.b", "a/b", "a_b", "ab", "b"]
    ]
    assert ours == rows[1:]
    assert {row.name: row.version_count for row in ours if row.version_count} == {"ab": 2}


def test_an_unknown_workspace_lists_nothing(database, now):
    ensure(database, "model", now)
    with database.read() as connection:
        assert catalog.list_assets(connection, "nobody") == []


def test_threads_that_make_one_asset_at_once_make_one(database, now):
    found = race_threads([lambda: ensure(database, "model", now)] * 4)
    assert len(set(found)) == 1
    with database.read() as connection:
        assert [row.id for row in catalog.list_assets(connection)] == [found[0]]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_that_make_one_asset_at_once_make_one(kind, request, tmp_path, now):
    def connect():
        if kind == "sqlite":
            return Database(sqlite_engine(tmp_path / "catalog.db", create=True), "catalog")
        return Database(postgresql_engine(sa.make_url(url)), "catalog")

    url = request.getfixturevalue("catalog_postgresql") if kind == "postgresql" else None
    if url is None:
        connect().create("an-id")
    found = race([lambda: ensure(connect(), "model", now)] * 4)
    assert len(found) == 4
    assert {type(row_id) for row_id in found} == {int}
    assert len(set(found)) == 1


def test_of_twins_in_case_made_at_once_one_wins(database, now):
    found = race_threads(
        [lambda name=name: ensure(database, name, now) for name in ("model", "Model", "MODEL", "mOdel")]
    )
    assert sorted(type(outcome).__name__ for outcome in found) == ["ConflictError"] * 3 + ["int"]


def test_a_locked_asset_is_changed_by_nobody_else(database, now):
    ensure(database, "model", now)
    order = []

    def first():
        with database.write() as connection:
            row_id = catalog.ensure_asset(connection, "default", "model", now)
            order.append("first has it")
            second_started.wait(10)
            catalog.lock_asset(connection, row_id)
            order.append("first lets go")

    def second():
        first_has_it.wait(10)
        second_started.set()
        with database.write() as connection:
            catalog.ensure_asset(connection, "default", "model", now)
            order.append("second has it")

    first_has_it, second_started = Flag(order), Flag(None)
    assert race_threads([first, second]) == [None, None]
    assert order == ["first has it", "first lets go", "second has it"]


class Flag:
    """An event; with a list, it is set as soon as the list holds something."""

    def __init__(self, watched):
        import threading

        self._event, self._watched = threading.Event(), watched

    def set(self):
        self._event.set()

    def wait(self, seconds):
        if self._watched is None:
            assert self._event.wait(seconds)
            return
        while not self._watched:
            self._event.wait(0.001)
