"""On a terminal there are tables, colours and progress; in a pipe there are none."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

AMA = str(Path(sys.executable).parent / "ama")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38;\d+;\d+)m")


def on_terminal(*args, stdout=True, **environment):
    """Run a command with a terminal as standard error, and as standard output when asked for."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [AMA, *args],
        stdin=subprocess.DEVNULL,
        stdout=theirs if stdout else subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "160", **environment},
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    assert process.wait() == 0, seen
    return seen.decode()


@pytest.fixture
def model(ama, upload, write, work):
    with (work / "big.bin").open("wb") as stream:
        stream.truncate(64 * 2**20)
    return upload("model", "big.bin")


def test_a_table_is_drawn_on_a_terminal_and_not_in_a_pipe(model, script):
    drawn = on_terminal("list")
    assert "─" in drawn
    assert re.search(r"\bmodel\b", drawn)
    piped = script("list").stdout
    assert "─" not in piped
    assert "\x1b" not in piped


def test_facts_are_bold_on_a_terminal(model):
    assert "\x1b[1m" in on_terminal("show", "model")


def test_progress_is_shown_on_a_terminal(model, work):
    seen = on_terminal("download", "model", stdout=False)
    assert "downloading" in seen
    assert "MB" in seen
    (work / "big.bin").open("r+b").write(b"x")
    subprocess.run([AMA, "add", "big.bin"], check=True, capture_output=True)
    assert "uploading" in on_terminal("upload", stdout=False)


@pytest.mark.parametrize("flag", ["--json", "--quiet"])
def test_progress_is_not_shown_when_only_names_or_json_are_wanted(model, flag):
    assert on_terminal("download", "model", flag, stdout=False) == ""


def test_progress_is_not_shown_in_a_pipe(model, script):
    assert script("download", "model").stderr == ""


def test_no_color_is_respected(model):
    assert not COLOUR.search(on_terminal("list", NO_COLOR="1"))
    assert not COLOUR.search(on_terminal("download", "model", NO_COLOR="1"))


def test_json_on_a_terminal_is_plain(model):
    assert "\x1b" not in on_terminal("list", "--json")


def test_markup_and_escapes_in_data_are_shown_as_they_stand(ama, upload, write):
    write("a.txt")
    ama("init", "model")
    ama("add", "a.txt")
    ama("upload", "-m", "[red]x[/red] :smile: \x1b]0;owned\x07")
    for args in (["list", "model"], ["show", "model"], ["log", "model"]):
        seen = on_terminal(*args)
        assert "[red]x[/red] :smile: \\x1b]0;owned\\x07" in seen
        assert "\x1b]0;" not in seen


def test_a_narrow_terminal_loses_nothing(model):
    seen = re.sub(r"[^0-9a-z]", "", re.sub(r"\x1b\[[\d;]*m", "", on_terminal("show", "model", COLUMNS="40")))
    assert re.search(r"amadefaultmodelsha256[0-9a-f]{64}", seen)


def lines_of(seen):
    return [re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", line).rstrip() for line in seen.replace("\r", "").split("\n")]


@pytest.mark.parametrize("columns", ["30", "60", "80", "100"])
def test_references_stay_in_one_line_to_be_copied(ama, upload, model, columns):
    upload("data", "d.txt", alias="inputs")
    ama("init", "model")
    ama("add", "big.bin")
    ama("add", "ref", "--alias", "inputs")
    ama("upload", "-m", "a message of many words that does not fit into any narrow terminal, and is folded therefore")
    for args, count in ((("show", "model"), 2), (("show", "data"), 2)):
        whole = re.findall(
            r"(?m)ama://default/[a-z]+@sha256:[0-9a-f]{64}", "\n".join(lines_of(on_terminal(*args, COLUMNS=columns)))
        )
        assert len(whole) == count
    assert any(line.split()[:1] == ["model:2"] for line in lines_of(on_terminal("list", "model", COLUMNS=columns)))


def test_a_narrow_terminal_shows_no_digests_in_lists_and_a_wide_one_does(model):
    assert "sha256" in on_terminal("list", "model", COLUMNS="160")
    narrow = lines_of(on_terminal("list", "model", COLUMNS="60"))
    assert "sha256" not in "".join(narrow)
    assert any("model:1" in line for line in narrow)


def test_long_messages_are_folded_between_words(ama, upload, write):
    message = "one two three four five six seven eight nine ten eleven twelve thirteen"
    write("a.txt")
    ama("init", "model")
    ama("add", "a.txt")
    ama("upload", "-m", message)
    lines = lines_of(on_terminal("show", "model", COLUMNS="50"))
    start = next(number for number, line in enumerate(lines) if line.startswith("message"))
    assert " ".join(" ".join(lines[start : start + 3]).split()).startswith(f"message {message}")
    assert all(len(line) <= 50 for line in lines[start : start + 3])


@pytest.mark.parametrize("said", [{"NO_COLOR": "1"}, {"AMA_COLOR": "never"}, {"CLICOLOR": "0"}])
def test_whoever_wants_no_colours_gets_none(model, said):
    seen = on_terminal("show", "model", **said)
    assert "\x1b" not in seen
    assert not COLOUR.search(on_terminal("download", "model", "--output", f"copy-{len(said)}", **said))


def test_the_option_counts_more_than_the_environment(model, script):
    assert "\x1b" not in on_terminal("show", "model", "--color", "never", FORCE_COLOR="1")
    assert "\x1b[1m" in on_terminal("show", "model", "--color", "always", NO_COLOR="1")
    assert "\x1b[1m" in script("show", "model", "--color", "always").stdout


@pytest.mark.parametrize("said", [{"FORCE_COLOR": "1"}, {"CLICOLOR_FORCE": "1"}, {"AMA_COLOR": "always"}])
def test_whoever_wants_colours_in_a_pipe_gets_them(model, script, said):
    assert "\x1b[1m" in script("show", "model", env={**os.environ, **said}).stdout
    assert "\x1b" not in script("show", "model", env={**os.environ, **dict.fromkeys(said, "")}).stdout
    assert "\x1b" not in script("show", "model", "--json", env={**os.environ, **said}).stdout


def test_a_colour_that_is_none_is_refused(ama):
    assert "'--color'" in ama("list", "--color", "red", code=2).err


def test_progress_tells_rate_and_time_left(model):
    seen = on_terminal("download", "model", stdout=False)
    assert re.search(r"\d/s|\?", seen)
    assert re.search(r"-:--:--|\d:\d\d:\d\d", seen)


@pytest.fixture
def wide(ama, write):
    """Three versions with long names, messages, tags, metrics and a ref: no list of them fits into 80 columns."""
    for number in (1, 2, 3):
        write("params.yml", content=f"lr: 0.{number}\nlayers: [1, {number}]\ntext: {'word ' * number * 9}\n")
        write(f"a/deeply/nested/folder/of/files/with_a_rather_long_name_{number}.txt")
        ama("init", "sequence_models", "--clear")
        ama("add", "params.yml", "a")
        if number > 1:
            ama("add", "ref", "sequence_models:1", "--role", "trained_on")
        ama("set", "--alias", "champion")
        ama("upload", "-m", f"run {number}: a message of many words that fits into no narrow terminal at all")
        ama("tag", f"sequence_models:{number}", "nightly", "reviewed-by-somebody")
        ama("metrics", f"sequence_models:{number}", f"accuracy=0.{number}", f"evaluation_loss=1.{number}")
    ama("alias", "set", "sequence_models:2", "production", "--reason", "it is better than the other one, and was seen")


WIDE = {
    "list": ("list", "sequence_models"),
    "search": ("search", "sequence_models"),
    "show": ("show", "sequence_models"),
    "log": ("log", "sequence_models"),
    "compare": ("compare", "sequence_models:1", "sequence_models:2"),
    "inspect": ("inspect", "sequence_models"),
    "alias list": ("alias", "list", "sequence_models"),
}
KEYS = dict.fromkeys(WIDE, "sequence_models:2") | {"log": "version 2", "alias list": "champion"}
KEYS |= {"inspect": "params.yml", "show": "sequence_models:3", "compare": "params.yml"}


@pytest.mark.parametrize("columns", [60, 80])
def test_no_table_is_wider_than_the_terminal(wide, columns):
    for name, args in WIDE.items():
        lines = lines_of(on_terminal(*args, COLUMNS=str(columns)))
        drawn = [line for line in lines if line.startswith(" ")]
        if name != "show":
            assert any("─" in line for line in drawn), name
        assert [line for line in drawn if len(line) > columns] == [], name
        assert any(KEYS[name] in line for line in lines), name


def test_a_wide_terminal_leaves_nothing_out_and_folds_nothing(wide):
    lines = lines_of(on_terminal("search", "sequence_models", COLUMNS="300"))
    heads = ["version", "semantic", "aliases", "tags", "metrics", "size", "created", "by", "message"]
    assert next(line for line in lines if "version" in line).split() == heads
    assert len([line for line in lines if "fits into no narrow terminal at all" in line]) == 3


def test_rows_with_references_that_do_not_fit_are_told_as_facts(wide):
    lines = lines_of(on_terminal("show", "sequence_models:2", COLUMNS="60"))
    start = lines.index("refs")
    assert lines[start + 2 : start + 4] == ["role       trained_on", "version    sequence_models:1"]
    assert re.fullmatch(r"reference  ama://default/sequence_models@sha256:[0-9a-f]{64}", lines[start + 4])


def test_a_pipe_is_given_whole_lines_whatever_the_terminal(wide, script):
    line = script("list", "sequence_models", env={**os.environ, "COLUMNS": "60"}).stdout.splitlines()[2]
    assert re.fullmatch(
        r"sequence_models:2  1\.\d\.\d +production +\d+ B +\S+ \S+Z  [0-9a-f]{12}  run 2: .* terminal at all", line
    )
