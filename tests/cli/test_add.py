"""Paths as people type them."""

import pytest

from ama_tfx.cli.paths import named_and_found
from ama_tfx.cli.properties import typed_properties


def files(done):
    return done.document["files"]


@pytest.fixture
def model(ama):
    ama("init", "model")


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.yml", "b.yml"],
        ["a.yml,", "b.yml"],
        ["a.yml,b.yml"],
        ["a.yml, b.yml"],
        ["a.yml", ",", "b.yml"],
        ["a.yml ,b.yml,"],
        ["*.yml"],
        ["?.yml,"],
        ["a.yml,*.yml"],
        ["a.yml", "a.yml", "./b.yml"],
    ],
    ids=repr,
)
def test_commas_and_patterns_are_tolerated(ama, model, write, arguments):
    write("a.yml", "b.yml", "c.txt")
    assert files(ama("add", *arguments, "--json")) == ["a.yml", "b.yml"]


@pytest.mark.parametrize(
    ("there", "arguments", "meant"),
    [
        (["a,", "a"], ["a,"], ["a,"]),
        (["a,b", "c"], ["a,b,c"], ["a,b", "c"]),
        (["a,b", "a", "b"], ["a,b"], ["a,b"]),
        (["[x].txt", "x.txt"], ["[x].txt"], ["[x].txt"]),
        (["a", "b,c", "d"], ["a,b,c,d"], ["a", "b,c", "d"]),
    ],
)
def test_a_file_that_is_really_called_so_wins(ama, model, write, there, arguments, meant):
    write(*there)
    assert files(ama("add", *arguments, "--json")) == meant


def test_a_file_called_ref_can_be_added(ama, model, write):
    write("ref")
    assert files(ama("add", "./ref", "--json")) == ["ref"]


def test_a_path_behind_two_dashes_is_no_option(ama, model, write):
    write("a.txt")
    assert files(ama("add", "--json", "--", "a.txt")) == ["a.txt"]


def test_folders_bring_what_is_in_them(ama, model, write):
    write("f/a", "f/g/b", "f/.hidden")
    assert files(ama("add", "f", "--json")) == ["f/.hidden", "f/a", "f/g/b"]


def test_patterns_go_down_only_when_they_say_so(ama, model, write):
    write("a.h5", "f/b.h5", "f/g/c.h5", ".ama.h5")
    assert files(ama("add", "*.h5", "--json")) == ["a.h5"]
    assert files(ama("add", "**/*.h5", "--json")) == ["a.h5", "f/b.h5", "f/g/c.h5"]


def test_everything_here_is_added_without_our_own_records(ama, model, write):
    write("a.txt", ".git/config")
    assert files(ama("add", ".", "--json")) == ["a.txt"]
    assert files(ama("add", "*", "--json")) == ["a.txt"]


def test_paths_are_from_the_current_folder_and_recorded_from_the_root(ama, model, write, work, monkeypatch):
    write("f/a", "b")
    monkeypatch.chdir(work / "f")
    assert files(ama("add", "a", "../b", "--json")) == ["b", "f/a"]


@pytest.mark.parametrize("arguments", [[","], [", ,"], [",", ","]])
def test_nothing_but_commas_is_no_path(ama, model, arguments):
    assert "; name files or folders\n" in ama("add", *arguments, code=2).err


def test_a_name_longer_than_names_can_be_is_an_error(ama, model):
    assert ama("add", "x" * 5000, code=3).err.startswith("ama: error: no such file or folder: 'xxx")


def test_absolute_patterns_are_expanded(work, write):
    write("a.yml")
    assert named_and_found([f"{work}/*.yml"], work) == ([], [work / "a.yml"])


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        ("k=1", 1),
        ("k=0.1", 0.1),
        ("k=true", True),
        ("k=null", None),
        ('k="1"', "1"),
        ("k=[1, 2]", [1, 2]),
        ('k={"a": 1}', {"a": 1}),
        ("k=bert", "bert"),
        ("k=", ""),
        ("k=a=b", "a=b"),
        ("k=NaN", "NaN"),
        ("k=1.2.3", "1.2.3"),
        ('k={"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
    ],
)
def test_what_reads_as_json_is_json_and_the_rest_is_text(argument, meant):
    value = typed_properties([argument])["k"]
    assert value == meant
    assert type(value) is type(meant)


def test_a_number_that_json_cannot_carry_exactly_is_kept_as_text(ama, model):
    done = ama("set", "--property", "k=9007199254740993", "--property", "n=-7", "--json")
    assert done.document["properties"] == {"k": "9007199254740993", "n": -7}
