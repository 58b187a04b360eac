"""The supervisor: starts one limited server at a time, watches it, and leaves nothing behind.

It is trusted and runs no model: it imports TensorFlow, once, and forks a server for each model, which costs tens of
milliseconds where a process of its own costs seconds. It takes commands as lines of JSON on a socket, and answers each
with one. When the other end is closed, or its parent is gone, it ends its server, removes its folder and exits.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from . import seccomp
from .watched import Watched, start

_TICK_SECONDS = 0.01
_IDLE_SECONDS = 1.0
_LONGEST_FOLDER = 60  # of the 107 bytes of a socket's address


class Supervisor:
    """Obeys the commands ``import``, ``start``, ``within``, ``state`` and ``stop``."""

    def __init__(self, control: socket.socket, folder: Path) -> None:
        self.control, self.folder = control, folder
        self.parent = os.getppid()
        self.unread = b""
        self.server: Watched | None = None
        self.started = 0

    def run(self) -> None:
        """Obey until there is nobody to obey."""
        while os.getppid() == self.parent:
            waiting = select.poll()
            waiting.register(self.control, select.POLLIN)
            alive = self.server is not None and self.server.is_alive
            if alive and self.server and self.server.listener:
                waiting.register(self.server.listener.descriptor, select.POLLIN)
            found = dict(waiting.poll(1000 * (_TICK_SECONDS if alive else _IDLE_SECONDS)))
            commanded = found.pop(self.control.fileno(), 0)
            if alive and self.server:
                # Not when it only hung up: older kernels would wait for a question for ever.
                self.server.watch(any(event & select.POLLIN for event in found.values()))
            if commanded and not self._obey():
                return

    def _obey(self) -> bool:
        try:
            received = self.control.recv(1 << 16)
        except ConnectionError:
            received = b""
        *lines, self.unread = (self.unread + received).split(b"\n")
        for line in lines:
            self.control.sendall(json.dumps(self._answer(json.loads(line))).encode() + b"\n")
        return bool(received)

    def _answer(self, command: dict[str, Any]) -> dict[str, Any]:
        if command["do"] in {"start", "import"}:
            try:
                return self._start(command) if command["do"] == "start" else _load_modules(command["modules"])
            except (OSError, ImportError) as error:
                return {"error": f"{type(error).__name__}: {error}"}
        if self.server is None:
            return {"error": "no server was started"}
        if command["do"] == "within":
            self.server.within(command["seconds"], command["what"])
        elif command["do"] == "stop":
            self.server.stop()
        return self.server.state()

    def _start(self, command: dict[str, Any]) -> dict[str, Any]:
        self.end()
        self.started += 1
        place = self.folder / str(self.started)
        place.mkdir()
        self.server = start(command, place, self.control.fileno())
        return self.server.state()

    def end(self) -> None:
        """End the server, if there is one, and remove what it left."""
        if self.server:
            self.server.stop()
            shutil.rmtree(self.server.folder, ignore_errors=True)
            self.server = None


def _load_modules(names: list[str]) -> dict[str, Any]:
    try:
        for name in names:
            importlib.import_module(name)
    except (OSError, ImportError):
        raise
    except Exception as error:  # a module may raise anything, and the supervisor is to live on
        raise ImportError(f"{type(error).__name__}: {error}") from error
    return {}


def main(descriptor: int) -> None:
    """Be the supervisor, with commands from an open socket's descriptor."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with contextlib.suppress(OSError):
        seccomp.prctl(seccomp.PR_SET_CHILD_SUBREAPER, 1)
    place = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix="ama-sandbox-", dir=place if len(place) < _LONGEST_FOLDER else "/tmp"))  # noqa: S108
    supervisor = Supervisor(socket.socket(fileno=descriptor), folder)
    try:
        supervisor.control.sendall(json.dumps({"folder": str(folder), "pid": os.getpid()}).encode() + b"\n")
        supervisor.run()
    finally:
        supervisor.end()
        shutil.rmtree(folder, ignore_errors=True)
        end_children()


def end_children() -> None:
    """End whatever is still a child: what a server started and left comes to the supervisor."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
