import contextlib
import errno
import os
import threading
from pathlib import Path

import pytest

from ama_tfx.errors import BackendError, ConflictError, IntegrityError, NotFoundError, OutOfSpaceError
from ama_tfx.storage.files import PendingFile
from ama_tfx.storage.objects import LocalObjects, local
from ama_tfx.testing.object_store import DATA, NAME, ObjectStoreContract
from ama_tfx.testing.processes import in_process, race


@pytest.fixture
def objects(tmp_path: Path) -> LocalObjects:
    return LocalObjects(tmp_path / "objects")


class TestContract(ObjectStoreContract):
    @pytest.fixture
    def objects(self, objects: LocalObjects) -> LocalObjects:
        return objects


class TestContractWithoutHardLinks(ObjectStoreContract):
    @pytest.fixture
    def objects(self, objects: LocalObjects, monkeypatch: pytest.MonkeyPatch) -> LocalObjects:
        def refused(*_: object, **__: object) -> None:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")

        monkeypatch.setattr(os, "link", refused)
        return objects


def leftovers(objects: LocalObjects) -> list[str]:
    return [path.name for path in objects.temporary.iterdir()]


def test_an_object_is_a_read_only_file_of_its_name(objects: LocalObjects) -> None:
    objects.put(NAME, DATA)
    path = objects.folder / NAME
    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o777 == 0o444
    assert leftovers(objects) == []


def test_a_file_in_the_temporary_folder_is_taken_without_a_copy(objects: LocalObjects) -> None:
    with PendingFile(objects.temporary) as pending:
        pending.stream.write(DATA)
        pending.stream.flush()
        inode = pending.path.stat().st_ino
        assert objects.put(NAME, pending.path) is True
        assert objects.put(NAME, pending.path) is False
    assert (objects.folder / NAME).stat().st_ino == inode
    assert objects.read(NAME) == DATA
    assert leftovers(objects) == []


def test_one_of_many_processes_wins(objects: LocalObjects) -> None:
    outcomes = race([lambda n=n: objects.put(NAME, bytes([n]) * 1000) for n in range(8)])  # type: ignore[misc]
    assert sorted(map(repr, outcomes)) == ["False"] * 7 + ["True"]
    assert objects.read(NAME) == bytes([outcomes.index(True)]) * 1000


def test_a_forked_child_reads_through_the_descriptors_of_its_parent(objects: LocalObjects) -> None:
    objects.put(NAME, DATA)
    assert objects.read(NAME, 0, 3) == DATA[:3]
    assert in_process(lambda: objects.read(NAME, 100, 50)) == DATA[100:150]
    assert objects.read(NAME, 3, 3) == DATA[3:6]


def test_an_object_that_another_process_replaced_is_read_anew(objects: LocalObjects) -> None:
    objects.put(NAME, DATA)
    assert objects.read(NAME) == DATA
    other = LocalObjects(objects.folder)
    other.delete(NAME)
    with pytest.raises(NotFoundError):
        objects.read(NAME)
    other.put(NAME, b"anew")
    assert objects.read(NAME) == b"anew"


def test_more_objects_than_descriptors_are_read_by_many_threads(objects: LocalObjects) -> None:
    many = 3 * local.OPEN_FILES
    for n in range(many):
        objects.put(f"{n}", n.to_bytes(2, "big") * 50)
    wrong: list[int] = []

    def read_all(first: int) -> None:
        wrong.extend(
            n
            for i in range(2 * many)
            if objects.read(f"{(n := (first + i * 7) % many)}", 10, 2) != n.to_bytes(2, "big")
        )

    threads = [threading.Thread(target=read_all, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    opened = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # of this very listing
            opened.append(link.readlink())
    assert 0 < sum(path.is_relative_to(objects.folder) for path in opened) <= local.OPEN_FILES + len(threads)
    objects.close()
    assert objects.read("5") == b"\0\5" * 50


def test_a_process_that_is_out_of_descriptors_gives_back_its_own(
    objects: LocalObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.put("a", DATA)
    objects.put("b", DATA)
    objects.read("a")
    opened = os.open

    def full(path: object, *rest: int) -> int:
        if objects._files.cache_info().currsize:
            raise OSError(errno.EMFILE, "Too many open files")
        return opened(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", full)
    assert objects.read("b") == DATA


def test_a_truncated_object_is_not_read_as_if_it_were_whole(objects: LocalObjects) -> None:
    objects.put(NAME, DATA)
    path = objects.folder / NAME
    path.chmod(0o644)
    path.write_bytes(DATA[:10])
    with pytest.raises(IntegrityError, match="ends at byte 10"):
        objects.read(NAME, 0, 256)


def test_short_reads_of_the_system_are_put_together(objects: LocalObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    objects.put(NAME, DATA)
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda number, size, start: pread(number, min(size, 7), start))
    assert objects.read(NAME, 1) == DATA[1:]
    monkeypatch.setattr(os, "pread", lambda *_: b"")
    with pytest.raises(BackendError, match="256 bytes are missing"):
        objects.read(NAME)


@pytest.mark.parametrize(
    ("call", "number", "expected"),
    [
        ("fsync", errno.ENOSPC, OutOfSpaceError),
        ("fsync", errno.EIO, BackendError),
        ("link", errno.ENOSPC, OutOfSpaceError),
        ("link", errno.EIO, BackendError),
    ],
)
def test_a_failing_disk_is_named_and_nothing_is_left(
    objects: LocalObjects,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
    expected: type[Exception],
) -> None:
    objects.put("packs/first", DATA)

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(expected, match=os.strerror(number)):
            objects.put("packs/second", DATA)
    assert objects.stat("packs/second") is None
    assert leftovers(objects) == []
    assert objects.put("packs/second", DATA) is True


def test_a_folder_or_a_link_in_an_objects_place_is_none_and_is_not_replaced(objects: LocalObjects) -> None:
    (objects.folder / "folder").mkdir()
    (objects.folder / "link").symlink_to("/etc/passwd")
    for name in ("folder", "link"):
        assert objects.stat(name) is None
        with pytest.raises(NotFoundError):
            objects.read(name)
        with pytest.raises(ConflictError, match="no object"):
            objects.put(name, DATA)
    assert list(objects.list()) == []


def test_an_object_is_no_folder_of_others(objects: LocalObjects) -> None:
    objects.put("a", DATA)
    with pytest.raises(ConflictError, match="part of its path"):
        objects.put("a/b", DATA)


def test_what_is_no_object_is_not_listed(objects: LocalObjects) -> None:
    objects.put(NAME, DATA)
    (objects.temporary / "x").write_bytes(b"")
    (objects.folder / "UPPER").write_bytes(b"")
    (objects.folder / "link").symlink_to(objects.folder / NAME)
    os.mkfifo(objects.folder / "fifo")
    assert [info.name for info in objects.list()] == [NAME]
