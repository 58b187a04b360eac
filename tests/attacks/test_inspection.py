"""Attack class D, the inspection's side: what is hostile is named, and nothing of it is run, followed or believed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ama_tfx.inspection import Danger, Problem, inspect_files, local_files
from tests.effort import at_most
from tests.inspection import samples

OUTSIDE = "/nowhere/secret-weights"
HOSTILE = samples.hostile_files(OUTSIDE)
ROOT = Path(__file__).parents[2]

WATCHED = """
import json, sys
from pathlib import Path
from ama_tfx.inspection import inspect_files, local_files

inspect_files(local_files(Path(sys.argv[1])))  # imports what readers import only when they are needed

FORBIDDEN = ("exec", "compile", "os.", "subprocess.", "pickle.", "marshal.", "socket.", "ctypes.", "import", "shutil.")
HARMLESS = {"os.listdir", "os.scandir", "os.walk", "os.fwalk"}
seen = []

def watch(event, arguments):
    if event.startswith(FORBIDDEN) and event not in HARMLESS:
        seen.append((event, str(arguments)[:200]))
    if event == "open" and (set(str(arguments[1] or "")) & set("wax+") or "secret" in str(arguments[0])):
        seen.append((event, str(arguments)[:200]))

sys.addaudithook(watch)
found = inspect_files(local_files(Path(sys.argv[2])))
print(json.dumps({"seen": list(seen), "told": len(found.dangers) + len(found.problems)}))
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_named_with_what_it_does(name):
    content, words = HOSTILE[name]
    found = samples.inspect({name: content})
    told = [fact for fact in (*found.dangers, *found.problems) if words in f"{fact.what}: {getattr(fact, 'why', '')}"]
    assert told, (found.dangers, found.problems)
    assert {fact.path.partition("!")[0] for fact in (*found.dangers, *found.problems)} == {name}


def test_hostile_files_run_nothing_write_nothing_and_lead_nowhere(tmp_path):
    for folder, files in (
        ("right", samples.right_files()),
        ("hostile", {name: content for name, (content, _) in HOSTILE.items()}),
    ):
        for name, content in files.items():
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / name).write_bytes(content)
    command = [sys.executable, "-c", WATCHED, str(tmp_path / "right"), str(tmp_path / "hostile")]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["seen"] == []
    assert report["told"] > len(HOSTILE)
    assert not (tmp_path / samples.MARK).exists()


def test_the_watch_sees_what_is_run(tmp_path):
    (tmp_path / "right").mkdir()
    (tmp_path / "hostile").mkdir()
    told = "found = (__import__('os').system('true'), inspect_files({}))[1]"
    code = WATCHED.replace("found = inspect_files(local_files(Path(sys.argv[2])))", told)
    command = [sys.executable, "-c", code, str(tmp_path / "right"), str(tmp_path / "hostile")]
    done = subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert "os.system" in str(json.loads(done.stdout)["seen"])


def test_all_hostile_files_together_cost_little():
    with at_most(3):
        found = samples.inspect({name: content for name, (content, _) in HOSTILE.items()})
    assert {fact.path.partition("!")[0] for fact in (*found.dangers, *found.problems)} == HOSTILE.keys()


def test_files_that_are_right_are_neither_dangerous_nor_damaged():
    found = samples.inspect(samples.right_files())
    assert (found.dangers, found.problems) == ((), ())
    assert len(found.formats) == len(samples.right_files()) == 21


def test_a_name_that_is_computed_is_told():
    content = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x010\x93."  # POP before STACK_GLOBAL
    assert Danger("a.pkl", "pickle imports a name that it computes", "unpickling calls what a pickle names, so it can "
                  "run any code") in samples.inspect({"a.pkl": content}).dangers  # fmt: skip


def test_a_name_from_the_memo_is_told():
    content = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x9400h\x00h\x01\x93\x8c\x01x\x85R."
    told = [danger.what for danger in samples.inspect({"a.pkl": content}).dangers]
    assert told == ["a pickle that imports os.system", "pickle imports os.system"]


def test_an_operation_that_stands_twice_is_the_last_one():
    node = samples.message((1, b"n"), (2, b"Identity"), (5, samples.message((1, b"T"))), (2, b"PyFunc"))
    content = samples.message((2, samples.message((2, samples.message((1, node))))))
    assert [danger.what for danger in samples.inspect({"saved_model.pb": content}).dangers] == ["operation PyFunc"]


def test_a_link_in_a_folder_is_not_followed(tmp_path):
    (tmp_path / "secret.json").write_text('{"password": 1}')
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/link.json").symlink_to(tmp_path / "secret.json")
    assert inspect_files(local_files(tmp_path / "folder")).parameters == {}


def test_a_saved_model_as_text_is_not_passed_over():
    found = samples.inspect({"saved_model.pbtxt": b'meta_graphs { graph_def { node { op: "PyFunc" } } }'})
    assert found.problems == (
        Problem("saved_model.pbtxt", "a SavedModel as text is not looked into; save it as saved_model.pb"),
    )
