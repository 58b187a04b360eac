"""Where a registry lies, and everything that can be wrong there."""

import json
import os
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from ama_tfx.errors import (
    AmaError,
    BackendError,
    FormatError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
)
from ama_tfx.registry import Location, Registry
from ama_tfx.testing.postgresql import PASSWORD
from ama_tfx.testing.processes import count_lines, in_process, kill_at_line, race, race_threads

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def snapshot(folder):
    return {str(path.relative_to(folder)): path.is_dir() or path.read_bytes() for path in sorted(folder.rglob("*"))}


@pytest.fixture
def hello(tmp_path):
    (tmp_path / "hello.txt").write_bytes(b"hello")
    return tmp_path / "hello.txt"


@pytest.fixture
def made(tmp_path, hello):
    """The folder of a registry with one version in it."""
    Registry(tmp_path / "registry", create=True, actor="ann").register("model", hello)
    return tmp_path / "registry"


# --- Addresses.


def test_a_path_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/homes/ann")
    assert Location.parse("registry") == Location(tmp_path / "registry")
    assert Location.parse("~/registry") == Location(Path("/homes/ann/registry"))
    assert Location.parse(tmp_path) == Location(tmp_path)
    assert str(Location.parse("/a/b")) == "/a/b"


def test_a_database_is_named_with_the_folder_of_its_blobs():
    location = Location.parse("postgresql://ann:secret@host:5433/ama?sslmode=require&blobs=/data/blobs")
    assert location.folder == Path("/data/blobs")
    assert location.database.database == "ama"
    assert "blobs" not in location.database.query
    assert str(location) == "postgresql://ann:***@host:5433/ama?blobs=%2Fdata%2Fblobs&sslmode=require"
    assert "secret" not in repr(location)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "not a registry: ''; expected a folder or postgresql://"),
        ("   ", "not a registry: '   '"),
        ("a\0b", r"not a registry: 'a\\x00b'"),
        ("~nobody-of-this-name/registry", "not a folder: '~nobody-of-this-name/registry'; there is no such user"),
        ("mysql://host/db", r"unknown kind of registry 'mysql'; known: a folder, postgresql://"),
        ("s3://bucket/registry", "unknown kind of registry 's3'"),
        ("file:///registry", "unknown kind of registry 'file'"),
        ("postgresql+psycopg2://host/db?blobs=/b", r"unknown kind of registry 'postgresql\+psycopg2'"),
        (
            "postgresql://ann:secret@host/db",
            r"postgresql://ann:\*\*\*@host/db names no folder for the blobs; add \?blobs=",
        ),
        ("postgresql://host/db?blobs=", "names no folder for the blobs"),
        ("postgresql://host/db?blobs=/a&blobs=/b", "names no folder for the blobs"),
        ("postgresql://ann:secret@host:port/db?blobs=/b", "not a database URL"),
        ("postgresql://ann:secret@host:99999999999/db?blobs=/b", "no registry at|not a database URL|does not answer"),
        ("postgresql://ann:hunter@secret@host/db?blobs=/b", "a database URL has one '@', before the host"),
        ("postgresql://ann:a@b/secret@host/db", "a database URL has one '@', before the host"),
        ("postgresql://host/db?password=secret&blobs=/b", "a database URL holds a password as in"),
    ],
)
def test_an_address_that_is_none_is_refused_without_its_password(url, message):
    with pytest.raises(AmaError, match=message) as caught:
        Registry(url)
    assert "secret" not in str(caught.value)
    assert "secret" not in str(caught.value.__cause__)


@pytest.mark.parametrize("workspace", ["", "a/b", "..", "a b"])
def test_the_callers_workspace_is_checked(tmp_path, workspace):
    with pytest.raises(InvalidInputError, match="workspace"):
        Registry(tmp_path / "registry", workspace=workspace, create=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("actor", ["a\0b", "x" * 256, "\ud800"])
def test_the_actor_is_checked(tmp_path, actor):
    with pytest.raises(InvalidInputError, match="^actor "):
        Registry(tmp_path / "registry", actor=actor, create=True)


# --- Making one.


def test_no_registry_is_made_unless_it_is_asked_for(tmp_path):
    with pytest.raises(NotFoundError, match="no registry at '.*registry'; the first upload into it makes one"):
        Registry(tmp_path / "registry")
    assert list(tmp_path.iterdir()) == []


def test_a_registry_is_a_marker_a_catalog_and_blobs(tmp_path):
    registry = Registry(tmp_path / "deep" / "registry", create=True)
    names = {path.name for path in (tmp_path / "deep" / "registry").iterdir()}
    assert names == {"blobs", "catalog.db", "registry.json"}
    marker = (tmp_path / "deep" / "registry" / "registry.json").read_text()
    assert re.fullmatch(rf'{{"format":"ama-registry/1","id":"{UUID}"}}\n', marker)
    assert registry.id in marker
    assert Registry(tmp_path / "deep" / "registry").id == registry.id


def test_an_empty_folder_may_become_a_registry(tmp_path):
    (tmp_path / "registry").mkdir()
    made = Registry(tmp_path / "registry", create=True)
    assert Registry(tmp_path / "registry").id == made.id


def test_making_one_again_opens_it(registry_url, open_registry, hello):
    first = open_registry(registry_url)
    first.register("model", hello)
    again = open_registry(registry_url)
    assert again.id == first.id
    assert [version.number for version in again.versions("model")] == [1]


def test_two_registries_have_two_identities(tmp_path):
    assert Registry(tmp_path / "a", create=True).id != Registry(tmp_path / "b", create=True).id


def test_a_folder_that_holds_other_things_is_left_alone(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_bytes(b"years of work")
    with pytest.raises(InvalidInputError, match=r"holds other things \('thesis.txt'\) and no registry; name an empty"):
        Registry(tmp_path / "home", create=True)
    assert set(snapshot(tmp_path / "home")) == {"thesis.txt"}


def test_a_file_is_no_place_for_a_registry(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(InvalidInputError, match="'.*file' is no folder; name an empty or new one"):
        Registry(tmp_path / "file", create=True)
    with pytest.raises(AmaError, match="file/registry"):
        Registry(tmp_path / "file" / "registry", create=True)
    assert (tmp_path / "file").read_bytes() == b"x"


def test_a_folder_that_may_not_be_written_is_a_question_of_permission(tmp_path, as_another_user):
    tmp_path.chmod(0o755)
    with pytest.raises(PermissionDeniedError, match="cannot make '.*registry'"):
        as_another_user(lambda: Registry(tmp_path / "registry", create=True))


def test_a_folder_that_may_not_be_entered_is_a_question_of_permission(made, as_another_user):
    made.chmod(0)
    try:
        with pytest.raises(PermissionDeniedError, match="cannot look up '.*registry.json'"):
            as_another_user(lambda: Registry(made))
    finally:
        made.chmod(0o755)


def test_strangers_beside_a_registry_do_not_matter(made, hello):
    (made / "README").write_text("mine")
    assert Registry(made, create=True).register("model", hello).created is False


def test_processes_that_make_one_registry_at_once_make_one(tmp_path):
    ids = race([lambda: Registry(tmp_path / "registry", create=True).id] * 6)
    assert len(ids) == 6
    assert re.fullmatch(UUID, ids[0])
    assert set(ids) == {ids[0]}


def test_threads_that_make_one_registry_at_once_make_one(registry_url, open_registry):
    ids = race_threads([lambda: open_registry(registry_url).id] * 6)
    assert set(ids) == {open_registry(registry_url).id}


def test_a_creation_that_was_killed_anywhere_is_carried_on(tmp_path, hello):
    folder = tmp_path / "registry"
    lines = count_lines(lambda: Registry(tmp_path / "counted", create=True))
    assert lines > 100
    states = set()
    for line in range(1, lines + 1, 13):
        assert kill_at_line(lambda: Registry(folder, create=True), line) or line > 0.8 * lines
        states.add(frozenset(path.name for path in folder.iterdir()) if folder.exists() else None)
        registry = Registry(folder, create=True)
        assert registry.register("model", hello).version.number == 1
        assert Registry(folder).id == registry.id
        shutil.rmtree(folder)
    # Kills met the folder before its catalog, the catalog before the marker, and the whole.
    assert {None, frozenset()} <= states
    assert any("catalog.db" in state and "registry.json" not in state for state in states if state)
    assert any("registry.json" in state for state in states if state)


def test_a_creation_killed_while_the_tables_are_built_is_carried_on(tmp_path):
    """The marker is missing, the catalog is an empty file: SQLite made it, nothing is in it."""
    folder = tmp_path / "registry"
    folder.mkdir()
    (folder / "catalog.db").write_bytes(b"")
    assert re.fullmatch(UUID, Registry(folder, create=True).id)


# --- What may be lost or wrong.


def test_another_format_is_refused_by_the_marker(made):
    (made / "registry.json").write_text('{"format":"ama-registry/2","id":"x"}')
    before = snapshot(made)
    with pytest.raises(
        FormatError, match="has format 'ama-registry/2', this release of ama-tfx reads 'ama-registry/1'"
    ):
        Registry(made, create=True)
    assert snapshot(made) == before


def test_another_schema_is_refused_by_the_catalog(made):
    with sqlite3.connect(made / "catalog.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(FormatError, match="has schema '9999', this release of ama-tfx reads '0003'"):
        Registry(made, create=True)


GARBAGE = {
    "nothing": b"",
    "text": b"hello",
    "no UTF-8": b"\xff\xfe\xfd",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "no id": b'{"format":"ama-registry/1"}',
    "no format": b'{"id":"x"}',
    "the id twice": b'{"format":"ama-registry/1","id":"a","id":"b"}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_a_marker_that_is_none_is_refused(made, content):
    (made / "registry.json").write_bytes(content)
    with pytest.raises(
        FormatError, match="'.*registry.json' is not the marker of a registry; restore it from a backup"
    ):
        Registry(made, create=True)
    assert (made / "registry.json").read_bytes() == content


def test_a_lost_marker_is_never_replaced(made):
    (made / "registry.json").unlink()
    before = snapshot(made)
    with pytest.raises(NotFoundError, match="no registry at"):
        Registry(made)
    with pytest.raises(BackendError, match="catalog.* is in use"):
        Registry(made, create=True)
    assert snapshot(made) == before


def test_a_lost_catalog_is_never_replaced_by_an_empty_one(made):
    (made / "catalog.db").unlink()
    before = snapshot(made)
    for create in (False, True):
        with pytest.raises(BackendError, match="has lost a part: 'catalog.db' is missing; restore it from a backup"):
            Registry(made, create=create)
    assert snapshot(made) == before


def test_a_catalog_lost_together_with_the_marker_is_never_replaced_while_there_are_blobs(made):
    (made / "catalog.db").unlink()
    (made / "registry.json").unlink()
    before = snapshot(made)
    with pytest.raises(BackendError, match="has lost its catalog and marker; restore them from a backup"):
        Registry(made, create=True)
    assert snapshot(made) == before


def test_a_catalog_lost_while_the_registry_is_open_is_an_error(made, hello):
    registry = Registry(made)
    (made / "catalog.db").unlink()
    with pytest.raises(BackendError, match="catalog.db.* does not answer"):
        registry.register("model", hello)
    assert not (made / "catalog.db").exists()


def test_lost_blobs_are_never_replaced_by_none(made):
    shutil.rmtree(made / "blobs")
    with pytest.raises(BackendError, match="has lost a part: 'blobs' is missing; restore it from a backup"):
        Registry(made, create=True)
    assert not (made / "blobs").exists()


@pytest.mark.parametrize("content", [b"garbage" * 2000, b"SQLite format 3\0" + b"\0" * 5000], ids=["text", "header"])
def test_a_garbage_catalog_is_damaged(made, content):
    (made / "catalog.db").write_bytes(content)
    with pytest.raises(IntegrityError, match="catalog.db' is damaged: .*; restore it from a backup"):
        Registry(made, create=True)
    assert (made / "catalog.db").read_bytes() == content


def test_an_empty_catalog_under_a_marker_is_lost(made):
    (made / "catalog.db").write_bytes(b"")
    with pytest.raises(NotFoundError, match="no catalog in '.*catalog.db'"):
        Registry(made, create=True)


def test_the_catalog_of_another_registry_is_refused(made, tmp_path):
    other = Registry(tmp_path / "other", create=True)
    shutil.copy(tmp_path / "other" / "catalog.db", made / "catalog.db")
    with pytest.raises(
        BackendError, match=f"the catalog .* is of registry {other.id}, the blobs in '.*' are of {UUID}"
    ):
        Registry(made)


def test_the_blobs_of_another_registry_are_missing_blobs(made, tmp_path):
    Registry(tmp_path / "other", create=True)
    shutil.rmtree(made / "blobs")
    shutil.copytree(tmp_path / "other" / "blobs", made / "blobs")
    with pytest.raises(IntegrityError, match="the manifest is missing from the store, as blob sha256:.*restore it"):
        Registry(made).download("model", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_registry_may_be_moved_and_copied(made, tmp_path):
    before = Registry(made).id
    made.rename(tmp_path / "moved")
    shutil.copytree(tmp_path / "moved", tmp_path / "copied")
    for place in ("moved", "copied"):
        registry = Registry(tmp_path / place)
        assert registry.id == before
        with registry.open("model:1/hello.txt") as stream:
            assert stream.read() == b"hello"


def test_a_link_to_a_registry_is_that_registry(made, tmp_path, hello):
    (tmp_path / "link").symlink_to(made)
    assert Registry(tmp_path / "link").register("model", hello).created is False


# --- PostgreSQL.


def test_the_folder_of_another_registry_is_refused(empty_postgresql, open_registry, tmp_path):
    ours = open_registry(f"{empty_postgresql}&blobs={tmp_path / 'ours'}")
    other = open_registry(tmp_path / "other")
    with pytest.raises(BackendError, match=f"is of registry {ours.id}, the blobs in '.*other' are of {other.id}"):
        open_registry(f"{empty_postgresql}&blobs={tmp_path / 'other'}")


def test_a_database_in_use_does_not_get_a_second_folder(empty_postgresql, open_registry, tmp_path, hello):
    open_registry(f"{empty_postgresql}&blobs={tmp_path / 'ours'}").register("model", hello)
    with pytest.raises(
        BackendError, match="is in use and its blobs are not in '.*second'; name the folder whose"
    ) as caught:
        open_registry(f"{empty_postgresql}&blobs={tmp_path / 'second'}")
    assert PASSWORD not in str(caught.value)
    assert not (tmp_path / "second" / "registry.json").exists()


def test_an_empty_database_becomes_a_registry(empty_postgresql, open_registry, tmp_path, hello):
    registry = open_registry(f"{empty_postgresql}&blobs={tmp_path / 'blobs'}")
    assert re.fullmatch(UUID, registry.id)
    assert registry.register("model", hello).version.number == 1
    assert {path.name for path in (tmp_path / "blobs").iterdir()} == {"blobs", "registry.json"}


def test_processes_that_make_one_registry_on_postgresql_at_once_make_one(empty_postgresql, tmp_path):
    ids = race([lambda: Registry(f"{empty_postgresql}&blobs={tmp_path / 'blobs'}", create=True).id] * 4)
    assert re.fullmatch(UUID, ids[0])
    assert set(ids) == {ids[0]}


def test_a_stopped_server_is_told_without_the_password(
    empty_postgresql, postgresql_server, open_registry, tmp_path, hello
):
    url = f"{empty_postgresql}&blobs={tmp_path / 'blobs'}"
    assert PASSWORD in url
    registry = open_registry(url)
    registry.register("model", hello)
    postgresql_server.stop()
    try:
        for attempt in (
            lambda: registry.resolve("model"),
            lambda: registry.register("model", hello),
            lambda: Registry(url),
        ):
            with pytest.raises(BackendError, match=r"catalog postgresql://ama:\*\*\*@.* does not answer: ") as caught:
                attempt()
            assert PASSWORD not in str(caught.value)
            assert PASSWORD not in repr(caught.value.__cause__)
    finally:
        postgresql_server.start()
    assert registry.resolve("model").number == 1


def test_a_registry_shows_no_password(empty_postgresql, open_registry, tmp_path):
    registry = open_registry(f"{empty_postgresql}&blobs={tmp_path / 'blobs'}", workspace="acme")
    assert repr(registry).startswith("Registry('postgresql://ama:***@/")
    assert "workspace='acme'" in repr(registry)
    assert PASSWORD not in repr(registry)
    assert PASSWORD not in (tmp_path / "blobs" / "registry.json").read_text()


def test_a_closed_registry_leaves_no_connection(empty_postgresql, tmp_path):
    def connections():
        descriptors = [Path(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]  # noqa: PTH208
        return len([fd for fd in descriptors if fd.is_socket()])

    def use():
        before = connections()
        registry = Registry(f"{empty_postgresql}&blobs={tmp_path / 'blobs'}", create=True)
        opened = connections()
        registry.close()
        closed = connections()
        registry.assets()
        registry.close()
        return opened - before, closed - before, connections() - before

    assert in_process(use) == (1, 0, 0)


def test_the_marker_is_readable_json(made):
    assert json.loads((made / "registry.json").read_bytes())["format"] == "ama-registry/1"
