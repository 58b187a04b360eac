"""Target ``local``: TFX's Pipeline IR, run node by node in this process.

The loop is that of TFX's ``LocalDagRunner``, from the same parts, so a node runs as it would there. It is written out
because that runner returns normally from runs that did not do everything, and says nothing while it runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.message import DecodeError
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, partial_run_utils, runtime_parameter_utils, tfx_runner
from tfx.proto.orchestration import pipeline_pb2
from tfx.utils import telemetry_utils

from ama_tfx.errors import InvalidInputError, did_you_mean
from ama_tfx.orchestration.canonical import canonical_bytes, forget_placeholder_keys
from ama_tfx.orchestration.compiled import CompiledPipeline, compiler_refusals
from ama_tfx.orchestration.containers import OPERATORS
from ama_tfx.orchestration.executions import RunLedger
from ama_tfx.orchestration.options import LocalRunOptions, ParameterValue
from ama_tfx.orchestration.outcomes import Attempt, Recorded, decide_outcomes, node_facts
from ama_tfx.orchestration.report import NodeOutcome, NodeProgress, RunReport

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

__all__ = ["LocalTarget"]

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")


class LocalTarget:
    """Runs pipelines in this process, with Beam's runner as the pipeline's Beam arguments say."""

    name = "local"

    def compile(self, pipeline: Pipeline, options: None = None) -> CompiledPipeline:
        """Return the pipeline's IR. See `ama_tfx.orchestration.targets.Target`."""
        if options is not None:
            raise InvalidInputError(f"target 'local' takes no options to compile, got {options!r}")
        forget_placeholder_keys(pipeline)
        with compiler_refusals(pipeline.pipeline_name, self.name):
            content = canonical_bytes(_Compiler().run(pipeline))
        return self.read(content)

    def read(self, content: bytes) -> CompiledPipeline:
        """Return an IR that was compiled before. See `ama_tfx.orchestration.targets.Target`."""
        return CompiledPipeline(self.name, _parse(content).pipeline_info.id, content)

    def submit(self, compiled: CompiledPipeline, options: LocalRunOptions | None = None) -> RunReport:
        """Run every node in order, in this process. See `ama_tfx.orchestration.targets.Target`.

        Like TFX's own runner it stops at the first node that raises, and goes on after one whose inputs are missing.

        Raises:
            InvalidInputError: A parameter has no value or does not exist, or a partial run names an unknown node.
        """
        chosen = LocalRunOptions() if options is None else options
        if not isinstance(chosen, LocalRunOptions):
            raise InvalidInputError(f"target 'local' takes LocalRunOptions, got {options!r}")
        run_id = chosen.run_id or datetime.now(timezone.utc).isoformat()
        ir = _parse(compiled.content)
        _bind_parameters(ir, run_id, chosen.parameters)
        _mark_partial_run(ir, chosen)
        return _Run(ir, run_id, chosen).run()


class _Compiler(tfx_runner.IrBasedRunner):
    """A runner that runs nothing: TFX's public way to the IR of a pipeline with its user modules packaged."""

    def run_with_ir(self, pipeline: Any, run_options: Any = None, **_: Any) -> Any:
        return pipeline


def _parse(content: bytes) -> pipeline_pb2.Pipeline:
    try:
        ir = pipeline_pb2.Pipeline.FromString(content)
    except DecodeError as error:
        raise InvalidInputError(f"not a compiled pipeline for target 'local': {error}") from error
    name = ir.pipeline_info.id
    if not name or not ir.nodes:
        raise InvalidInputError(f"not a pipeline that can run: name {name!r}, {len(ir.nodes)} nodes")
    if nested := [node.sub_pipeline.pipeline_info.id for node in ir.nodes if node.HasField("sub_pipeline")]:
        raise InvalidInputError(f"pipeline {name!r} holds other pipelines, which target 'local' cannot run: {nested}")
    try:
        deployment = runner_utils.extract_local_deployment_config(ir)
    except ValueError as error:
        raise InvalidInputError(f"pipeline {name!r} cannot run on target 'local': {error}") from error
    if _connection(deployment) is None:
        raise InvalidInputError(
            f"pipeline {name!r} has no ML Metadata store; pass Pipeline(metadata_connection_config="
            "sqlite_metadata_connection_config(path))"
        )
    return ir


def _connection(deployment: Any) -> Any | None:
    config = deployment.metadata_connection_config
    kind = config.WhichOneof("connection_config")
    return getattr(config, kind) if kind else None


def _bind_parameters(ir: pipeline_pb2.Pipeline, run_id: str, values: Mapping[str, ParameterValue]) -> None:
    """Give every runtime parameter its value or default, and the run its id."""
    bindings = {**values, constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
    try:
        found = runtime_parameter_utils.substitute_runtime_parameter(ir, bindings)
    except RuntimeError as error:
        raise InvalidInputError(f"parameters {dict(values)!r}: {error}") from error
    known = sorted(found.keys() - {constants.PIPELINE_RUN_ID_PARAMETER_NAME})
    for name in values:
        if name not in known:
            raise InvalidInputError(f"unknown parameter {name!r}; known: {known}{did_you_mean(name, known)}")
    if missing := [name for name in known if found[name] is None]:
        raise InvalidInputError(f"parameters without value: {missing}; pass LocalRunOptions(parameters=...)")


def _mark_partial_run(ir: pipeline_pb2.Pipeline, options: LocalRunOptions) -> None:
    if not options.from_nodes and not options.to_nodes:
        return
    known = [node.pipeline_node.node_info.id for node in ir.nodes]
    for name in (*options.from_nodes, *options.to_nodes):
        if name not in known:
            raise InvalidInputError(f"unknown node {name!r}; known: {', '.join(known)}{did_you_mean(name, known)}")
    partial_run_utils.mark_pipeline(ir, options.from_nodes or None, options.to_nodes or None)


class _Run:
    """One run of an IR whose parameters are bound."""

    def __init__(self, ir: pipeline_pb2.Pipeline, run_id: str, options: LocalRunOptions) -> None:
        self._ir, self._run_id = ir, run_id
        self._clock, self._notify = options.clock, options.on_progress or _log_progress
        self._deployment = runner_utils.extract_local_deployment_config(ir)
        self._connection = _connection(self._deployment)
        self._nodes = node_facts(ir.nodes)
        self._ledger = RunLedger(self._connection, run_id, self._nodes)
        self._attempts: dict[str, Attempt] = {}

    def run(self) -> RunReport:
        selected = [
            item.pipeline_node for item in self._ir.nodes if not item.pipeline_node.execution_options.HasField("skip")
        ]
        error = None
        with telemetry_utils.scoped_labels({telemetry_utils.LABEL_TFX_RUNNER: "local"}):
            for position, node in enumerate(selected, 1):
                error = self._start(node, NodeProgress(position, len(selected), node.node_info.id))
                if error is not None:
                    break
        return RunReport(LocalTarget.name, self._ir.pipeline_info.id, self._run_id, tuple(self._outcomes()), error)

    def _start(self, node: Any, progress: NodeProgress) -> BaseException | None:
        """Run one node to its end and tell how it went; return what it raised."""
        self._notify(progress)
        started = self._clock()
        _, error = _attempt(lambda: self._launch(node))
        self._attempts[progress.node_id] = Attempt(self._clock() - started, error)
        outcome = next(outcome for outcome in self._outcomes() if outcome.node_id == progress.node_id)
        self._notify(replace(progress, outcome=outcome))
        return error

    def _launch(self, node: Any) -> None:
        node_id = node.node_info.id
        if node.execution_options.run.perform_snapshot:
            with metadata.Metadata(self._connection) as handle:
                partial_run_utils.snapshot(handle, self._ir)
        launcher.Launcher(
            pipeline_node=node,
            mlmd_connection=metadata.Metadata(self._connection),
            pipeline_info=self._ir.pipeline_info,
            pipeline_runtime_spec=self._ir.runtime_spec,
            executor_spec=runner_utils.extract_executor_spec(self._deployment, node_id),
            custom_driver_spec=runner_utils.extract_custom_driver_spec(self._deployment, node_id),
            custom_executor_operators=OPERATORS,
        ).launch()

    def _outcomes(self) -> tuple[NodeOutcome, ...]:
        recorded, error = _attempt(self._ledger.read)
        if recorded is None:
            nothing = Recorded(f"nothing: {type(error).__name__}: {error}")
            recorded = {node.node_id: nothing for node in self._nodes}
        return decide_outcomes(self._nodes, recorded, self._attempts)


def _attempt(action: Callable[[], _T]) -> tuple[_T | None, BaseException | None]:
    """Do something that runs the user's code or needs the store; return its result, or what it raised."""
    try:
        return action(), None
    # A component may raise anything; SystemExit too, because sys.exit(0) in a component would end the run as a success.
    except (Exception, SystemExit) as error:
        return None, error


def _log_progress(progress: NodeProgress) -> None:
    _LOG.info("%s", progress)
