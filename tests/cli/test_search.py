"""``ama search``, and ``ama find`` for several contents."""

import pytest


@pytest.fixture
def models(ama, upload):
    """Two versions of one asset and one of another, in two workspaces."""
    upload("taxi/model", "a.txt", alias="champion")
    upload("taxi/model", "b.txt")
    upload("boat", "a.txt", "c.txt")


def test_versions_are_listed_the_newest_first(models, ama, normal):
    lines = normal(ama("search", "name:taxi/*").out).splitlines()
    assert [line.split() for line in lines] == [
        ["VERSION", "SEMANTIC", "ALIASES", "TAGS", "METRICS", "SIZE", "CREATED", "BY", "MESSAGE"],
        ["taxi/model:2", "1.0.1", "5", "B", "TIME", "ann"],
        ["taxi/model:1", "1.0.0", "champion", "5", "B", "TIME", "ann"],
    ]


def test_quiet_prints_references_that_other_commands_take(models, ama):
    (reference,) = ama("search", "alias:champion", "-q").out.splitlines()
    assert reference.startswith("ama://default/taxi/model@sha256:")
    assert ama("show", reference, "--json").document["version"] == 1


def test_json_is_an_array_of_versions(models, ama):
    (document,) = ama("search", "alias:champion", "--json").document
    assert set(document) == {
        *("asset", "workspace", "version", "semantic", "digest", "reference", "kind", "message", "size_bytes"),
        *("file_count", "created_at", "created_by", "aliases", "tags", "metrics"),
    }
    assert (document["asset"], document["version"], document["aliases"]) == ("taxi/model", 1, ["champion"])


def test_finding_nothing_is_no_error(models, ama):
    assert ama("search", "tag:none").out == "no version is like that\n"
    assert ama("search", "tag:none", "--json").document == []
    assert ama("search", "tag:none", "-q").out == ""


def test_options_sort_limit_and_choose(models, ama):
    names = [entry["asset"] + str(entry["version"]) for entry in ama("search", "--sort", "name", "--json").document]
    assert names == ["boat1", "taxi/model2", "taxi/model1"]
    latest = ama("search", "name:taxi*", "--latest", "--json").document
    assert [entry["version"] for entry in latest] == [2]
    first = ama("search", "--limit", "1").out
    assert first.endswith("the first 1 version; there are more, which --limit 0 shows\n")
    assert len(ama("search", "--limit", "0", "-q").out.splitlines()) == 3
    assert ama("search", "--limit", "-1", code=2).err == (
        "ama: error: limit -1 is no number of versions; expected 1 or more, or none at all\n"
    )


def test_words_of_the_command_line_are_one_query(models, ama):
    assert (
        ama("search", "name:taxi*", "alias:champion", "-q").out == ama("search", "name:taxi* alias:champion", "-q").out
    )


def test_workspaces(models, ama, upload, monkeypatch):
    monkeypatch.setenv("AMA_WORKSPACE", "team")
    upload("other", "a.txt")
    assert ama("search", "-q").out.startswith("ama://team/other@")
    assert len(ama("search", "-q").out.splitlines()) == 1
    assert len(ama("search", "--all-workspaces", "-q").out.splitlines()) == 4
    assert ama("search", "name:boat", "--all-workspaces").out.splitlines()[1].startswith("ama://default/boat:1 ")


def test_a_query_that_cannot_be_read_is_pointed_at(models, ama):
    assert ama("search", "name:taxi* tga:x", code=2).err == (
        "ama: error: no field 'tga'; did you mean 'tag'?\n  name:taxi* tga:x\n             ^^^\n"
    )
    assert ama("search", "tga:x", "--json", code=2).error == {
        "code": "invalid_input",
        "message": "no field 'tga'; did you mean 'tag'?",
    }


def test_control_characters_of_a_query_do_not_reach_the_terminal(models, ama):
    done = ama("search", "\x1b[31m\n(", code=2)
    assert "\x1b" not in done.err
    assert done.err.count("\n") == 3


def test_several_contents_are_found_at_once(models, ama):
    assert ama("find", "a.txt", "b.txt").out == (
        "CONTENT  VERSION       ALIASES   PATH\n"
        "a.txt    boat:1                  a.txt\n"
        "a.txt    taxi/model:1  champion  a.txt\n"
        "b.txt    taxi/model:2            b.txt\n"
    )


def test_one_content_that_is_nowhere_makes_the_exit_code_3(models, ama, write):
    write("new.txt", "newer.txt")
    done = ama("find", "b.txt", "new.txt", "newer.txt", "--json", code=3)
    assert [entry["content"] for entry in done.document] == ["b.txt"]
    assert done.error["message"] == "no version holds a file with the content of 'new.txt' or 'newer.txt'"


def test_the_beginning_of_a_sha256_is_for_search(models, ama):
    digits = "e3b0c44298fc"
    assert ama("find", "--sha256", digits, code=2).err == (
        "ama: error: not a SHA-256: 'e3b0c44298fc' has 12 of 64 digits; "
        "`ama search sha256:e3b0c44298fc` finds by the first\n"
    )
    whole = ama("show", "taxi/model:2", "--json").document["files"][0]["sha256"]
    assert ama("search", f"sha256:{whole[:8]}", "--json").document[0]["version"] == 2
    assert ama("find", "--sha256", whole, "--sha256", whole.upper()).out.count("taxi/model:2") == 2


def test_what_was_nearly_asked_for_is_told_when_nothing_is_found(ama, upload):
    upload("bc/model", "m.h5")
    assert ama("search", "bc and nothing").err == (
        "ama: note: 'and' was searched for as a word; AND between conditions is written in capitals\n"
    )
    assert ama("search", "kind:files").err == "ama: note: there is no kind 'files', but there is 'Files'\n"
    assert ama("search", "bc").err == ""
    assert "a metric is 'metric.auc'" in ama("search", "auc>0.9", code=2).err
    assert "`ama show bc/model:1` shows a version" in ama("search", "bc/model:1", code=2).err
