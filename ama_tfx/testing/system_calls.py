"""Functions run under strace: which system calls they make, and what they do when one of these fails.

The function runs in a forked child, as in `ama_tfx.testing.processes`, so it may be a closure and nothing is imported
anew. Its thread pools work in its one thread, so that it makes the same calls in the same order each time, and "the
N-th write" means the same one in every run.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import select
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ama_tfx.errors import AmaError
from ama_tfx.testing.processes import TIMEOUT_SECONDS, answer_of, in_child

T = TypeVar("T")

WRITES = ("write", "pwrite64", "ftruncate")
SYNCS = ("fsync", "fdatasync", "syncfs")
NAMES = ("link", "linkat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat")
READS = ("read", "pread64")
KINDS = (*WRITES, *SYNCS, *NAMES, *READS, "openat", "fchmod", "getdents64")

_LINE = re.compile(r"(?:\d+ +)?(\w+)\((.*)")

_NUMBERS = re.compile(r"[0-9a-f]{16,}|\d+")


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that a function made.

    Attributes:
        kind: Its name.
        number: 1 for the first call of its kind.
        text: The arguments and the result, as strace shows them: with the paths of descriptors.
    """

    kind: str
    number: int
    text: str

    @property
    def creates(self) -> bool:
        """Whether it may make a file."""
        return self.kind == "openat" and "O_CREAT" in self.text

    @property
    def place(self) -> str:
        """The kind of file that it is about: its path's last name, without numbers and digests."""
        paths = re.findall(r'[<"](/[^">]*)', self.text)
        names = [path.rpartition("/")[2] for path in paths]
        return _NUMBERS.sub("*", names[-1]) if names else ""

    def __str__(self) -> str:
        return f"{self.kind}#{self.number}({self.text}"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at a call, instead of it.

    Attributes:
        call: Which.
        what: As strace has it: ``error=EIO``, ``retval=0`` or ``signal=KILL``.
    """

    call: Call
    what: str

    def __str__(self) -> str:
        return f"{self.what} at {self.call}"


_KILL = "signal=KILL"
_FULL, _BROKEN, _READ_ONLY = "error=ENOSPC", "error=EIO", "error=EROFS"
_SHORT = "retval=0"
"""Nothing is written, or read, and the call says so: the only short answer that is true of a call that is not made."""
_FAILURES = {
    **dict.fromkeys(("write", "pwrite64"), (_FULL, _BROKEN, _SHORT)),
    **dict.fromkeys(("ftruncate", *SYNCS), (_FULL, _BROKEN)),
    **dict.fromkeys(NAMES, (_FULL, _BROKEN, _READ_ONLY)),
    **dict.fromkeys(READS, (_BROKEN, _SHORT)),
    **dict.fromkeys(("fchmod", "getdents64"), (_BROKEN, _READ_ONLY)),
    "openat": (_BROKEN, "error=EMFILE"),
}


def kills(calls: Iterable[Call]) -> list[Fault]:
    """Return the faults that end the process before each call that changes or syncs something."""
    changing = {*WRITES, *SYNCS, *NAMES}
    return [Fault(call, _KILL) for call in calls if call.kind in changing or call.creates]


def failures(calls: Iterable[Call]) -> list[Fault]:
    """Return the faults that let each call fail, in each way that calls of its kind can."""
    return [
        Fault(call, what)
        for call in calls
        for what in (*_FAILURES.get(call.kind, ()), *((_FULL, _READ_ONLY) if call.creates else ()))
    ]


def some_of(faults: Sequence[Fault], most: int, seed: int) -> list[Fault]:
    """Return a part of many faults, the same each time: first one for each kind of call on each kind of file.

    With ``AMA_EVERY_SYSTEM_CALL=1`` it is all of them.
    """
    if os.environ.get("AMA_EVERY_SYSTEM_CALL") == "1":
        return [*faults]
    chance = random.Random(seed)  # noqa: S311 - a sample of tests, not a secret
    order = chance.sample(faults, len(faults))
    first = {(fault.what, fault.call.kind, fault.call.place): fault for fault in order}.values()
    return [*first, *(fault for fault in order if fault not in set(first))][:most]


def why_no_strace() -> str:
    """Return why functions cannot be run under strace here; an empty string when they can."""
    if shutil.which("strace") is None:
        return "there is no strace on PATH; on Debian: apt-get install strace"
    try:
        calls = calls_of(lambda: os.mkdir("/"), kinds=("mkdir",))  # noqa: PTH102
    except FileExistsError:
        return ""
    except (OSError, TimeoutError) as error:
        return f"strace cannot attach: {error}"
    return f"strace shows nothing: {calls}"


def calls_of(function: Callable[[], object], *, about: Path = Path("/"), kinds: Sequence[str] = KINDS) -> list[Call]:
    """Run a function in a child and return the calls that it made, or raise what it raised.

    Args:
        function: What to run.
        about: The folder that the calls have to be about.
        kinds: Of which names they are.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        _traced(function, ["-e", f"trace={','.join(kinds)}"], log)
        return [call for call in _parsed(log.read_text(errors="replace")) if str(about) in call.text]


def run_with(fault: Fault, function: Callable[[], T]) -> T:
    """Run a function in a child that meets a fault; return what it returned, or raise what it raised.

    Raises:
        ChildProcessError: It was killed, as the fault said.
    """
    call = fault.call
    inject = f"inject={call.kind}:{fault.what}:when={call.number}"
    return _traced(function, ["-e", f"trace={call.kind}", "-e", inject], Path(os.devnull))


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of many runs with a fault each.

    Attributes:
        wrong: What should not be, for people; empty when all is as it should be.
        survived: How many runs the fault did not matter to.
        failed: How many ended with a clear error.
        killed: How many were killed.
    """

    wrong: list[str]
    survived: int
    failed: int
    killed: int


def try_each(faults: Sequence[Fault], run: Callable[[Fault], BaseException | None], folder: Path) -> Tried:
    """Run something with each of the faults.

    Args:
        faults: All of one kind, `kills` or `failures`.
        run: Returns what the child ended with, and raises when what it left is not as it should be.
        folder: Of which every error has to name a file.
    """
    ended: Counter[str] = Counter()
    wrong = []
    for fault in faults:
        try:
            outcome = run(fault)
        except (AssertionError, AmaError) as error:
            wrong.append(f"{fault}: left a state in which {type(error).__name__}: {error}")
            continue
        how = _how(outcome, folder)
        ended[how] += 1
        if (how == "killed") != (fault.what == _KILL) or how == "wrong":
            wrong.append(f"{fault}: ended with {outcome!r}")
    return Tried(wrong, ended["survived"], ended["failed"], ended["killed"])


def _how(outcome: BaseException | None, folder: Path) -> str:
    if outcome is None:
        return "survived"
    if isinstance(outcome, ChildProcessError):
        return "killed"
    return "failed" if isinstance(outcome, AmaError) and str(folder) in str(outcome) else "wrong"


def in_one_thread() -> None:
    """Let every thread pool of this process do its work at once, in the thread that asks for it."""
    ThreadPoolExecutor.submit = _do_now  # type: ignore[method-assign, assignment]


def _do_now(_: ThreadPoolExecutor, work: Callable[..., T], /, *args: Any, **named: Any) -> Future[T]:
    done: Future[T] = Future()
    try:
        done.set_result(work(*args, **named))
    except Exception as error:  # noqa: BLE001 - the one who waits for it gets it
        done.set_exception(error)
    return done


def _traced(function: Callable[[], T], options: list[str], log: Path) -> T:
    gate, opener = os.pipe()

    def behind_the_gate() -> T:
        os.close(opener)
        in_one_thread()
        select.select([gate], [], [])  # no call of the traced kinds, so that none is counted before strace is there
        return function()

    child = in_child(behind_the_gate)
    os.close(gate)
    # -I2: strace is not to be interrupted between a call and its fault.
    command = ["strace", "-f", "-y", "-s", "0", "-I", "2", "-o", str(log), *options, "-p", str(child.pid)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as strace, _closed(opener):
        failure = _wait_until_attached(strace)
        os.close(opener)
        answer: T | BaseException = answer_of(child)
    if failure:
        raise OSError(failure)
    if isinstance(answer, BaseException):
        raise answer
    return answer


@contextlib.contextmanager
def _closed(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _wait_until_attached(strace: subprocess.Popen[bytes]) -> str:
    """Return why strace did not attach, or an empty string."""
    assert strace.stderr is not None
    ready, _, _ = select.select([strace.stderr], [], [], TIMEOUT_SECONDS)
    said = strace.stderr.readline().decode(errors="replace").strip() if ready else "no answer"
    # A library may start its threads again in the child, as pyarrow does.
    return "" if re.search(r"attached( with \d+ threads)?$", said) else said


def _parsed(log: str) -> list[Call]:
    seen: Counter[str] = Counter()
    calls = []
    for line in log.splitlines():
        if match := _LINE.match(line):
            seen[match[1]] += 1
            calls.append(Call(match[1], seen[match[1]], match[2]))
    return calls
