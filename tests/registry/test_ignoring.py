"""What `.amaignore` leaves out: the same as git, which is asked."""

import os
import subprocess

import pytest

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry import AssetName, WorkingCopy
from ama_tfx.registry.working_copy.ignoring import Ignoring, chosen, literally, matching

TREE = [
    "a.log",
    "a.txt",
    "build/keep.txt",
    "build/out.bin",
    "deep/a.log",
    "deep/build/x",
    "deep/er/notes.md",
    "deep/er/spaced name",
    "foo/a.txt",
    "foo/bar/b.txt",
    "#hash",
    "!bang",
    "[x].txt",
]
RULES = {
    "a suffix": {".amaignore": "*.log"},
    "a folder": {".amaignore": "build/"},
    "a folder at the top": {".amaignore": "/build"},
    "a negation": {".amaignore": "*.txt\n!a.txt"},
    "a file in a folder that is out stays out": {".amaignore": "build/\n!build/keep.txt"},
    "all but one in a folder": {".amaignore": "build/*\n!build/keep.txt"},
    "two stars in front": {".amaignore": "**/a.log"},
    "two stars behind": {".amaignore": "deep/**"},
    "two stars between": {".amaignore": "deep/**/notes.md"},
    "a slash in the middle": {".amaignore": "deep/a.log"},
    "a comment and an escape": {".amaignore": "# x\n\\#hash\n\\!bang"},
    "a class": {".amaignore": "[ab].txt"},
    "an escaped bracket": {".amaignore": "\\[x\\].txt"},
    "spaces at the end": {".amaignore": "a.txt   \nspaced\\ name"},
    "a folder's own file": {"deep/.amaignore": "a.log\n/build"},
    "a deeper file counts more": {".amaignore": "*.log", "deep/.amaignore": "!a.log"},
    "everything but one": {".amaignore": "/*\n!/foo"},
    "a folder's name taken back leaves the rule for files": {".amaignore": "*.txt\n!foo"},
    "the order counts": {".amaignore": "!a.txt\n*.txt"},
    "windows ends": {".amaignore": "*.log\r\nbuild/\r\n"},
    "nothing": {".amaignore": "\n\n"},
}


@pytest.fixture
def folder(tmp_path):
    for name in TREE:
        path = tmp_path / "work" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "work"


def left_out(folder, rules):
    """Return which paths of the tree git ignores, with the rules in `.gitignore` files."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    subprocess.run(["git", "init", "-q", folder], check=True, env=environment)
    for name, text in rules.items():
        (folder / name.replace(".amaignore", ".gitignore")).write_bytes(text.encode())
    command = ["git", "check-ignore", "--no-index", "-z", "--stdin"]
    done = subprocess.run(command, cwd=folder, input="\0".join(TREE), capture_output=True, text=True, env=environment)
    assert done.returncode in {0, 1}, done.stderr
    return sorted(filter(None, done.stdout.split("\0")))


@pytest.mark.parametrize("name", RULES)
def test_git_leaves_out_the_same(folder, name):
    for path, text in RULES[name].items():
        (folder / path).write_bytes(text.encode())
    ignoring = Ignoring(folder)
    found = sorted(path for path in TREE if ignoring.path(path, is_folder=False))
    assert found == left_out(folder, RULES[name])
    assert name == "nothing" or found


@pytest.mark.parametrize("content", [b"\xff", b"x" * (2**20 + 1), b"a\n!\n"], ids=["bytes", "long", "no pattern"])
def test_what_is_no_list_of_patterns_is_refused_and_named(folder, content):
    (folder / ".amaignore").write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"\.amaignore.*expected (a pattern|patterns)"):
        Ignoring(folder).entry("a.txt", is_folder=False)


def test_a_link_in_its_place_is_refused(folder, tmp_path):
    (tmp_path / "rules").write_text("*")
    (folder / ".amaignore").symlink_to(tmp_path / "rules")
    with pytest.raises(InvalidInputError, match="is a symbolic link; put a file in its place"):
        Ignoring(folder).entry("a.txt", is_folder=False)


@pytest.fixture
def copy(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "#hash").unlink()  # which no path in an asset may be
    (folder / ".amaignore").write_text("*.log\nbuild/\n")
    return WorkingCopy.init(folder, AssetName("default", "model"))


def test_a_folder_is_added_without_what_is_left_out(copy, folder):
    assert copy.add([folder / "deep"]).files == ("deep/er/notes.md", "deep/er/spaced name")
    assert "a.log" not in copy.add([folder]).files


def test_a_folder_of_which_all_is_left_out_is_no_empty_folder(copy, folder):
    (folder / "logs").mkdir()
    (folder / "logs" / "x.log").write_text("x")
    (folder / "empty").mkdir()
    assert copy.add([folder]).directories == ("empty",)


@pytest.mark.parametrize("name", ["a.log", "build", "build/keep.txt"])
def test_what_is_named_and_left_out_is_refused_and_force_adds_it(copy, folder, name):
    with pytest.raises(InvalidInputError) as error:
        copy.add([folder / "a.txt", folder / name])
    assert str(error.value) == f"{name!r} is left out by .amaignore; add it with --force if it is meant"
    assert copy.draft().files == ()
    added = copy.add([folder / name], force=True).files
    assert added == (("build/keep.txt", "build/out.bin") if name == "build" else (name,))


def test_what_a_pattern_found_and_is_left_out_is_passed_over(copy, folder):
    assert copy.add([], found=[folder / "a.log", folder / "a.txt"]).files == ("a.txt",)
    with pytest.raises(InvalidInputError, match=r"nothing to add: \.amaignore leaves all of it out"):
        copy.add([], found=[folder / "a.log"])


def test_what_is_content_already_stays_so(copy, folder):
    copy.add([folder / "a.log"], force=True)
    assert "a.log" in copy.add([folder]).files


@pytest.mark.parametrize("text", ["a*b", "a?b", "[x]", "#x", "!x", "a b", "a\\b", "plain"])
def test_a_text_as_it_stands_is_a_pattern_too(text):
    assert matching(["axb", "x", text], f"/{literally(text)}") == [text]


def test_patterns_choose_paths():
    paths = ["a.yml", "f/b.yml", "f/g/c.h5", "logs/d.yml"]
    assert chosen(paths, ["*.yml"], ["logs/"]) == {"a.yml", "f/b.yml"}
    assert chosen(paths, ["/*.yml"], []) == {"a.yml"}
    assert chosen(paths, ["f/**"], []) == {"f/b.yml", "f/g/c.h5"}
    with pytest.raises(NotFoundError, match=r"nothing in this version matches '\*\.txt'"):
        chosen(paths, ["*.yml", "*.txt"], [])
    with pytest.raises(NotFoundError, match=r"nothing is left when '\*' is excluded"):
        chosen(paths, [], ["*"])


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("*a*a*b", "a" * 255), ("**/a/**/a/b", "a/" * 1022 + "c"), ("**/a/**/*_*/**", "a/" * 1022 + "c"),
     ("*/*/*/*/*/*/*.txt", "a/" * 1022 + "c"), ("\\*a\\*a\\*a\\*a\\*a*", "b")],
)  # fmt: skip
def test_a_pattern_with_few_stars_is_matched_at_once(pattern, path):
    assert matching([path], pattern) == []


SLOW = ["*a*a*a*a*ab", "**/a/" * 6 + "b", "*a*a/*a*a/*a*a/b", "**/*a*a*a/**/b", "a****b", "[\\]*a*a*a*a*b"]


@pytest.mark.parametrize("pattern", SLOW)
def test_a_pattern_that_would_take_for_ever_is_refused_by_file_and_line(folder, pattern):
    (folder / ".amaignore").write_text(f"# *****\n*.log\n!{pattern}\n")
    with pytest.raises(InvalidInputError, match=r"\.amaignore', line 3: .* has too many '\*'; expected at most 2 "):
        Ignoring(folder).path("a.txt", is_folder=False)
    with pytest.raises(InvalidInputError, match=r"^this pattern: .* has too many '\*'; "):
        matching(["a" * 255], pattern)
