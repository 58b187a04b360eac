"""The executor's end of the sandbox: starts its supervisor, tells it what to serve, and ends it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ama_tfx.components.infra_validator.settings import ServingLimits
from ama_tfx.errors import BackendError

_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from sandbox.supervisor import main; "
    "del sys.path[0]; main(int(sys.argv[2]))"
)
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "TMPDIR", "TZ")
_OWN = {
    "CUDA_VISIBLE_DEVICES": "",
    "GRPC_ENABLE_FORK_SUPPORT": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
_MIB = 1 << 20
_END_SECONDS = 15
_START_SECONDS = 300  # TensorFlow is imported meanwhile, from a slow disk perhaps
_ANSWER_SECONDS = 30  # the supervisor does nothing that takes time


@dataclass(frozen=True)
class Served:
    """What the supervisor tells of a server.

    Attributes:
        address: gRPC target, a socket in the file system.
        pid: Of the process.
        alive: Whether it runs.
        exit: ``signal``, ``code`` and ``cpu_seconds`` once it does not.
        kind: Why the supervisor ended it: ``files``, ``network``, ``processes``, ``memory``, ``cpu``, ``time``, or
            empty.
        cause: The same as a sentence.
        notices: What it tried and was denied.
        unwatched: Why its system calls are not watched; empty when they are.
        folder: Its own, with ``home``, where it starts.
        peak_bytes: Its resident memory at its highest.
        model_bytes: By how much its own memory grew since it was ready to load.
        log: The end of what it wrote.
        unconfined: Why it could read everything that this user can; empty when it could not.
    """

    address: str
    pid: int
    alive: bool
    exit: Mapping[str, Any]
    kind: str
    cause: str
    notices: Sequence[Mapping[str, str]]
    unwatched: str
    folder: str
    peak_bytes: int
    model_bytes: int
    log: str
    unconfined: str = ""


class Sandbox:
    """A supervisor, in a process of its own; ``with`` ends it.

    Args:
        python: A Python with TensorFlow, grpc and tensorflow-serving-api; empty for this one.

    Raises:
        BackendError: It cannot be started.
    """

    def __init__(self, python: str = "") -> None:
        self.python = python or sys.executable
        if sys.platform != "linux":
            raise BackendError(
                f"models are served on Linux only, not on {sys.platform}; use serving_spec's local_docker"
            )
        self._control, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as if_it_fails:
            if_it_fails.callback(self._control.close)
            self._process = _supervisor(self.python, theirs.fileno())
            if_it_fails.pop_all()
        self._control.settimeout(_START_SECONDS)
        self._server = -1  # descriptor of the process that serves, which may outlive its supervisor
        self.folder: Path | None = None
        self._lines = self._control.makefile("rb")
        try:
            self.folder = Path(self._read()["folder"])
        except BackendError:
            self.close()
            raise

    def load_modules(self, modules: Sequence[str]) -> None:
        """Import modules that register operations which models use, for all servers from now on.

        Raises:
            BackendError: One cannot be imported.
        """
        self._talk(do="import", modules=list(modules))

    def serve(self, model: Path, name: str, limits: ServingLimits, program: str = "") -> Served:
        """Start a server that will load a model; the one before is ended.

        Args:
            model: Folder with ``saved_model.pb``.
            name: What requests call it.
            limits: What it may use.
            program: Path of a ``tensorflow_model_server``; empty for the server in Python.

        Raises:
            BackendError: No server could be started: nothing was found out about the model.
        """
        wanted = {
            "memory_bytes": limits.memory_mib * _MIB,
            "cpu_seconds": limits.cpu_seconds,
            "total_seconds": limits.total_seconds,
        }
        arguments = self._arguments(model, name, program) if program else []
        served = self._say(do="start", model=str(model), name=name, limits=wanted, program=arguments)
        self._forget_server()
        with contextlib.suppress(OSError):  # gone already; or before Linux 5.3
            self._server = os.pidfd_open(served.pid)
        return served

    def _forget_server(self) -> None:
        if self._server >= 0:
            os.close(self._server)
        self._server = -1

    def _arguments(self, model: Path, name: str, program: str) -> list[str]:
        """Return the command; TF Serving wants ``<base>/<version>``, which a link gives without copying."""
        base = self.folder / "models" / name
        base.mkdir(parents=True, exist_ok=True)
        version = base / "1"
        version.unlink(missing_ok=True)
        version.symlink_to(model.resolve(), target_is_directory=True)
        options = {"port": 0, "rest_api_port": 0, "max_num_load_retries": 0, "file_system_poll_wait_seconds": 0}
        named = [f"--{key}={value}" for key, value in options.items()]
        return [program, *named, f"--model_name={name}", f"--model_base_path={base}"]

    def within(self, seconds: float, what: str) -> Served:
        """Have the server ended unless the next command comes in time; ``what`` begins the sentence that says so."""
        return self._say(do="within", seconds=seconds, what=what)

    def state(self) -> Served:
        """Return what is known of the server."""
        return self._say(do="state")

    def stop(self) -> Served:
        """End the server."""
        return self._say(do="stop")

    def close(self) -> None:
        """End the supervisor, its server and their folders, also when something stopped or killed the supervisor."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._lines.close()
        self._control.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self._server, signal.SIGKILL)
        self._forget_server()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _say(self, **command: Any) -> Served:
        return Served(**self._talk(**command))

    def _talk(self, **command: Any) -> dict[str, Any]:
        self._control.settimeout(_START_SECONDS if command["do"] in {"start", "import"} else _ANSWER_SECONDS)
        try:
            self._control.sendall(json.dumps(command).encode() + b"\n")
        except OSError as error:
            raise BackendError(f"the sandbox of {self.python!r} is gone: {error}") from error
        answer = self._read()
        if "error" in answer:
            raise BackendError(f"{self.python!r} started no model server: {answer['error']}")
        return answer

    def _read(self) -> dict[str, Any]:
        try:
            line = self._lines.readline()
        except OSError as error:
            raise BackendError(f"the sandbox of {self.python!r} does not answer: {error}") from error
        if not line.endswith(b"\n"):
            raise BackendError(f"the sandbox of {self.python!r} ended without a word; its reason is in the log above")
        return json.loads(line)


def _supervisor(python: str, descriptor: int) -> subprocess.Popen:
    """Start it with an environment that holds no secrets of this process."""
    environment = {key: os.environ[key] for key in _KEPT if key in os.environ} | _OWN
    command = [python, "-c", _START, str(Path(__file__).parent), str(descriptor)]
    try:
        return subprocess.Popen(
            command, env=environment, pass_fds=[descriptor], stdin=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        raise BackendError(f"cannot run {python!r}: {error}") from error


_lock = threading.RLock()
_warm: dict[str, Sandbox] | None = None


@contextlib.contextmanager
def kept_warm() -> Iterator[None]:
    """Keep sandboxes between the validations of this process: each further one saves TensorFlow's import.

    For a fleet's run or a test session that validates many models; what it keeps is ended when it ends.
    """
    global _warm  # TFX makes the executors, so there is nobody to hand it to them
    with _lock:
        before, _warm = _warm, {} if _warm is None else _warm
    try:
        yield
    finally:
        with _lock:
            kept, _warm = _warm or {}, before
        for sandbox in kept.values() if before is None else ():
            sandbox.close()


@contextlib.contextmanager
def borrow(python: str = "") -> Iterator[Sandbox]:
    """Give a sandbox for one validation: a new one, or the one that `kept_warm` keeps.

    Raises:
        BackendError: It cannot be started.
    """
    if _warm is None:
        with Sandbox(python) as sandbox:
            yield sandbox
        return
    with _lock:
        try:
            _warm[python].stop()
        except (KeyError, BackendError):  # never started; started, and nothing served; or gone
            _renew(_warm, python)
        yield _warm[python]
        with contextlib.suppress(BackendError):
            _warm[python].stop()


def _renew(warm: dict[str, Sandbox], python: str) -> None:
    if python in warm:
        warm.pop(python).close()
    warm[python] = Sandbox(python)
