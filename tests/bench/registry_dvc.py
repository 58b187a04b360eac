"""DVC, in its own environment: ``register HOME SOURCE FIRST LAST`` and ``find HOME FILE``.

A version is `dvc add` of a folder, a commit and a tag of git. It has no way to find a content either: every tag is
asked for the digests of its files, through DVC's own API.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from dvc.api import DVCFileSystem
from dvc.repo import Repo


def register(home: Path, source: Path, first: int, last: int) -> None:
    """Register versions of a model, from the first to the last; what is missing is made with version 1."""
    if first == 1:
        _git(home, "init", "--quiet")
        Repo.init(str(home))
    repo = Repo(str(home))
    for number in range(first, last + 1):
        shutil.rmtree(home / "model", ignore_errors=True)
        shutil.copytree(source / str(number), home / "model")
        repo.add(str(home / "model"))
        _git(home, "add", "model.dvc", ".gitignore")
        _git(home, "commit", "--quiet", "-m", f"version {number}")
        _git(home, "tag", f"v{number}")


def find(home: Path, file: Path) -> list[int]:
    """Return the versions that hold a file of this content."""
    wanted = hashlib.md5(file.read_bytes()).hexdigest()
    found = []
    for tag in _git(home, "tag").split():
        fs = DVCFileSystem(str(home), rev=tag)
        files = fs.find("model", detail=True).values()
        if any(entry["dvc_info"].get("md5") == wanted for entry in files):
            found.append(int(tag[1:]))
    return found


def _git(home: Path, *args: str) -> str:
    who = ("-c", "user.name=ann", "-c", "user.email=ann@example.com")
    return subprocess.run(["git", *who, *args], cwd=home, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    verb, place, other, *more = sys.argv[1:]
    if verb == "register":
        register(Path(place), Path(other), *map(int, more))
    else:
        print(*find(Path(place), Path(other)))
