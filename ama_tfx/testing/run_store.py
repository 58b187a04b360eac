"""Writes runs into a metadata store as TFX 1.16 does, without TFX: for tests, measurements and the documentation.

``python -m ama_tfx.testing.run_store FOLDER`` makes ``FOLDER/metadata.db`` with three runs of a pipeline.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Made", "RunStoreWriter", "Written", "write_example"]


@dataclass(frozen=True)
class Made:
    """An artifact that an execution makes: its type, where it lies, and its properties."""

    type: str
    uri: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """An execution that was written: its id, and those of its outputs by key."""

    execution: int
    outputs: Mapping[str, tuple[int, ...]]

    def __getitem__(self, key: str) -> int:
        """Return the one artifact of an output."""
        (found,) = self.outputs[key]
        return found


class RunStoreWriter:
    """Writes executions with the contexts, events and properties that TFX gives them.

    Args:
        where: A file that is made when there is none, or ML Metadata's ``ConnectionConfig``.
    """

    def __init__(self, where: Path | Any) -> None:
        import ml_metadata
        from ml_metadata.proto import metadata_store_pb2

        self.protos = metadata_store_pb2
        config = where
        if isinstance(where, Path):
            config = self.protos.ConnectionConfig()
            config.sqlite.filename_uri = str(where)
            config.sqlite.connection_mode = self.protos.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = ml_metadata.MetadataStore(config)
        self._types: dict[tuple[str, str, tuple[str, ...]], int] = {}
        self._contexts: dict[tuple[str, str], int] = {}

    def execute(
        self,
        run: str,
        node: str,
        *,
        inputs: Mapping[str, Sequence[int]] | None = None,
        outputs: Mapping[str, Made | Sequence[Made]] | None = None,
        parameters: Mapping[str, Any] | None = None,
        state: str = "COMPLETE",
        pipeline: str = "taxi",
        component: str = "",
        result: str = "",
    ) -> Written:
        """Write one execution of a node; ``result`` is the message that TFX records of a failure."""
        execution = self.protos.Execution(
            type_id=self._type("execution", component or f"parts.{node}"),
            last_known_state=self.protos.Execution.State.Value(state),
        )
        _set(execution.custom_properties, parameters or {})
        if result:
            message = json.dumps({"resultMessage": result, "code": 2})
            execution.custom_properties["__execution_result__"].string_value = message
        pairs = [*self._taken(inputs or {}), *self._given(outputs or {})]
        names = [("pipeline", pipeline), ("pipeline_run", run), ("node", f"{pipeline}.{node}")]
        contexts = [self.protos.Context(type_id=self._type("context", kind), name=name) for kind, name in names]
        execution_id, artifacts, _ = self.store.put_execution(execution, pairs, contexts, True, True)
        return self._written(execution_id, pairs, artifacts)

    def repeat(self, run: str, node: str, original: Written, *, pipeline: str = "taxi", component: str = "") -> Written:
        """Write that a node took the outputs of an earlier execution from the cache."""
        taken = self.store.get_events_by_execution_ids([original.execution])
        inputs: dict[str, list[int]] = {}
        for event in taken:
            if event.type == self.protos.Event.INPUT:
                for step in event.path.steps[::2]:
                    inputs.setdefault(step.key, []).append(event.artifact_id)
        execution = self.execute(run, node, inputs=inputs, state="CACHED", pipeline=pipeline, component=component)
        events = [
            self._event(self.protos.Event.OUTPUT, key, place, artifact, execution.execution)
            for key, artifacts in original.outputs.items()
            for place, artifact in enumerate(artifacts)
        ]
        self.store.put_events(events)
        return Written(execution.execution, original.outputs)

    def _taken(self, inputs: Mapping[str, Sequence[int]]) -> Iterator[tuple[Any, Any]]:
        known = {one.id: one for one in self.store.get_artifacts_by_id([i for ids in inputs.values() for i in ids])}
        taken: dict[int, list[tuple[str, int]]] = {}
        for key, ids in inputs.items():
            for place, artifact_id in enumerate(ids):
                taken.setdefault(artifact_id, []).append((key, place))
        for artifact_id, places in taken.items():
            event = self._event(self.protos.Event.INPUT, *places[0])
            for key, place in places[1:]:  # ML Metadata keeps one event of an artifact and an execution
                event.path.steps.add().key = key
                event.path.steps.add().index = place
            yield known[artifact_id], event

    def _given(self, outputs: Mapping[str, Made | Sequence[Made]]) -> Iterator[tuple[Any, Any]]:
        for key, made in outputs.items():
            for place, one in enumerate([made] if isinstance(made, Made) else made):
                artifact = self.protos.Artifact(uri=one.uri, state=self.protos.Artifact.LIVE)
                artifact.type_id = self._type("artifact", one.type, one.properties)
                _set(artifact.properties, one.properties)
                _set(artifact.custom_properties, {"tfx_version": "1.16.0", **one.custom})
                yield artifact, self._event(self.protos.Event.OUTPUT, key, place)

    def _written(self, execution_id: int, pairs: Sequence[tuple[Any, Any]], artifacts: Sequence[int]) -> Written:
        outputs: dict[str, tuple[int, ...]] = {}
        for (_, event), artifact_id in zip(pairs, artifacts, strict=True):
            if event.type == self.protos.Event.OUTPUT:
                key = event.path.steps[0].key
                outputs[key] = (*outputs.get(key, ()), artifact_id)
        return Written(execution_id, outputs)

    def _event(self, kind: int, key: str, place: int, artifact_id: int = 0, execution_id: int = 0) -> Any:
        event = self.protos.Event(type=kind)
        if artifact_id:
            event.artifact_id, event.execution_id = artifact_id, execution_id
        event.path.steps.add().key = key
        event.path.steps.add().index = place
        return event

    def _type(self, kind: str, name: str, properties: Mapping[str, Any] | None = None) -> int:
        known = (kind, name, tuple(sorted(properties or {})))
        if known not in self._types:
            message = getattr(self.protos, f"{kind.capitalize()}Type")(name=name)
            for key, value in (properties or {}).items():
                message.properties[key] = self.protos.INT if isinstance(value, int) else self.protos.STRING
            put = getattr(self.store, f"put_{kind}_type")
            self._types[known] = put(message, can_add_fields=True, can_omit_fields=True)
        return self._types[known]


def write_example(folder: Path) -> Path:
    """Make a small store: a run, one that was cached until its trainer failed, and one with a new span.

    Returns:
        The store's file. The evaluations' files lie beside it.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "metadata.db"
    with suppress(FileNotFoundError):
        file.unlink()
    writer = RunStoreWriter(file)
    examples = _gen(writer, "2026-05-01T06:00:00", folder, 1)
    model = _train(writer, "2026-05-01T06:00:00", folder, examples, 0.91)
    writer.repeat("2026-05-02T06:00:00", "CsvExampleGen", examples)
    writer.execute(
        "2026-05-02T06:00:00",
        "Trainer",
        inputs={"examples": [examples["examples"]], "base_model": [model["model"]]},
        state="FAILED",
        result="Traceback (most recent call last):\n  File 'trainer.py'\nValueError: the loss is NaN",
    )
    newer = _gen(writer, "2026-05-03T06:00:00", folder, 2)
    _train(writer, "2026-05-03T06:00:00", folder, newer, 0.93, base=model)
    return file


def _gen(writer: RunStoreWriter, run: str, folder: Path, span: int) -> Written:
    facts = {"span": span, "version": 1, "split_names": '["train", "eval"]'}
    made = Made("Examples", str(folder / f"examples/{span}"), facts)
    return writer.execute(run, "CsvExampleGen", outputs={"examples": made}, parameters={"input_base": "/data"})


def _train(
    writer: RunStoreWriter, run: str, folder: Path, examples: Written, auc: float, base: Written | None = None
) -> Written:
    model = writer.execute(
        run,
        "Trainer",
        inputs={"examples": [examples["examples"]], **({"base_model": [base["model"]]} if base else {})},
        outputs={"model": Made("Model", str(folder / f"model/{auc}"))},
        parameters={"train_args": '{"num_steps": 100, "splits": ["train"]}', "api_key": "not for others"},
    )
    place = folder / f"evaluation/{auc}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "metrics.json").write_text(json.dumps({"auc": auc, "loss": 0.25}))
    writer.execute(
        run,
        "Evaluator",
        inputs={"model": [model["model"]], "examples": [examples["examples"]]},
        outputs={"evaluation": Made("ModelEvaluation", str(place))},
        parameters={"example_splits": '["eval"]'},
    )
    return model


def _set(properties: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, float):
            properties[name].double_value = value
        elif isinstance(value, int):
            properties[name].int_value = value
        else:
            properties[name].string_value = str(value)


if __name__ == "__main__":
    write_example(Path(sys.argv[1]))
