"""Run a compiled Kubeflow job on this machine, task by task, through TFX's own container entry points.

What only shows when a job runs, and not when it compiles, is found in seconds and without a cluster: artifact types
that the entry point cannot import, parameters that arrive as strings, properties that come back with another type.

Each TFX task runs in a fork of this process, which has imported TFX once: a task takes tens of milliseconds, where a
process of its own takes 10 s. Modelled: containers of TFX, the driver hook of file-based ExampleGens, importers,
resolvers of the latest artifact, parameters (constant, of the job, of another task), conditions as TFX writes them,
and, where an engine is given, other containers. Not modelled, and refused: sub-DAGs (exit handlers), iterators, other
resolvers. There is no cache.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor
from tfx.orchestration.kubeflow.v2.file_based_example_gen import driver

from ama_tfx.testing.container_engine import ContainerEngine
from tests.kubeflow_harness.conditions import condition_holds
from tests.kubeflow_harness.containers import resolve, run_container

Json = dict[str, Any]

_ENTRY_POINTS = {module.__name__: module for module in (kubeflow_v2_run_executor, driver)}
_LATEST = re.compile(r'schema_title="[^"]*" AND state=LIVE')


class NotModelledError(NotImplementedError):
    """The job asks for something that this harness does not do."""


@dataclass
class TaskResult:
    """What became of a task.

    Attributes:
        state: ``SUCCEEDED``, ``FAILED`` or ``SKIPPED``.
        artifacts: RuntimeArtifacts (uri, metadata, type) by output key.
        parameters: Output parameters.
        log: What the task wrote, with the traceback when it failed.
    """

    state: str
    artifacts: dict[str, Json] = field(default_factory=dict)
    parameters: Json = field(default_factory=dict)
    log: str = ""


def run_job(
    content: bytes, folder: Path, known: Iterable[Json] = (), engine: ContainerEngine | None = None
) -> dict[str, TaskResult]:
    """Run a compiled job to its end.

    Args:
        content: The PipelineJob, as JSON.
        folder: Where tasks put their artifacts; the job's own pipeline root is not touched.
        known: Artifacts of earlier runs, for resolvers, oldest first.
        engine: What runs containers that are not TFX's; None refuses them.

    Returns:
        The result of each task by name; those behind a task that did not succeed are ``SKIPPED``.

    Raises:
        NotModelledError: The job asks for something that this harness does not do.
    """
    return _Job(json.loads(content), folder, list(known), engine).run()


class _Job:
    def __init__(self, job: Json, folder: Path, known: list[Json], engine: ContainerEngine | None) -> None:
        self.spec: Json = job["pipelineSpec"]
        self.folder, self.known, self.engine = folder, known, engine
        self.is_2_1 = self.spec["schemaVersion"] == "2.1.0"
        runtime = job.get("runtimeConfig", {})
        legacy = {name: _plain(value) for name, value in runtime.get("parameters", {}).items()}
        self.parameters = {**legacy, **runtime.get("parameterValues", {})}
        self.results: dict[str, TaskResult] = {}

    def run(self) -> dict[str, TaskResult]:
        waiting: dict[str, Json] = dict(self.spec["root"]["dag"]["tasks"])
        while waiting:
            ready = [name for name, task in waiting.items() if _upstream(task) <= self.results.keys()]
            if not ready:
                raise NotModelledError(f"tasks that wait for tasks that do not exist: {sorted(waiting)}")
            for name in sorted(ready):
                task = waiting.pop(name)
                behind = [self.results[upstream].state for upstream in _upstream(task)]
                runs = all(state == "SUCCEEDED" for state in behind)
                self.results[name] = _Task(self, name, task).run() if runs else TaskResult("SKIPPED")
                self.known += self.results[name].artifacts.values()
        return self.results


class _Task:
    """One task whose upstream tasks have succeeded."""

    def __init__(self, job: _Job, name: str, task: Json) -> None:
        self.job, self.name, self.task = job, name, task
        self.component: Json = job.spec["components"][task["componentRef"]["name"]]
        if "executorLabel" not in self.component or {"parameterIterator", "artifactIterator"} & task.keys():
            raise NotModelledError(f"task {name!r} is a sub-DAG or a loop")
        self.executor: Json = job.spec["deploymentSpec"]["executors"][self.component["executorLabel"]]
        self.folder = job.folder / name
        self.output_file = self.folder / "executor_output.json"
        self.inputs = {key: self._input(source) for key, source in task.get("inputs", {}).get("artifacts", {}).items()}
        self.outputs = {key: self._new_artifact(key, spec) for key, spec in self._declared("artifacts").items()}
        self.parameters = self._parameters()

    def run(self) -> TaskResult:
        condition = self.task.get("triggerPolicy", {}).get("condition")
        if condition and not condition_holds(condition, self.inputs):
            return TaskResult("SKIPPED")
        if "importer" in self.executor:
            return self._import()
        if "resolver" in self.executor:
            return self._resolve()
        return self._run_container(self.executor["container"])

    def _declared(self, kind: str) -> Json:
        return self.component.get("outputDefinitions", {}).get(kind, {})

    def _input(self, source: Json) -> Json:
        produced = source["taskOutputArtifact"]
        return self.job.results[produced["producerTask"]].artifacts[produced["outputArtifactKey"]]

    def _new_artifact(self, key: str, spec: Json) -> Json:
        name = f"projects/p/locations/l/metadataStores/default/artifacts/{self.name}-{key}"
        uri = os.fspath(self.folder / key)
        return {"name": name, "type": spec["artifactType"], "uri": uri, "metadata": spec.get("metadata", {})}

    def _parameters(self) -> Json:
        sources = self.task.get("inputs", {}).get("parameters", {})
        return {name: self._parameter(source) for name, source in sources.items()}

    def _parameter(self, source: Json) -> Any:
        if "componentInputParameter" in source:
            return self.job.parameters[source["componentInputParameter"]]
        if "taskOutputParameter" in source:
            produced = source["taskOutputParameter"]
            # TFX 1.16 names a task that does not exist: the producer's id with "_task" behind it.
            producer = produced["producerTask"].removesuffix("_task")
            return self.job.results[producer].parameters[produced["outputParameterKey"]]
        if "runtimeValue" not in source:
            raise NotModelledError(f"task {self.name!r} takes a parameter from {sorted(source)}")
        value = source["runtimeValue"]
        return value["constant"] if "constant" in value else _plain(value["constantValue"])

    def _import(self) -> TaskResult:
        importer = self.executor["importer"]
        declared = importer["artifactUri"]
        constant = declared["constant"] if "constant" in declared else _plain(declared.get("constantValue", {}))
        settings = {"uri": self.parameters.get("artifact_uri", constant), "metadata": importer.get("metadata", {})}
        return TaskResult("SUCCEEDED", {key: {**artifact, **settings} for key, artifact in self.outputs.items()})

    def _resolve(self) -> TaskResult:
        found = {}
        for key, query in self.executor["resolver"]["outputArtifactQueries"].items():
            if not _LATEST.fullmatch(query["filter"]):
                raise NotModelledError(f"task {self.name!r} resolves by {query['filter']!r}")
            # The query of a custom type says tfx.Artifact; the type of the output is what is meant.
            matching = [artifact for artifact in self.job.known if _title(artifact) == _title(self.outputs[key])]
            if not matching:
                return TaskResult("FAILED", log=f"no artifact of type {_title(self.outputs[key])} for {key!r}")
            found[key] = matching[-1]
        return TaskResult("SUCCEEDED", found)

    def _run_container(self, container: Json) -> TaskResult:
        self.folder.mkdir(parents=True)
        hooks = [container["lifecycle"]["preCacheCheck"]] if "lifecycle" in container else []
        parameters, log = {}, ""
        for step in [*hooks, container]:
            self.parameters |= parameters  # what the hook found out is an input of the executor
            succeeded, told = self._fork(step)
            log += told
            if not succeeded:
                return TaskResult("FAILED", log=log)
            parameters = self._take_output()
        return TaskResult("SUCCEEDED", self.outputs, parameters, log)

    def _take_output(self) -> Json:
        """Take over the artifacts that the step described, and return the parameters that it wrote."""
        written = json.loads(self.output_file.read_text()) if self.output_file.exists() else {}
        for key, value in written.get("artifacts", {}).items():
            for described in value["artifacts"]:
                self.outputs[key] |= {name: described[name] for name in ("uri", "metadata") if name in described}
        return written.get("parameterValues", {})

    def _fork(self, step: Json) -> tuple[bool, str]:
        command = step.get("command", [])
        module = _ENTRY_POINTS.get(command[2]) if command[:2] == ["python", "-m"] else None
        if module is None and self.job.engine is not None and "args" not in step:
            command = [resolve(part, self.inputs, self.outputs, self.parameters) for part in command]
            return run_container(self.job.engine, step["image"], command, self.job.folder)
        if module is None:
            raise NotModelledError(f"task {self.name!r} runs {command} in its container")
        arguments = [json.dumps(self._executor_input()) if part == "{{$}}" else part for part in step["args"]]
        path = self.folder / f"{module.__name__.rpartition('.')[2]}.log"
        if (child := os.fork()) == 0:
            _run_in_child(module, arguments, path)
        succeeded = os.waitpid(child, 0)[1] == 0
        return succeeded, path.read_text()

    def _executor_input(self) -> Json:
        outputs: Json = {"artifacts": _lists(self.outputs), "outputFile": os.fspath(self.output_file)}
        if declared := self._declared("parameters"):
            outputs["parameters"] = {key: {"outputFile": os.fspath(self.folder / key)} for key in declared}
        inputs: Json = {"artifacts": _lists(self.inputs)}
        if self.job.is_2_1:
            inputs["parameterValues"] = self.parameters
        else:
            inputs["parameters"] = {name: _typed(value) for name, value in self.parameters.items()}
        return {"inputs": inputs, "outputs": outputs}


def _run_in_child(module: Any, arguments: list[str], log: Path) -> NoReturn:
    """Become the container: run an entry point with its output in a file, and leave without any clean-up of pytest."""
    code = 1
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        sys.stdout = sys.stderr = file
        try:
            module.main(module._parse_flags(arguments))
            code = 0
        except BaseException:  # noqa: BLE001 - the child tells everything, and must never return into pytest
            traceback.print_exc()
        finally:
            file.flush()
            os._exit(code)


def _upstream(task: Json) -> set[str]:
    artifacts = task.get("inputs", {}).get("artifacts", {}).values()
    return {*task.get("dependentTasks", []), *(source["taskOutputArtifact"]["producerTask"] for source in artifacts)}


def _lists(artifacts: Mapping[str, Json]) -> Json:
    return {key: {"artifacts": [artifact]} for key, artifact in artifacts.items()}


def _title(artifact: Json) -> str:
    declared = artifact["type"]
    return declared.get("schemaTitle") or yaml.safe_load(declared["instanceSchema"])["title"]


def _plain(value: Json) -> Any:
    """Return what a value of schema 2.0 holds; its integers are strings."""
    if "intValue" in value:
        return int(value["intValue"])
    return float(value["doubleValue"]) if "doubleValue" in value else value.get("stringValue", "")


def _typed(value: Any) -> Json:
    """Return a value as schema 2.0 carries it: it has no booleans, lists or objects."""
    if isinstance(value, int):
        return {"intValue": str(int(value))}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value if isinstance(value, str) else json.dumps(value)}
