"""A metadata store of 10,000 executions, as TFX writes them: ``python -m tests.bench.runs_seed FILE``.

1,000 runs of 10 nodes; every trainer starts from the model of the run before, anew each 40 runs, and takes one schema
that all runs share.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import ml_metadata
from ml_metadata.proto import metadata_store_pb2 as protos

RUNS, CHAIN = 1000, 40
NODES = {
    "Gen": ((), ("Examples",)),
    "Statistics": (("Examples",), ("ExampleStatistics",)),
    "Validator": (("ExampleStatistics", "Schema"), ("ExampleAnomalies",)),
    "Transform": (("Examples", "Schema"), ("TransformGraph",)),
    "Trainer": (("Examples", "Schema", "TransformGraph", "Base"), ("Model",)),
    "Evaluator": (("Examples", "Model"), ("ModelEvaluation", "ModelBlessing")),
    "Pusher": (("Model", "ModelBlessing"), ("PushedModel",)),
    "RegisterExamples": (("Examples",), ("ama_tfx.Asset",)),
    "RegisterModel": (("Model", "ModelBlessing"), ("ama_tfx.Asset",)),
    "Notify": (("ModelEvaluation",), ()),
}
"""Node -> types of what it takes and of what it gives."""


class Seed:
    """Writes runs in few calls each."""

    def __init__(self, file: Path) -> None:
        config = protos.ConnectionConfig()
        config.sqlite.filename_uri = str(file)
        config.sqlite.connection_mode = protos.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = ml_metadata.MetadataStore(config)
        made = {name for _, outputs in NODES.values() for name in outputs} | {"Schema"}
        self.artifact_types = {name: self.store.put_artifact_type(protos.ArtifactType(name=name)) for name in made}
        self.execution_types = {name: self.store.put_execution_type(protos.ExecutionType(name=name)) for name in NODES}
        kinds = ["pipeline", "pipeline_run", "node"]
        self.context_types = {name: self.store.put_context_type(protos.ContextType(name=name)) for name in kinds}
        self.pipeline = self._context("pipeline", "taxi")
        self.nodes = {name: self._context("node", f"taxi.{name}") for name in NODES}
        self.schema = self._artifacts(["Schema"], 0)[0]

    def run(self, number: int, base: int | None) -> int:
        """Write one run; return the id of its model."""
        run = self._context("pipeline_run", f"2026-01-01T00:00:00.{number:06d}")
        executions = self.store.put_executions([self._execution(name) for name in NODES])
        names = [name for _, outputs in NODES.values() for name in outputs]
        artifacts = iter(self._artifacts(names, number))
        known = {"Schema": self.schema, **({"Base": base} if base else {})}
        events = []
        for (inputs, outputs), execution in zip(NODES.values(), executions, strict=True):
            events += [_event(known[one], execution, protos.Event.INPUT, one) for one in inputs if one in known]
            known |= {one: next(artifacts) for one in outputs}
            events += [_event(known[one], execution, protos.Event.OUTPUT, one) for one in outputs]
        self.store.put_events(events)
        links = [
            protos.Association(execution_id=execution, context_id=context)
            for name, execution in zip(NODES, executions, strict=True)
            for context in (self.pipeline, run, self.nodes[name])
        ]
        self.store.put_attributions_and_associations([], links)
        return known["Model"]

    def _context(self, kind: str, name: str) -> int:
        context = protos.Context(type_id=self.context_types[kind], name=name)
        return int(self.store.put_contexts([context])[0])

    def _execution(self, name: str) -> Any:
        execution = protos.Execution(type_id=self.execution_types[name], last_known_state=protos.Execution.COMPLETE)
        for number in range(6):
            execution.custom_properties[f"parameter_{number}"].string_value = "a value of some length" * 2
        return execution

    def _artifacts(self, names: list[str], number: int) -> list[int]:
        made = []
        for name in names:
            uri = f"/pipelines/taxi/{name}/{number}"
            made.append(protos.Artifact(type_id=self.artifact_types[name], uri=uri, state=protos.Artifact.LIVE))
            made[-1].custom_properties["tfx_version"].string_value = "1.16.0"
        return list(self.store.put_artifacts(made))


def _event(artifact: int, execution: int, kind: int, key: str) -> Any:
    event = protos.Event(artifact_id=artifact, execution_id=execution, type=kind)
    event.path.steps.add().key = key
    event.path.steps.add().index = 0
    return event


def main(file: Path) -> None:
    """Make the store."""
    seed, base = Seed(file), None
    for number in range(RUNS):
        base = seed.run(number, base if number % CHAIN else None)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
