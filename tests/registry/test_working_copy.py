import json
import os
import resource
import socket

import pytest

from ama_tfx.errors import (
    AmaError,
    BackendError,
    FormatError,
    InvalidInputError,
    NotFoundError,
    OutOfSpaceError,
    PermissionDeniedError,
)
from ama_tfx.registry import AssetName, AssetRef, Facts, Registry, WorkingCopy, asset_with_alias
from ama_tfx.testing import TickingClock
from ama_tfx.testing.processes import count_lines, in_process, kill_at_line, race

ASSET = AssetName("default", "model")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def copy(folder):
    return WorkingCopy.init(folder, ASSET)


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "registry", create=True, actor="ann", clock=TickingClock())


def write(folder, *names):
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {path.name}")
    return paths


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_working_copy_is_found_from_any_folder_in_it(copy, folder):
    (folder / "a" / "b").mkdir(parents=True)
    assert WorkingCopy.open(folder / "a" / "b").root == folder
    assert WorkingCopy.open(folder).asset == ASSET


def test_a_folder_in_no_working_copy_says_how_to_make_one(tmp_path):
    with pytest.raises(NotFoundError) as error:
        WorkingCopy.open(tmp_path)
    assert str(error.value) == f"no working copy in {str(tmp_path)!r} or above it; run `ama init ASSET` first"


def test_a_folder_called_dot_ama_with_something_else_in_it_is_no_working_copy(tmp_path):
    (tmp_path / ".ama" / "registry").mkdir(parents=True)  # AMA_HOME may well be ~/.ama
    with pytest.raises(NotFoundError, match="no working copy"):
        WorkingCopy.open(tmp_path)


def test_what_init_writes(copy, folder):
    assert listing(folder) == [".ama", ".ama/.gitignore", ".ama/.lock", ".ama/current.json", ".ama/drafts"]
    expected = b'{"asset":"ama://default/model","format":"ama-working-copy/1"}\n'
    assert (folder / ".ama" / "current.json").read_bytes() == expected


def test_each_asset_of_a_folder_has_its_own_draft(copy, folder):
    other = AssetName("team", "ranker/acme")
    copy.add(write(folder, "a"))
    switched = WorkingCopy.init(folder, other)
    assert switched.asset == other
    switched.add(write(folder, "b"))
    assert switched.draft().files == ("b",)
    assert WorkingCopy.init(folder, ASSET).draft().files == ("a",)


def test_init_again_keeps_what_is_pending_and_clear_forgets_it(copy, folder):
    copy.add(write(folder, "a"))
    assert WorkingCopy.init(folder, ASSET).draft().files == ("a",)
    assert WorkingCopy.init(folder, ASSET, clear=True).draft().files == ()


def test_names_as_long_as_names_may_be_have_drafts(folder):
    asset = AssetName("w" * 255, "a" * 255)
    copy = WorkingCopy.init(folder, asset)
    copy.set(message="m")
    assert WorkingCopy.open(folder).draft().message == "m"


def test_a_working_copy_of_another_format_is_refused(copy, folder):
    path = folder / ".ama" / "current.json"
    path.write_text(path.read_text().replace("copy/1", "copy/9"))
    with pytest.raises(FormatError) as error:
        copy.draft()
    assert str(error.value) == (
        f"working copy {str(folder)!r} has format 'ama-working-copy/9', this release of ama-tfx reads "
        "'ama-working-copy/1'; use the release that wrote it, or run `ama init ASSET` again"
    )


@pytest.mark.parametrize("content", ["", "{}", "[]", "7", '{"format":"ama-working-copy/1","asset":"../x"}'])
def test_a_damaged_working_copy_says_how_to_go_on(copy, folder, content):
    (folder / ".ama" / "current.json").write_text(content)
    with pytest.raises(FormatError, match=r"is not what ama-tfx wrote; run `ama init ASSET` again$"):
        copy.draft()


def test_files_are_recorded_by_their_path_from_the_root(copy, folder, monkeypatch):
    write(folder, "a", "sub/b", "sub/deep/c")
    monkeypatch.chdir(folder / "sub")
    inside = WorkingCopy.open(folder / "sub")
    relative = [os.path.relpath(folder / name) for name in ("a", "sub/b")]
    assert relative == ["../a", "b"]
    draft = inside.add([*map(type(folder), relative), folder / "sub" / "deep"])
    assert draft.files == ("a", "sub/b", "sub/deep/c")


def test_the_current_folder_can_be_added_and_our_own_records_stay_out(copy, folder):
    write(folder, "a", ".hidden", "sub/.ama/x", "sub/y", ".git/config", "sub/.git/config")
    draft = copy.add([type(folder)(".")])
    assert draft.files == (".hidden", "a", "sub/y")


def test_empty_folders_are_content(copy, folder, registry):
    (folder / "assets" / "empty").mkdir(parents=True)
    write(folder, "assets/x")
    assert copy.add([folder / "assets"]).directories == ("assets/empty",)
    registered, _ = copy.upload(registry)
    assert registry.manifest(registered.version.reference).directories == ("assets/empty",)


def test_a_folder_with_nothing_but_records_has_nothing_to_store(copy):
    with pytest.raises(InvalidInputError, match=r"^nothing to store: no file in '.*'; an asset needs at least one$"):
        copy.add([copy.root])
    assert copy.draft().files == ()


@pytest.mark.parametrize("name", ["..", "../x", "/etc/hostname", "sub/../../x"])
def test_paths_outside_the_root_are_refused(copy, folder, name):
    write(folder, "../x", "sub/y")
    with pytest.raises(InvalidInputError) as error:
        copy.add([type(folder)(name)])
    assert str(error.value) == f"{name!r} is outside the working copy {str(folder)!r}; copy it there first"


def test_a_folder_link_that_leads_outside_is_no_way_in(copy, folder):
    write(folder, "../outside/secret")
    (folder / "link").symlink_to("../outside")
    with pytest.raises(InvalidInputError, match="is outside the working copy"):
        copy.add([folder / "link" / "secret"])


def test_a_link_that_the_user_names_is_content_under_its_own_name(copy, folder, registry):
    write(folder, "../outside/weights")
    (folder / "model.h5").symlink_to("../outside/weights")
    assert copy.add([folder / "model.h5"]).files == ("model.h5",)
    copy.upload(registry)
    assert registry.open("model:1/model.h5").read() == b"content of weights"


def test_a_link_inside_a_folder_is_refused(copy, folder):
    write(folder, "sub/a")
    (folder / "sub" / "link").symlink_to("a")
    with pytest.raises(InvalidInputError, match="it is a symbolic link"):
        copy.add([folder / "sub"])


@pytest.mark.parametrize("name", [".ama", ".ama/current.json", "sub/.ama/x"])
def test_our_own_records_are_refused_as_content(copy, folder, name):
    write(folder, "sub/.ama/x")
    with pytest.raises(InvalidInputError) as error:
        copy.add([folder / name])
    assert str(error.value) == (
        f"{str(folder / name)!r} is ama's own record of the working copy, which is never content"
    )


def test_a_missing_path_has_near_names_in_its_error(copy, folder):
    write(folder, "model.h5")
    with pytest.raises(NotFoundError) as error:
        copy.add([type(folder)("modelx.h5")])
    assert str(error.value) == "no such file or folder: 'modelx.h5'; did you mean 'model.h5'?"
    with pytest.raises(NotFoundError) as error:
        copy.add([type(folder)("nowhere/x")])
    assert str(error.value) == "no such file or folder: 'nowhere/x'"


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31m", "a..b", "-a", "a\u202eb", "cafe\u0301", "CON", "x "])
def test_a_name_that_no_asset_may_hold_is_refused_when_it_is_added(copy, folder, name):
    write(folder, name)
    with pytest.raises(InvalidInputError):
        copy.add([folder / name])
    assert copy.draft().files == ()


def test_a_name_with_a_nul_is_refused(copy, folder):
    with pytest.raises(InvalidInputError, match=r"holds '\\x00'"):
        copy.add([type(folder)("a\0b")])


def test_what_is_no_regular_file_is_refused(copy, folder):
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for name in ("fifo", "socket"):
            with pytest.raises(InvalidInputError, match="it is no regular file"):
                copy.add([folder / name])


def test_one_bad_path_of_many_leaves_the_draft_as_it_was(copy, folder):
    with pytest.raises(NotFoundError):
        copy.add([*write(folder, "a"), folder / "missing"])
    assert copy.draft().files == ()


def test_a_version_is_what_was_added_and_nothing_is_pending_then(copy, folder, registry):
    copy.add(write(folder, "a", "sub/b"))
    write(folder, "not-added")
    copy.set(alias="prod", message="first", tags=["t"], properties={"lr": 0.1}, kind="Model")
    registered, draft = copy.upload(registry)
    details = registry.show("model:prod")
    assert registered.created
    assert [file.path for file in details.files] == ["a", "sub/b"]
    assert (details.version.message, details.version.kind, details.tags) == ("first", "Model", ("t",))
    assert details.properties == {"lr": 0.1}
    assert draft.alias == "prod"
    assert copy.draft().files == ()
    assert copy.draft().base == registered.version.reference
    assert not copy.has_changes(copy.draft())


def test_files_are_read_when_they_are_uploaded(copy, folder, registry):
    (path,) = write(folder, "a")
    copy.add([path])
    path.write_text("later")
    copy.upload(registry)
    assert registry.open("model:1/a").read() == b"later"


def test_a_message_given_at_the_upload_is_the_one_that_counts(copy, folder, registry):
    copy.add(write(folder, "a"))
    copy.set(message="before")
    registered, _ = copy.upload(registry, message="now")
    assert registered.version.message == "now"
    assert copy.draft().message is None


def test_uploading_nothing_is_refused(copy, registry):
    copy.set(alias="prod")
    with pytest.raises(InvalidInputError) as error:
        copy.upload(registry)
    assert str(error.value) == "nothing to upload: no file was added to 'model'; run `ama add PATH...` first"
    assert registry.assets() == []
    assert copy.draft().alias == "prod"


def test_a_file_that_is_missing_at_the_upload_is_named_and_nothing_is_registered(copy, folder, registry):
    paths = write(folder, "a", "b", "c")
    copy.add(paths)
    for path in paths[:2]:
        path.unlink()
    with pytest.raises(NotFoundError) as error:
        copy.upload(registry)
    assert str(error.value) == (
        "'a' (and 1 more) was added and is missing now; put it back, "
        "or start again with `ama init ama://default/model --clear`"
    )
    assert registry.assets() == []
    assert copy.draft().files == ("a", "b", "c")


def test_adding_a_folder_again_forgets_what_was_deleted_from_it(copy, folder, registry):
    gone, _ = write(folder, "sub/gone", "sub/kept")
    copy.add([folder / "sub"])
    gone.unlink()
    copy.add([folder / "sub"])
    assert copy.upload(registry)[0].version.file_count == 1


def test_a_file_that_became_a_folder_is_not_what_was_added(copy, folder, registry):
    (path,) = write(folder, "a")
    copy.add([path])
    path.unlink()
    write(folder, "a/secret")
    with pytest.raises(InvalidInputError) as error:
        copy.upload(registry)
    assert str(error.value) == "'a' is not what was added, a file or an empty folder; add it again"
    assert registry.assets() == []


def test_an_empty_folder_that_was_filled_is_not_what_was_added(copy, folder, registry):
    (folder / "empty").mkdir()
    copy.add([*write(folder, "a"), folder / "empty"])
    write(folder, "empty/new")
    with pytest.raises(InvalidInputError, match="'empty' is not what was added"):
        copy.upload(registry)


def test_what_was_added_while_an_upload_was_on_its_way_is_pending_still(copy, folder, registry):
    copy.add(write(folder, "a"))
    write(folder, "b")
    copy.upload(registry, on_progress=lambda _: copy.add([folder / "b"]))
    assert [file.path for file in registry.show("model:1").files] == ["a"]
    assert copy.draft().files == ("b",)


def test_a_ref_means_what_it_meant_when_it_was_added(copy, folder, registry):
    data, second = write(folder, "../data", "../second")
    registry.register("data", data, alias="inputs")
    copy.add(write(folder, "a"))
    draft = copy.add_ref(registry, AssetRef.parse("data:inputs"))
    assert str(draft.refs[0].written) == "ama://default/data:inputs"
    registry.register("data", second, alias="inputs")
    copy.upload(registry)
    assert [(role, version.number) for role, version in registry.show("model:1").refs] == [("input", 1)]


def test_an_alias_has_to_exist_when_the_ref_is_added(copy, folder, registry):
    registry.register("data", write(folder, "../data")[0], alias="inputs")
    with pytest.raises(NotFoundError) as error:
        copy.add_ref(registry, AssetRef.parse("data:input"))
    assert str(error.value) == "no alias 'input' on asset 'data'; did you mean 'inputs'?"
    assert copy.draft().refs == ()


def test_a_ref_to_a_file_is_refused(copy, registry):
    with pytest.raises(InvalidInputError, match="points at a version, not at a file"):
        copy.add_ref(registry, AssetRef.parse("data:1/x"))


def test_a_ref_that_the_registry_of_the_upload_does_not_have_registers_nothing(copy, folder, registry, tmp_path):
    registry.register("data", write(folder, "../data")[0], alias="inputs")
    copy.add(write(folder, "a"))
    copy.add_ref(registry, AssetRef.parse("data:inputs"))
    elsewhere = Registry(tmp_path / "elsewhere", create=True)
    with pytest.raises(NotFoundError, match="no asset 'data'"):
        copy.upload(elsewhere)
    assert elsewhere.assets() == []
    assert len(copy.draft().refs) == 1


def test_an_alias_alone_means_the_one_asset_that_has_it(folder, registry):
    registry.register("data", write(folder, "x")[0], alias="inputs")
    registry.register("other", write(folder, "x")[0], alias="outputs")
    assert str(asset_with_alias(registry, "inputs")) == "ama://default/data:inputs"


def test_an_alias_that_nobody_has_is_not_found_and_near_names_are_told(folder, registry):
    registry.register("data", write(folder, "x")[0], alias="inputs")
    with pytest.raises(NotFoundError) as error:
        asset_with_alias(registry, "inputz")
    assert str(error.value) == "no asset in workspace 'default' has the alias 'inputz'; did you mean 'inputs'?"


def test_an_alias_that_several_have_is_refused_with_the_spelling_that_decides(folder, registry):
    for name in ("a", "b"):
        registry.register(name, write(folder, "x")[0], alias="inputs")
    with pytest.raises(InvalidInputError) as error:
        asset_with_alias(registry, "inputs")
    assert str(error.value) == (
        "several assets in workspace 'default' have the alias 'inputs': 'a', 'b'; "
        "name one, as in `ama add ref a --alias inputs` or `ama add ref ama://default/a:inputs`"
    )


def test_what_is_no_alias_is_no_alias(registry):
    with pytest.raises(InvalidInputError, match="not an alias"):
        asset_with_alias(registry, "../x")


def test_many_processes_add_to_one_draft_and_none_is_lost(copy, folder):
    paths = write(folder, *(f"f{number}" for number in range(6)))
    results = race([lambda path=path: copy.add([path]) and None for path in paths])
    assert results == [None] * 6
    assert copy.draft().files == ("f0", "f1", "f2", "f3", "f4", "f5")


def test_a_draft_is_whole_wherever_its_writer_is_killed(copy, folder):
    copy.set(message="before")
    paths = write(folder, "a")
    lines = count_lines(lambda: WorkingCopy(folder).add(paths))
    copy.init(folder, ASSET, clear=True).set(message="before")
    seen = set()
    for line in range(1, lines + 1, max(1, lines // 40)):
        assert kill_at_line(lambda: WorkingCopy(folder).add(paths), line) or line > 0.8 * lines
        draft = WorkingCopy.open(folder).draft()
        assert draft.message == "before"
        seen.add(draft.files)
    assert seen <= {(), ("a",)}


def test_an_upload_that_was_killed_can_be_run_again(copy, folder, registry):
    write(folder, "a")

    def add_and_upload():
        copy.add([folder / "a"])
        copy.upload(registry)

    add_and_upload()
    lines = count_lines(add_and_upload)
    states, killed = set(), 0
    for back in (1, 15, 30, 60, 120):
        killed += kill_at_line(add_and_upload, lines - back)
        states.add(copy.draft().files)
        add_and_upload()
    assert killed >= 4  # how many lines it takes varies a little: where it waits, it looks at the clock
    assert ("a",) in states
    assert [version.number for version in registry.versions("model")] == [1]


def test_a_full_disk_is_said_and_the_draft_stays(copy, folder):
    copy.set(message="before")

    def with_little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        copy.set(message="x" * 1000)

    with pytest.raises(OutOfSpaceError, match=r"^cannot write '.*': File too large; free some space, then try again$"):
        in_process(with_little_room)
    assert copy.draft().message == "before"
    assert [name for name in listing(folder / ".ama") if ".tmp" in name] == []


def test_a_working_copy_that_may_not_be_written_is_said(copy, folder, as_another_user):
    write(folder, "a")
    with pytest.raises(PermissionDeniedError, match="this user needs the permission"):
        as_another_user(lambda: copy.add([folder / "a"]))


def test_a_file_in_the_place_of_the_records_is_said(folder):
    write(folder, ".ama")
    with pytest.raises((BackendError, NotFoundError)):
        WorkingCopy.init(folder, ASSET)


def test_a_draft_of_another_format_is_said(copy, folder):
    copy.set(message="m")
    (path,) = (folder / ".ama" / "drafts").iterdir()
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "format": "ama-draft/7"}))
    for act in (copy.draft, lambda: copy.set(alias="a")):
        with pytest.raises(FormatError, match="has format 'ama-draft/7'"):
            act()


def test_errors_of_uploads_are_ours(copy, folder, registry):
    copy.add(write(folder, "a"))
    copy.set(alias="prod")
    registry.register(AssetName("default", "MODEL"), folder / "a", Facts())
    with pytest.raises(AmaError, match="differ from the existing 'MODEL' only in case"):
        copy.upload(registry)
    assert copy.draft().files == ("a",)
