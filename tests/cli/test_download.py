"""Where downloads go."""

import pytest


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Go to an empty folder when called."""

    def go():
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        monkeypatch.chdir(folder)
        return folder

    return go


def test_a_version_goes_into_a_folder_of_the_assets_name(ama, upload, elsewhere):
    upload("ranker/acme", "a.txt", "f/b.txt")
    here = elsewhere()
    ama("download", "ranker/acme")
    assert tree(here) == ["acme/a.txt", "acme/f/b.txt"]
    assert (here / "acme" / "f" / "b.txt").read_text() == "f/b.txt"


def test_output_names_the_folder(ama, upload, elsewhere):
    upload("model", "a.txt")
    here = elsewhere()
    ama("download", "model", "-o", "deep/copy")
    assert tree(here) == ["deep/copy/a.txt"]


@pytest.mark.parametrize(
    "args",
    [
        ["model", "--alias", "old"],
        ["model:old"],
        ["model:1"],
        ["model", "--version", "1"],
        ["model:1.0.0"],
        ["model", "--version", "1.0.0"],
        ["ama://default/model:old"],
        ["ama://default/model", "--alias", "old"],
    ],
    ids=" ".join,
)
def test_a_version_can_be_named_in_many_ways(ama, upload, elsewhere, args):
    upload("model", "a.txt", alias="old")
    upload("model", "b.txt", alias="new")
    here = elsewhere()
    ama("download", *args)
    assert tree(here) == ["model/a.txt"]


def test_a_version_can_be_named_by_its_digest(ama, upload, elsewhere):
    upload("model", "a.txt")
    digest = ama("show", "model", "--json").document["digest"]
    upload("model", "b.txt")
    here = elsewhere()
    ama("download", "model", "--version", digest)
    ama("download", f"model@{digest}")
    assert tree(here) == ["model/a.txt"]


def test_the_newest_version_is_meant_when_none_is_named(ama, upload, elsewhere):
    upload("model", "a.txt")
    upload("model", "b.txt")
    here = elsewhere()
    ama("download", "model")
    assert tree(here) == ["model/b.txt"]


def test_files_and_folders_of_a_version_keep_their_places(ama, upload, elsewhere):
    upload("model", "a.txt", "f/b.txt", "f/g/c.txt", "h/d.txt")
    here = elsewhere()
    ama("download", "model", "a.txt", "f/g/", "f/g/c.txt")
    assert tree(here) == ["model/a.txt", "model/f/g/c.txt"]


def test_a_path_may_stand_in_the_reference(ama, upload, elsewhere):
    upload("model", "a.txt", "f/b.txt")
    here = elsewhere()
    ama("download", "model:1/f/b.txt", "a.txt", "-o", "copy")
    assert tree(here) == ["copy/a.txt", "copy/f/b.txt"]


def test_a_path_that_is_not_there_stops_it_before_anything_is_written(ama, upload, elsewhere):
    upload("model", "a.txt", "b.txt")
    here = elsewhere()
    assert ama("download", "model", "a.txt", "c.txt", code=3).err.startswith(
        "ama: error: no path 'c.txt' in this version; did you mean "
    )
    assert tree(here) == []


def test_files_can_be_written_into_the_current_folder(ama, upload, elsewhere):
    upload("model", "a.txt", "b.txt")
    here = elsewhere()
    ama("download", "model", "a.txt", "-o", ".")
    assert tree(here) == ["a.txt"]


def test_a_whole_version_cannot_take_the_current_folders_place(ama, upload, elsewhere):
    upload("model", "a.txt")
    here = elsewhere()
    for output in (".", str(here), "../elsewhere"):
        assert ama("download", "model", "-o", output, code=2).err == (
            f"ama: error: cannot make the folder {output!r}: it is the current one; "
            "leave --output out for './model', or name another\n"
        )
    assert tree(here) == []


def test_what_is_there_already_is_left_alone(ama, upload, elsewhere):
    upload("model", "a.txt")
    here = elsewhere()
    ama("download", "model")
    before = (here / "model").stat().st_ino
    assert ama("download", "model").out == "already there: model:1: 1 file, 5 B in model\n"
    assert (here / "model").stat().st_ino == before


def test_other_content_is_never_overwritten(ama, upload, elsewhere):
    upload("model", "a.txt")
    here = elsewhere()
    (here / "model").mkdir()
    (here / "model" / "a.txt").write_text("mine")
    assert ama("download", "model", code=4).err == (
        "ama: error: 'model' exists and holds something else; remove it, or name another target\n"
    )
    assert (here / "model" / "a.txt").read_text() == "mine"
    assert tree(here) == ["model/a.txt"]


def test_refs_come_only_when_they_are_asked_for(ama, upload, write, elsewhere):
    upload("data", "d.txt")
    write("a.txt")
    ama("init", "model")
    ama("add", "a.txt")
    ama("add", "ref", "data")
    ama("upload")
    here = elsewhere()
    ama("download", "model", "-o", "deep/copy")
    assert tree(here) == ["deep/copy/a.txt"]
    ama("download", "model", "-o", "deep/copy", "--refs")
    assert tree(here) == ["deep/copy/a.txt", "deep/data/d.txt"]


def test_refs_of_one_name_lie_beside_each_other(ama, upload, write, elsewhere):
    upload("a/model", "a.txt")
    upload("b/Model", "b.txt")
    upload("data", "d.txt")
    upload("model", "old.txt")
    write("new.txt")
    ama("add", "new.txt")
    for name in ("a/model", "b/Model", "data", "model"):
        ama("add", "ref", name)
    ama("add", "ref", "data", "--role", "schema")
    ama("upload")
    here = elsewhere()
    ama("download", "model", "--refs")
    assert tree(here) == [
        "Model-3/b.txt",
        "data/d.txt",
        "model-2/a.txt",
        "model-4/old.txt",
        "model/new.txt",
        "model/old.txt",
    ]


def test_only_direct_refs_come(ama, upload, write, elsewhere):
    upload("raw", "r.txt")
    for name, made_from in (("data", "raw"), ("model", "data")):
        write(f"{name}.txt")
        ama("init", name)
        ama("add", f"{name}.txt")
        ama("add", "ref", made_from)
        ama("upload")
    here = elsewhere()
    ama("download", "model", "--refs")
    assert tree(here) == ["data/data.txt", "model/model.txt"]


def test_an_alias_that_moves_meanwhile_changes_nothing(ama, upload, elsewhere):
    # What is written is named by digest from the plan on.
    upload("model", "a.txt", alias="prod")
    elsewhere()
    document = ama("download", "model:prod", "--json").document
    assert document[0]["reference"] == ama("show", "model:1", "--json").document["reference"]
