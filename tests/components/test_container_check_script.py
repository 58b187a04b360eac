"""The shell script that writes a ContainerCheck's verdict: what it takes for JSON is JSON, in every shell there is."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess

import pytest

from ama_tfx.components.containers.check_script import SCRIPT
from ama_tfx.components.verdicts import Blessing, read_verdict
from ama_tfx.storage import parse_json

SHELLS = [
    pytest.param(shell, id=shell[0])
    for shell in (("dash",), ("bash", "--posix"), ("busybox", "sh"))
    if shutil.which(shell[0])
]


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


def judged(shell, folder, answer, *, code=0, silent="unknown", subject="/models/1", by_file=False, prints=""):
    """Return the verdict of a check that writes an answer and ends with an exit code."""
    folder.mkdir(exist_ok=True)
    for name in ("result.json", "timed_out", "verdict.json"):
        (folder / name).unlink(missing_ok=True)
    says = 'printf %s "$ANSWER" >"$AMA_RESULT"' if by_file else 'printf %s "$ANSWER"'
    says += '; printf %s "$PRINTS"'
    command = [*shell, "-c", f"{says}; exit {code}"]
    arguments = ["gate", f"uri:{subject}", "/models/1", str(folder), "60", silent, *command]
    done = subprocess.run(
        [*shell, "-c", SCRIPT, "check", *arguments],
        env={**os.environ, "ANSWER": answer, "PRINTS": prints},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return read_verdict(str(folder))


FULL = {"outcome": "blessed", "name": "auc", "value": 0.93, "bound": ">= 0.9", "slice": "a=1", "reason": "r"}
SEVERAL = {"signals": [FULL, {"outcome": "not_blessed", "required": False, "value": -1.5e-7, "reason": 'a "b" \\ \n'}]}


@pytest.mark.parametrize("by_file", [False, True])
def test_an_answer_is_taken_over_field_by_field(shell, tmp_path, by_file):
    found = judged(shell, tmp_path, json.dumps(SEVERAL), by_file=by_file)
    assert found.blessing is Blessing.BLESSED
    assert [(s.source, s.name, s.value, s.bound, s.slice, s.reason, s.required) for s in found.signals] == [
        ("gate", "exit_code", 0, "== 0", "", "the image ended with exit code 0", True),
        ("gate", "auc", 0.93, ">= 0.9", "a=1", "r", True),
        ("gate", "gate", -1.5e-7, "", "", 'a "b" \\ \n', False),
    ]


def test_a_file_may_be_written_over_many_lines_and_a_last_line_follows_others(shell, tmp_path):
    assert judged(shell, tmp_path, json.dumps(SEVERAL, indent=2), by_file=True).blessing is Blessing.BLESSED
    assert judged(shell, tmp_path, f"epoch 1\n\n{json.dumps(FULL)}\n\n").blessing is Blessing.BLESSED


@pytest.mark.parametrize(
    ("code", "answer", "silent", "expected"),
    [
        (0, "", "unknown", Blessing.UNKNOWN),
        (0, "all good", "blessed", Blessing.BLESSED),
        (0, '{"outcome"', "blessed", Blessing.UNKNOWN),
        (1, "", "blessed", Blessing.NOT_BLESSED),
        (3, '{"outcome": "blessed"}', "unknown", Blessing.NOT_BLESSED),
        (0, '{"outcome": "unknown"}', "blessed", Blessing.UNKNOWN),
        (127, '{"outcome": "blessed"}', "blessed", Blessing.UNKNOWN),
        (137, "", "blessed", Blessing.UNKNOWN),
    ],
)
def test_what_was_said_and_how_it_ended_decide_together(shell, tmp_path, code, answer, silent, expected):
    assert judged(shell, tmp_path, answer, code=code, silent=silent).blessing is expected


@pytest.mark.parametrize(
    "answer",
    [
        '{"outcome": "blessed"} x',
        '{"outcome": "blessed",}',
        '{"outcome": "blessed" "name": "x"}',
        "{outcome: blessed}",
        "{'outcome': 'blessed'}",
        '{"outcome": "BLESSED"}',
        '{"outcome": true}',
        '{"outcome": "blessed", "outcome": "blessed"}',
        '{"outcome": "blessed", "outc\\u006fme": "not_blessed"}',
        '{"outcome": "blessed", "value": 01}',
        '{"outcome": "blessed", "value": .5}',
        '{"outcome": "blessed", "value": 1e999}',
        '{"outcome": "blessed", "value": NaN}',
        '{"outcome": "blessed", "value": true}',
        '{"outcome": "blessed", "value": [1]}',
        '{"outcome": "blessed", "reason": "\\x"}',
        '{"outcome": "blessed", "reason": "\\ud800"}',
        '{"outcome": "blessed", "reason": "\u00e9t\u00e9"}',
        '{"outcome": "blessed", "reason": "a\tb"}',
        '{"outcome": "blessed", "required": "no"}',
        '{"signals": []}',
        '{"signals": [{"outcome": "blessed"}], "more": 1}',
        '{"signals": [{"outcome": "blessed"},]}',
        '{"name": "auc"}',
        "{}",
        pytest.param('{"outcome": "blessed", "reason": "' + "x" * 20_000 + '"}', id="too long"),
    ],
)
def test_an_answer_that_is_not_understood_decides_nothing(shell, tmp_path, answer):
    found = judged(shell, tmp_path, answer, silent="blessed")
    assert found.blessing is Blessing.UNKNOWN
    assert found.signals[-1].reason.startswith("what it wrote cannot be read: ")


@pytest.mark.parametrize(
    ("in_file", "printed", "expected"),
    [
        ("blessed", '{"outcome": "not_blessed"}', Blessing.NOT_BLESSED),
        ("not_blessed", '{"outcome": "blessed"}', Blessing.NOT_BLESSED),
        ("blessed", '{"outcome": "not_bless', Blessing.UNKNOWN),
        ("blessed", '{"level": "info", "message": "done"}', Blessing.BLESSED),
        ("blessed", "done", Blessing.BLESSED),
    ],
)
def test_of_a_file_and_a_last_line_both_count(shell, tmp_path, in_file, printed, expected):
    answer = json.dumps({"outcome": in_file})
    assert judged(shell, tmp_path, answer, by_file=True, prints=printed).blessing is expected


@pytest.mark.parametrize(
    "printed",
    [
        '{"outcome": "not_blessed"}\nbye',
        '{\n "outcome": "not_blessed"\n}',
        '[{"outcome": "not_blessed"}]',
        'verdict: {"outcome": "not_blessed"}',
        " " * 20_000 + '{"outcome": "not_blessed"}',
    ],
)
def test_where_the_exit_code_is_enough_json_that_is_not_the_last_line_decides_nothing(shell, tmp_path, printed):
    assert judged(shell, tmp_path, printed, silent="blessed").blessing is Blessing.UNKNOWN


def test_an_empty_file_is_no_answer(shell, tmp_path):
    assert judged(shell, tmp_path, "", silent="blessed", by_file=True).blessing is Blessing.UNKNOWN


def test_a_command_that_ends_the_timer_is_late_all_the_same(tmp_path):
    waits = "until [ $(pgrep -P $PPID | wc -l) -ge 2 ]; do :; done"
    ends_it = f"{waits}; for p in $(pgrep -P $PPID); do if [ $p != $$ ]; then kill -9 $p; fi; done"
    command = ["sh", "-c", f"""{ends_it}; sleep 3; echo '{{"outcome": "blessed"}}'"""]
    arguments = ["gate", "uri:/models/1", "/models/1", str(tmp_path), "1", "unknown", *command]
    subprocess.run(["sh", "-c", SCRIPT, "check", *arguments], capture_output=True, check=True)
    assert not (tmp_path / "timed_out").exists()
    found = read_verdict(str(tmp_path))
    assert (found.blessing, found.reasons) == (Blessing.UNKNOWN, ("no answer within 1 s",))


@pytest.mark.parametrize("subject", ['/a "b"\\c', '/m\n"x\t\x01\x7f', "/modèle"])
def test_a_subject_is_quoted(shell, tmp_path, subject):
    assert judged(shell, tmp_path, "", subject=subject).subject == subject


def test_no_edited_answer_makes_a_verdict_that_python_reads_otherwise(tmp_path):
    """300 answers with a few characters changed: the script passes over, refuses, or agrees with Python's reader."""
    rng = random.Random(5)
    agreed = 0
    for _ in range(300):
        text = list(json.dumps(rng.choice([FULL, SEVERAL]), indent=rng.choice([None, 1])))
        for _ in range(rng.randint(0, 2)):
            text[rng.randrange(len(text))] = rng.choice(' {}[]",:\\0.-+eutn\t')
        answer = "".join(text)
        found = judged(("sh",), tmp_path, answer, by_file=True)  # which reads what the script wrote
        if found.blessing is Blessing.BLESSED:
            agreed += 1
            document = parse_json(answer, "the answer")
            told = [entry["outcome"] for entry in document.get("signals", [document])]
            assert [signal.blessing.value for signal in found.signals[1:]] == told
    assert agreed > 30
