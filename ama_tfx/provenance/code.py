"""Which code a pipeline is made of, as git knows it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GIT_SECONDS = 30
"""How long git may take before the code counts as unknown: a repository on a dead network share must not hang a run."""


@dataclass(frozen=True, slots=True)
class CodeState:
    """A commit, and whether the files differ from it.

    Attributes:
        commit: 40 (or 64) hexadecimal digits.
        branch: Name of the checked-out branch; None when the commit itself is checked out.
        dirty: Whether tracked files have changes that the commit does not hold.
    """

    commit: str
    branch: str | None
    dirty: bool

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form that is kept with a registration."""
        return {"commit": self.commit, "branch": self.branch, "dirty": self.dirty}


def capture_code(folder: Path) -> CodeState | None:
    """Return the state of the git repository around a folder, or None when there is none, or no git.

    The repository's remote is left out on purpose: its URL may carry a token.
    """
    status = _git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if status is None:
        return None
    header = dict(line[2:].split(" ", 1) for line in status.splitlines() if line.startswith("# branch."))
    commit, branch = header.get("branch.oid", "(initial)"), header.get("branch.head", "(detached)")
    if commit == "(initial)":
        return None
    changed = any(not line.startswith("#") for line in status.splitlines())
    return CodeState(commit, None if branch == "(detached)" else branch, changed)


def _git(folder: Path, *arguments: str) -> str | None:
    # A folder may come from somebody else, and fsmonitor is a command of its configuration that git would run.
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    # A branch's name may be any bytes.
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
