"""Container components on this machine: each runs in its podman or Docker, with its artifacts mounted.

TFX 1.16's own operator mounts nothing (its local runner drops platform configurations), lets the engine fail on numbers
in a command, prefixes the image's ENTRYPOINT, leaves its containers behind, and says of a failure the exit code alone.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import docker.errors
from tfx.dsl.compiler import placeholder_utils
from tfx.orchestration.portable import data_types, docker_executor_operator, launcher
from tfx.proto.orchestration import executable_spec_pb2, execution_result_pb2, platform_config_pb2
from tfx.types.value_artifact import ValueArtifact

from ama_tfx.components.containers.wrapping import Wishes
from ama_tfx.errors import BackendError, InvalidInputError, NotFoundError, UserCodeError
from ama_tfx.orchestration import engines

__all__ = ["OPERATORS", "ContainerOperator", "containers_in_tfx_runners"]

NETWORK = "AMA_CONTAINER_NETWORK"
"""The variable that names the network of containers that ask for none: ``host``, where the engine has no bridge."""

_BRIDGE_WORDS = ("netavark", "iptables", "CNI", "bridge")
"""In what engines say when they cannot make a network for a container."""

_LOG = logging.getLogger(__name__)
_LAST_LINES = 20
_TELL_SECONDS = 2
_MEBIBYTE = 1 << 20
_LEAST_LINE = 6
"""Characters: a shorter line of a secret stands in too many texts by chance."""
_TO_END = (signal.SIGTERM, signal.SIGHUP)


class ContainerOperator(docker_executor_operator.DockerExecutorOperator):
    """Runs one container component to its end.

    Every input's URI is mounted read-only and every output's for writing, each under its own path; so is what the
    task's `Wishes` name. The container is removed however the node ends; one that a killed process left is removed by
    the next run on the machine.

    Raises:
        UserCodeError: It ended with another exit code than 0, or took too long; with its last lines.
        NotFoundError: There is no such image, or an input is not there.
        InvalidInputError: A variable that it needs is not set here.
        BackendError: No engine answers, or it refused.
    """

    def run_executor(self, execution_info: data_types.ExecutionInfo) -> execution_result_pb2.ExecutorOutput:
        """See `tfx.orchestration.portable.base_executor_operator.BaseExecutorOperator.run_executor`."""
        command = self._command(execution_info)
        wishes = Wishes.of_command(command)
        secrets = _environment(wishes)
        volumes = {**_volumes(execution_info), **_mounts(wishes), **self._platform_volumes()}
        url = self._docker_platform_config.docker_server_url or engines.find_engine()
        with _engine_errors(), contextlib.closing(docker.DockerClient(base_url=url, timeout=600)) as client:
            engines.remove_leftovers(client)
            image = engines.find_image(client, self._container_executor_spec.image)
            container = client.containers.create(
                image,
                entrypoint=command,  # and no command: an ENTRYPOINT of the image plays no part, as on Kubernetes
                environment=secrets,
                volumes=volumes,
                labels={engines.LABEL: engines.this_process()},
                **_limits(wishes, os.environ),
                **self._platform_arguments(),
            )
            with _removed_in_the_end(container), _open_to_everybody(execution_info):
                _run(container, wishes, self._container_executor_spec.image, tuple(secrets.values()))
        return execution_result_pb2.ExecutorOutput()

    def _command(self, execution_info: data_types.ExecutionInfo) -> list[str]:
        context = placeholder_utils.ResolutionContext(
            exec_info=execution_info, executor_spec=self._executor_spec, platform_config=self._platform_config
        )
        parts = self._container_executor_spec.commands
        return [str(placeholder_utils.resolve_placeholder_expression(part, context)) for part in parts]

    def _platform_volumes(self) -> dict[str, dict[str, str]]:
        """Return what a ``DockerPlatformConfig`` says; only TFX's BeamDagRunner hands it over."""
        volumes = self._docker_platform_config.volumes
        return {path: {"bind": volumes[path].bind, "mode": volumes[path].mode} for path in volumes}

    def _platform_arguments(self) -> dict[str, Any]:
        config: platform_config_pb2.DockerPlatformConfig = self._docker_platform_config
        arguments: dict[str, Any] = {**config.additional_run_args, "privileged": config.privileged}
        if config.name:
            arguments["name"] = config.name
        if kind := config.user.WhichOneof("kind"):
            arguments["user"] = getattr(config.user, kind)
        return arguments


OPERATORS = {executable_spec_pb2.ContainerExecutableSpec: ContainerOperator}
"""For ``tfx.orchestration.portable.launcher.Launcher(custom_executor_operators=…)``."""


@contextlib.contextmanager
def containers_in_tfx_runners() -> Iterator[None]:
    """Let TFX's LocalDagRunner and BeamDagRunner run container components likewise, within the block.

    They take no operators, so TFX's table of them is changed for the whole process meanwhile::

        with containers_in_tfx_runners():
            LocalDagRunner().run(pipeline)
    """
    before = dict(launcher.DEFAULT_EXECUTOR_OPERATORS)
    launcher.DEFAULT_EXECUTOR_OPERATORS.update(OPERATORS)
    try:
        yield
    finally:
        launcher.DEFAULT_EXECUTOR_OPERATORS.update(before)


def _environment(wishes: Wishes) -> dict[str, str]:
    if missing := [name for name in wishes.env if not os.environ.get(name)]:
        raise InvalidInputError(f"the container needs the environment variables {missing}, which are not set here")
    return {name: os.environ[name] for name in wishes.env}


def _volumes(info: data_types.ExecutionInfo) -> dict[str, dict[str, str]]:
    """Return what is mounted of the artifacts; what lies in an object store is for the container to fetch."""
    volumes = {}
    for artifacts in info.input_dict.values():
        for uri in [artifact.uri for artifact in artifacts if "://" not in artifact.uri]:
            path = Path(uri).absolute()
            if not path.exists():
                raise NotFoundError(f"an input of the container is not there: {uri!r}")
            volumes[str(path)] = {"bind": str(path), "mode": "ro"}
    for folder in _output_folders(info):
        folder.mkdir(parents=True, exist_ok=True)
        volumes[str(folder)] = {"bind": str(folder), "mode": "rw"}
    return volumes


def _output_folders(info: data_types.ExecutionInfo) -> list[Path]:
    """Return the outputs' folders; a value artifact is a file in one."""
    outputs = [artifact for artifacts in info.output_dict.values() for artifact in artifacts]
    paths = [(artifact, Path(artifact.uri).absolute()) for artifact in outputs if "://" not in artifact.uri]
    return [path.parent if isinstance(artifact, ValueArtifact) else path for artifact, path in paths]


def _mounts(wishes: Wishes) -> dict[str, dict[str, str]]:
    """Return the wished mounts; one by a variable only where that holds a path, and no address."""
    volumes = {}
    for wished, mode in wishes.mounts.items():
        path = os.path.expandvars(wished)
        if path.startswith("$") or "://" in path:
            continue
        if not path.startswith("/"):
            raise InvalidInputError(f"{wished} is {path!r}, another folder in the container; give the whole path")
        if not Path(path).exists():
            raise NotFoundError(f"the container is to get {path!r}, which is not there")
        volumes[path] = {"bind": path, "mode": mode}
    return volumes


def _limits(wishes: Wishes, environment: Mapping[str, str]) -> dict[str, Any]:
    network = wishes.network or environment.get(NETWORK)
    limits: dict[str, Any] = {"network_mode": network} if network else {}
    if wishes.memory_mb is not None:
        limits["mem_limit"] = limits["memswap_limit"] = wishes.memory_mb * _MEBIBYTE
    if wishes.cpus is not None:
        limits["nano_cpus"] = int(wishes.cpus * 1e9)
    return limits


def _run(container: Any, wishes: Wishes, image: str, secrets: tuple[str, ...]) -> None:
    """Start the container, tell what it says meanwhile, and wait for its end."""
    too_long = threading.Event()
    container.start()
    with _killed_after(container, wishes.timeout_seconds, too_long):
        # Beside the waiting: not every engine ends the stream when the container does.
        heard = collections.deque[str](maxlen=_LAST_LINES)
        teller = threading.Thread(target=_tell, args=(container, image, secrets, heard), daemon=True)
        teller.start()
        code = container.wait(timeout=None)["StatusCode"]
    teller.join(_TELL_SECONDS)
    if code == 0 and not too_long.is_set():
        return
    # Under load an engine may not have written its own log yet.
    logged = container.logs(tail=_LAST_LINES).decode("utf-8", "replace").strip() or "\n".join(heard)
    said = _masked(logged, secrets)
    end = f"; its last lines:\n{said}" if said else " and said nothing"
    if too_long.is_set():
        raise UserCodeError(f"the container of {image!r} took longer than {wishes.timeout_seconds} s{end}")
    raise UserCodeError(f"the container of {image!r} ended with exit code {code}{end}")


def _tell(container: Any, image: str, secrets: tuple[str, ...], heard: collections.deque[str]) -> None:
    """Log what a container says, line by line; what is lost of it here is still in the engine's own log."""
    rest = b""
    with contextlib.suppress(docker.errors.DockerException, OSError):
        for chunk in container.logs(stream=True, follow=True):
            *lines, rest = (rest + chunk).split(b"\n")
            rest = rest[rest.rfind(b"\r", 0, -1) + 1 :]  # what a terminal would show of a line that is written anew
            for line in lines:
                heard.append(_masked(line.decode("utf-8", "replace").rstrip("\r"), secrets))
                _LOG.info("%s: %s", image, heard[-1])


def _masked(text: str, secrets: tuple[str, ...]) -> str:
    """Return a text without secrets; a log has one line at a time, so each line of a secret counts as one."""
    lines = {line.strip() for secret in secrets for line in secret.splitlines()}
    hidden = {secret for secret in secrets if secret} | {line for line in lines if len(line) >= _LEAST_LINE}
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


@contextlib.contextmanager
def _killed_after(container: Any, seconds: float | None, told: threading.Event) -> Iterator[None]:
    def kill() -> None:
        told.set()
        with contextlib.suppress(*engines.ENGINE_FAILURES):
            container.kill()

    timer = threading.Timer(seconds, kill) if seconds is not None else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        if timer is not None:
            timer.cancel()


@contextlib.contextmanager
def _removed_in_the_end(container: Any) -> Iterator[None]:
    """Remove the container after the block, also when this process is interrupted or asked to end.

    That is SIGTERM, and SIGHUP when its terminal is closed, where nobody else reacts to them.
    """

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    in_main = threading.current_thread() is threading.main_thread()
    asked = [number for number in _TO_END if in_main and signal.getsignal(number) is signal.SIG_DFL]
    for number in asked:
        signal.signal(number, leave)
    try:
        yield
    finally:
        _remove(container)
        for number in asked:
            signal.signal(number, signal.SIG_DFL)


def _remove(container: Any) -> None:
    """Remove a container; one that cannot be is left to the next run, for how the node ended counts more."""
    try:
        container.remove(force=True, v=True)
    except docker.errors.NotFound:
        pass
    except engines.ENGINE_FAILURES as error:
        _LOG.warning("container %s is left to the next run: %s", container.short_id, error)


@contextlib.contextmanager
def _open_to_everybody(info: data_types.ExecutionInfo) -> Iterator[None]:
    """Let whichever user the image names write into the outputs' folders while it runs."""
    folders = _output_folders(info)
    # TFX makes the file of a value artifact, empty.
    paths = [*folders, *(path for folder in folders for path in folder.iterdir() if path.is_file())]
    modes = {path: path.stat().st_mode & 0o7777 for path in paths}
    try:
        for path in modes:
            path.chmod(0o777 if path in folders else 0o666)
        yield
    finally:
        for path, mode in modes.items():
            with contextlib.suppress(OSError):
                path.chmod(mode)


@contextlib.contextmanager
def _engine_errors() -> Iterator[None]:
    try:
        yield
    except engines.ENGINE_FAILURES as error:
        text = str(error)
        hint = f"; {NETWORK}=host does without a bridge" if any(word in text for word in _BRIDGE_WORDS) else ""
        raise BackendError(f"the container engine refused: {text}{hint}") from error
