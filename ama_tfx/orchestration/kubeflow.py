"""Targets ``kubeflow`` and ``vertex``: a KFP PipelineJob, for the clients of those platforms to submit.

The only module that needs ``kfp_pipeline_spec``; imported without that, it says how to install it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ama_tfx.errors import InvalidInputError, MissingExtraError, did_you_mean

try:
    from kfp.pipeline_spec import pipeline_spec_pb2
except ImportError as error:
    raise MissingExtraError("kubeflow", "compiling for Kubeflow or Vertex") from error

from google.protobuf import json_format
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

from ama_tfx.orchestration.canonical import forget_placeholder_keys
from ama_tfx.orchestration.clusters import check_for_clusters
from ama_tfx.orchestration.compiled import CompiledPipeline, compiler_refusals
from ama_tfx.orchestration.kubeflow_schema import typed_artifact_schemas
from ama_tfx.orchestration.options import KubeflowOptions
from ama_tfx.storage import canonical_json, parse_json

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

    from ama_tfx.orchestration.report import RunReport

__all__ = ["KubeflowTarget", "VertexTarget", "kfp_package"]


class KubeflowTarget:
    """Kubeflow Pipelines 2."""

    name = "kubeflow"
    _HOW_TO_SUBMIT = (
        "write ama_tfx.orchestration.kubeflow.kfp_package(compiled) to 'pipeline.yaml', then run: "
        "kfp --endpoint URL run create --experiment-name NAME --package-file pipeline.yaml"
    )

    def compile(self, pipeline: Pipeline, options: KubeflowOptions | None = None) -> CompiledPipeline:
        """Return the pipeline as a PipelineJob. See `ama_tfx.orchestration.targets.Target`."""
        if not isinstance(options, KubeflowOptions):
            raise InvalidInputError(
                f"target {self.name!r} needs the image that its containers run, got {options!r}; "
                "pass KubeflowOptions(image='registry/name:tag')"
            )
        if not pipeline.components:
            raise InvalidInputError(f"pipeline {pipeline.pipeline_name!r} has no nodes")
        check_for_clusters(pipeline, self.name)
        forget_placeholder_keys(pipeline)
        content = canonical_json(self._job(pipeline, options))
        return self.read(content)

    def read(self, content: bytes) -> CompiledPipeline:
        """Return a PipelineJob that was compiled before. See `ama_tfx.orchestration.targets.Target`."""
        spec = _checked_spec(content, self.name)
        return CompiledPipeline(self.name, spec.pipeline_info.name, content)

    def submit(self, compiled: CompiledPipeline, options: Any = None) -> RunReport:
        """Refuse, saying how to submit: this package talks to no cluster.

        Raises:
            InvalidInputError: Always.
        """
        raise InvalidInputError(
            f"target {self.name!r} is submitted to with its own client, not from here; "
            f"to run pipeline {compiled.pipeline_name!r} {self._HOW_TO_SUBMIT}"
        )

    def _job(self, pipeline: Pipeline, options: KubeflowOptions) -> dict[str, Any]:
        config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
            display_name=options.display_name or None,
            default_image=options.image if isinstance(options.image, str) else dict(options.image),
            use_pipeline_spec_2_1=options.use_pipeline_spec_2_1,
        )
        runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config)
        values = _parameter_values(pipeline, options)
        with compiler_refusals(pipeline.pipeline_name, self.name), typed_artifact_schemas():
            job = runner.run(pipeline, parameter_values=values, write_out=False)
        _without_stale_caches(job, pipeline)
        _check_parameters(job, values)
        return job


class VertexTarget(KubeflowTarget):
    """Vertex AI Pipelines, which runs the same PipelineJob."""

    name = "vertex"
    _HOW_TO_SUBMIT = (
        "write it with compiled.write('pipeline.json'), then run: google.cloud.aiplatform.PipelineJob("
        "display_name=NAME, template_path='pipeline.json', project=PROJECT, location=REGION).submit()"
    )


def kfp_package(compiled: CompiledPipeline) -> bytes:
    """Return the file that the client of Kubeflow Pipelines uploads: the PipelineSpec alone, with what the job set.

    The client takes no PipelineJob (its ``pipelineSpec`` is parsed as the whole file), so the pipeline root and the
    parameters of the job become defaults of the spec. JSON is YAML: name the file ``*.yaml``.
    """
    job = parse_json(compiled.content, "a compiled pipeline")
    if job["pipelineSpec"]["schemaVersion"] != "2.1.0":
        raise InvalidInputError(
            f"pipeline {compiled.pipeline_name!r} has schema {job['pipelineSpec']['schemaVersion']!r}, Kubeflow "
            "Pipelines 2 takes '2.1.0'; compile with KubeflowOptions(use_pipeline_spec_2_1=True)"
        )
    spec, runtime = job["pipelineSpec"], job.get("runtimeConfig", {})
    if root := runtime.get("gcsOutputDirectory"):
        spec["defaultPipelineRoot"] = root
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    for name, value in runtime.get("parameterValues", {}).items():
        declared[name]["defaultValue"] = value
    return canonical_json(spec)


def _without_stale_caches(job: dict[str, Any], pipeline: Pipeline) -> None:
    """Turn the cache off for the nodes whose ``cache_needs_driver`` says that only a driver knows if it is valid.

    TFX has one switch for all nodes, and these platforms run no custom drivers.
    """
    tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
    for node in pipeline.components:
        if getattr(node, "cache_needs_driver", False) and node.id in tasks:
            tasks[node.id].pop("cachingOptions", None)


def _parameter_values(pipeline: Pipeline, options: KubeflowOptions) -> dict[str, Any]:
    """Return what was passed, and the defaults of the other runtime parameters, which TFX would drop."""
    properties = (value for node in pipeline.components for value in node.exec_properties.values())
    parameters = [value for value in properties if isinstance(value, RuntimeParameter)]
    return {**{p.name: p.default for p in parameters if p.default is not None}, **options.parameters}


def _check_parameters(job: dict[str, Any], values: dict[str, Any]) -> None:
    declared = sorted(job["pipelineSpec"]["root"].get("inputDefinitions", {}).get("parameters", {}))
    for name in values:
        if name not in declared:
            raise InvalidInputError(f"unknown parameter {name!r}; known: {declared}{did_you_mean(name, declared)}")
    if missing := [name for name in declared if name not in values]:
        raise InvalidInputError(f"parameters without value: {missing}; pass KubeflowOptions(parameters=...)")


def _checked_spec(content: bytes, target: str) -> pipeline_spec_pb2.PipelineSpec:
    """Parse a PipelineJob down to what the platform parses: its spec is a free-form struct to the outer message."""
    what = f"a compiled pipeline for target {target!r}"
    job = parse_json(content, what)
    try:
        json_format.ParseDict(job, pipeline_spec_pb2.PipelineJob())
        spec = json_format.ParseDict(job["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())
        deployment = json_format.MessageToDict(spec.deployment_spec)
        json_format.ParseDict(deployment, pipeline_spec_pb2.PipelineDeploymentConfig())
    except (json_format.ParseError, KeyError, TypeError) as error:
        raise InvalidInputError(f"not {what}: {type(error).__name__}: {error}") from error
    if not spec.pipeline_info.name or not spec.root.dag.tasks:
        raise InvalidInputError(
            f"not {what}: its pipelineSpec has name {spec.pipeline_info.name!r} and {len(spec.root.dag.tasks)} tasks"
        )
    return spec
