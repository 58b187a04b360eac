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
