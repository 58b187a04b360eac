"""This tree as its users have it: installed, compiled, into an environment of its own, as the peers are.

In the project's environment the tree is found through a finder that takes 20 ms, and not everything is compiled.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.store_running import ROOT

HOME = ROOT / ".tools" / "peers" / "ama"
PYTHON = HOME / "bin" / "python"
AMA = HOME / "bin" / "ama"
_UV = ROOT / ".tools" / "uv" / "bin" / "uv"
_LOCK = ROOT / "requirements" / "light.txt"
_TREE = ("setup.py", "pyproject.toml", "README.md", "ama_tfx")


def install() -> None:
    """Install the tree as it is now; its requirements, as they are locked, when they changed."""
    locked = HOME / ".installed"
    if not locked.exists() or locked.read_bytes() != _LOCK.read_bytes():
        subprocess.run([_UV, "venv", "--quiet", "--clear", "--python", sys.executable, HOME], check=True)
        _pip("--requirement", _LOCK)
        shutil.copyfile(_LOCK, locked)
    with tempfile.TemporaryDirectory() as folder:  # a build leaves its folders beside what it builds
        for name in _TREE:
            _copy(ROOT / name, Path(folder, name))
        _pip("--no-deps", "--reinstall", folder)


def _pip(*args: str | Path) -> None:
    subprocess.run([_UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", PYTHON, *args], check=True)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)
