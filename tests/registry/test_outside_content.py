"""Nothing from outside the content is registered, whatever is swapped for what and when."""

import contextlib
import os

import pytest

from ama_tfx.errors import ContentChangedError, FormatError, InvalidInputError, PermissionDeniedError
from ama_tfx.registry import AssetName, WorkingCopy
from ama_tfx.registry.tree import scan
from ama_tfx.storage.packs import source_files, writing
from ama_tfx.testing.damage import piece_payloads, recipe_payloads


@pytest.fixture
def content(write):
    return write("content", {"a": b"first", "sub/passwd": b"inside", "z": b"last"})


@pytest.fixture
def outside(write):
    return write("outside", {"passwd": b"SECRET", "f": b"SECRET", "passwd6": b"inside"})


@pytest.fixture
def around_reading(monkeypatch):
    """A function that lets one thing happen just before a file of some name is opened, and another when it was read."""

    def arrange(name, before, after):
        real = source_files.reading

        @contextlib.contextmanager
        def reading(source):
            if source.path.name != name:
                with real(source) as opened:
                    yield opened
                return
            before()
            try:
                with real(source) as opened:
                    yield opened
            finally:
                after()

        really_open = source_files.open_regular

        def open_regular(path):
            if path.name != name:
                return really_open(path)
            before()
            try:
                return really_open(path)
            finally:
                after()

        monkeypatch.setattr(source_files, "open_regular", open_regular)
        monkeypatch.setattr(source_files, "reading", reading)
        monkeypatch.setattr(writing, "reading", reading)

    return arrange


class OnCall:
    """An ``on_progress`` that does the n-th of some actions at its n-th call."""

    def __init__(self, *actions):
        self.actions = list(actions)

    def __call__(self, _size_bytes):
        if self.actions:
            self.actions.pop(0)()


def nothing():
    return None


@pytest.mark.parametrize("size_bytes", [6, 1_000_000], ids=["small", "large"])
def test_a_folder_swapped_for_a_link_and_back_is_refused(
    local_registry, content, outside, tmp_path, around_reading, size_bytes
):
    (content / "sub" / "passwd").write_bytes(bytes(size_bytes))
    (outside / "passwd").write_bytes(b"x" * size_bytes)

    def swap():
        (content / "sub").rename(tmp_path / "away")
        (content / "sub").symlink_to(outside)

    def swap_back():
        (content / "sub").unlink()
        (tmp_path / "away").rename(content / "sub")

    around_reading("passwd", swap, swap_back)
    with pytest.raises(ContentChangedError, match="file changed while it was read: '.*sub/passwd'"):
        local_registry.register("model", content)
    assert (content / "sub" / "passwd").read_bytes() == bytes(size_bytes)
    assert local_registry.assets() == []


@pytest.mark.parametrize("size_bytes", [6, 1_000_000], ids=["small", "large"])
def test_a_file_swapped_for_another_and_back_is_refused(
    local_registry, content, outside, tmp_path, around_reading, size_bytes
):
    target = content / "z"
    target.write_bytes(bytes(size_bytes))
    (outside / "passwd").write_bytes(b"x" * size_bytes)

    def swap():
        target.rename(tmp_path / "away")
        (outside / "passwd").rename(target)

    def swap_back():
        target.rename(outside / "passwd")
        (tmp_path / "away").rename(target)

    around_reading("z", swap, swap_back)
    with pytest.raises(ContentChangedError, match="file changed while it was read: '.*z'"):
        local_registry.register("model", content)
    assert target.read_bytes() == bytes(size_bytes)
    assert local_registry.assets() == []


def test_a_file_rewritten_after_it_was_read_is_refused_though_its_times_are_set_back(local_registry, content):
    def rewrite():
        before = (content / "a").stat()
        (content / "a").write_bytes(b"FIRST")
        os.utime(content / "a", ns=(before.st_atime_ns, before.st_mtime_ns))

    with pytest.raises(ContentChangedError, match=r"changed while it was read \('a'\)"):
        local_registry.register("model", content, on_progress=OnCall(nothing, rewrite))


def test_a_folder_replaced_while_its_parent_is_listed_is_not_entered(content, outside, tmp_path, monkeypatch):
    real, swapped = os.scandir, []

    def scandir_then_swap(descriptor):
        entries = list(real(descriptor))
        for entry in entries:
            entry.stat(follow_symlinks=False)
        if not swapped:
            swapped.append((content / "sub").rename(tmp_path / "away"))
            (content / "sub").symlink_to(outside)
        return iter(entries)

    # A folder's status comes from the listing, so the swap is seen when the folder is opened.
    monkeypatch.setattr(os, "scandir", scandir_then_swap)
    with pytest.raises(ContentChangedError, match="'.*sub' was replaced while it was read"):
        scan(content)


# --- Working copies.


@pytest.fixture
def work(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    (folder / "d").mkdir(parents=True)
    (folder / "d" / "f").write_text("mine")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def copy(work):
    return WorkingCopy.init(work, AssetName("default", "model"))


def _folder_becomes_a_link(work, outside):
    (work / "d").rename(work.parent / "old")
    (work / "d").symlink_to(outside)


def _file_becomes_a_link(work, outside):
    (work / "d" / "f").unlink()
    (work / "d" / "f").symlink_to(outside / "f")


@pytest.mark.parametrize("change", [_folder_becomes_a_link, _file_becomes_a_link])
def test_what_became_a_link_since_it_was_added_is_not_uploaded(copy, work, outside, local_registry, change):
    copy.add([work / "d"])
    change(work, outside)
    with pytest.raises(InvalidInputError, match="'d(/f)?' is a symbolic link now, and was none when it was added"):
        copy.upload(local_registry)
    assert local_registry.assets() == []
    assert copy.draft().files == ("d/f",)


def test_a_link_to_a_folder_that_the_user_named_is_uploaded(copy, work, outside, local_registry):
    (work / "link").symlink_to(outside)
    copy.add([work / "link"])
    assert copy.draft().links == ("link",)
    copy.upload(local_registry)
    assert local_registry.open("model:1/link/passwd").read() == b"SECRET"
    assert not copy.has_changes(copy.draft())


def test_adding_a_path_again_that_is_no_link_any_more_forgets_the_link(copy, work, outside):
    (work / "f").symlink_to(outside / "f")
    assert copy.add([work / "f"]).links == ("f",)
    (work / "f").unlink()
    (work / "f").write_text("mine")
    assert copy.add([work / "f"]).links == ()


def test_the_draft_of_another_asset_is_not_taken_for_ones_own(copy, work):
    copy.add([work / "d"])
    (draft,) = (work / ".ama" / "drafts").iterdir()
    draft.write_bytes(draft.read_bytes().replace(b'"asset":"model"', b'"asset":"other"'))
    with pytest.raises(FormatError, match="is the draft of ama://default/other, not of ama://default/model"):
        copy.draft()


@pytest.mark.parametrize("name", [".ama/current.json", ".git/config", "sub/.GIT/hooks/post-checkout", "git~1/config"])
def test_folders_that_programs_obey_are_no_content(local_registry, write, name):
    with pytest.raises(InvalidInputError, match="is a folder that programs obey, never content"):
        local_registry.register("model", write("planted", {name: b"x", "model.h5": b"x"}))


def test_a_working_copy_below_a_folder_that_may_not_be_entered_is_a_question_of_permission(tmp_path, as_another_user):
    closed = tmp_path / "closed"
    (closed / "inner").mkdir(parents=True)
    closed.chmod(0)
    try:
        with pytest.raises(PermissionDeniedError, match="cannot look for a working copy in '.*closed"):
            as_another_user(lambda: WorkingCopy.open(closed / "inner"))
    finally:
        closed.chmod(0o755)


def test_registering_good_content_repairs_what_was_damaged(local_registry, write, tmp_path):
    folder = write("model", {"weights": b"GOOD"})
    version = local_registry.register("model", folder).version
    blobs = tmp_path / "registry" / "blobs"
    for digest in (version.digest, local_registry.manifest("model").files[0].digest):
        damaged = [*recipe_payloads(blobs, digest), *piece_payloads(blobs, digest)]
        assert len(damaged) == 2
        for payload in damaged:
            payload.flip()
    assert not local_registry.register("model", folder).created
    local_registry.download("model", tmp_path / "target")
    assert (tmp_path / "target" / "weights").read_bytes() == b"GOOD"
