import errno
import gc
import os
import resource
import socket
import threading
from pathlib import Path

import pytest

from ama_tfx.errors import (
    BackendError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    OutOfSpaceError,
    PermissionDeniedError,
)
from ama_tfx.storage import PendingFile, make_folders, open_regular_file, os_errors, write_file
from ama_tfx.testing.processes import in_process


def path_of(descriptor):
    return Path(f"/proc/self/fd/{descriptor}").readlink()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, OutOfSpaceError),
        (errno.EDQUOT, OutOfSpaceError),
        (errno.EFBIG, OutOfSpaceError),
        (errno.EACCES, PermissionDeniedError),
        (errno.EPERM, PermissionDeniedError),
        (errno.EROFS, PermissionDeniedError),
        (errno.ENOENT, NotFoundError),
        (errno.ENOTDIR, NotFoundError),
        (errno.EIO, BackendError),
        (errno.EMFILE, BackendError),
        (errno.ENAMETOOLONG, InvalidInputError),
        (errno.ELOOP, InvalidInputError),
        (errno.ESTALE, BackendError),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else "",
)
def test_an_error_of_the_system_says_who_can_act_on_it(number, expected):
    with pytest.raises(expected) as caught, os_errors("write", "some/file"):
        raise OSError(number, os.strerror(number))
    assert type(caught.value) is expected
    assert str(caught.value).startswith(f"cannot write 'some/file': {os.strerror(number)}")
    assert isinstance(caught.value.__cause__, OSError)


def test_our_own_errors_pass_unchanged():
    ours = IntegrityError("as it was")
    with pytest.raises(IntegrityError) as caught, os_errors("write", "some/file"):
        raise ours
    assert caught.value is ours


def test_a_regular_file_is_opened_for_reading(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    with open_regular_file(tmp_path / "file") as stream:
        assert stream.read() == b"content"
        assert not stream.writable()


def _symlink(path):
    path.with_name("target").write_bytes(b"secret")
    path.symlink_to("target")


def _dangling_symlink(path):
    path.symlink_to("nowhere")


def _symlink_loop(path):
    path.symlink_to(path.name)


def _fifo(path):
    os.mkfifo(path)


def _socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


STRANGE = {
    "symlink": _symlink,
    "dangling symlink": _dangling_symlink,
    "symlink loop": _symlink_loop,
    "fifo": _fifo,
    "socket": _socket,
    "folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE)
def test_what_is_no_regular_file_is_refused_at_once(tmp_path, make):
    make(tmp_path / "strange")
    with pytest.raises(InvalidInputError, match="not a regular file: .*strange"):
        open_regular_file(tmp_path / "strange")


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "/dev/tty0"])
def test_a_device_is_refused(device, tmp_path):
    if not Path(device).is_char_device():
        pytest.skip(f"this machine has no {device}")
    with pytest.raises((InvalidInputError, PermissionDeniedError), match=device):
        open_regular_file(Path(device))


def test_refusing_leaks_no_descriptor(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    gc.collect()  # what tests before this one left open
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        for name in ("folder", "fifo", "absent"):
            with pytest.raises((InvalidInputError, NotFoundError)):
                open_regular_file(tmp_path / name)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_a_link_that_the_user_typed_may_be_followed(tmp_path):
    _symlink(tmp_path / "link")
    with open_regular_file(tmp_path / "link", follow=True) as stream:
        assert stream.read() == b"secret"


def test_following_a_link_to_a_fifo_is_refused_all_the_same(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    with pytest.raises(InvalidInputError, match="not a regular file"):
        open_regular_file(tmp_path / "link", follow=True)


def test_an_absent_file_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="cannot read '.*absent'"):
        open_regular_file(tmp_path / "absent")


def test_a_path_with_a_nul_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="NUL"):
        open_regular_file(tmp_path / "a\0b")


def test_a_file_that_may_not_be_read_is_a_question_of_permission(tmp_path, as_another_user):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    secret.chmod(0)
    with pytest.raises(PermissionDeniedError, match="secret.*this user needs the permission"):
        as_another_user(lambda: open_regular_file(secret).read())


def test_a_pending_file_appears_only_when_it_is_committed(tmp_path):
    with PendingFile(tmp_path) as pending:
        pending.stream.write(b"content")
        assert not (tmp_path / "file").exists()
        pending.commit(tmp_path / "file")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"content"}


def test_what_a_killed_writer_left_can_be_told_from_other_files(tmp_path):
    with PendingFile(tmp_path) as pending:
        assert PendingFile.is_leftover(pending.path.name)
    for name in (
        "registry.json",
        ".tmp",
        ".0123.tmp",
        "0123456789abcdef01234567.tmp",
        ".0123456789abcdef01234567.tmp2",
    ):
        assert not PendingFile.is_leftover(name)


def test_leaving_without_commit_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), PendingFile(tmp_path) as pending:
        pending.stream.write(b"%d" % (1 / 0))
    assert list(tmp_path.iterdir()) == []


def test_a_commit_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"before")

    def broken(descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(BackendError, match="Input/output error"):
        write_file(tmp_path / "file", b"after")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"before"}


def test_content_is_synced_before_its_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    synced = []

    def record(descriptor):
        synced.append((path_of(descriptor).name, (tmp_path / "file").exists()))

    monkeypatch.setattr(os, "fsync", record)
    write_file(tmp_path / "file", b"content")
    (content, before), (folder, after) = synced
    assert content.endswith(".tmp")
    assert not before
    assert folder == tmp_path.name
    assert after


def test_writing_replaces_a_file_whole_for_its_readers(tmp_path):
    target = tmp_path / "file"
    contents = [bytes([65 + n]) * 50_000 for n in range(20)]
    write_file(target, contents[0])
    seen, done = set(), threading.Event()

    def read():
        while not done.is_set():
            seen.add(target.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for content in contents:
        write_file(target, content)
    done.set()
    reader.join()
    assert seen
    assert seen <= set(contents)


def test_the_mode_is_the_one_asked_for(tmp_path):
    before = os.umask(0o022)
    try:
        write_file(tmp_path / "plain", b"")
        write_file(tmp_path / "private", b"", mode=0o600)
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("plain", "private")] == [0o644, 0o600]


def test_folders_are_made_with_their_parents_and_each_is_synced_in_its_own(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(path_of(descriptor)))
    make_folders(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    assert sorted(synced) == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    make_folders(tmp_path / "a" / "b" / "c")
    assert len(synced) == 3


def test_a_file_in_the_way_of_a_folder_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BackendError, match="cannot make '.*file'"):
        make_folders(tmp_path / "file")
    with pytest.raises(NotFoundError, match="cannot make '.*file/inner'"):
        make_folders(tmp_path / "file" / "inner")


def test_a_folder_without_write_permission_is_a_question_of_permission(tmp_path, as_another_user):
    tmp_path.chmod(0o755)
    with pytest.raises(PermissionDeniedError, match="cannot write"):
        as_another_user(lambda: write_file(tmp_path / "file", b""))
    with pytest.raises(PermissionDeniedError, match="cannot make"):
        as_another_user(lambda: make_folders(tmp_path / "folder"))


def test_a_file_beyond_the_size_limit_of_the_process_is_out_of_space(tmp_path):
    def write():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        write_file(tmp_path / "file", bytes(1_000_000))

    with pytest.raises(OutOfSpaceError, match="File too large; free some space"):
        in_process(write)
    assert list(tmp_path.iterdir()) == []
