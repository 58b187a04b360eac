import os
import random
import resource
import shutil

import pytest

from ama_tfx.errors import (
    ConflictError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    OutOfSpaceError,
    PermissionDeniedError,
)
from ama_tfx.registry import Registry
from ama_tfx.testing.damage import DAMAGED_PACKS, DAMAGED_PAYLOADS, piece_payloads, recipe_payloads
from ama_tfx.testing.processes import count_lines, in_process, kill_at_line, race

FILES = {
    "model.pb": b"graph",
    "variables/index": b"index",
    "variables/data": bytes(2_500_000),
    "assets/vocab.txt": b"a\nb",
}


@pytest.fixture
def registry(local_registry, write):
    """A registry with one version of the asset `model`, of some files and an empty folder."""
    folder = write("model", FILES)
    (folder / "assets.extra" / "empty").mkdir(parents=True)
    local_registry.register("model", folder, alias="champion")
    return local_registry


def content(folder):
    """Every path below a folder: a file's bytes, None for a folder."""
    return {str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes() for path in folder.rglob("*")}


def identities(folder):
    """What changes when something below a folder is replaced, written to or touched."""
    found = ((path, path.lstat()) for path in sorted(folder.rglob("*")))
    return [(path, status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns) for path, status in found]


WHOLE = {**FILES, "variables": None, "assets": None, "assets.extra": None, "assets.extra/empty": None}


def digest_of(registry, path):
    """The digest of a file of the model."""
    return next(file.digest for file in registry.manifest("model").files if file.path == path)


def test_a_version_is_downloaded_whole(registry, tmp_path):
    seen = []
    done = registry.download("model:champion", tmp_path / "deep" / "target", on_progress=seen.append)
    assert content(tmp_path / "deep" / "target") == WHOLE
    assert (done.version.number, done.file_count, done.size_bytes, done.changed) == (1, 4, 2_500_013, True)
    assert sum(done.size_bytes for done in seen) == 2_500_013
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["target"]


def test_a_folder_of_a_version_is_downloaded_as_its_content(registry, tmp_path):
    done = registry.download("model:1/variables", tmp_path / "target")
    assert content(tmp_path / "target") == {"index": b"index", "data": bytes(2_500_000)}
    assert (done.file_count, done.size_bytes) == (2, 2_500_005)


def test_an_empty_folder_of_a_version_is_downloaded(registry, tmp_path):
    registry.download("model:1/assets.extra", tmp_path / "target")
    assert content(tmp_path / "target") == {"empty": None}
    registry.download("model:1/assets.extra/empty", tmp_path / "inner")
    assert content(tmp_path / "inner") == {}


def test_one_file_of_a_version_is_downloaded_as_a_file(registry, tmp_path):
    done = registry.download("model:1/variables/index", tmp_path / "out" / "my-index")
    assert content(tmp_path / "out") == {"my-index": b"index"}
    assert (done.file_count, done.size_bytes, done.changed) == (1, 5, True)


@pytest.mark.parametrize("path", ["modle.pb", "variable", "variables/inde", "model.pb/x", "assets/vocab"])
def test_a_path_that_is_not_in_the_version_is_not_found(registry, tmp_path, path):
    with pytest.raises(NotFoundError, match=f"no path '{path}' in this version"):
        registry.download(f"model:1/{path}", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_what_is_downloaded_may_be_written_to(registry, tmp_path):
    registry.download("model", tmp_path / "target")
    (tmp_path / "target" / "model.pb").write_bytes(b"mine")
    registry.download("model", tmp_path / "again")
    assert content(tmp_path / "again") == WHOLE


def test_the_mode_of_files_and_folders_follows_the_users_umask(registry, tmp_path):
    before = os.umask(0o077)
    try:
        registry.download("model", tmp_path / "target")
    finally:
        os.umask(before)
    assert (tmp_path / "target").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "target" / "model.pb").stat().st_mode & 0o777 == 0o600


# --- Where something is already.


def test_downloading_again_changes_nothing(registry, tmp_path):
    registry.download("model", tmp_path / "target")
    before = identities(tmp_path / "target")
    again = registry.download("model", tmp_path / "target")
    assert (again.changed, again.file_count, again.size_bytes) == (False, 4, 2_500_013)
    assert identities(tmp_path / "target") == before
    registry.download("model:1/model.pb", tmp_path / "file")
    assert not registry.download("model:1/model.pb", tmp_path / "file").changed


def test_an_empty_folder_is_filled(registry, tmp_path):
    (tmp_path / "target").mkdir()
    assert registry.download("model", tmp_path / "target").changed
    assert content(tmp_path / "target") == WHOLE


def _link(target):
    target.rename(target.with_name("real"))
    target.symlink_to("real")


def _link_inside(target):
    (target / "model.pb").rename(target / "other.pb")
    (target / "model.pb").symlink_to("other.pb")


OTHERS = {
    "other bytes": lambda target: (target / "model.pb").write_bytes(b"GRAPH"),
    "a longer file": lambda target: (target / "model.pb").write_bytes(b"graph and more"),
    "a file more": lambda target: (target / "more").write_bytes(b""),
    "a file less": lambda target: (target / "model.pb").unlink(),
    "a folder more": lambda target: (target / "more").mkdir(),
    "a folder less": lambda target: (target / "assets.extra" / "empty").rmdir(),
    "a file in place of a folder": lambda target: (
        (target / "assets.extra" / "empty").rmdir(),
        (target / "assets.extra" / "empty").write_bytes(b""),
    ),
    "a folder in place of a file": lambda target: ((target / "model.pb").unlink(), (target / "model.pb").mkdir()),
    "a link in place of a file": _link_inside,
    "a link in place of it all": _link,
    "a file": lambda target: (shutil.rmtree(target), target.write_bytes(b"mine")),
    "a dangling link": lambda target: (shutil.rmtree(target), target.symlink_to("nowhere")),
    "a fifo inside": lambda target: ((target / "model.pb").unlink(), os.mkfifo(target / "model.pb")),
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_what_is_something_else_is_left_alone(registry, tmp_path, change):
    target = tmp_path / "out" / "target"
    registry.download("model", target)
    change(target)
    before = identities(tmp_path / "out")
    with pytest.raises(ConflictError, match="'.*target' exists and holds something else; remove it, or name another"):
        registry.download("model", target)
    assert identities(tmp_path / "out") == before


@pytest.mark.parametrize("change", ["other", "longer", "folder", "link"])
def test_a_file_that_is_something_else_is_left_alone(registry, tmp_path, change):
    target = tmp_path / "out" / "file"
    target.parent.mkdir()
    make = {
        "other": lambda: target.write_bytes(b"GRAPH"),
        "longer": lambda: target.write_bytes(b"graph and more"),
        "folder": target.mkdir,
        "link": lambda: (tmp_path / "graph").write_bytes(b"graph") and target.symlink_to(tmp_path / "graph"),
    }
    make[change]()
    before = identities(target.parent)
    with pytest.raises(ConflictError, match="'.*file' exists and is something else"):
        registry.download("model:1/model.pb", target)
    assert identities(target.parent) == before


def test_downloads_to_one_target_at_once_all_succeed(registry, tmp_path):
    done = race([lambda: Registry(tmp_path / "registry").download("model", tmp_path / "out" / "target")] * 4)
    assert [type(outcome).__name__ for outcome in done] == ["Downloaded"] * 4
    assert sum(outcome.changed for outcome in done) == 1
    assert content(tmp_path / "out" / "target") == WHOLE
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["target"]


def test_of_downloads_of_different_versions_to_one_target_one_wins_whole(registry, tmp_path, write):
    registry.register("model", write("other", {"model.pb": b"other"}))
    target = tmp_path / "out" / "target"
    done = race([lambda n=n: Registry(tmp_path / "registry").download(f"model:{n}", target) for n in (1, 2)])
    assert sorted(type(outcome).__name__ for outcome in done) == ["ConflictError", "Downloaded"]
    assert content(target) in (WHOLE, {"model.pb": b"other"})


# --- A damaged store.


PATHS = ["model.pb", "variables/data"]
DAMAGES = {**DAMAGED_PAYLOADS, **DAMAGED_PACKS}
PAYLOADS = {"recipe": recipe_payloads, "piece": piece_payloads}


@pytest.mark.parametrize("damage", DAMAGED_PAYLOADS.values(), ids=DAMAGED_PAYLOADS)
@pytest.mark.parametrize("payloads_of", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("path", PATHS)
def test_a_damaged_file_is_never_visible(registry, tmp_path, damage, payloads_of, path):
    digest = digest_of(registry, path)
    (payload, *_) = payloads_of(tmp_path / "registry" / "blobs", digest)
    damage(payload)
    (tmp_path / "out").mkdir()
    for reference, target in (("model", "target"), (f"model:1/{path}", "file")):
        with pytest.raises(IntegrityError, match=digest.hex):
            registry.download(reference, tmp_path / "out" / target)
    with pytest.raises(IntegrityError, match=digest.hex), registry.open(f"model:1/{path}") as stream:
        stream.read()
    assert list((tmp_path / "out").iterdir()) == []
    registry.download("model:1/assets", tmp_path / "out" / "assets")


@pytest.mark.parametrize("damage", DAMAGED_PACKS.values(), ids=DAMAGED_PACKS)
@pytest.mark.parametrize("path", PATHS)
def test_nothing_of_a_damaged_pack_is_visible(registry, write, tmp_path, damage, path):
    registry.register("other", write("other", {"x": b"in a pack of its own"}))
    (payload, *_) = piece_payloads(tmp_path / "registry" / "blobs", digest_of(registry, path))
    damage(payload)
    damaged = Registry(tmp_path / "registry")
    (tmp_path / "out").mkdir()
    for reference, target in (("model", "target"), (f"model:1/{path}", "file")):
        with pytest.raises(IntegrityError):
            damaged.download(reference, tmp_path / "out" / target)
    with pytest.raises(IntegrityError), damaged.open(f"model:1/{path}") as stream:
        stream.read()
    assert list((tmp_path / "out").iterdir()) == []
    damaged.download("other", tmp_path / "out" / "other")
    assert content(tmp_path / "out" / "other") == {"x": b"in a pack of its own"}


@pytest.mark.parametrize("payloads_of", PAYLOADS.values(), ids=PAYLOADS)
def test_swapped_blobs_are_never_visible(registry, tmp_path, payloads_of):
    blobs = tmp_path / "registry" / "blobs"
    (one,) = payloads_of(blobs, digest_of(registry, "model.pb"))
    (other,) = payloads_of(blobs, digest_of(registry, "variables/index"))
    assert one.size_bytes == other.size_bytes
    held = one.read()
    assert held != other.read()
    one.overwrite(other.read())
    other.overwrite(held)
    with pytest.raises(IntegrityError, match="damaged"):
        registry.download("model", tmp_path / "target")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("payloads_of", PAYLOADS.values(), ids=PAYLOADS)
def test_a_damaged_manifest_is_never_believed(registry, tmp_path, damage, payloads_of):
    digest = registry.resolve("model").digest
    (payload, *_) = payloads_of(tmp_path / "registry" / "blobs", digest)
    damage(payload)
    damaged = Registry(tmp_path / "registry")
    for attempt in (damaged.manifest, damaged.show, lambda ref: damaged.download(ref, tmp_path / "target")):
        with pytest.raises(IntegrityError, match=digest.hex):
            attempt("model")
    assert damaged.resolve("model").digest == digest
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("damage", DAMAGED_PACKS.values(), ids=DAMAGED_PACKS)
def test_registering_the_lost_content_again_repairs_it(registry, write, tmp_path, damage):
    (payload, *_) = piece_payloads(tmp_path / "registry" / "blobs", digest_of(registry, "model.pb"))
    damage(payload)
    damaged = Registry(tmp_path / "registry")
    folder = write("again", FILES)
    (folder / "assets.extra" / "empty").mkdir(parents=True)
    assert not damaged.register("model", folder).created
    for repaired in (damaged, registry, Registry(tmp_path / "registry")):
        target = tmp_path / f"target-{id(repaired)}"
        repaired.download("model", target)
        assert content(target) == WHOLE


# --- Failing and killed downloads.


def test_a_full_disk_leaves_no_target(registry, tmp_path):
    (tmp_path / "out").mkdir()

    def download():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        Registry(tmp_path / "registry").download("model", tmp_path / "out" / "target")

    with pytest.raises(OutOfSpaceError, match="File too large"):
        in_process(download)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_may_not_be_written_is_a_question_of_permission(registry, tmp_path, as_another_user):
    for path in [tmp_path / "registry", *(tmp_path / "registry").rglob("*")]:
        path.chmod(0o777)
    (tmp_path / "out").mkdir()
    with pytest.raises(PermissionDeniedError, match="cannot write '.*'"):
        as_another_user(lambda: Registry(tmp_path / "registry").download("model", tmp_path / "out" / "target"))
    with pytest.raises(PermissionDeniedError, match="cannot make '.*deeper'"):
        as_another_user(
            lambda: Registry(tmp_path / "registry").download("model:1/model.pb", tmp_path / "out" / "deeper" / "file")
        )


def test_a_download_killed_anywhere_leaves_the_whole_target_or_none(registry, tmp_path):
    lines = count_lines(lambda: registry.download("model", tmp_path / "counted"))
    assert lines > 400
    seen = set()
    for number, line in enumerate([*range(1, lines, 43), *range(lines - 20, lines, 4)]):
        target = tmp_path / "out" / f"{number}"
        kill_at_line(lambda target=target: registry.download("model", target), line)
        there = target.exists()
        seen.add(there)
        if there:
            assert content(target) == WHOLE
        assert registry.download("model", target).changed is not there
        assert content(target) == WHOLE
    assert seen == {True, False}


@pytest.mark.parametrize("name", ["ü" * 120, "a" * 255, "with space", "日本語"])
def test_a_target_may_have_any_name_that_a_file_may_have(registry, tmp_path, name):
    registry.download("model", tmp_path / "out" / name)
    assert content(tmp_path / "out" / name) == WHOLE


def test_the_path_of_a_target_that_no_system_takes_is_refused(registry, tmp_path):
    for name in ("a\0b", "a" * 256):
        for reference in ("model", "model:1/model.pb"):
            with pytest.raises(InvalidInputError, match="cannot "):
                registry.download(reference, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["content", "registry"]


def test_any_bytes_come_back(local_registry, write, tmp_path):
    files = {f"{n}/data": random.Random(n).randbytes(n * 997) for n in range(40)}
    local_registry.register("many", write("many", files))
    local_registry.download("many", tmp_path / "target")
    assert {path: data for path, data in content(tmp_path / "target").items() if data is not None} == files
