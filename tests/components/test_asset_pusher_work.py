"""The push itself: whatever happens, a version directory is whole or not there."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tfx")
from ama_tfx.components.asset_pusher import work
from ama_tfx.components.asset_pusher.work import MARKER_FILE, push
from ama_tfx.errors import ContentChangedError, IntegrityError, InvalidInputError, PermissionDeniedError
from ama_tfx.testing.processes import race

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)
FIRST = "1767312000"
MODEL = {"saved_model.pb": "graph", "variables/variables.index": "index"}


@pytest.fixture
def model(quick_path):
    return written(quick_path / "model", MODEL)


def written(folder, files):
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "assets").mkdir(exist_ok=True)
    return folder


def texts(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def visible(base):
    """Return what a server sees: names that are numbers, each with what it holds, the marker apart."""
    if not base.exists():
        return {}
    found = {path.name: texts(path) for path in base.iterdir() if path.name.isdigit()}
    return {name: {path: text for path, text in files.items() if path != MARKER_FILE} for name, files in found.items()}


def test_a_model_appears_as_a_numbered_version_with_its_empty_folders_and_a_marker(model, quick_path):
    base = quick_path / "deep" / "serving"
    pushed = push(model, base, NOW, "ama://default/model@sha256:" + 64 * "a")
    assert (pushed.destination, pushed.version, pushed.changed) == (str(base / FIRST), FIRST, True)
    assert visible(base) == {FIRST: MODEL}
    assert (base / FIRST / "assets").is_dir()
    assert json.loads((base / FIRST / MARKER_FILE).read_text()) == {
        "schema_version": 1,
        "asset": "ama://default/model@sha256:" + 64 * "a",
        "files": {
            "saved_model.pb": "sha256:eef93e1d14482804277fca0172464032d1a4fdbcc338524059fa1e861454ad4d",
            "variables/variables.index": "sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6",
        },
    }
    assert [path.name for path in base.iterdir()] == [FIRST]


def test_pushing_the_newest_version_again_changes_nothing(model, quick_path):
    push(model, quick_path / "serving", NOW)
    again = push(model, quick_path / "serving", NOW + datetime.timedelta(hours=1))
    assert (again.version, again.changed) == (FIRST, False)
    assert list(visible(quick_path / "serving")) == [FIRST]


def test_an_older_model_that_is_pushed_again_becomes_the_newest_version(model, quick_path):
    base, other = quick_path / "serving", written(quick_path / "other", {**MODEL, "saved_model.pb": "other"})
    versions = [push(source, base, NOW).version for source in (model, other, model)]
    assert versions == [FIRST, str(int(FIRST) + 1), str(int(FIRST) + 2)]
    assert visible(base)[versions[2]] == MODEL


def test_a_version_that_somebody_changed_is_not_taken_for_the_model(model, quick_path):
    base = quick_path / "serving"
    push(model, base, NOW)
    (base / FIRST / "saved_model.pb").write_text("edited")
    assert push(model, base, NOW).changed
    assert visible(base) == {FIRST: {**MODEL, "saved_model.pb": "edited"}, str(int(FIRST) + 1): MODEL}


def test_a_clock_that_runs_behind_does_not_push_below_the_served_version(model, quick_path):
    base = quick_path / "serving"
    written(base / "9999999999", {"saved_model.pb": "from the future"})
    assert push(model, base, NOW).version == "10000000000"


def test_after_the_highest_number_that_a_server_reads_there_is_no_version(model, quick_path):
    base = quick_path / "serving"
    written(base / "9223372036854775807", {"saved_model.pb": "the last"})
    with pytest.raises(InvalidInputError, match="holds version 9223372036854775807, after which there is none"):
        push(model, base, NOW)
    assert [path.name for path in base.iterdir()] == ["9223372036854775807"]


@pytest.mark.parametrize("name", ["9223372036854775808", "9" * 250])
def test_a_folder_that_no_server_takes_for_a_version_is_passed_over(model, quick_path, name):
    (quick_path / "serving" / name).mkdir(parents=True)
    assert push(model, quick_path / "serving", NOW).version == FIRST


def test_the_marker_names_the_asset_version_that_it_was_pushed_as_last(model, quick_path):
    base, asked = quick_path / "serving", ["ama://default/a@sha256:1", "ama://default/b@sha256:2", None]
    told = []
    for reference in asked:
        push(model, base, NOW, reference)
        told.append(json.loads((base / FIRST / MARKER_FILE).read_text())["asset"])
    assert told == ["ama://default/a@sha256:1", "ama://default/b@sha256:2", "ama://default/b@sha256:2"]
    assert [path.name for path in base.iterdir()] == [FIRST]


def test_a_push_that_is_killed_at_any_line_shows_nothing_half_done_and_the_next_one_cleans_up(model, quick_path):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.components.killed_pushes", str(quick_path)]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    seen = json.loads(done.stdout)
    assert len(seen) > 100
    for line, (was_killed, before, after, names) in enumerate(seen, 1):
        assert was_killed, line
        assert before in ({}, {FIRST: MODEL}), line
        assert (after, names) == ({FIRST: MODEL}, [FIRST]), line
    assert {bool(before) for _, before, _, _ in seen} == {True, False}


def test_two_pushes_of_one_model_at_once_make_one_version(model, quick_path):
    results = race([lambda: push(model, quick_path / "serving", NOW) for _ in range(4)])
    assert sorted(result.changed for result in results) == [False, False, False, True]
    assert visible(quick_path / "serving") == {FIRST: MODEL}


def test_two_pushes_of_different_models_at_once_make_a_version_each(quick_path):
    models = [written(quick_path / f"m{i}", {"saved_model.pb": str(i)}) for i in range(4)]
    results = race([lambda m=m: push(m, quick_path / "serving", NOW) for m in models])
    assert sorted(int(result.version) - int(FIRST) for result in results) == [0, 1, 2, 3]


def test_bytes_that_are_not_what_was_read_never_become_a_version(model, quick_path, monkeypatch):
    monkeypatch.setattr(work, "_copy", lambda source, target: written(target.parent, {target.name: "rot"}))
    with pytest.raises(IntegrityError, match=r"'saved_model.pb' is not what was written"):
        push(model, quick_path / "serving", NOW)
    assert visible(quick_path / "serving") == {}


def test_a_model_that_changes_while_it_is_pushed_is_refused(model, quick_path, monkeypatch):
    copy = work._copy

    def change_then_copy(source: Path, target: Path) -> None:
        source.write_text("a trainer is still writing")
        copy(source, target)

    monkeypatch.setattr(work, "_copy", change_then_copy)
    with pytest.raises(ContentChangedError, match="changed while it was pushed"):
        push(model, quick_path / "serving", NOW)
    assert list((quick_path / "serving").iterdir()) == []


@pytest.mark.parametrize("link", ["/etc/passwd", "/etc"], ids=["to a file", "to a folder"])
def test_a_link_in_a_model_is_refused(model, quick_path, link):
    (model / "variables" / "secret").symlink_to(link)
    with pytest.raises(InvalidInputError, match="a link"):
        push(model, quick_path / "serving", NOW)
    assert not (quick_path / "serving").exists()


def test_an_empty_model_is_refused(quick_path):
    with pytest.raises(InvalidInputError, match="nothing to push"):
        push(quick_path, quick_path / "serving", NOW)


def test_a_folder_that_may_not_be_written_is_told_as_that(tmp_path, as_another_user):
    model = written(tmp_path / "model", MODEL)
    base = tmp_path / "serving"
    base.mkdir(mode=0o555)
    with pytest.raises(PermissionDeniedError, match="serving"):
        as_another_user(lambda: push(model, base, NOW))
    assert list(base.iterdir()) == []
