import pytest
import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import FileRow, Registration, VersionRow
from ama_tfx.catalog.schema import files, properties, refs, versions
from ama_tfx.errors import ConflictError
from ama_tfx.storage import Digest


def test_versions_of_an_asset_count_from_one(database, add_version):
    ids = [add_version(word) for word in ("first", "second", "third")]
    add_version("elsewhere", asset="other")
    with database.read() as connection:
        model = catalog.find_asset(connection, "default", "model")
        rows = catalog.list_versions(connection, model.id)
        assert [(row.id, row.number) for row in rows] == [(ids[2], 3), (ids[1], 2), (ids[0], 1)]
        assert catalog.newest_version(connection, model.id) == rows[0]


def test_a_version_comes_back_as_it_was_put_in(database, add_version, now):
    row_id = add_version("first", files=("b/data", "a"), properties={"accuracy": 0.9, "layers": [1, 2]})
    with database.read() as connection:
        row = catalog.find_version(connection, id=row_id)
        assert row == VersionRow(
            id=row_id,
            asset_id=row.asset_id,
            workspace="default",
            asset="model",
            number=1,
            semantic="1.0.0",
            digest=Digest("a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e"),
            kind="Files",
            message="first",
            size_bytes=7,
            file_count=2,
            created_at=now,
            created_by="ann",
        )
        assert catalog.files_of(connection, row_id) == [
            FileRow("a", Digest.of(b"a"), 1),
            FileRow("b/data", Digest.of(b"b/data"), 6),
        ]
        assert catalog.properties_of(connection, row_id) == {"accuracy": 0.9, "layers": [1, 2]}


def test_a_version_is_found_by_every_column_that_names_it(database, add_version):
    row_id = add_version("first", semantic="1.4.2")
    add_version("second", semantic="2.0.0")
    with database.read() as connection:
        row = catalog.find_version(connection, id=row_id)
        for equal in ({"number": 1}, {"semantic": "1.4.2"}, {"digest": Digest.of(b"first")}):
            assert catalog.find_version(connection, asset_id=row.asset_id, **equal) == row
        for equal in ({"number": 3}, {"semantic": "1.4.3"}, {"digest": Digest.of(b"third")}):
            assert catalog.find_version(connection, asset_id=row.asset_id, **equal) is None
        assert catalog.versions_with_digest(connection, Digest.of(b"first")) == [row]


def test_one_content_may_be_a_version_of_many_assets(database, add_version):
    add_version("same", asset="one")
    add_version("same", asset="two")
    with database.read() as connection:
        assert [row.asset for row in catalog.versions_with_digest(connection, Digest.of(b"same"))] == ["one", "two"]


def test_an_asset_without_versions_has_no_newest(database, asset_id):
    with database.read() as connection:
        assert catalog.newest_version(connection, asset_id) is None
        assert catalog.list_versions(connection, asset_id) == []


@pytest.mark.parametrize("column", ["number", "semantic", "digest"])
def test_no_asset_has_two_versions_of_one_number_semantic_version_or_digest(database, add_version, column):
    first = add_version("first")
    with database.read() as connection:
        row = dict(connection.execute(sa.select(versions).where(versions.c.id == first)).one()._mapping)
    other = {"number": 2, "semantic": "9.9.9", "digest": Digest.of(b"other")}
    del row["id"]
    with pytest.raises(ConflictError, match=r"(?i)unique constraint"), database.write() as connection:
        connection.execute(versions.insert().values(**{**row, **other, column: row[column]}))
    with database.write() as connection:
        connection.execute(versions.insert().values(**{**row, **other}))


def test_no_path_role_property_or_tag_stands_twice(database, add_version):
    first = add_version("first", properties={"accuracy": 1})
    second = add_version("second", refs=(("input", first),))
    rows = [
        (files, {"version_id": first, "path": "data", "sha256": Digest.of(b"x"), "size_bytes": 1}),
        (refs, {"version_id": second, "role": "input", "target_id": first}),
        (properties, {"version_id": first, "key": "accuracy", "value": "2"}),
    ]
    for table, row in rows:
        with pytest.raises(ConflictError, match=r"(?i)unique constraint"), database.write() as connection:
            connection.execute(table.insert().values(**row))


@pytest.mark.parametrize("length", [255, 2048])
def test_a_path_as_long_as_any_may_be_is_kept(database, add_version, length):
    import random

    path = "".join(random.Random(5).choices("abcdefghijklmnopqrstuvwxyz0123456789/", k=length))
    row_id = add_version("long", files=(path,))
    with database.read() as connection:
        assert [file.path for file in catalog.files_of(connection, row_id)] == [path]


def test_sizes_beyond_four_gigabytes_are_kept(database, asset_id, now):
    size_bytes = 5 * 2**40
    with database.write() as connection:
        new = catalog.NewVersion(
            Digest.of(b"huge"), "Files", "", "1.0.0", now, "ann", (FileRow("huge", Digest.of(b"x"), size_bytes),)
        )
        row_id = catalog.insert_version(connection, asset_id, new)
        assert catalog.find_version(connection, id=row_id).size_bytes == size_bytes
        assert catalog.files_of(connection, row_id)[0].size_bytes == size_bytes


def test_a_file_is_found_in_every_version_that_holds_it(database, add_version):
    add_version("first", asset="b", files=("data", "readme"))
    add_version("second", asset="b", files=("data",))
    add_version("third", asset="a", files=("data", "other"))
    with database.read() as connection:
        hits = catalog.find_files(connection, Digest.of(b"data"))
        assert [(row.asset, row.number, path) for row, path in hits] == [
            ("a", 1, "data"),
            ("b", 1, "data"),
            ("b", 2, "data"),
        ]
        assert catalog.find_files(connection, Digest.of(b"nowhere")) == []


def test_refs_are_seen_from_both_ends(database, add_version):
    data = add_version("data", asset="data")
    schema = add_version("schema", asset="schema")
    model = add_version("model", refs=(("schema", schema), ("input", data), ("baseline", data)))
    with database.read() as connection:
        there = [(role, row.id) for role, row in catalog.refs_of(connection, model)]
        back = [(role, row.id) for role, row in catalog.referrers_of(connection, data)]
        assert there == [("baseline", data), ("input", data), ("schema", schema)]
        assert back == [("baseline", model), ("input", model)]
        assert catalog.refs_of(connection, data) == []
        assert catalog.referrers_of(connection, model) == []


def test_tags_are_added_once_and_told_when_they_are_news(database, add_version):
    row_id = add_version("first")
    with database.write() as connection:
        assert catalog.add_tags(connection, row_id, ["b", "a", "b", "C", "a_b", "a-b"]) == ["C", "a", "a-b", "a_b", "b"]
        assert catalog.add_tags(connection, row_id, ["b", "new"]) == ["new"]
        assert catalog.add_tags(connection, row_id, []) == []
        assert catalog.tags_of(connection, row_id) == ("C", "a", "a-b", "a_b", "b", "new")


def test_a_registration_is_recorded_once_per_provenance(database, add_version, now):
    row_id = add_version("first")
    with database.write() as connection:
        assert catalog.add_registration(connection, row_id, {"run": "1", "host": "x"}, now=now, actor="ann")
        assert not catalog.add_registration(connection, row_id, {"host": "x", "run": "1"}, now=now, actor="bob")
        assert catalog.add_registration(connection, row_id, {"run": "2"}, now=now, actor="bob")
        assert catalog.registrations_of(connection, row_id) == [
            Registration(now, "ann", {"host": "x", "run": "1"}),
            Registration(now, "bob", {"run": "2"}),
        ]


@pytest.mark.parametrize(
    "text",
    ["ümläut", "日本語", "🙂", "a'b\"c", "a\nb", "%s {x} :name", "'; DROP TABLE versions; --", "x" * 100_000, ""],
)
def test_any_text_comes_back_as_it_was(database, add_version, text):
    row_id = add_version("first", properties={"text": text}, files=("data",))
    with database.write() as connection:
        catalog.add_registration(connection, row_id, {"text": text}, now=connection.execute(_now()).scalar(), actor="a")
    with database.read() as connection:
        assert catalog.properties_of(connection, row_id) == {"text": text}
        assert catalog.registrations_of(connection, row_id)[0].provenance == {"text": text}


def _now():
    return sa.select(versions.c.created_at).limit(1)
