"""Reading SQLite where nothing can be written: another user's folder, a read-only disk, a full one."""

import contextlib
import os
import shutil
import sqlite3
import subprocess

import pytest
import sqlalchemy as sa

from ama_tfx.catalog import Database, sqlite_engine
from ama_tfx.catalog.plain import rows_of
from ama_tfx.catalog.schema import workspaces
from ama_tfx.catalog.unlocked import Unlocked
from ama_tfx.errors import BackendError, ConflictError, OutOfSpaceError, PermissionDeniedError


@pytest.fixture
def path(tmp_path, now):
    """A catalog with one workspace in it, which nobody has open."""
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "catalog.db"
    database = Database(sqlite_engine(path, create=True), "catalog")
    database.create("an-id")
    add(database, "default", now)
    assert [entry.name for entry in path.parent.iterdir()] == ["catalog.db"]
    return path


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 2 MB, and a function that mounts it again with other options."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "ama-test", disk]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    mounted = mount("size=2m")
    if mounted.returncode:
        pytest.skip(f"FULL AND READ-ONLY DISKS NOT TESTED: this machine mounts nothing ({mounted.stderr.strip()})")
    yield disk, mount
    subprocess.run(["umount", "--lazy", disk], check=True)


def names(database):
    with database.read() as connection:
        return sorted(connection.execute(sa.select(workspaces.c.name)).scalars())


def add(database, name, now):
    with database.write() as connection:
        connection.execute(workspaces.insert().values(name=name, created_at=now))


def fill(disk):
    with (disk / "fill").open("wb", buffering=0) as stream:
        for size in (1 << 16, 1):
            with contextlib.suppress(OSError):
                while True:
                    stream.write(b"x" * size)
    assert os.statvfs(disk).f_bavail == 0


def test_a_user_who_may_not_write_can_read(path, as_another_user, now):
    database = Database(sqlite_engine(path), "'catalog.db'")
    assert as_another_user(lambda: (os.access(path.parent, os.W_OK), names(database))) == (False, ["default"])
    with pytest.raises(PermissionDeniedError, match="cannot write to catalog 'catalog.db'"):
        as_another_user(lambda: add(database, "one", now))
    assert names(database) == ["default"]
    assert [entry.name for entry in path.parent.iterdir()] == ["catalog.db"]


def test_a_user_who_may_not_write_is_not_shown_half_of_what_is_being_written(path, as_another_user, now):
    """What a writer has not merged into the file yet is in the log beside it: to leave that out would be a lie."""
    writer = sqlite3.connect(path, isolation_level=None)
    try:
        writer.execute("SELECT count(*) FROM workspaces").fetchall()  # the last connection to close merges the log
        add(Database(sqlite_engine(path), "catalog"), "new", now)
        assert (path.parent / "catalog.db-wal").stat().st_size > 0
        assert as_another_user(lambda: names(Database(sqlite_engine(path), "catalog"))) == ["default", "new"]
        shutil.copy(path, path.with_name("copy.db"))
        shutil.copy(path.with_name("catalog.db-wal"), path.with_name("copy.db-wal"))
        with pytest.raises(BackendError, match="copy"):
            as_another_user(lambda: names(Database(sqlite_engine(path.with_name("copy.db")), "copy")))
    finally:
        writer.close()


def test_a_reader_without_a_lock_is_told_that_somebody_wrote_meanwhile(path, tmp_path, as_another_user, now):
    other = tmp_path / "other.db"
    shutil.copy(path, other)
    add(Database(sqlite_engine(other), "other"), "new", now)
    path.chmod(0o666)  # the file may be written, new ones beside it may not be made

    def read():
        with Database(sqlite_engine(path), "catalog").read() as connection:
            connection.execute(sa.select(workspaces.c.name)).all()
            path.write_bytes(other.read_bytes())

    with pytest.raises(ConflictError, match="catalog.db' was written to while it was read; try again"):
        as_another_user(read)


def test_a_question_without_a_lock_is_told_that_somebody_wrote_meanwhile(path, tmp_path, as_another_user, now):
    other = tmp_path / "other.db"
    shutil.copy(path, other)
    add(Database(sqlite_engine(other), "other"), "new", now)
    path.chmod(0o666)

    def ask(meanwhile):
        with Database(path, "catalog").asking() as connection:
            found = [name for (name,) in rows_of(connection, "SELECT name FROM workspaces")]
            meanwhile()
        return found

    assert as_another_user(lambda: ask(lambda: None)) == ["default"]
    with pytest.raises(ConflictError, match="catalog.db' was written to while it was read; try again"):
        as_another_user(lambda: ask(lambda: path.write_bytes(other.read_bytes())))


def test_a_reader_without_a_lock_is_told_that_the_file_was_taken_away(path):
    with contextlib.closing(Unlocked.open(path)) as connection:
        assert rows_of(connection, "SELECT name FROM workspaces") == [("default",)]
        path.unlink()
        with pytest.raises(ConflictError, match="catalog.db' was written to while it was read; try again"):
            connection.commit()


def test_a_folder_that_may_not_be_looked_into_any_more_is_an_error_of_ours(path, as_another_user):
    database = Database(path, "'catalog.db'")
    path.parent.chmod(0o600)
    with pytest.raises(BackendError, match="catalog 'catalog.db' does not answer: unable to open"):
        as_another_user(lambda: names(database))


def test_a_full_disk_is_read_and_a_write_to_it_is_out_of_space(path, small_disk, now):
    disk, _ = small_disk
    shutil.copy(path, disk / "catalog.db")
    fill(disk)
    database = Database(sqlite_engine(disk / "catalog.db"), "'catalog.db'")
    assert names(database) == ["default"]
    with pytest.raises(OutOfSpaceError, match="cannot write to catalog 'catalog.db': .*; free some space"):
        add(database, "one", now)
    assert names(database) == ["default"]
    (disk / "fill").unlink()
    add(database, "one", now)
    assert names(database) == ["default", "one"]


def test_a_read_only_disk_is_read(path, small_disk, now):
    disk, mount = small_disk
    shutil.copy(path, disk / "catalog.db")
    assert mount("remount,ro").returncode == 0
    database = Database(sqlite_engine(disk / "catalog.db"), "'catalog.db'")
    assert names(database) == ["default"]
    with pytest.raises(PermissionDeniedError, match="cannot write to catalog 'catalog.db'"):
        add(database, "one", now)
