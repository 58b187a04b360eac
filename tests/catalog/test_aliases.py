import datetime

import pytest
import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import AliasMove, AliasRow
from ama_tfx.errors import ConflictError

LATER = datetime.timedelta(hours=1)


@pytest.fixture
def model(database, add_version):
    """The row number of an asset with three versions."""
    for word in ("first", "second", "third"):
        add_version(word)
    with database.read() as connection:
        return catalog.find_asset(connection, "default", "model").id


def point(database, asset_id, move):
    with database.write() as connection:
        catalog.point_alias(connection, asset_id, move)


def test_an_alias_points_at_a_version_and_tells_who_put_it_there(database, model, now):
    point(database, model, AliasMove("champion", None, 2, "better", now, "ann"))
    with database.read() as connection:
        assert catalog.aliases_of(connection, model) == [AliasRow("champion", 2, now, "ann")]
        assert catalog.alias_version(connection, model, "champion") == 2
        assert catalog.alias_version(connection, model, "Champion") is None


def test_every_move_is_logged_the_newest_first(database, model, now):
    moves = [
        AliasMove("champion", None, 1, "made", now, "ann"),
        AliasMove("canary", None, 2, "", now + LATER, "bob"),
        AliasMove("champion", 1, 3, "moved", now + 2 * LATER, "bob"),
        AliasMove("champion", 3, None, "removed", now + 3 * LATER, "ann"),
    ]
    for move in moves:
        point(database, model, move)
    with database.read() as connection:
        assert catalog.moves_of(connection, model) == moves[::-1]
        assert catalog.moves_of(connection, model, "canary") == [moves[1]]
        assert catalog.aliases_of(connection, model) == [AliasRow("canary", 2, now + LATER, "bob")]


def test_aliases_are_listed_by_name_in_one_order_everywhere(database, model, now):
    for name in ("b", "B", "a_b", "a-b", "a"):
        point(database, model, AliasMove(name, None, 1, "", now, "ann"))
    with database.read() as connection:
        assert [row.name for row in catalog.aliases_of(connection, model)] == ["B", "a", "a-b", "a_b", "b"]


def test_assets_are_found_by_an_alias_within_their_workspace(database, model, now, add_version):
    add_version("other", asset="another")
    with database.write() as connection:
        elsewhere = catalog.ensure_asset(connection, "acme", "theirs", now)
        another = catalog.find_asset(connection, "default", "another").id
        for asset_id in (model, another):
            catalog.point_alias(connection, asset_id, AliasMove("champion", None, 1, "", now, "ann"))
    with database.read() as connection:
        assert catalog.assets_with_alias(connection, "default", "champion") == ["another", "model"]
        assert catalog.assets_with_alias(connection, "default", "canary") == []
        assert catalog.assets_with_alias(connection, "acme", "champion") == []
        assert catalog.aliases_of(connection, elsewhere) == []


def test_an_alias_cannot_point_at_a_version_that_does_not_exist(database, model, now):
    with pytest.raises(sa.exc.NoResultFound), database.write() as connection:
        catalog.point_alias(connection, model, AliasMove("champion", None, 4, "", now, "ann"))
    with database.read() as connection:
        assert catalog.aliases_of(connection, model) == []
        assert catalog.moves_of(connection, model) == []


def test_an_asset_has_an_alias_once(database, model, now):
    point(database, model, AliasMove("champion", None, 1, "", now, "ann"))
    copy = (
        "INSERT INTO aliases (asset_id, name, version_id, moved_at, moved_by) "
        "SELECT asset_id, name, version_id, moved_at, moved_by FROM aliases"
    )
    with pytest.raises(ConflictError, match=r"(?i)unique constraint"), database.write() as connection:
        connection.exec_driver_sql(copy)
