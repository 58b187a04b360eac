"""Rules for every command, and the options that all of them share."""

import importlib
import re
from pathlib import Path

import click
import pytest

import ama_tfx
from ama_tfx.cli import COMMANDS
from ama_tfx.cli.app import GROUPS, SYNONYMS, root

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"


def command_of(name):
    return importlib.import_module(COMMANDS[name].module).command


def section_of(name):
    text = REFERENCE.read_text()
    found = re.search(rf"^## `ama {re.escape(name)}`\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"no section '## `ama {name}`' in {REFERENCE.name}"
    return found[1]


def test_every_command_has_one_place_in_the_help():
    places = [name for names in GROUPS.values() for name in names]
    assert len(places) == len(set(places))
    assert set(COMMANDS) <= set(places)
    assert {"init", "add", "add ref", "set", "upload", "download", "find", "show", "list", "log", "gc"} <= set(COMMANDS)


def test_no_name_is_a_command_and_a_synonym():
    assert SYNONYMS.keys() == {"alias add", "inputs add", "versions", "info", "history", "rm"}
    assert not SYNONYMS.keys() & COMMANDS.keys()
    assert set(SYNONYMS.values()) <= {name for names in GROUPS.values() for name in names}


@pytest.mark.parametrize("other", SYNONYMS)
def test_every_synonym_is_in_the_reference(other):
    assert f"| `ama {other}` | [`ama {SYNONYMS[other]}`]" in REFERENCE.read_text()


@pytest.mark.parametrize("other", [other for other, name in SYNONYMS.items() if name in COMMANDS])
def test_a_synonym_is_the_command_itself(ama, other):
    assert ama(*other.split(), "--help").out == ama(*SYNONYMS[other].split(), "--help").out


def test_synonyms_stand_at_the_end_of_the_help(ama):
    last = ama("--help").out.split("\n\n")[-1]
    assert last.startswith("Other names:\n")
    assert re.search(r"^  versions +is list$", last, re.MULTILINE)


def test_a_first_word_alone_is_answered_with_the_second_ones(ama):
    done = ama("config", code=2)
    assert done.out == ""
    assert re.search(r"^  config unset +Take a setting out of ", done.err, re.MULTILINE)
    assert ama("config", "-h").out == ama("config", "--help").out == done.err


def test_a_second_word_that_is_nearly_right_is_told(ama):
    assert ama("config", "unst", code=2).err == (
        "ama: error: no command 'config unst'; did you mean 'unset'?; see `ama --help`\n"
    )
    assert ama("config", "xyzzy", code=2).err == (
        "ama: error: no command 'config xyzzy'; known: list, get, set, unset; see `ama --help`\n"
    )
    assert ama("ad", "ref", code=2).err.startswith("ama: error: no command 'ad'; did you mean 'add ref'?")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_h_for_help(ama, name):
    assert ama(*name.split(), "-h").out == ama(*name.split(), "--help").out


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_has_the_letter_of_help(name):
    assert not [option for option in command_of(name).params if "-h" in option.opts]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_begins_as_the_table_says(ama, name):
    text = ama(*name.split(), "--help").out
    assert text.startswith(f"Usage: ama {name} ")
    assert " ".join(text.split("\n\n")[1].split()) == COMMANDS[name].help


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_in_its_help(ama, name):
    text = ama(*name.split(), "--help").out
    assert f"  Example:\n    ama {name}" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_reference_with_all_its_options(name):
    section = section_of(name)
    shared = {"--help", "--debug", "--color", "--quiet", "--json", "--registry", "--workspace"}
    assert "```sh" in section
    assert "`--json`" in section
    for parameter in command_of(name).params:
        for option in parameter.opts if isinstance(parameter, click.Option) else []:
            if option.startswith("--") and option not in shared:
                assert f"`{option}" in section, f"{option} of ama {name}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name):
    options = [parameter for parameter in command_of(name).params if isinstance(parameter, click.Option)]
    assert options
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_knows_the_shared_options(name):
    known = {name for parameter in command_of(name).params for name in parameter.opts}
    assert {"--json", "--quiet", "-q", "--color", "--debug"} <= known


@pytest.mark.parametrize("name", ["add ref", "upload", "download", "find", "show", "list", "log", "fsck", "gc"])
def test_what_opens_a_registry_takes_its_name_behind_the_command_too(name):
    known = {name for parameter in command_of(name).params for name in parameter.opts}
    assert {"--registry", "--workspace"} <= known


@pytest.mark.parametrize("name", ["add", "set"])
def test_what_opens_no_registry_refuses_to_be_told_one(ama, name):
    done = ama(name, "--registry", "elsewhere", code=2)
    assert done.err.startswith("ama: error: no option '--registry'; ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_refuses_flags_that_it_does_not_know(ama, assert_nothing_registered, name):
    done = ama(*name.split(), "--bogus", code=2)
    assert done.err.startswith("ama: error: no option '--bogus'; ")
    assert done.err.endswith(f"; see `ama {name} --help`\n")
    assert done.out == ""
    assert_nothing_registered()


def test_a_flag_that_is_nearly_right_is_told(ama):
    done = ama("download", "model", "--reffs", code=2)
    assert done.err == "ama: error: no option '--reffs'; did you mean '--refs'?; see `ama download --help`\n"


def test_a_command_that_is_nearly_right_is_told(ama):
    assert ama("uploadx", code=2).err == "ama: error: no command 'uploadx'; did you mean 'upload'?; see `ama --help`\n"


def test_an_unknown_command_is_answered_with_the_known_ones(ama):
    said = ama("frobnicate", code=2).err
    assert said.startswith("ama: error: no command 'frobnicate'; known: init, add, ")
    first_words = dict.fromkeys(name.split()[0] for name in COMMANDS)
    assert said.endswith(f"; known: {', '.join(first_words)}; see `ama --help`\n")


def test_no_command_shows_the_help_as_an_error(ama):
    done = ama(code=2)
    assert done.out == ""
    assert done.err.startswith("Usage: ama [OPTIONS] COMMAND [ARGS]...\n")


def test_a_missing_argument_is_named(ama):
    assert ama("log", code=2).err == "ama: error: Missing argument 'ASSET'; see `ama log --help`\n"


def test_the_version_is_told(ama):
    assert ama("--version").out == f"ama {ama_tfx.__version__}\n"


def test_the_list_of_commands_is_the_table(ama):
    text = ama("--help").out
    lines = " ".join(text.split())
    for name, entry in COMMANDS.items():
        assert re.search(rf"^  {name}  ", text, re.MULTILINE)
        assert f" {name} {entry.help} " in lines


def test_shared_options_stand_before_the_command_or_behind_it(ama, upload, tmp_path):
    upload("model", "a.txt")
    assert ama("--json", "list").document == ama("list", "--json").document
    assert ama("-q", "list").out == ama("list", "-q").out == "ama://default/model\n"
    elsewhere = str(tmp_path / "elsewhere")
    for args in (["--registry", elsewhere, "list"], ["list", "--registry", elsewhere]):
        assert ama(*args, code=3).err == (
            f"ama: error: no registry at {elsewhere!r}; the first upload into it makes one\n"
        )


def test_what_stands_behind_the_command_counts_more(ama, upload):
    upload("model", "a.txt")
    assert ama("--workspace", "team", "list", "--workspace", "default", "-q").out == "ama://default/model\n"


def test_the_environment_names_the_registry_and_the_workspace(ama, upload, monkeypatch, tmp_path):
    monkeypatch.setenv("AMA_REGISTRY", str(tmp_path / "named"))
    monkeypatch.setenv("AMA_WORKSPACE", "team")
    upload("model", "a.txt")
    assert (tmp_path / "named" / "registry.json").exists()
    assert not (tmp_path / "home").exists()
    assert ama("list", "-q").out == "ama://team/model\n"
    assert ama("list", "-q", "--workspace", "default").out == ""


def test_an_empty_variable_of_the_environment_is_none(ama, upload, monkeypatch, home):
    for name in ("AMA_REGISTRY", "AMA_WORKSPACE"):
        monkeypatch.setenv(name, "")
    upload("model", "a.txt")
    assert (home / "registry" / "registry.json").exists()


def test_an_empty_option_is_refused_and_not_taken_for_none(ama, upload):
    upload("model", "a.txt")
    assert ama("list", "--registry", "", code=2).err == (
        "ama: error: not a registry: ''; expected a folder or postgresql://…?blobs=/folder\n"
    )
    ama("list", "--workspace", "", code=2)


def test_reading_makes_no_registry(ama, write, home):
    write("a.txt")
    ama("init", "model")
    ama("add", "a.txt")
    for args in (["list"], ["show", "x"], ["log", "x"], ["find", "a.txt"], ["download", "x"], ["add", "ref", "x"]):
        done = ama(*args, code=3)
        assert done.err == (
            f"ama: error: no registry at {str(home / 'registry')!r}; the first upload into it makes one\n"
        )
    assert not home.exists()


def test_every_command_is_one_small_file():
    for entry in COMMANDS.values():
        path = Path(importlib.import_module(entry.module).__file__)
        assert path.name.startswith("cmd_")
        assert len(path.read_text().splitlines()) <= 60


def test_shell_completion_knows_the_commands(script, monkeypatch):
    monkeypatch.setenv("_AMA_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "ama up")
    monkeypatch.setenv("COMP_CWORD", "1")
    done = script()
    assert (done.stdout, done.stderr) == ("plain,upload\n", "")


def test_the_root_is_what_the_console_script_runs():
    assert isinstance(root, click.Group)


def test_flags_that_say_different_things_of_one_choice_are_refused(ama):
    assert "--dot and --mermaid do not go together" in ama("lineage", "model", "--dot", "--mermaid", code=2).err
    assert "--list and --undo do not go together" in ama("retire", "--list", "--undo", code=2).err


def test_usage_errors_are_one_line_and_point_to_their_command(ama):
    assert ama("completion", code=2).err == (
        "ama: error: Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish; see `ama completion --help`\n"
    )
    assert ama("set", "--property", code=2).err.endswith("requires an argument; see `ama set --help`\n")


def test_a_reference_to_nothing_with_the_name_of_a_folder_is_answered_with_its_path(ama, upload, write):
    upload("model", "m.h5")
    write("mine/file")
    for name in ("inspect", "verify"):
        assert ama(name, "mine", code=3).err.endswith("did you mean './mine'?\n")
    assert "'mine' is a folder; expected files" in ama("find", "mine", code=2).err


def test_the_folder_of_a_page_is_checked_before_anything_is_compared(ama):
    error = ama("compare", "a", "b", "--html", "/nonexist/x.html", code=3).err
    assert error == "ama: error: cannot write '/nonexist/x.html': there is no folder '/nonexist'\n"


def test_a_setting_of_a_wrong_value_is_told_as_it_was_given(ama):
    assert ama("config", "set", "color", "sometimes", code=2).err == (
        "ama: error: not set: color is 'sometimes'; expected auto or always or never\n"
    )
