"""The working copy's verbs as people type them: remove, status, diff, discard, switch, clone, and upload --dry-run."""

import pytest


@pytest.fixture
def cloned(ama, upload, write, tmp_path, monkeypatch):
    """A clone of model:1, which the process is in."""
    upload("data", "d.txt", alias="inputs")
    write("a.txt", content="one\ntwo\n")
    write("f/b.txt")
    ama("init", "model")
    ama("add", "a.txt", "f")
    ama("add", "ref", "--alias", "inputs")
    ama("set", "--property", "lr=0.1")
    ama("upload")
    ama("clone", "model", str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    return tmp_path / "clone"


def test_a_changed_clone_is_the_next_version(ama, cloned):
    (cloned / "a.txt").write_text("one\n2\n")
    assert ama("status", "-s").out == " M a.txt\n"
    ama("add", "a.txt")
    assert ama("status", "-s").out == "M  a.txt\n"
    ama("upload", "-m", "better")
    document = ama("show", "model:2", "--json").document
    assert [file["path"] for file in document["files"]] == ["a.txt", "f/b.txt"]
    assert document["properties"] == {"lr": 0.1}
    assert [ref["asset"] for ref in document["refs"]] == ["data"]
    assert ama("status", "-s").out == ""


def test_a_clone_brings_what_it_was_made_from_when_it_is_asked_for(ama, cloned, tmp_path, monkeypatch):
    (tmp_path / "far").mkdir()
    monkeypatch.chdir(tmp_path / "far")
    done = ama("clone", "model:1", "--refs", "--json")
    assert [(step["role"], step["file_count"]) for step in done.document] == [(None, 2), ("input", 1)]
    assert (tmp_path / "far" / "data" / "d.txt").exists()
    assert (tmp_path / "far" / "model" / ".ama").is_dir()
    assert not (tmp_path / "far" / "data" / ".ama").exists()


@pytest.mark.parametrize("folder", [".", ""])
def test_a_clone_cannot_take_the_current_folders_place(ama, cloned, tmp_path, folder):
    assert ama("clone", "model:1", folder, code=2).err.startswith("ama: error: ")


def test_the_status_is_told_in_words(ama, cloned):
    (cloned / "a.txt").write_text("one\n2\n")
    (cloned / "new.txt").write_text("new")
    (cloned / "x.log").write_text("x")
    (cloned / ".amaignore").write_text("*.log\n.amaignore\n")
    (cloned / "f" / "b.txt").unlink()
    ama("add", "a.txt")
    assert ama("status").out == (
        "asset:     ama://default/model\n"
        "based on:  version 1 (1.0.0)\n"
        "pending:   1 file\n"
        "ignored:   2 files; --ignored lists them\n"
        "\n"
        "to be uploaded:\n"
        "WHAT      PATH   ON DISK\n"
        "modified  a.txt\n"
        "\n"
        "not added (ama add, or ama remove):\n"
        "WHAT     PATH\n"
        "missing  f/b.txt\n"
        "\n"
        "made from:\n"
        "ROLE   REF     NOW\n"
        "input  data:1\n"
        "\n"
        "untracked:\n"
        "PATH\n"
        "new.txt\n"
        "\n"
        "ama upload would register version 2 (1.0.1)\n"
    )
    assert ama("status", "-q").out == "a.txt\nf/b.txt\nnew.txt\n"
    assert ama("status", "-s", "--ignored").out == "M  a.txt\n D f/b.txt\n?? new.txt\n!! .amaignore\n!! x.log\n"


def test_the_shape_of_a_status(ama, cloned, normal):
    (cloned / "new.txt").write_text("new")
    ama("add", "new.txt")
    document = normal(ama("status", "--json").document)
    assert document.pop("draft")["files"] == ["new.txt"]
    assert document == {
        "asset": "model",
        "workspace": "default",
        "base": "ama://default/model@sha256:DIGEST",
        "base_version": 1,
        "newest_version": 1,
        "files": [{"path": "new.txt", "pending": "new", "disk": "unchanged"}],
        "refs": [
            {
                "role": "input",
                "written": "ama://default/data@sha256:DIGEST",
                "target": "ama://default/data@sha256:DIGEST",
                "now": "ama://default/data@sha256:DIGEST",
                "moved": False,
                "version": "data:1",
                "was": [],
                "inherited": True,
            }
        ],
        "untracked": [],
        "ignored": [],
        "would_upload": True,
        "next_version": 2,
        "next_semantic": "1.0.1",
        "clean": False,
    }


def test_the_status_needs_no_registry(ama, write, home):
    write("a.txt")
    ama("init", "model")
    ama("add", "a.txt")
    assert ama("status", "-s").out == "A  a.txt\n"
    assert not home.exists()


def test_files_folders_patterns_and_lists_are_removed(ama, write, work):
    write("a.yml", "b.yml", "c.txt", "f/d", "f/e.yml", "x,y")
    ama("init", "model")
    ama("add", ".")
    assert ama("remove", "f/d,c.txt", "--dry-run", "-q").out == "c.txt\nf/d\n"
    assert ama("remove", "*.yml", "-q", "--dry-run").out == "a.yml\nb.yml\n"
    assert ama("remove", "**/*.yml", "--json").document["taken_out"] == ["a.yml", "b.yml", "f/e.yml"]
    assert ama("remove", "x,y", "f", "--json").document["files"] == ["c.txt"]
    assert (work / "a.yml").exists()


def test_removing_is_relative_to_the_current_folder(ama, write, work, monkeypatch):
    write("a.yml", "f/b.yml", "f/g/c.yml")
    ama("init", "model")
    ama("add", ".")
    monkeypatch.chdir(work / "f")
    assert ama("remove", "*.yml", "-q", "--dry-run").out == "f/b.yml\n"
    assert ama("remove", "**/*.yml", "-q", "--dry-run").out == "f/b.yml\nf/g/c.yml\n"
    assert ama("remove", "../a.yml", "-q").out == "a.yml\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["b.txt"], "nothing that is pending or in the base is called 'b.txt'; did you mean 'a.txt'?"),
        (["*.h5"], "nothing that is pending or in the base is called '*.h5'"),
        (["--tag", "x"], "no tag 'x' is set; there are 't'"),
        (["--property", "lrr"], "no property 'lrr' is set; did you mean 'lr'?"),
        (["--message"], "no message is set"),
        (["--ref", "data"], "no ref 'ama://default/data:latest' is set; there are none"),
    ],
)
def test_what_is_not_there_cannot_be_removed_and_nothing_is(ama, write, args, said):
    write("a.txt")
    ama("init", "model")
    ama("add", "a.txt")
    ama("set", "--tag", "t", "--property", "lr=1", "--alias", "prod")
    before = ama("set", "--tag", "t", "--json").document
    assert ama("remove", "a.txt", "--alias", *args, code=3).err == f"ama: error: {said}\n"
    assert ama("set", "--tag", "t", "--json").document == before


def test_settings_and_refs_are_unset(ama, upload, write):
    upload("data", "d.txt", alias="inputs")
    write("a.txt")
    ama("init", "model")
    ama("add", "a.txt")
    ama("set", "--alias", "prod", "-m", "x", "--tag", "t", "--tag", "u", "--property", "lr=1", "--kind", "Model")
    ama("add", "ref", "data:inputs")
    args = ["--alias", "-m", "--tag", "t", "--property", "lr", "--kind", "--ref", "data:inputs"]
    ama("remove", *args, "--dry-run")
    document = ama("remove", *args, "--json").document
    assert [document[key] for key in ("alias", "message", "tags", "properties", "kind", "refs")] == [
        *(None, None, ["u"], {}, None, [])
    ]
    assert document["files"] == ["a.txt"]


def test_removing_nothing_is_a_question(ama, write):
    ama("init", "model")
    assert ama("remove", code=2).err.startswith("ama: error: nothing to remove; give PATH, --ref, ")


def test_a_path_outside_is_refused(ama, write):
    ama("init", "model")
    for path in ("../x", "/etc/passwd", "f/../../x"):
        assert "is outside the working copy" in ama("remove", path, code=2).err


def test_a_diff_is_told_line_by_line_in_numbers_or_names(ama, cloned):
    (cloned / "a.txt").write_text("one\n2\n")
    assert ama("diff").out == "M a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"
    assert ama("diff", "--stat").out == "   PATH   LINES\nM  a.txt  +1 -1\n"
    assert ama("diff", "--name-only").out == ama("diff", "-q").out == "a.txt\n"
    assert ama("diff", "f").out == ""
    ama("diff", "--exit-code", code=1)
    ama("diff", "f", "--exit-code")
    assert ama("diff", "a.txt", "model:1", "--name-only").out == "a.txt\n"


def test_a_diff_of_two_versions_needs_no_working_copy(ama, cloned, tmp_path, monkeypatch, normal):
    ama("set", "--property", "lr=0.2")
    ama("upload")
    monkeypatch.chdir(tmp_path)
    assert ama("diff", "model:1", "model:2").out == "- property lr: 0.1\n+ property lr: 0.2\n"
    assert normal(ama("diff", "model:1", "model:2", "--json").document) == {
        "before": "model:1",
        "after": "model:2",
        "same": False,
        "files": [],
        "refs": [],
        "properties": [{"key": "lr", "before": 0.1, "after": 0.2}],
        "kind": None,
    }
    assert ama("diff", "model:1", "model:2", "model:3", code=2).err.startswith("ama: error: at most two versions are ")


def test_what_a_diff_shows_of_a_file_cannot_move_the_cursor(ama, cloned):
    (cloned / "a.txt").write_text("one\n\x1b[2Jtwo\n")
    assert "\x1b" not in ama("diff").out


def test_discarding_forgets_what_is_pending(ama, cloned):
    (cloned / "a.txt").write_text("mine")
    ama("add", "a.txt")
    assert ama("discard", "--dry-run", "-q").out == "a.txt\n"
    assert ama("status", "-s").out == "M  a.txt\n"
    assert ama("discard").out == "forgot what was pending for model: 1 file\n"
    assert ama("discard").out == "nothing was pending for model; nothing was forgotten\n"
    assert ama("status", "-s").out == " M a.txt\n"
    assert (cloned / "a.txt").read_text() == "mine"


def test_switching_writes_a_version_or_only_changes_the_asset(ama, cloned):
    (cloned / "a.txt").write_text("2")
    ama("add", "a.txt")
    ama("upload")
    assert ama("switch", "model:1", "--json").document["written"] == ["a.txt"]
    assert (cloned / "a.txt").read_text() == "one\ntwo\n"
    assert ama("switch", "model", "--version", "2", "-q").out.startswith("ama://default/model@sha256:")
    assert (cloned / "a.txt").read_text() == "2"
    assert ama("switch", "data").out.startswith("working on ama://default/data in ")
    assert sorted(path.name for path in cloned.iterdir()) == [".ama", "a.txt", "f"]
    assert ama("switch", "daat", code=3).err.startswith("ama: error: no asset 'daat' in workspace 'default'; did you ")


def test_a_dry_run_uploads_nothing(ama, write, home):
    write("a.txt")
    ama("init", "model")
    ama("add", "a.txt")
    assert ama("upload", "--dry-run").out.startswith("would upload model:1 (1.0.0): 1 file, 5 B\n")
    assert not home.exists()
    reference = ama("upload", "--dry-run", "-q").out
    assert ama("upload", "-q").out == reference
    ama("add", "a.txt")
    assert ama("upload", "--dry-run").out.startswith("already there: model:1 (1.0.0): 1 file, 5 B\n")


def test_ignored_files_are_refused_by_name_and_passed_over_by_patterns(ama, write):
    write("a.log", "a.txt")
    write(".amaignore", content="*.log\n")
    ama("init", "model")
    assert ama("add", "a.log", code=2).err == (
        "ama: error: 'a.log' is left out by .amaignore; add it with --force if it is meant\n"
    )
    assert ama("add", "a.*", "--json").document["files"] == ["a.txt"]
    assert ama("add", "*.log", "--force", "--json").document["files"] == ["a.log", "a.txt"]


def test_patterns_choose_what_is_downloaded(ama, upload, tmp_path, monkeypatch):
    upload("model", "a.yml", "f/b.yml", "f/c.h5", "logs/d.yml")
    monkeypatch.chdir(tmp_path)

    def names(*args):
        done = ama("download", "model", "-o", f"out{len(list(tmp_path.iterdir()))}", *args, "--json").document[0]
        folder = tmp_path / done["target"]
        found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        assert done["file_count"] == len(found)
        return found

    assert names("--include", "*.yml", "--exclude", "logs/") == ["a.yml", "f/b.yml"]
    assert names("--include", "/*.yml", "--include", "*.h5") == ["a.yml", "f/c.h5"]
    assert names("--exclude", "f") == ["a.yml", "logs/d.yml"]
    assert ama("download", "model", "--include", "*.txt", code=3).err.startswith(
        "ama: error: nothing in this version matches '*.txt'; "
    )


def test_external_content_is_added_by_its_url(ama, write, work):
    write("corpus.txt")
    url = (work / "corpus.txt").as_uri()
    ama("init", "model")
    done = ama("add", "--external", url, "--as", "raw/corpus.txt", "--json")
    assert [(entry["path"], entry["url"]) for entry in done.document["external"]] == [("raw/corpus.txt", url)]
    assert ama("status", "-s").out == "A  raw/corpus.txt\n?? corpus.txt\n"
    ama("upload")
    assert ama("show", "model", "--json").document["files"][0]["url"] == url
    ama("download", "model")
    assert (work / "model" / "raw" / "corpus.txt").read_text() == "corpus.txt"
    ama("add", "--external", url, "--sha256", "ab" * 32, "--size", "7")
    assert ama("remove", "corpus.txt", "--json").document.get("external") is None


@pytest.mark.parametrize(
    "args",
    [[], ["a", "--external", "https://host/x"], ["a", "--size", "1"], ["a", "--as", "b"], ["a", "--sha256", "x"]],
    ids=" ".join,
)
def test_paths_and_a_url_are_two_things(ama, args):
    ama("init", "model")
    assert ama("add", *args, code=2).err == (
        "ama: error: give PATHs, or --external URL with --sha256, --size and --as; see `ama add --help`\n"
    )


def test_after_an_upload_the_next_version_is_that_one_and_what_is_added(ama, write):
    write("out/params.yml", "out/weights")
    ama("init", "model")
    ama("add", "out")
    ama("set", "--kind", "Model", "--property", "lr=0.1")
    ama("upload")
    assert ama("status").out.endswith("\nnothing pending; based on model:1\n")
    write("out/params.yml", content="changed")
    ama("add", "out/params.yml")
    ama("upload")
    document = ama("show", "model:2", "--json").document
    assert [file["path"] for file in document["files"]] == ["out/params.yml", "out/weights"]
    assert (document["kind"], document["properties"]) == ("Model", {"lr": 0.1})


def test_init_begins_from_nothing_unless_something_is_pending(ama, upload, write):
    upload("model", "a.txt")
    empty = "the next version begins empty; `ama switch model:latest` begins from its newest\n"
    assert ama("init", "model").out.endswith(f"pending for model: nothing yet\n{empty}")
    assert ama("init", "model").out.endswith(empty)
    ama("switch", "model:latest")
    write("b.txt")
    ama("add", "b.txt")
    assert ama("init", "model").out.endswith("pending for model: 1 file\n")
    ama("upload")
    assert [file["path"] for file in ama("show", "model:2", "--json").document["files"]] == ["a.txt", "b.txt"]


def test_two_assets_of_the_same_content_keep_their_bases(ama, write, work):
    write("a.txt")
    for asset in ("one", "two"):
        ama("init", asset)
        ama("add", "a.txt")
        ama("upload")
    ama("init", "two")
    ama("switch", "one")
    assert ama("status").out.endswith("\nnothing pending; based on one:1\n")


def test_a_ref_takes_the_place_of_the_bases_to_that_asset_in_that_role(ama, cloned, upload, monkeypatch, work):
    monkeypatch.chdir(work)
    upload("data", "e.txt")
    upload("other", "o.txt")
    monkeypatch.chdir(cloned)
    assert ama("add", "ref", "data:2").out == "input: was data:1, is data:2\npending for model: 1 ref\n"
    assert "input  ama://default/data:2  was data:1, is data:2\n" in ama("status").out
    ama("add", "ref", "other:1")
    ama("add", "ref", "data:1")
    assert [ref["written"].rpartition("/")[2] for ref in ama("status", "--json").document["refs"]] == [
        *("data:2", "other:1", "data:1")
    ]


@pytest.mark.parametrize("name", ["data:1", "data:inputs", "data"])
def test_a_ref_of_the_base_is_taken_out_by_any_of_its_names(ama, cloned, name):
    assert ama("remove", "--ref", name).out == "pending for model: 1 ref taken out\n"
    assert ama("discard").out == "forgot what was pending for model: 1 ref taken out\n"
    assert ama("remove", "--ref", "data:7", code=3).err.startswith("ama: error: no ref 'ama://default/data:7' is set")


def test_what_comes_from_the_base_is_not_pending(ama, cloned):
    for args in (["switch", "model:1"], ["discard"], ["status"]):
        assert "lr" not in ama(*args).out
    assert ama("switch", "model:1").out.endswith("\nnothing pending; based on model:1\n")
    ama("remove", "--property", "lr")
    assert "pending:   properties unset lr\n" in ama("status").out


def test_an_upload_that_is_not_based_on_the_newest_version_says_so(ama, cloned, upload, monkeypatch, work):
    monkeypatch.chdir(work)
    upload("model", "x.txt")
    monkeypatch.chdir(cloned)
    ama("set", "--property", "lr=0.2")
    said = (
        "ama: warning: based on model:1, but model:2 is the newest; "
        "`ama compare model:1 model:2` shows what this version lacks\n"
    )
    assert ama("upload", "--dry-run").err == said
    done = ama("upload", "--json")
    assert done.err == said
    base = done.document["base"]
    assert (base["version"], base["newest_version"], base["is_newest"]) == (1, 2, False)
    ama("set", "--property", "lr=0.3")
    done = ama("upload", "--json")
    assert (done.err, done.document["base"]["is_newest"]) == ("", True)


def test_what_is_left_out_is_counted_in_folders_that_nobody_added_too(ama, cloned, write):
    for name in ("new/a", "new/b.log", "new/c.log", "logs/1", "logs/2", "d.log"):
        (cloned / name).parent.mkdir(exist_ok=True)
        (cloned / name).write_text("x")
    (cloned / ".amaignore").write_text("*.log\nlogs/\n")
    assert "ignored:   3 files and 1 folder; --ignored lists them\n" in ama("status").out
