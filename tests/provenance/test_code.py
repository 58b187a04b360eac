"""Capturing the code: what git says, and nothing that could be a secret."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ama_tfx.provenance import capture_code


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    run("init", "-q", "-b", "trunk", str(folder), folder=tmp_path)
    (folder / "pipeline.py").write_text("steps = 3\n")
    run("add", ".", folder=folder)
    run("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "first", folder=folder)
    return folder


def run(*arguments: str, folder: Path) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_clean_checkout_is_its_commit(repository):
    state = capture_code(repository)
    assert state is not None
    assert state.to_json() == {"commit": run("rev-parse", "HEAD", folder=repository), "branch": "trunk", "dirty": False}


def test_a_changed_file_makes_it_dirty_and_an_untracked_one_does_not(repository):
    (repository / "notes.txt").write_text("untracked")
    assert capture_code(repository).dirty is False
    (repository / "pipeline.py").write_text("steps = 4\n")
    assert capture_code(repository).dirty is True


def test_a_detached_head_has_no_branch(repository):
    run("checkout", "-q", "--detach", folder=repository)
    assert capture_code(repository).branch is None


def test_a_folder_of_the_repository_is_as_good_as_its_root(repository):
    (repository / "deep").mkdir()
    assert capture_code(repository / "deep") == capture_code(repository)


def test_no_repository_or_no_commit_or_no_git_is_none(tmp_path, monkeypatch):
    assert capture_code(tmp_path) is None
    run("init", "-q", folder=tmp_path)
    assert capture_code(tmp_path) is None
    monkeypatch.setenv("PATH", "")
    assert capture_code(tmp_path) is None


def test_the_remote_with_its_token_is_not_captured(repository):
    run("remote", "add", "origin", "https://user:ghp_secret@example.org/x.git", folder=repository)
    run("config", "branch.trunk.remote", "origin", folder=repository)
    run("config", "branch.trunk.merge", "refs/heads/trunk", folder=repository)
    assert "secret" not in repr(capture_code(repository))


def test_a_branch_may_be_named_in_any_bytes(repository):
    subprocess.run(["git", "-C", str(repository), "checkout", "-q", "-b", b"branch-\xe9"], check=True)
    state = capture_code(repository)
    assert state is not None
    assert state.branch == "branch-\N{REPLACEMENT CHARACTER}"
