"""The table of targets, and the verbs that pick one from it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from ama_tfx.errors import InvalidInputError, MissingExtraError, did_you_mean
from ama_tfx.orchestration.compiled import CompiledPipeline, without_passwords
from ama_tfx.orchestration.options import LocalRunOptions
from ama_tfx.orchestration.report import RunReport
from ama_tfx.storage import open_regular_file, os_errors

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

__all__ = ["TARGETS", "Target", "compile_pipeline", "load_target", "read_compiled", "run_local", "submit"]

TARGETS: Mapping[str, str] = MappingProxyType(
    {
        "kubeflow": "ama_tfx.orchestration.kubeflow:KubeflowTarget",
        "local": "ama_tfx.orchestration.local:LocalTarget",
        "vertex": "ama_tfx.orchestration.kubeflow:VertexTarget",
    }
)
"""Every target, as ``module:class``; a module is imported when its target is named."""

_EXTRA_THAT_HOLDS = {"tfx": "tfx", "kfp": "kubeflow"}


class Target(Protocol):
    """A place where compiled pipelines run.

    ``compile`` is pure: the same pipeline gives the same bytes, in any process (TFX itself writes the wheels of
    ``module_file`` components to the pipeline root). ``submit`` sends exactly the bytes it is given.
    """

    name: str

    def compile(self, pipeline: Pipeline, options: Any = None) -> CompiledPipeline:
        """Return the pipeline in this target's format, or raise InvalidInputError saying what it cannot express."""

    def read(self, content: bytes) -> CompiledPipeline:
        """Return what an earlier ``compile`` made, or raise InvalidInputError when this is nothing of the kind."""

    def submit(self, compiled: CompiledPipeline, options: Any = None) -> RunReport:
        """Run it to its end and report on every node; failures are in the report, not raised."""


def load_target(name: str) -> Target:
    """Import a target's module and return the target.

    Raises:
        InvalidInputError: No such target.
        MissingExtraError: The target needs an extra that is not installed.
    """
    if name not in TARGETS:
        raise InvalidInputError(
            f"unknown target {name!r}; known: {', '.join(sorted(TARGETS))}{did_you_mean(name, TARGETS)}"
        )
    module, _, attribute = TARGETS[name].partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)()
    except ModuleNotFoundError as error:
        extra = _EXTRA_THAT_HOLDS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        raise MissingExtraError(extra, f"target {name!r}") from error


def compile_pipeline(pipeline: Pipeline, target: str = "local", options: Any = None) -> CompiledPipeline:
    """Compile a TFX pipeline for a target; nothing is run.

    Args:
        pipeline: The pipeline; it may be compiled any number of times, for any targets.
        target: A name of `TARGETS`.
        options: `KubeflowOptions` for ``kubeflow`` and ``vertex``, none for ``local``.

    Raises:
        InvalidInputError: No such target, or the target cannot express this pipeline, or it holds a password.
        MissingExtraError: The target needs an extra that is not installed.
    """
    return without_passwords(load_target(target).compile(pipeline, options))


def read_compiled(path: str | os.PathLike[str], target: str) -> CompiledPipeline:
    """Read what `CompiledPipeline.write` wrote.

    Raises:
        NotFoundError: No such file.
        InvalidInputError: No such target, or the file was not compiled for it.
    """
    with open_regular_file(Path(path), follow=True) as file, os_errors("read", path):
        content = file.read()
    return load_target(target).read(content)


def submit(compiled: CompiledPipeline, options: Any = None, *, check: bool = True) -> RunReport:
    """Run a compiled pipeline to its end on the target that it was compiled for.

    Args:
        compiled: Sent as it is.
        options: `LocalRunOptions` for ``local``.
        check: Whether a run that did not do everything is raised; else it is only in the report.

    Raises:
        RunFailedError: A node failed, never ran, or nothing is known of it.
        InvalidInputError: The target does not run pipelines from here; the message says who does.
    """
    report = load_target(compiled.target).submit(compiled, options)
    return report.require_success() if check else report


def run_local(pipeline: Pipeline, options: LocalRunOptions | None = None, *, check: bool = True) -> RunReport:
    """Compile a pipeline for this machine and run it to its end: `compile_pipeline`, then `submit`."""
    return submit(compile_pipeline(pipeline, "local"), options, check=check)
