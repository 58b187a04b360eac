"""The machine's container engine, whatever speaks Docker's API: finding it, and tidying up in it."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests

from ama_tfx.errors import BackendError, NotFoundError

__all__ = [
    "ENGINE_FAILURES",
    "LABEL",
    "answers",
    "find_engine",
    "find_image",
    "remove_leftovers",
    "this_process",
]

LABEL = "ama-tfx.process"
"""Label of a container: the process that started it."""

ENGINE_FAILURES = (docker.errors.DockerException, requests.RequestException)
"""What docker's client raises; the second is of what it is built on, where an engine goes away meanwhile."""

_LOG = logging.getLogger(__name__)
_PING_SECONDS = 5
_HOW_TO_START = (
    "start one: 'systemctl --user start podman.socket' (rootless podman), 'systemctl start podman.socket', "
    "'podman system service --time=0 unix:///tmp/podman.sock' with DOCKER_HOST=unix:///tmp/podman.sock, or Docker"
)


def find_engine(environment: Mapping[str, str] | None = None) -> str:
    """Return the URL of the engine that container components run in.

    That is the one that ``DOCKER_HOST`` names; without it, the first that answers of Docker's socket, the user's
    podman socket and the system's.

    Args:
        environment: Of this process, unless given.

    Raises:
        BackendError: None answers; the message says how to start one.
    """
    environment = os.environ if environment is None else environment
    if named := environment.get("DOCKER_HOST"):
        if answers(named):
            return named
        raise BackendError(f"the container engine of DOCKER_HOST={named!r} does not answer; {_HOW_TO_START}")
    asked = []
    for path in _sockets(environment):
        asked.append(str(path))
        if path.is_socket() and answers(f"unix://{path}"):
            return f"unix://{path}"
    raise BackendError(
        f"no container engine answers, and a component of this pipeline runs in a container; asked DOCKER_HOST (not "
        f"set), {', '.join(asked)}; {_HOW_TO_START}"
    )


def answers(url: str) -> bool:
    """Return whether an engine answers there."""
    try:
        with contextlib.closing(docker.DockerClient(base_url=url, timeout=_PING_SECONDS)) as client:
            return bool(client.ping())
    except (docker.errors.DockerException, OSError, ValueError):
        return False


def _sockets(environment: Mapping[str, str]) -> Iterator[Path]:
    yield Path("/var/run/docker.sock")
    yield Path(environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}", "podman", "podman.sock")
    yield Path("/run/podman/podman.sock")


def find_image(client: Any, name: str) -> Any:
    """Return an image of an engine; one that it does not have is pulled.

    Raises:
        NotFoundError: There is none, here or where it is pulled from.
    """
    try:
        return client.images.get(name)
    except docker.errors.ImageNotFound:
        _LOG.info("pulling image %s", name)
    try:
        return client.images.pull(name)
    except docker.errors.APIError as error:
        raise NotFoundError(f"there is no image {name!r}, and pulling it failed: {error.explanation}") from error


def remove_leftovers(client: Any) -> None:
    """Remove the containers of processes that are no more, of those whose numbers mean processes that we could see."""
    for container in client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True):
        place, _, process = container.labels.get(LABEL, "").rpartition("/")
        if place == _place() and not _is_alive(process):
            _LOG.warning("removing container %s, which process %s left behind", container.short_id, process)
            with contextlib.suppress(*ENGINE_FAILURES):
                container.remove(force=True)


def this_process() -> str:
    """Return what `LABEL` says of the containers of this process."""
    pid = str(os.getpid())
    return f"{_place()}/{pid} {_started(pid)}"


def _place() -> str:
    """Return where process ids mean what they mean here: a machine, and one of its namespaces of processes."""
    with contextlib.suppress(OSError):
        return f"{socket.gethostname()}/{Path('/proc/self/ns/pid').readlink()}"
    return socket.gethostname()


def _is_alive(process: str) -> bool:
    """Return whether a process runs; one of which nothing can be seen does."""
    pid, _, started = process.partition(" ")
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError, OverflowError):
        return True
    return _started(pid) in {started, ""}


def _started(pid: str) -> str:
    """Return when a process began, since ids are used again; nothing where that is hidden."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
