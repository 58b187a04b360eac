"""Processes of a test's own: for real races, real crashes and real limits.

Functions run in forked children, so they may be closures; what they return, or raise, is pickled back. A child neither
runs the parent's exit handlers nor outlives its time.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

TIMEOUT_SECONDS = 240
"""When a child is ended: a deadlock fails its test instead of stopping the suite."""

_PACKAGE = str(Path(__file__).parents[1])


@dataclass(frozen=True, slots=True)
class Child:
    """A forked child that runs a function.

    Attributes:
        pid: Of its process.
        answer: The descriptor from which its answer is read.
    """

    pid: int
    answer: int


def in_process(function: Callable[[], T]) -> T:
    """Run a function in a process of its own; return what it returned, or raise what it raised.

    Raises:
        ChildProcessError: A signal ended the process.
    """
    answer: T | BaseException = answer_of(in_child(function))
    if isinstance(answer, BaseException):
        raise answer
    return answer


def race(functions: Sequence[Callable[[], T]]) -> list[T | BaseException]:
    """Start functions at one moment, each in a process of its own; return what each returned or raised, in order."""
    gate_read, gate_write = os.pipe()

    def behind_the_gate(function: Callable[[], T]) -> Callable[[], T]:
        def wait_and_run() -> T:
            os.close(gate_write)
            os.read(gate_read, 1)  # ends when the last holder of the other end, the parent, lets go of it
            return function()

        return wait_and_run

    children = [in_child(behind_the_gate(function)) for function in functions]
    os.close(gate_read)
    os.close(gate_write)
    return [answer_of(child) for child in children]


def race_threads(functions: Sequence[Callable[[], T]]) -> list[T | BaseException]:
    """Start functions at one moment, each in a thread of its own; return what each returned or raised, in order.

    A thread that does not end in time is left behind, and its outcome is a `TimeoutError`.
    """
    gate = threading.Barrier(len(functions))
    outcomes: list[T | BaseException] = [TimeoutError(f"it did not end in {TIMEOUT_SECONDS} s") for _ in functions]

    def wait_and_run(number: int) -> None:
        gate.wait(TIMEOUT_SECONDS)
        try:
            outcomes[number] = functions[number]()
        except BaseException as error:  # noqa: BLE001 - the caller looks at every outcome
            outcomes[number] = error

    # Daemons: one that hangs must not keep the test, or the process, from ending.
    threads = [threading.Thread(target=wait_and_run, args=[number], daemon=True) for number in range(len(functions))]
    for thread in threads:
        thread.start()
    give_up = time.monotonic() + TIMEOUT_SECONDS
    for thread in threads:
        thread.join(max(0.0, give_up - time.monotonic()))
    return list(outcomes)


def count_lines(function: Callable[[], object]) -> int:
    """Return how many lines of ama-tfx a function runs through, counted in a process of its own.

    Where it waits or looks at the clock, the next run may take a few more or less.
    """
    return in_process(lambda: _trace_lines(function, stop_at=None))


def kill_at_line(function: Callable[[], object], line: int) -> bool:
    """Run a function in a process of its own that gets SIGKILL before its ``line``-th line of ama-tfx, from 1.

    Returns:
        Whether it was killed; False when it had ended before.
    """
    try:
        in_process(lambda: _trace_lines(function, stop_at=line))
    except ChildProcessError:
        return True
    return False


def _trace_lines(function: Callable[[], object], stop_at: int | None) -> int:
    seen = 0

    def on_event(frame: FrameType, event: str, _: object) -> Callable[[FrameType, str, object], Any] | None:
        nonlocal seen
        if not frame.f_code.co_filename.startswith(_PACKAGE) or frame.f_code.co_filename == __file__:
            return None
        if event == "line":
            seen += 1
            if seen == stop_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return on_event

    sys.settrace(on_event)
    try:
        function()
    finally:
        sys.settrace(None)
    return seen


def in_child(function: Callable[[], object]) -> Child:
    """Start a function in a forked child; its answer has to be taken with `answer_of`."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        _run_and_exit(function, write)
    os.close(write)
    return Child(pid, read)


def _run_and_exit(function: Callable[[], object], answer: int) -> NoReturn:
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(TIMEOUT_SECONDS)
        try:
            result: object = function()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent gets it
            result = error
        with os.fdopen(answer, "wb") as stream:
            stream.write(pickle.dumps(result))
    finally:
        os._exit(0)


def answer_of(child: Child) -> Any:
    """Wait for a child; return what its function returned or raised, or a `ChildProcessError`."""
    with os.fdopen(child.answer, "rb") as stream:
        content = stream.read()
    _, status = os.waitpid(child.pid, 0)
    if os.WIFSIGNALED(status):
        return ChildProcessError(f"process {child.pid} was ended by signal {os.WTERMSIG(status)}")
    if not content:
        return ChildProcessError(f"process {child.pid} gave no answer")
    return pickle.loads(content)  # noqa: S301 - from our own child
