"""How commands end: exit codes, what is said, and where."""

import errno
import inspect
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ama_tfx import errors
from ama_tfx.cli.outcomes import EXIT_CODES, exit_after, failure_of
from ama_tfx.errors import AmaError, NotFoundError

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, AmaError)]


def documented():
    """Return the table of exit codes: code of the error -> exit code."""
    rows = re.findall(r"^\| (\d+) \| ([^|]*) \|", REFERENCE.read_text(), re.MULTILINE)
    return {name: int(exit_code) for exit_code, names in rows for name in re.findall(r"`([a-z_]+)`", names)}


def test_the_documented_exit_codes_are_the_real_ones():
    assert len(KINDS) > 10
    real = {kind.code: kind.exit_code for kind in KINDS}
    assert documented() == {**real, **EXIT_CODES}


def test_the_exit_codes_are_these():
    assert {kind.code: kind.exit_code for kind in KINDS} == {
        "error": 1,
        "invalid_input": 2,
        "not_found": 3,
        "conflict": 4,
        "content_changed": 4,
        "integrity": 5,
        "permission_denied": 6,
        "backend": 7,
        "out_of_space": 7,
        "format": 8,
        "user_code": 9,
        "gate": 10,
        "missing_extra": 11,
        "run_failed": 12,
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_of_ours_ends_with_its_own_code(kind, capsys):
    error = kind("s3", "object stores") if kind is errors.MissingExtraError else kind("what went wrong")

    def fail():
        raise error

    with pytest.raises(SystemExit) as end:
        exit_after(fail, [])
    assert end.value.code == kind.exit_code
    assert capsys.readouterr().err == f"ama: error: {error}\n"


def test_with_json_an_error_is_one_document_on_standard_error(ama, upload):
    upload("model", "a.txt")
    done = ama("show", "modelx", "--json", code=3)
    assert done.out == ""
    assert done.err == (
        '{\n  "error": {\n    "code": "not_found",\n'
        "    \"message\": \"no asset 'modelx' in workspace 'default'; did you mean 'model'?\"\n  }\n}\n"
    )


@pytest.mark.parametrize("args", [["--json", "bogus"], ["list", "--json", "--bogus"], ["list", "--bogus", "--json"]])
def test_errors_before_the_options_are_read_are_json_too(ama, args):
    assert ama(*args, code=2).error["code"] == "usage"


def test_json_behind_two_dashes_is_an_argument(ama):
    assert ama("list", "--", "--json", code=2).err.startswith("ama: error: not a valid asset name: '--json'")


def test_an_error_has_no_traceback_unless_it_is_asked_for(ama):
    assert "Traceback" not in ama("list", code=3).err
    with_trace = ama("list", "--debug", code=3).err
    assert with_trace.startswith("Traceback (most recent call last):\n")
    assert with_trace.splitlines()[-1].startswith("ama: error: no registry at ")
    assert ama("--debug", "list", code=3).err.startswith("Traceback")


def test_what_is_a_bug_stays_one():
    def fail():
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        exit_after(fail, [])


def test_an_operating_systems_error_that_nobody_translated_stays_one():
    def fail():
        raise OSError(errno.EIO, "a bug")

    with pytest.raises(OSError, match="a bug"):
        exit_after(fail, [])


def test_a_bug_exits_1_with_a_traceback(tmp_path):
    code = "from ama_tfx.cli.outcomes import exit_after; exit_after(lambda: 1 / 0, [])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_control_characters_in_an_error_are_escaped(ama, capsys):
    def fail():
        raise NotFoundError("no \x1b[31m red \r\n \u202e here")

    with pytest.raises(SystemExit):
        exit_after(fail, [])
    assert capsys.readouterr().err == "ama: error: no \\x1b[31m red \\r\\n \\u202e here\n"


def test_an_interrupt_exits_130_with_a_word(capsys):
    def fail():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        exit_after(fail, [])
    assert end.value.code == 130
    assert capsys.readouterr().err == "ama: error: interrupted; nothing half-done is visible\n"


def test_an_upload_that_is_interrupted_exits_130_and_registers_nothing(script, ama, work, assert_nothing_registered):
    with (work / "big").open("wb") as stream:
        stream.truncate(8 * 2**30)
    ama("init", "model")
    ama("add", "big")
    process = subprocess.Popen(
        # A test run in the background ignores the signal, and its children would.
        ["env", "--default-signal=INT", str(Path(sys.executable).parent / "ama"), "upload"],
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    marker = work.parent / "home" / "registry" / "registry.json"
    while not marker.exists():  # then it is reading the file
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert (process.returncode, said) == (130, "ama: error: interrupted; nothing half-done is visible\n")
    assert_nothing_registered()
    assert ama("set", "--tag", "t", "--json").document["files"] == ["big"]


@pytest.fixture(params=["buffered", "unbuffered"])
def _buffering(request, monkeypatch):
    """Where Python meets a failing stream: while it writes, or when it flushes what it kept, again at its end."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "" if request.param == "buffered" else "1")


@pytest.mark.usefixtures("_buffering")
@pytest.mark.parametrize("args", [["list"], ["--help"], ["show", "model", "--all", "--json"]], ids=" ".join)
def test_a_reader_that_has_seen_enough_ends_it_quietly(script, upload, write, args):
    write(*(names := [f"f{number}" for number in range(400)]), content="the same")
    upload("model", *names)
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = script(*args, capture_output=False, stdout=write_end, stderr=subprocess.PIPE)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.usefixtures("_buffering")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("args", [["list"], ["--help"], ["show", "model", "--all", "--json"]], ids=" ".join)
def test_output_that_cannot_be_written_is_an_error(script, upload, write, args):
    write(*(names := [f"f{number}" for number in range(400)]), content="the same")
    upload("model", *names)
    with Path("/dev/full").open("w") as full:
        done = script(*args, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 7
    assert "cannot write the output: No space left on device; free some space, then try again" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("_buffering")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_change_nothing(upload, closed):
    upload("model", "a.txt")
    command = f'"$0" list {closed}'
    done = subprocess.run(["bash", "-c", command, str(Path(sys.executable).parent / "ama")], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_names_that_the_output_cannot_show_are_escaped(script, ama, write, home):
    write("größe.txt")
    ama("init", "model")
    ama("add", "größe.txt")
    ama("upload")
    done = script("show", "model", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "gr\\xf6\\xdfe.txt" in done.stdout


def test_other_errors_are_nobodys_to_explain():
    assert failure_of(ValueError("x")) is None
    assert failure_of(OSError(errno.EIO, "x")) is None
