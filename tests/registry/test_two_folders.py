"""One catalog on PostgreSQL, two folders: the bytes of a version are in one of them."""

import contextlib

import pytest

from ama_tfx.errors import BackendError
from ama_tfx.registry import Registry
from ama_tfx.testing.processes import count_lines, kill_at_line, race


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_catalog_belongs_to_the_folder_that_made_it_from_the_start(empty_postgresql, open_registry, tmp_path, hello):
    ours = open_registry(f"{empty_postgresql}&blobs={tmp_path / 'ours'}")
    for create in (True, True, False):
        with pytest.raises((BackendError, LookupError), match=r"is in use and its blobs are not in|no registry at"):
            open_registry(f"{empty_postgresql}&blobs={tmp_path / 'second'}", create=create)
    assert names(tmp_path / "second") == set()
    assert ours.register("model", hello).version.number == 1
    assert names(tmp_path / "ours") == {"blobs", "registry.json"}


def test_of_folders_that_race_for_a_catalog_one_wins(empty_postgresql, tmp_path):
    urls = [f"{empty_postgresql}&blobs={tmp_path / str(number)}" for number in range(4)]
    outcomes = race([lambda url=url: Registry(url, create=True).id for url in urls])
    assert sorted(map(type, outcomes), key=str) == [BackendError, BackendError, BackendError, str]
    assert len([folder for folder in tmp_path.iterdir() if (folder / "registry.json").exists()]) == 1


def test_a_database_in_the_place_of_a_lost_one_is_not_taken_for_it(empty_postgresql, open_registry, tmp_path, hello):
    open_registry(tmp_path / "folder").register("model", hello)
    for name in ("registry.json", "catalog.db"):
        (tmp_path / "folder" / name).unlink()
    with pytest.raises(BackendError, match="folder' has lost its marker; restore it from a backup"):
        open_registry(f"{empty_postgresql}&blobs={tmp_path / 'folder'}")


def test_a_creation_on_postgresql_that_was_killed_anywhere_is_carried_on(postgresql_server, tmp_path, hello):
    def attempt(serial):
        name = postgresql_server.create_database()
        return (
            name,
            tmp_path / f"folder-{serial}",
            f"{postgresql_server.url(name)}&blobs={tmp_path / f'folder-{serial}'}",
        )

    name, _, url = attempt(0)
    lines = count_lines(lambda: Registry(url, create=True).close())
    postgresql_server.drop_database(name)
    assert lines > 100
    states = set()
    for line in range(1, lines + 1, 43):
        name, folder, url = attempt(line)
        assert kill_at_line(lambda url=url: Registry(url, create=True).close(), line) or line > 0.8 * lines
        states.add(frozenset(names(folder)) if folder.exists() else None)
        with contextlib.closing(Registry(url, create=True)) as registry:
            assert registry.register("model", hello).version.number == 1
            assert (folder / "registry.json").exists()
        postgresql_server.drop_database(name)
    # Kills met the folder before the proposal, the proposal before the marker, and the whole.
    assert any("registry.id" in state and "registry.json" not in state for state in states if state)
    assert any("registry.json" in state for state in states if state)
