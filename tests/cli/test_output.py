"""What people read when output goes into a pipe or a file, and what scripts read with ``--quiet``."""

import re

import pytest

from ama_tfx.cli.report import Facts, Report, Table, plain_lines, print_report
from ama_tfx.cli.text import aligned, escape, human_size, plural


@pytest.fixture
def story(ama, upload, write):
    upload("data", "d.txt", alias="inputs")
    write("a.txt", "b.txt")
    ama("init", "model")
    ama("add", "a.txt", "b.txt")
    ama("set", "--alias", "prod", "-m", "first", "--tag", "t", "--property", "lr=0.1", "--property", "net=bert")
    ama("add", "ref", "--alias", "inputs")
    return ama("upload")


def test_init_says_where_it_works(ama, normal):
    assert normal(ama("init", "model").out) == (
        "working on ama://default/model in TMP/work\npending for model: nothing yet\n"
    )


def test_what_is_pending_is_said_after_each_change(ama, upload, write, normal, work):
    upload("data", "d.txt", alias="inputs")
    ama("init", "model")
    write("a.txt")
    (work / "e").mkdir()
    assert ama("add", "a.txt", "e").out == "pending for model: 1 file; 1 empty folder\n"
    assert normal(ama("add", "ref", "--alias", "inputs").out) == (
        "input: ama://default/data:inputs is ama://default/data@sha256:DIGEST\n"
        "pending for model: 1 file; 1 empty folder; 1 ref\n"
    )
    done = ama("set", "--alias", "prod", "-m", "a\nb", "--tag", "t", "--property", "lr=0.1", "--kind", "Model")
    assert done.out == (
        "pending for model: 1 file; 1 empty folder; 1 ref; alias prod; message 'a\\nb'; tags t; properties lr; "
        "kind Model\n"
    )


def test_upload_says_what_became_of_it(story, ama, normal):
    assert normal(story.out) == (
        "uploaded model:1 (1.0.0): 2 files, 10 B, alias prod\nama://default/model@sha256:DIGEST\n"
    )
    ama("init", "data")
    ama("add", "d.txt")
    assert normal(ama("upload").out) == (
        "already there: data:1 (1.0.0) is this content\nama://default/data@sha256:DIGEST\n"
    )


def test_download_says_what_it_wrote(story, ama):
    assert ama("download", "model", "--refs").out == (
        "downloaded model:1: 2 files, 10 B in model\ndownloaded data:1 (input): 1 file, 5 B in data\n"
    )
    assert ama("download", "model", "a.txt").out == "already there: model:1: 1 file, 5 B in model/a.txt\n"


def test_find_lists_versions_and_paths(story, ama):
    assert ama("find", "a.txt").out == "VERSION  ALIASES  PATH\nmodel:1  prod     a.txt\n"


def test_find_of_nothing_prints_nothing(story, ama, write):
    write("other")
    done = ama("find", "other", code=3)
    assert (done.out, done.err) == ("", "ama: error: no version holds a file with the content of 'other'\n")


def test_list_lists_assets(story, ama, normal):
    assert normal(ama("list").out) == ("ASSET  VERSIONS  CREATED\ndata   1         TIME\nmodel  1         TIME\n")


def test_list_of_an_empty_workspace_says_so(story, ama):
    assert ama("list", "--workspace", "team").out == "no assets\n"


def test_list_lists_versions_the_newest_first(story, ama, upload):
    upload("model", "c.txt", alias="next")
    lines = [line.split() for line in ama("list", "model").out.splitlines()]
    assert lines[0] == ["VERSION", "SEMANTIC", "ALIASES", "SIZE", "CREATED", "SHA256", "MESSAGE"]
    assert [line[:3] for line in lines[1:]] == [["model:2", "1.0.1", "next"], ["model:1", "1.0.0", "prod"]]


def test_show_tells_everything(story, ama, normal):
    text = normal(ama("show", "model").out)
    head, files, refs = text.split("\n\n")
    assert head == (
        "version:       model:1 (1.0.0)\n"
        "reference:     ama://default/model@sha256:DIGEST\n"
        "kind:          Files\n"
        "aliases:       prod\n"
        "tags:          t\n"
        "size:          10 B in 2 files\n"
        "created:       TIME by ann\n"
        "message:       first\n"
        "property lr:   0.1\n"
        "property net:  bert"
    )
    assert [line.split() for line in files.splitlines()][:2] == [["files:"], ["SIZE", "SHA256", "PATH"]]
    assert [line.split()[-1] for line in files.splitlines()[2:]] == ["a.txt", "b.txt"]
    assert refs == ("refs:\nROLE   VERSION  REFERENCE\ninput  data:1   ama://default/data@sha256:DIGEST\n")
    assert "\n\nused by:\nROLE   VERSION  REFERENCE\ninput  model:1  ama://" in ama("show", "data").out


def test_show_lists_twenty_files_unless_all_are_asked_for(ama, upload, write):
    names = [f"f{number:02}" for number in range(22)]
    write(*names, content="the same")
    upload("model", *names)
    short, whole = ama("show", "model").out, ama("show", "model", "--all").out
    assert short.endswith("f19\n… and 2 more files; --all lists them\n")
    assert whole.endswith("f21\n")


def test_show_tells_which_runs_registered_it(ama, home, write, work):
    from ama_tfx.registry import Facts as VersionFacts
    from ama_tfx.registry import Registry

    write("a.txt")
    provenance = {
        "pipeline": {"name": "taxi", "run_id": "r-1"},
        "component": "Trainer",
        "code": {"dirty": False},
        "gates": [{"source": "Evaluator", "verdict": "not_blessed", "reason": "Evaluator did not bless it"}],
        "alias_refused": {"alias": "champion", "reasons": ["Evaluator did not bless it"]},
    }
    registry = Registry(home / "registry", create=True, actor="ci")
    registry.register("model", work / "a.txt", VersionFacts(provenance=provenance))
    head, block = ama("show", "model").out.split("\n\nregistered ")[-1].split("\n", 1)
    assert head.endswith(" by ci:")
    assert [re.split("  +", line) for line in block.splitlines()] == [
        ["alias refused:", "champion: Evaluator did not bless it"],
        ["gate Evaluator:", "not blessed"],
        ["code.dirty:", "false"],
        ["component:", "Trainer"],
        ["pipeline.name:", "taxi"],
        ["pipeline.run_id:", "r-1"],
    ]


def test_a_version_of_another_workspace_is_named_in_full(story, ama):
    assert ama("find", "a.txt", "--workspace", "team").out.splitlines()[1].startswith("ama://default/model:1 ")


def test_log_tells_versions_and_moves_the_newest_first(story, ama, upload, normal):
    upload("model", "c.txt", alias="prod")
    lines = normal(ama("log", "model").out).splitlines()
    assert [line.split(None, 2)[2] for line in lines[1:]] == [
        "alias prod moved from version 1 to version 2  registered",
        "version 2 (1.0.1)",
        "alias prod set to version 1                   first",
        "version 1 (1.0.0)                             first",
    ]


def test_log_tells_of_an_alias_that_was_removed(story, ama, home):
    from ama_tfx.registry import Registry

    Registry(home / "registry").remove_alias("model", "prod", reason="too slow")
    assert "alias prod removed from version 1  too slow\n" in ama("log", "model").out
    assert ama("log", "model", "--json").document[0]["to"] is None


def test_quiet_prints_names_that_commands_take(story, ama, normal):
    ama("init", "other", "-q")
    assert ama("add", "a.txt", "-q").out == ""
    assert ama("set", "--alias", "x", "-q").out == ""
    reference = ama("upload", "-q").out.strip()
    assert normal(reference) == "ama://default/other@sha256:DIGEST"
    assert ama("show", reference, "-q").out.strip() == reference
    assert ama("list", "-q").out == "ama://default/data\nama://default/model\nama://default/other\n"
    assert ama("list", "other", "-q").out.strip() == reference
    found = ama("find", "a.txt", "-q").out.splitlines()
    assert f"{reference}/a.txt" in found
    assert ama("download", f"{reference}/a.txt", "-q").out == "other/a.txt\n"
    assert ama("log", "other", "-q").out == "ama://default/other:x\nama://default/other:1\n"


def test_control_characters_in_data_are_escaped(ama, write):
    write("a.txt")
    ama("init", "model")
    ama("add", "a.txt")
    ama("set", "-m", "\x1b]0;owned\x07\r\u202e", "--property", "k=\x1b[2J")
    ama("upload")
    for args in (["show", "model"], ["list", "model"], ["log", "model"]):
        out = ama(*args).out
        assert "\\x1b]0;owned\\x07\\r\\u202e" in out
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(out)


def test_a_message_of_many_lines_is_shown_in_lines_and_listed_in_one(ama, write):
    write("a.txt")
    ama("init", "model")
    ama("add", "a.txt")
    ama("upload", "-m", "one\ntwo")
    assert "\nmessage:    one\n            two\n" in ama("show", "model").out
    assert "  one\\ntwo\n" in ama("list", "model").out


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (300_041, "300.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_500_000_000, "1.5 GB"),
        (2 * 10**18, "2000.0 PB"),
    ],
)
def test_sizes_are_for_people(size_bytes, shown):
    assert human_size(size_bytes) == shown


def test_one_is_not_many():
    assert [plural(count, "file") for count in (0, 1, 2)] == ["0 files", "1 file", "2 files"]


def test_escaping_leaves_what_people_write():
    assert escape("größe 模型 🙂 a\u200db") == "größe 模型 🙂 a\u200db"
    assert escape("\t\n\x00\x7f\x9b\u2028\u2066\udcff") == "\\t\\n\\x00\\x7f\\x9b\\u2028\\u2066\\udcff"


def test_columns_begin_below_each_other():
    assert aligned([("a", "bb", "c"), ("aaa", "b", "")]) == ["a    bb  c", "aaa  b"]
    assert aligned([]) == []


def test_a_report_is_printed_to_the_stream_that_is_given(tmp_path):
    report = Report({}, (), ("line", Facts((("a", "1"),)), Table(("x",), (("y",),), "t")))
    assert [line for block in report.blocks for line in plain_lines(block)] == ["line", "a:  1", "", "t:", "X", "y"]
    with (tmp_path / "out").open("w") as stream:
        print_report(report, as_json=False, quiet=False, stream=stream)
    assert (tmp_path / "out").read_text() == "line\na:  1\n\nt:\nX\ny\n"
