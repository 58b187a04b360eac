"""Commands measured one by one, sizes on disk, and folders compared byte by byte.

This and what imports it stay small: a child's peak memory counts from the moment it leaves its parent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK_BYTES = 512
_COMPARED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Command:
    """A process to run: its arguments, where, and what its environment has beside ours."""

    argv: tuple[str, ...]
    folder: Path = ROOT
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cost:
    """What commands took, start-up included: of memory, what the largest of their processes did."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(commands: Iterable[Command]) -> Cost:
    """Run commands one after another; a failure ends in the output of the one that failed."""
    os.sync()  # what was written before is not part of it
    started, cpu_seconds, peak_kib = time.perf_counter(), 0.0, 0
    for command in commands:
        used = _run_one(command)
        cpu_seconds += used.ru_utime + used.ru_stime
        peak_kib = max(peak_kib, used.ru_maxrss)
    return Cost(time.perf_counter() - started, cpu_seconds, peak_kib << 10)


def _run_one(command: Command) -> os.struct_rusage:  # type: ignore[name-defined]
    log = ROOT / ".tools" / "bench" / "last.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command.argv,
            cwd=command.folder,
            env={**os.environ, **command.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(
            f"{command.argv} ended with {process.returncode}:\n{log.read_text(errors='replace')[-4000:]}"
        )
    return used


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder in a fixed order."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names))


def disk_bytes(*folders: Path) -> int:
    """Return what the files below some folders take on disk; one with several names counts once."""
    os.sync()  # blocks are given when files are written back
    found = (os.lstat(path) for folder in folders for path in files_in(folder))
    return sum(_BLOCK_BYTES * blocks for blocks in {(s.st_dev, s.st_ino): s.st_blocks for s in found}.values())


def content_bytes(folder: Path) -> int:
    """Return how many bytes the files below a folder have."""
    return sum(os.lstat(path).st_size for path in files_in(folder))


def check_same(expected: Path, restored: Path) -> None:
    """Raise ValueError unless the folder has the same files with the same bytes."""
    names = [path.relative_to(expected) for path in files_in(expected)]
    if not names or names != [path.relative_to(restored) for path in files_in(restored)]:
        raise ValueError(f"{restored} does not have the files of {expected}")
    for name in names:
        if not _same_bytes(expected / name, restored / name):
            raise ValueError(f"{name} was not restored as it was")


def _same_bytes(expected: Path, restored: Path) -> bool:
    with expected.open("rb") as one, restored.open("rb") as other:
        while data := one.read(_COMPARED_BYTES):
            if other.read(_COMPARED_BYTES) != data:
                return False
        return not other.read(1)


def empty(folder: Path) -> Path:
    """Make a folder anew and return it; git and dvc leave files that are not writable."""
    if folder.exists():
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder
