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

from ama_tfx.errors import BackendError

__all__ = ["LABEL", "answers", "find_engine", "remove_leftovers", "this_process"]

LABEL = "ama-tfx.process"
"""Label of a container: the process that started it."""

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


def remove_leftovers(client: Any) -> None:
    """Remove the containers of processes of this machine that are no more."""
    for container in client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True):
        host, _, process = container.labels.get(LABEL, "").partition(" ")
        if host == socket.gethostname() and _identity(process.partition(" ")[0]) != process:
            _LOG.warning("removing container %s, which process %s left behind", container.short_id, process)
            with contextlib.suppress(docker.errors.APIError):
                container.remove(force=True)


def this_process() -> str:
    """Return what `LABEL` says of the containers of this process."""
    return f"{socket.gethostname()} {_identity(str(os.getpid()))}"


def _identity(pid: str) -> str:
    """Return a process's id with the time of its start, since ids are used again; the id alone where that is hidden."""
    try:
        after_name = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "" if Path("/proc/self").exists() else pid
    return f"{pid} {after_name[19]}"
