"""One limited server, as the supervisor sees it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

from . import seccomp
from .confinement import Limits, confine, memory
from .notices import Listener, Notice
from .system_calls import this_machine

READY_SECONDS = 60
_SHELLS = {"sh", "bash", "dash"}
_LOG_TAIL = 4000
_LONGEST_LINE = 256
_MIB = 1 << 20


class Watched:
    """A process, what it may use, and what it was seen to do."""

    def __init__(self, pid: int, folder: Path, limits: Limits) -> None:
        self.pid, self.folder, self.limits = pid, folder, limits
        self.listener: Listener | None = None
        self.unwatched = ""  # why there is no listener
        self.unconfined = ""  # why it can read everything
        self.notices: list[Notice] = []
        self.cause = ""
        self.kind = ""
        self.exit: dict[str, Any] = {}
        self.peak, self.anonymous, self.before = 0, 0, 0
        self.deadlines = [(time.monotonic() + limits.total_seconds, "everything", limits.total_seconds)]

    @property
    def is_alive(self) -> bool:
        """Whether it still runs, as far as is known."""
        return not self.exit

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"unix:{self.folder / 'socket'}"

    def within(self, seconds: float, what: str) -> None:
        """End the process when what is asked of it takes longer; what was asked before is done."""
        self.deadlines[1:] = [(time.monotonic() + seconds, what, seconds)]

    def watch(self, asked: bool) -> None:
        """Answer the filter, measure, and end the process when it broke a limit."""
        if asked and self.listener and (notice := self.listener.answer()):
            self.notices.append(notice)
            self.end(notice.kind, f"it tried to {notice.what}")
        self._measure()
        for when, what, seconds in self.deadlines:
            if time.monotonic() > when:
                self.end("time", f"{what} took longer than {seconds:g} s")
        self._reap(os.WNOHANG)

    def _measure(self) -> None:
        found = memory(self.pid) if self.is_alive else {}
        self.peak = max(self.peak, found.get("VmHWM", 0))
        self.anonymous = max(self.anonymous, found.get("RssAnon", 0) + found.get("RssShmem", 0))
        if self.peak > self.limits.memory_bytes:
            peak, limit = self.peak // _MIB, self.limits.memory_bytes // _MIB
            self.end("memory", f"it used {peak} MiB of memory, its limit is {limit} MiB")

    def end(self, kind: str, cause: str) -> None:
        """End the process for a cause; the first one counts."""
        if self.is_alive and not self.cause:
            self.kind, self.cause = kind, cause
            self._kill()

    def stop(self) -> None:
        """End the process because it is not needed any more."""
        self._measure()
        self._reap(os.WNOHANG)
        if self.is_alive:
            self._kill()
        self._reap(0)
        if self.listener:
            self.listener.close()
            self.listener = None

    def _kill(self) -> None:
        for send in (os.killpg, os.kill):  # before it has a group of its own, there is only the process
            with contextlib.suppress(ProcessLookupError):
                send(self.pid, signal.SIGKILL)

    def _reap(self, options: int) -> None:
        if not self.is_alive or not os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | options):
            return
        self._kill()  # what it left of its group: until it is waited for, its number is nobody else's
        _, status, used = os.wait4(self.pid, 0)
        cpu = round(used.ru_utime + used.ru_stime, 3)
        self.exit = {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, "cpu_seconds": cpu}
        self.exit["code"] = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        over = self.exit["signal"] == signal.SIGKILL and cpu >= self.limits.cpu_seconds
        if not self.cause and (over or self.exit["signal"] == signal.SIGXCPU):
            self.kind = "cpu"
            self.cause = f"it used {cpu:.1f} s of CPU time, its limit is {self.limits.cpu_seconds} s"

    def state(self) -> dict[str, Any]:
        """Return all that is known, as JSON."""
        return {
            "address": self.address,
            "pid": self.pid,
            "alive": self.is_alive,
            "exit": self.exit,
            "kind": self.kind,
            "cause": self.cause,
            "notices": [{"kind": notice.kind, "what": notice.what} for notice in self.notices],
            "unwatched": self.unwatched,
            "unconfined": self.unconfined,
            "folder": str(self.folder),
            "peak_bytes": self.peak,
            "model_bytes": max(0, self.anonymous - self.before),
            "log": self._log_tail(),
        }

    def _log_tail(self) -> str:
        try:
            with (self.folder / "log").open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL))
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""


def start(command: dict[str, Any], folder: Path, control: int) -> Watched:
    """Start a server that listens and is confined, with the model not yet loaded.

    Raises:
        OSError: It cannot be started, or is not ready in time.
        ImportError: This Python has no TensorFlow, no grpc, or no TF Serving API.
    """
    if not command["program"]:
        from . import server  # noqa: F401 - imported here once, and so in every server forked from here
    execs = _execs(command["program"][0]) if command["program"] else 0
    home = folder / "home"
    home.mkdir()
    limits = Limits(**command["limits"])
    ours, theirs = socket.socketpair()
    if (pid := os.fork()) == 0:
        os.close(control)
        ours.close()
        _become_server(command, folder, limits, theirs)
    theirs.close()
    watched = Watched(pid, folder, limits)
    with ours:
        _wait_until_ready(watched, ours)
        if command["program"]:
            _wait_until_replaced(watched, ours, execs)
            return watched
    found = memory(pid)
    watched.before = found.get("RssAnon", 0) + found.get("RssShmem", 0)
    return watched


def _wait_until_ready(watched: Watched, ours: socket.socket) -> None:
    readable, _, _ = select.select([ours], [], [], READY_SECONDS)
    message, descriptors, _, _ = socket.recv_fds(ours, 4096, 1) if readable else (b"", [], 0, None)
    machine = this_machine()
    if not message:
        watched.stop()
        raise OSError(f"the server did not start: {watched.state()['log'].strip() or 'no reason is known'}")
    told = json.loads(message)
    watched.unwatched, watched.unconfined = told["unwatched"], told["unconfined"]
    if descriptors and machine:
        watched.listener = Listener(descriptors[0], machine, str(watched.folder))


def _execs(program: str) -> int:
    """Return how often a process executes until it is the program: by itself, through env, through a shell's script."""
    with open(program, "rb") as text:  # noqa: PTH123
        first = text.readline(_LONGEST_LINE)
    words = first[2:].decode(errors="replace").split() if first.startswith(b"#!") else []
    names = [os.path.basename(word) for word in words]  # noqa: PTH119
    through_env = names[:1] == ["env"]
    return 1 + through_env + (names[through_env : through_env + 1] in [[shell] for shell in _SHELLS])


def _wait_until_replaced(watched: Watched, ours: socket.socket, execs: int) -> None:
    """Let the process become the program: its end of the socket is then closed, and its memory is the program's."""
    waiting = select.poll()
    waiting.register(ours, select.POLLIN)
    if watched.listener:
        waiting.register(watched.listener.descriptor, select.POLLIN)
        watched.listener.may_exec = execs
    while ours.fileno() not in dict(found := waiting.poll(READY_SECONDS * 1000)):
        if not found:
            watched.stop()
            raise OSError("the program did not start")
        if watched.listener:
            watched.listener.answer()


def _become_server(command: dict[str, Any], folder: Path, limits: Limits, ready: socket.socket) -> NoReturn:
    """Never returns into the supervisor's code."""
    try:
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        unconfined = confine(limits, folder, log, _readable(command, folder))
        if command["program"]:
            _become_program([*command["program"], f"--grpc_socket_path={folder / 'socket'}"], ready, unconfined)
        _serve(command, folder, ready, unconfined)
    except BaseException:  # noqa: BLE001 - the child tells everything in its log, and must never return
        traceback.print_exc()
    finally:
        os._exit(70)


def _readable(command: dict[str, Any], folder: Path) -> list[str]:
    """Return the model; of a program also the links by which it finds the model, and the folder where it lies."""
    places = [command["model"]]
    if command["program"]:
        places += [str(folder.parent / "models"), os.path.dirname(os.path.realpath(command["program"][0]))]  # noqa: PTH120
    return places


def _become_program(arguments: list[str], ready: socket.socket, unconfined: str) -> NoReturn:
    _filter(ready, unconfined)
    # Not closed here but by the exec: that tells the supervisor that it is done.
    os.execv(arguments[0], arguments)  # noqa: S606 - the limits and the filter stay


def _serve(command: dict[str, Any], folder: Path, ready: socket.socket, unconfined: str) -> None:
    from .server import Model, load_and_serve
    from .server import start as start_server

    model = Model(command["name"], command["model"])
    server = start_server(model, f"unix:{folder / 'socket'}")
    _filter(ready, unconfined)
    ready.close()
    load_and_serve(model, server)


def _filter(ready: socket.socket, unconfined: str) -> None:
    """Install the filter and hand its listener to the supervisor; say why when that cannot be."""
    told = {"unwatched": "", "unconfined": unconfined}
    try:
        listener = seccomp.install()
    except OSError as error:
        told["unwatched"] = f"the kernel does not let it be watched: {error}"
        ready.sendall(json.dumps(told).encode())
        return
    socket.send_fds(ready, [json.dumps(told).encode()], [listener])
    os.close(listener)
