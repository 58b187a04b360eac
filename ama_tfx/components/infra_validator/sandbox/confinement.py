"""What the limited process does to itself before it touches the model."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import capabilities, landlock, seccomp

_MIB = 1 << 20
_LARGEST_FILE = 64 * _MIB
_RESERVED = 4
_FIGURES = ("VmRSS", "VmHWM", "VmData", "RssAnon", "RssShmem")


@dataclass(frozen=True)
class Limits:
    """What one server may use.

    Attributes:
        memory_bytes: Resident; the supervisor ends a process that is seen above it, and the kernel refuses to reserve
            four times as much.
        cpu_seconds: Of all its threads.
        total_seconds: From its start to its end, by the clock.
    """

    memory_bytes: int
    cpu_seconds: int
    total_seconds: float


def confine(limits: Limits, folder: Path, log: int, readable: Iterable[str]) -> str:
    """Become the limited process: own group, own folder, limits, and an end when the supervisor ends.

    Returns:
        Why it can read more than its folder, what is named as readable, Python and the system's files; else nothing.
    """
    home = str(folder / "home")
    os.setpgid(0, 0)
    capabilities.drop()
    seccomp.prctl(seccomp.PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(home)
    os.environ.update(HOME=home, TMPDIR=home)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, _LARGEST_FILE)
    _limit(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1)
    # TensorFlow waits 10 s for memory that the kernel refuses it; what is used is seen by the supervisor at once.
    _limit(resource.RLIMIT_DATA, memory(os.getpid())["VmData"] + _RESERVED * limits.memory_bytes)
    try:
        landlock.restrict([*landlock.of_python(), *readable], [str(folder)])
    except OSError as error:
        return f"the kernel does not let it be limited: {error}"
    return ""


def _limit(what: int, soft: int, hard: int | None = None) -> None:
    _, highest = resource.getrlimit(what)
    wanted = [soft, soft if hard is None else hard]
    if highest != resource.RLIM_INFINITY:
        wanted = [min(value, highest) for value in wanted]
    with contextlib.suppress(ValueError, OSError):  # the supervisor's watch is still there
        resource.setrlimit(what, (wanted[0], wanted[1]))


def memory(pid: int) -> dict[str, int]:
    """Return what the kernel tells of a process's memory, in bytes; nothing when it is gone."""
    found: dict[str, int] = {}
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as status:  # noqa: PTH123
        for line in status:
            name, _, rest = line.partition(":")
            if name in _FIGURES:
                found[name] = int(rest.split()[0]) * 1024
    return found
