"""Working copies that are based on a version: what the next version is made of."""

import pytest

from ama_tfx.errors import ConflictError, FormatError, IntegrityError, InvalidInputError, NotFoundError
from ama_tfx.registry import AssetName, AssetRef, Facts, Ref, WorkingCopy
from ama_tfx.registry.working_copy.basing import clone, switch_asset, switch_version
from ama_tfx.testing.damage import piece_payloads
from ama_tfx.testing.processes import count_lines, kill_at_line

ASSET = AssetName("default", "model")
FILES = {"a.txt": b"a", "f/b.txt": b"b", "f/g/c.bin": b"\0c"}


def ref(text):
    return AssetRef.parse(text)


def content(registry, reference):
    files = registry.manifest(reference).files
    return {entry.path: registry.open(f"{reference}/{entry.path}").read() for entry in files}


def on_disk(folder):
    found = (path for path in folder.rglob("*") if path.is_file() and ".ama" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture
def first(local_registry, write):
    """Version 1 of model, made from data."""
    local_registry.register("data", write("data", {"d": b"d"}))
    facts = Facts(kind="Model", properties={"lr": 0.1}, tags=("t",), refs=(Ref(ref("data:1"), "schema"),))
    folder = write("first", FILES)
    (folder / "empty").mkdir()
    return local_registry.register("model", folder, facts, alias="prod").version


@pytest.fixture
def copy(local_registry, first, tmp_path, monkeypatch):
    """A clone of it, which the process is in."""
    copy, _ = clone(local_registry, ref("model:prod"), tmp_path / "clone")
    monkeypatch.chdir(copy.root)
    return copy


def test_a_clone_is_the_versions_files_and_changes_nothing(copy, first, tmp_path):
    assert on_disk(tmp_path / "clone") == FILES
    assert (tmp_path / "clone" / "empty").is_dir()
    assert copy.draft().base == first.reference
    assert not copy.has_changes(copy.draft())


def test_the_next_version_is_the_base_and_what_was_added(copy, local_registry):
    (copy.root / "a.txt").write_bytes(b"changed")
    (copy.root / "f" / "b.txt").write_bytes(b"changed and not added")
    (copy.root / "new").write_bytes(b"new")
    copy.add([copy.root / "a.txt", copy.root / "new"])
    version = copy.upload(local_registry)[0].version
    assert version.number == 2
    assert content(local_registry, "model:2") == {**FILES, "a.txt": b"changed", "new": b"new"}
    assert local_registry.manifest("model:2").directories == ("empty",)
    assert copy.draft().base == version.reference


def test_the_next_version_has_the_bases_kind_refs_and_properties_but_not_its_tags_and_aliases(copy, local_registry):
    copy.add([_changed(copy)])
    copy.set(properties={"epochs": 3})
    copy.upload(local_registry)
    details = local_registry.show("model:2")
    assert details.version.kind == "Model"
    assert details.properties == {"epochs": 3, "lr": 0.1}
    assert [(role, version.asset.name) for role, version in details.refs] == [("schema", "data")]
    assert (details.tags, details.aliases) == ((), ())


def _changed(copy, name="a.txt"):
    (copy.root / name).write_bytes(b"changed")
    return copy.root / name


def test_what_of_the_base_was_unset_is_gone(copy, local_registry):
    copy.remove([], folder=copy.root, refs=[copy.draft().refs[0].target], properties=["lr"], kind=True)
    copy.upload(local_registry)
    details = local_registry.show("model:2")
    assert (details.version.kind, details.properties, details.refs) == ("Files", {}, ())
    assert content(local_registry, "model:2") == FILES


def test_removed_files_are_gone_from_the_next_version_and_stay_on_disk(copy, local_registry):
    assert copy.remove(["f", "empty"], folder=copy.root)[1] == ("empty", "f/b.txt", "f/g/c.bin")
    copy.upload(local_registry)
    assert content(local_registry, "model:2") == {"a.txt": b"a"}
    assert local_registry.manifest("model:2").directories == ()
    assert on_disk(copy.root) == FILES


def test_a_removed_file_that_is_added_again_is_there(copy, local_registry):
    copy.remove(["a.txt"], folder=copy.root)
    assert copy.draft().removed == ("a.txt",)
    assert copy.add([_changed(copy)]).removed == ()


def test_adding_a_folder_takes_out_what_was_deleted_from_it(copy, local_registry):
    (copy.root / "f" / "b.txt").unlink()
    (copy.root / "a.txt").unlink()
    (copy.root / "empty").rmdir()
    assert copy.add([copy.root / "f"]).removed == ("f/b.txt",)
    assert copy.add([copy.root]).removed == ("a.txt", "empty", "f/b.txt")
    copy.upload(local_registry)
    assert content(local_registry, "model:2") == {"f/g/c.bin": b"\0c"}


def test_a_file_that_became_a_folder_and_the_other_way_round(copy, local_registry):
    (copy.root / "a.txt").unlink()
    (copy.root / "a.txt").mkdir()
    (copy.root / "a.txt" / "x").write_bytes(b"x")
    for path in ("f/g/c.bin", "f/b.txt"):
        (copy.root / path).unlink()
    (copy.root / "f" / "g").rmdir()
    (copy.root / "f").rmdir()
    (copy.root / "f").write_bytes(b"file")
    copy.add([copy.root / "a.txt" / "x", copy.root / "f"])
    copy.upload(local_registry)
    assert content(local_registry, "model:2") == {"a.txt/x": b"x", "f": b"file"}


def test_a_file_in_the_place_of_an_empty_folder_and_in_one(copy, local_registry):
    (copy.root / "empty" / "x").write_bytes(b"x")
    copy.add([copy.root / "empty" / "x"])
    copy.upload(local_registry)
    assert content(local_registry, "model:2") == {**FILES, "empty/x": b"x"}
    assert local_registry.manifest("model:2").directories == ()


def test_files_that_were_not_touched_are_not_read(copy, local_registry):
    for path in ("f/b.txt", "f/g/c.bin"):
        (copy.root / path).unlink()  # what was not added says nothing
    copy.add([_changed(copy)])
    copy.upload(local_registry)
    assert content(local_registry, "model:2") == {**FILES, "a.txt": b"changed"}


def test_nothing_to_upload_is_said(copy, local_registry, first):
    with pytest.raises(InvalidInputError) as error:
        copy.upload(local_registry)
    assert str(error.value) == f"nothing to upload: nothing was added to or removed from '{first.reference}'"
    assert len(local_registry.versions("model")) == 1


def test_an_alias_alone_is_a_change_and_makes_no_version(copy, local_registry):
    copy.set(alias="best")
    assert not copy.upload(local_registry)[0].created
    assert local_registry.resolve("model:best").number == 1


def test_everything_removed_is_no_version(copy, local_registry):
    copy.remove(["a.txt", "f", "empty"], folder=copy.root)
    with pytest.raises(InvalidInputError, match="an asset version needs at least one file"):
        copy.upload(local_registry)


def test_two_versions_in_a_row_build_upon_each_other(copy, local_registry):
    copy.add([_changed(copy)])
    copy.upload(local_registry)
    copy.add([_changed(copy, "f/b.txt")])
    copy.upload(local_registry)
    assert content(local_registry, "model:3") == {**FILES, "a.txt": b"changed", "f/b.txt": b"changed"}
    assert len(list((copy.root / ".ama" / "bases").iterdir())) == 1


def test_what_is_added_while_an_upload_is_on_its_way_comes_on_top_of_the_new_version(copy, local_registry):
    copy.add([_changed(copy)])
    (copy.root / "late").write_bytes(b"late")
    copy.upload(local_registry, on_progress=lambda _: copy.add([copy.root / "late"]))
    assert copy.draft().files == ("late",)
    copy.upload(local_registry)
    assert content(local_registry, "model:3") == {**FILES, "a.txt": b"changed", "late": b"late"}


def test_discarding_forgets_all_but_the_base_and_files_stay(copy, first):
    copy.add([_changed(copy)])
    copy.remove(["f/b.txt"], folder=copy.root)
    copy.set(message="m", properties={"lr": 2})
    before = copy.draft()
    assert copy.discard(dry_run=True) == before == copy.draft()
    assert copy.discard() == before
    assert not copy.has_changes(copy.draft())
    assert copy.draft().base == first.reference
    assert on_disk(copy.root)["a.txt"] == b"changed"


def test_clearing_forgets_the_base_too(copy):
    assert WorkingCopy.init(copy.root, ASSET, clear=True).draft().base is None


def test_a_base_that_was_edited_is_not_believed(copy):
    (path,) = (copy.root / ".ama" / "bases").iterdir()
    path.write_bytes(path.read_bytes().replace(b"a.txt", b"b.txt"))
    with pytest.raises(FormatError, match="is not the manifest of ama://default/model@sha256:"):
        copy.remove(["a.txt"], folder=copy.root)


@pytest.mark.parametrize("base", ["ama://default/model:1", f"ama://default/other@sha256:{'ab' * 32}", "../x"])
def test_a_base_that_may_move_or_is_another_assets_is_refused(copy, base):
    (path,) = (copy.root / ".ama" / "drafts").iterdir()
    path.write_text(path.read_text().replace(str(copy.draft().base), base))
    with pytest.raises(FormatError, match="is no draft that ama-tfx wrote"):
        copy.draft()


def test_the_base_has_to_be_in_the_registry_of_the_upload(copy, open_registry, tmp_path):
    copy.add([_changed(copy)])
    elsewhere = open_registry(tmp_path / "elsewhere")
    elsewhere.register("data", tmp_path / "content" / "data")
    with pytest.raises(NotFoundError, match="no asset 'model'"):
        copy.upload(elsewhere)
    assert copy.draft().files == ("a.txt",)


# --- Cloning.


def test_a_clone_goes_nowhere_where_something_is(local_registry, first, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    with pytest.raises(ConflictError, match="exists and holds something else"):
        clone(local_registry, ref("model"), tmp_path / "full")
    assert not (tmp_path / "full" / ".ama").exists()
    clone(local_registry, ref("model"), tmp_path / "new")
    with pytest.raises(ConflictError, match="is a working copy already; use `ama switch` in it, or name another"):
        clone(local_registry, ref("model"), tmp_path / "new")


def test_a_clone_of_a_file_is_refused(local_registry, first, tmp_path):
    with pytest.raises(InvalidInputError, match="a version is cloned, not a file"):
        clone(local_registry, ref("model:1/a.txt"), tmp_path / "x")


def test_a_clone_that_was_killed_can_be_run_again(local_registry, first, tmp_path):
    def cloning(target):
        return lambda: clone(local_registry, ref("model"), target) and None

    lines = count_lines(cloning(tmp_path / "counted"))
    for number, line in enumerate(range(lines // 2, lines * 9 // 10, max(1, lines // 12))):
        target = tmp_path / f"killed{number}"
        assert kill_at_line(cloning(target), line) or line > 0.8 * lines
        if not target.exists():
            cloning(target)()
        assert on_disk(target) == FILES
        assert WorkingCopy.open(target).draft().base == first.reference
    assert [path.name for path in tmp_path.glob(".*.partial")] == []


# --- Switching.


@pytest.fixture
def second(local_registry, first, write):
    """Version 2: a file changed, one gone, one new."""
    return local_registry.register("model", write("second", {"a.txt": b"A", "f/b.txt": b"b", "n": b"n"})).version


def test_switching_replaces_what_nobody_changed(copy, local_registry, second):
    switched = switch_version(copy, local_registry, ref("model:2"))
    assert on_disk(copy.root) == {"a.txt": b"A", "f/b.txt": b"b", "n": b"n"}
    assert not (copy.root / "f" / "g").exists()
    assert (switched.written, switched.removed) == (("a.txt", "n"), ("f/g/c.bin",))
    assert copy.draft().base == second.reference
    switch_version(copy, local_registry, ref("model:1"))
    assert on_disk(copy.root) == FILES
    assert (copy.root / "empty").is_dir()


@pytest.mark.parametrize("name", ["a.txt", "f/g/c.bin", "n"])
def test_no_local_file_is_lost_by_switching(copy, local_registry, second, name):
    _changed(copy, name)
    before = on_disk(copy.root)
    with pytest.raises(ConflictError) as error:
        switch_version(copy, local_registry, ref("model:2"))
    assert str(error.value) == f"local files would be lost: {name!r}; upload them, or move them away"
    assert on_disk(copy.root) == before


def test_a_local_file_that_is_the_same_is_no_conflict(copy, local_registry, second):
    (copy.root / "a.txt").write_bytes(b"A")
    (copy.root / "n").write_bytes(b"n")
    assert switch_version(copy, local_registry, ref("model:2")).written == ()


def test_a_link_is_never_written_through(copy, local_registry, second, tmp_path):
    (tmp_path / "outside").mkdir()
    (copy.root / "f" / "b.txt").unlink()
    (copy.root / "f" / "g" / "c.bin").unlink()
    (copy.root / "f" / "g").rmdir()
    (copy.root / "f").rmdir()
    (copy.root / "f").symlink_to(tmp_path / "outside")
    with pytest.raises(ConflictError, match="local files would be lost: 'f'"):
        switch_version(copy, local_registry, ref("model:2"))
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize("name", ["a.txt", "n"])
def test_a_link_in_a_files_place_is_a_conflict(copy, local_registry, second, tmp_path, name):
    (tmp_path / "outside").write_bytes(b"mine")
    (copy.root / name).unlink(missing_ok=True)
    (copy.root / name).symlink_to(tmp_path / "outside")
    with pytest.raises(ConflictError, match=f"local files would be lost: '{name}'"):
        switch_version(copy, local_registry, ref("model:2"))
    assert (tmp_path / "outside").read_bytes() == b"mine"


def test_what_is_pending_stands_in_the_way_until_it_is_discarded(copy, local_registry, second):
    copy.set(message="m")
    with pytest.raises(ConflictError, match="changes of 'model' are pending; run `ama upload` or `ama discard`"):
        switch_version(copy, local_registry, ref("model:2"))
    copy.discard()
    switch_version(copy, local_registry, ref("model:2"))


def test_damaged_bytes_change_nothing(copy, local_registry, second, tmp_path):
    entry = next(entry for entry in local_registry.manifest("model:2").files if entry.path == "n")
    (payload,) = piece_payloads(tmp_path / "registry" / "blobs", entry.digest)
    payload.flip()
    with pytest.raises(IntegrityError):
        switch_version(copy, local_registry, ref("model:2"))
    assert on_disk(copy.root) == FILES
    assert [path.name for path in (copy.root / ".ama").glob("incoming-*")] == []


def test_drafts_of_others_stay(copy, local_registry, second):
    other = WorkingCopy.init(copy.root, AssetName("default", "other"))
    other.add([_changed(copy, "o")])
    switch_version(copy, local_registry, ref("model:2"))
    assert copy.asset == ASSET
    switch_asset(copy, other.draft().asset.__class__("default", "other"), lambda: local_registry)
    assert copy.draft().files == ("o",)


def test_switching_to_an_asset_that_is_nowhere_is_refused_with_near_names(copy, local_registry):
    with pytest.raises(NotFoundError) as error:
        switch_asset(copy, AssetName("default", "modle"), lambda: local_registry)
    assert str(error.value) == (
        "no asset 'modle' in workspace 'default'; did you mean 'model'?; `ama init modle` starts a new one"
    )
    assert copy.asset == ASSET


def test_a_switch_that_was_killed_can_be_run_again(local_registry, first, second, tmp_path):
    def prepared(name):
        copy, _ = clone(local_registry, ref("model:1"), tmp_path / name)
        return copy, lambda: switch_version(copy, local_registry, ref("model:2")) and None

    lines = count_lines(prepared("counted")[1])
    seen = set()
    for number, line in enumerate(
        [*range(lines // 3, lines * 4 // 5, lines // 6), *range(lines * 4 // 5, lines - 60, lines // 60)]
    ):
        copy, switching = prepared(f"killed{number}")
        assert kill_at_line(switching, line) or line > 0.8 * lines
        seen.add(tuple(on_disk(copy.root)))
        switching()
        assert on_disk(copy.root) == {"a.txt": b"A", "f/b.txt": b"b", "n": b"n"}
        assert copy.draft().base == second.reference
    assert len(seen) > 1


def test_a_switch_removes_nothing_where_a_folder_became_a_link(copy, local_registry, write, tmp_path):
    local_registry.register("model", write("second", {"a.txt": b"a"}))
    (copy.root / "f").rename(tmp_path / "elsewhere")
    (copy.root / "f").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConflictError, match=r"local files would be lost: 'f/b\.txt'"):
        switch_version(copy, local_registry, ref("model:2"))
    assert on_disk(tmp_path / "elsewhere") == {"b.txt": b"b", "g/c.bin": b"\0c"}


def test_what_is_edited_while_a_version_comes_is_not_lost(copy, local_registry, write):
    local_registry.register("model", write("second", {"a.txt": b"second", "f/b.txt": b"second"}))
    with pytest.raises(ConflictError, match="local files would be lost: 'a.txt'"):
        switch_version(
            copy,
            local_registry,
            ref("model:2"),
            on_progress=lambda _: (copy.root / "a.txt").write_bytes(b"edited meanwhile"),
        )
    assert on_disk(copy.root) == {**FILES, "a.txt": b"edited meanwhile"}


def test_a_file_in_the_place_of_an_empty_folder_is_told_before_anything_changes(copy, local_registry, write):
    folder = write("second", {"a.txt": b"second"})
    (folder / "logs").mkdir()
    local_registry.register("model", folder)
    (copy.root / "logs").write_bytes(b"mine")
    with pytest.raises(ConflictError, match="local files would be lost: 'logs'"):
        switch_version(copy, local_registry, ref("model:2"))
    assert on_disk(copy.root) == {**FILES, "logs": b"mine"}
