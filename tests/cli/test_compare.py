"""`ama compare`, and what `ama upload` says of the version that it raises."""

import json
import re

import pytest


@pytest.fixture
def two(ama, write):
    """Two versions of `model` that differ in a parameter, a metric and a file's name."""
    for number, name in ((1, "a.txt"), (2, "b.txt")):
        write("p.yml", content=f"lr: 0.{number}\nn: 3\n")
        write("metrics.json", content=json.dumps({"auc": 0.5 + number / 8}))
        write(name, content="text")
        ama("init", "model", "--clear")
        ama("add", "p.yml", "metrics.json", name)
        ama("upload", "-m", f"run {number}")


def columns(line):
    return line.split()


def test_differences_are_tables(ama, two):
    lines = ama("compare", "model:1", "model:2").out.splitlines()
    assert lines[0] == "model:1 and model:2: different in params, metrics, files"
    assert ["message", "run", "1", "run", "2"] in map(columns, lines)
    assert ["SOURCE", "PARAMETER", "model:1", "model:2"] in map(columns, lines)
    assert ["p.yml", "lr", "0.1", "0.2"] in map(columns, lines)
    assert "metrics.json  auc     0.625    0.75 (+0.125, +20.00 %) better" in lines
    assert "a.txt         4 B      moved to b.txt, 4 B" in lines
    assert not [line for line in lines if columns(line)[:2] == ["p.yml", "n"]]


def test_json_has_the_documented_shape(ama, two):
    document = ama("compare", "model:1", "model:2", "--json", "--only", "params,files").document
    assert [version["name"] for version in document.pop("versions")] == ["model:1", "model:2"]
    files = document.pop("files")
    assert [(row["path"], row["paths"], row["changes"]) for row in files] == [
        ("a.txt", ["a.txt", "b.txt"], [None, "moved"]),
        ("metrics.json", ["metrics.json", "metrics.json"], [None, "changed"]),
        ("p.yml", ["p.yml", "p.yml"], [None, "changed"]),
    ]
    assert document == {
        "same": False,
        "differing": ["params", "files"],
        "params": [{"source": "p.yml", "name": "lr", "values": [0.1, 0.2], "absent": [], "same": False}],
        "shared_bytes": [31, 4],
        "shared_percent": [100.0, 13.33],
        "problems": [],
    }


def test_quiet_names_the_sections_that_differ(ama, two):
    assert ama("compare", "model:1", "model:2", "-q").out == "params\nmetrics\nfiles\n"
    assert ama("compare", "model:1", "model:1", "-q").out == ""


def test_the_exit_code_tells_when_asked(ama, two):
    ama("compare", "model:1", "model:2")
    ama("compare", "model:1", "model:2", "--exit-code", code=1)
    ama("compare", "model:1", "model:2", "--exit-code", "--only", "schema,refs")
    assert ama("compare", "model:1", "model:1", "--exit-code").out == "model:1 and model:1: the same\n"


def test_all_tells_of_what_is_equal_too(ama, two):
    lines = ama("compare", "model:1", "model:2", "--all", "--only", "params").out.splitlines()
    assert ["p.yml", "n", "3", "3"] in map(columns, lines)


def test_a_page_is_written_to_a_file_or_to_standard_output(ama, two, work):
    assert ama("compare", "model:1", "model:2", "--html", "page.html").out.splitlines()[-1] == "written to page.html"
    text = (work / "page.html").read_text()
    assert text.startswith("<!DOCTYPE html>\n")
    assert ama("compare", "model:1", "model:2", "--html", "-").out == text


def test_folders_on_disk_are_named_as_paths(ama, two, work):
    (work / "out").mkdir()
    (work / "out" / "p.yml").write_text("lr: 0.2\nn: 3\n")
    assert ama("compare", "./out", "model:2", "--only", "params,metrics", "-q").out == "metrics\n"
    assert ama("compare", "./out", str(work / "out"), "-q").out == ""
    assert "'./gone'" in ama("compare", "./gone", "model:2", code=3).err.replace("'gone'", "'./gone'")


def test_what_cannot_be_compared_is_an_error(ama, two):
    assert "expected 2 to 20" in ama("compare", "model:1", code=2).err
    assert (
        "no section 'tensor'; did you mean 'tensors'"
        in ama("compare", "model:1", "model:2", "--only", "tensor", code=2).err
    )
    assert "no asset 'modl'" in ama("compare", "model:1", "modl", code=3).err


def test_names_that_move_the_cursor_are_escaped(ama, two, work):
    folder = work / "a\x1b[31m"
    folder.mkdir()
    (folder / "p\x1b[2J.yml").write_text("lr: 1\n")
    out = ama("compare", "model:1", f"./{folder.name}").out
    assert "\x1b" not in out
    assert "\\x1b[31m" in out


def test_columns_of_one_version_are_headed_as_they_were_asked_for(ama, two):
    lines = ama("compare", "model:2", "model:latest", "--all", "--only", "params").out.splitlines()
    assert lines[0] == "model:2 and model:latest: the same"
    assert ["SOURCE", "PARAMETER", "model:2", "model:latest"] in map(columns, lines)
    document = ama("compare", "model:2", "model:latest", "--json").document
    assert [version["name"] for version in document["versions"]] == ["model:2", "model:2"]


def test_values_are_told_as_people_write_them(ama, two):
    ama("alias", "set", "model:2", "champion")
    ama("alias", "set", "model:2", "best")
    told = {columns(line)[0]: line for line in ama("compare", "model:1", "model:2").out.splitlines() if line}
    assert told["aliases"].split(None, 2) == ["aliases", "-", "best, champion"]
    assert re.fullmatch(r"created_at( +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ){2}", told["created_at"])


def test_a_file_that_cannot_be_read_any_more_is_not_told_as_removed_values(ama, two, write, work):
    for name in ("p.yml", "metrics.json"):
        write(f"bad/{name}", content="a: [1")
    lines = ama("compare", "model:2", "./bad", "--only", "params,metrics").out.splitlines()
    assert "p.yml   lr         0.2      cannot be read" in lines
    assert "metrics.json  auc     0.75     cannot be read" in lines
    assert [columns(line)[:2] for line in lines if line.startswith("./bad")] == [
        ["./bad", "metrics.json"],
        ["./bad", "p.yml"],
    ]
    lines = ama("compare", "./bad", "model:2", "--only", "params").out.splitlines()
    assert "p.yml   lr         cannot be read  0.2" in lines


# --- Upload.


def upload_of(ama, write, content, *options):
    write("metrics.json", content=content)
    ama("init", "model")
    ama("add", "metrics.json")
    return ama("upload", *options)


def test_upload_says_what_rose_and_why(ama, write):
    assert "rose" not in upload_of(ama, write, '{"auc": 0.5}').out
    lines = upload_of(ama, write, '{"auc": 0.75}').out.splitlines()
    assert lines[0].startswith("uploaded model:2 (1.1.0)")
    assert lines[2] == "MINOR rose: metrics.json: auc rose from 0.5 to 0.75, which is better (higher is better)"


@pytest.mark.parametrize(
    ("told", "semantic"), [("auto", "1.1.0"), ("major", "2.0.0"), ("minor", "1.1.0"), ("pipeline", "1.0.1")]
)
def test_the_user_may_decide(ama, write, told, semantic):
    upload_of(ama, write, '{"auc": 0.5}')
    document = json.loads(upload_of(ama, write, '{"auc": 0.75}', "--bump", told, "--json").out)
    assert (document["semantic"], document["bump"]) == (semantic, "minor" if told == "auto" else told)
    assert bool(document["bump_reasons"]) is (told == "auto")
