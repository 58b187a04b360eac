"""Completion in shells: what the shells ask ``ama``, and what the scripts make of the answers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ama_tfx.registry import Registry
from ama_tfx.registry.suggesting import MOST, suggest

BASH = shutil.which("bash")


@pytest.fixture
def complete(ama, monkeypatch):
    """A function that returns what a line with the cursor at its end may go on with, as (type, value)."""

    def ask(line, code=0):
        with monkeypatch.context() as patch:
            patch.setenv("_AMA_COMPLETE", "bash_complete")
            patch.setenv("COMP_WORDS", line)
            patch.setenv("COMP_CWORD", "")
            done = ama(code=code)
        assert done.err == ""
        return [tuple(answer.split(",", 1)) for answer in done.out.splitlines() if answer]

    return ask


@pytest.fixture
def values(complete):
    return lambda line: [value for _, value in complete(line)]


@pytest.fixture
def assets(home, work):
    """Assets, aliases and workspaces to complete."""
    (work / "conf").mkdir()
    (work / "conf" / "a.yml").write_text("a")
    (work / "model.h5").write_text("b")
    with Registry(home / "registry", create=True, actor="ann") as registry:
        registry.register("ranker", {"conf": work / "conf", "model.h5": work / "model.h5"}, alias="champion")
        registry.register("ranker", work / "model.h5", alias="challenger")
        registry.register("ranker/acme", work / "model.h5")
        registry.register("reader", work / "model.h5", alias="stable")
        registry.register("ama://team/secret", work / "model.h5")


def test_commands_are_completed(values):
    assert values("ama up") == ["upload"]
    assert {"init", "config", "completion"} <= set(values("ama "))
    assert values("ama --json dow") == ["download"]
    assert values("ama frobnicate ") == []


def test_second_words_are_completed(values):
    assert values("ama config ") == ["list", "get", "set", "unset"]
    assert values("ama config un") == ["unset"]
    assert values("ama inputs ") == ["add"]


def test_options_are_completed(values):
    assert values("ama show --al") == ["--alias", "--all"]
    assert values("ama list --color ") == ["auto", "always", "never"]
    assert values("ama completion ") == ["bash", "zsh", "fish"]
    assert values("ama config set wor") == ["workspace"]


def test_files_are_left_to_the_shell(complete):
    assert complete("ama add conf/") == [("file", "conf/")]
    assert complete("ama find mod") == [("file", "mod")]
    assert complete("ama download x --output ") == [("dir", "")]
    assert complete("ama add re") == [("plain", "ref"), ("file", "re")]


def test_assets_are_completed(assets, values):
    assert values("ama list r") == ["ranker", "ranker/acme", "reader"]
    assert values("ama log ranker/") == ["ranker/acme"]
    assert values("ama versions rea") == ["reader"]
    assert values("ama list --workspace team ") == ["secret"]
    assert values("ama list nothing") == []


def test_references_are_completed_part_by_part(assets, values, complete):
    assert values("ama show ra") == ["ranker", "ranker/acme"]
    assert complete("ama show rea") == [("plain", "reader"), ("more", "reader:")]
    assert values("ama show ranker:") == [
        "ranker:challenger",
        "ranker:champion",
        "ranker:latest",
        "ranker:2",
        "ranker:1",
    ]
    assert values("ama info ranker:cham") == ["ranker:champion"]
    assert complete("ama download ranker:champion/") == [
        ("more", "ranker:champion/conf/"),
        ("plain", "ranker:champion/model.h5"),
    ]
    assert values("ama download ranker:champion/conf/") == ["ranker:champion/conf/a.yml"]
    assert values("ama download ranker:champion ") == ["conf/", "model.h5"]
    assert values("ama download ranker:champion conf/") == ["conf/a.yml"]
    assert values("ama show ama://tea") == ["ama://team/"]
    assert values("ama show ama://team/") == ["ama://team/secret", "ama://team/secret:"]
    assert values("ama show ama://team/secret:") == ["ama://team/secret:latest", "ama://team/secret:1"]


def test_aliases_and_workspaces_are_completed(assets, values):
    assert values("ama show --alias ") == ["challenger", "champion", "stable"]
    assert values("ama show ranker --alias ") == ["challenger", "champion"]
    assert values("ama list --workspace ") == ["default", "team"]


def test_the_word_for_a_value_is_not_taken_for_a_setting(values):
    assert values("ama remove --property ") == values("ama search --sort ") == []


def test_wildcards_of_sql_are_letters(assets, values):
    assert values("ama show %") == []
    assert values("ama show r_n") == []
    assert values("ama show ranker:champion/conf/%") == []


@pytest.mark.parametrize(
    "line",
    [
        "ama show ",
        "ama show x:",
        "ama show ../",
        "ama show ama://",
        "ama show ':::",
        'ama show "',
        "ama show @",
        "ama log \\",
    ],
)
def test_whatever_is_wrong_is_no_completion_and_never_a_message(complete, line):
    assert complete(line) == []


def test_no_registry_or_a_broken_file_is_no_completion(complete, home):
    assert complete("ama show r") == []
    home.mkdir()
    (home / "config.toml").write_text("broken")
    assert complete("ama show r") == []
    assert complete("ama up") == [("plain", "upload")]
    assert not (home / "registry").exists()


def test_many_names_are_cut(tmp_path, write, work):
    write("a.txt")
    with Registry(tmp_path / "many", create=True) as registry:
        for number in range(MOST + 20):
            registry.register(f"asset-{number:03}", work / "a.txt")
        assert len(suggest(registry, "references", "asset")) == MOST
        assert suggest(registry, "assets", "asset-11") == [f"asset-11{digit}" for digit in range(10)]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(ama, shell):
    text = ama("completion", shell).out
    assert "_AMA_COMPLETE" in text
    assert f"{shell}_complete" in text
    assert ama("completion", shell, "--json").document == {"shell": shell, "script": text}
    program = shutil.which(shell)
    if program:
        assert subprocess.run([program, "-n"], input=text, text=True, capture_output=True).stderr == ""


def test_a_shell_that_is_not_known_is_refused(ama):
    assert ama("completion", "powershell", code=2).err.startswith("ama: error: Invalid value for '{bash|zsh|fish}'")


def in_bash(script, line, breaks="$' \\t\\n\"\\'@><=;|&(:'"):
    """Return what bash would offer behind a line, as its own completion calls the function."""
    program = f"""
{script}
COMP_WORDBREAKS={breaks}
COMP_LINE={line!r}
COMP_POINT=${{#COMP_LINE}}
_ama_completion ama
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run([BASH, "-c", program], capture_output=True, text=True, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(BASH is None, reason="no bash here")
def test_bash_completes_behind_colons(ama, assets):
    script = ama("completion", "bash").out
    assert in_bash(script, "ama upl") == ["upload"]
    assert in_bash(script, "ama show ranker:ch") == ["challenger", "champion"]
    assert in_bash(script, "ama show ama://team/s") == ["//team/secret", "//team/secret:"]
    assert in_bash(script, "ama show --alias=cham") == ["champion"]
    assert in_bash(script, "ama add con") == []  # bash itself knows files
    Path("reference.md").write_text("r")
    assert in_bash(script, "ama add ref") == ["ref", "reference.md"]
    assert in_bash(script, "ama show ranker:cham", breaks="$' \\t\\n'") == ["ranker:champion"]


def test_the_protocol_of_clicks_own_scripts_works_too(script, monkeypatch):
    monkeypatch.setenv("_AMA_COMPLETE", "zsh_complete")
    monkeypatch.setenv("COMP_WORDS", "ama upl")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert script().stdout == "plain\nupload\nRegister what was added as a version.\n"
