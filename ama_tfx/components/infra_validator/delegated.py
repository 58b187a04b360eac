"""TFX's own executor, for serving specifications that name a platform, with its traps closed.

By itself TFX 1.16 blesses a model when the specification has neither tags nor digests, since nothing is then
validated, and without request_spec one that was never asked; raises when the SavedModel cannot be read and requests are
to be made; and takes "no Docker daemon" for the model's fault.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import docker
from docker.errors import DockerException
from kubernetes.config import ConfigException
from tfx import types
from tfx.components.infra_validator import error_types
from tfx.components.infra_validator import executor as tfx_executor
from tfx.utils import kube_utils, path_utils

from ama_tfx.components.infra_validator.checks import NOTHING_ASKED, Checks
from ama_tfx.components.infra_validator.masking import masked
from ama_tfx.components.infra_validator.models import UnreadableModelError, declared_signatures
from ama_tfx.components.verdicts import Blessing, Judgement, Signal, judge

_SPECS = ("serving_spec", "request_spec", "validation_spec")


def validate(context: Any, job: Any, blessing: types.Artifact, exec_properties: dict[str, Any]) -> Judgement:
    """Let TFX's executor judge, unless that is clear before; say what came of it."""
    checks = Checks(job.gate, job.limits, job.budgets)
    signals = _before(checks, job)
    if not signals:
        signals = [_ask_tfx(checks, context, job, blessing, exec_properties), _requests(checks, job, exec_properties)]
    return judge(job.gate, job.model.uri, [replace(signal, reason=masked(signal.reason)) for signal in signals])


def _before(checks: Checks, job: Any) -> list[Signal]:
    images = job.serving_spec.tensorflow_serving
    if not images.tags and not images.digests:
        return [
            checks.unknown("server", "serving_spec has no tags and no digests: there is no server to validate with")
        ]
    path = path_utils.serving_model_path(job.model.uri, path_utils.is_old_model_artifact(job.model))
    try:
        declared = declared_signatures(path, job.request_spec.tensorflow_serving.tag_set)
    except UnreadableModelError as error:
        return [checks.refused("load_seconds", f"the model does not load: {error}")]
    wanted = job.request_spec.tensorflow_serving.signature_names
    missing = [checks.refused(f"signature:{name}", f"the model declares no signature {name!r}") for name in wanted]
    missing = [signal for name, signal in zip(wanted, missing, strict=True) if name not in declared]
    if not missing and (reason := _unreachable(job)):
        return [checks.unknown("server", f"could not decide: {reason}")]
    return missing


def _unreachable(job: Any) -> str:
    """Return why the platform cannot start anything; nothing when it answers."""
    try:
        if job.platform == "local_docker":
            options = job.serving_spec.local_docker
            given = {"base_url": options.client_base_url, "version": options.client_api_version}
            with contextlib.closing(docker.DockerClient(**{k: value for k, value in given.items() if value})) as client:
                client.ping()
        else:
            kube_utils.make_core_v1_api()
    except (DockerException, ConfigException, OSError) as error:
        return f"{job.platform} cannot be reached: {error}"
    return ""


def _ask_tfx(
    checks: Checks, context: Any, job: Any, blessing: types.Artifact, exec_properties: dict[str, Any]
) -> Signal:
    inputs = {"model": [job.model], "examples": [job.examples] if job.examples else []}
    given = {key: exec_properties[key] for key in _SPECS if exec_properties.get(key)}
    try:
        with _signals_as_before():
            tfx_executor.Executor(context).Do(inputs, {"blessing": [blessing]}, given)
    except error_types.GracefulShutdown:
        raise
    except Exception as error:  # noqa: BLE001 - TFX raises anything here; a verdict of unknown tells it
        return checks.unknown("server", f"could not decide: {type(error).__name__}: {error}")
    if blessing.get_int_custom_property("blessed") == 1:
        return Signal(checks.gate, Blessing.BLESSED, f"TFX blessed it on {job.platform}", "server")
    return checks.refused("server", f"TFX did not bless it on {job.platform}; the log of this execution says why")


@contextlib.contextmanager
def _signals_as_before() -> Iterator[None]:
    """Undo what TFX's executor leaves behind: from then on SIGTERM would be its GracefulShutdown, whatever runs."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _requests(checks: Checks, job: Any, exec_properties: dict[str, Any]) -> Signal:
    if exec_properties.get("request_spec") and job.examples:
        return Signal(checks.gate, Blessing.BLESSED, "requests were made of examples", "requests")
    lacking = "examples" if exec_properties.get("request_spec") else "request_spec"
    return checks.unknown("requests", f"{NOTHING_ASKED}; without {lacking} TFX checks only that it loads")
