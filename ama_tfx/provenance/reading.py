"""Reading records out of a metadata store in few calls; nothing here knows what they mean."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ama_tfx.provenance.opening import Waiting
from ama_tfx.provenance.records import Artifact, Event, EventKind, Execution, ExecutionState, Run

__all__ = ["RunReader"]

T = TypeVar("T")

MOST_IDS = 2_000
"""In one call."""

MOST_NODES = 100
"""That ML Metadata starts a subgraph from; it leaves out the others without a word."""

_RUN, _NODE, _PIPELINE = "pipeline_run", "node", "pipeline"
_KINDS = {
    1: EventKind.OUTPUT,  # DECLARED_OUTPUT
    2: EventKind.INPUT,  # DECLARED_INPUT
    3: EventKind.INPUT,
    4: EventKind.OUTPUT,
    7: EventKind.OUTPUT,  # PENDING_OUTPUT
}
"""By the numbers of ML Metadata's ``Event.Type``."""


class RunReader:
    """Reads a metadata store.

    Only ids are ever part of a query: texts are compared here, for ML Metadata puts them into SQL as they are.

    Args:
        store: ML Metadata's client.
        where: How errors call it.
        waiting: How a locked store is waited for; every method raises what that does.
    """

    def __init__(self, store: Any, where: str = "", waiting: Waiting | None = None) -> None:
        self._store, self._where, self._waiting = store, where, waiting or Waiting()

    def runs(self) -> list[Run]:
        """Return all runs, the newest first."""
        if _RUN not in {kind.name for kind in self._call(lambda: self._store.get_context_types())}:
            return []
        found = self._call(lambda: self._store.get_contexts_by_type(_RUN))
        return [_run(context) for context in sorted(found, key=_age, reverse=True)]

    def executions_of_run(self, run: Run) -> list[Execution]:
        """Return the executions of a run, the first one first; see `with_nodes`."""
        found = self._call(lambda: self._store.get_executions_by_context(run.id))
        return [_execution(one) for one in sorted(found, key=_age)]

    def every_execution(self) -> list[Execution]:
        """Return all executions, the first one first; see `with_nodes`."""
        found = self._call(lambda: self._store.get_executions())
        return [_execution(one) for one in sorted(found, key=_age)]

    def executions(self, ids: Iterable[int]) -> list[Execution]:
        """Return executions by their ids; one that there is not is left out."""
        return [_execution(one) for one in self._by_ids(self._store.get_executions_by_id, ids)]

    def artifacts(self, ids: Iterable[int]) -> list[Artifact]:
        """Return artifacts by their ids; one that there is not is left out."""
        return [_artifact(one) for one in self._by_ids(self._store.get_artifacts_by_id, ids)]

    def artifacts_of_type(self, name: str) -> list[Artifact]:
        """Return the artifacts of a type; none where there is no such type."""
        if name not in {kind.name for kind in self._call(lambda: self._store.get_artifact_types())}:
            return []
        return [_artifact(one) for one in self._call(lambda: self._store.get_artifacts_by_type(name))]

    def artifacts_at(self, uri: str) -> list[Artifact]:
        """Return the artifacts with a URI, the newest first."""
        every = self._call(lambda: self._store.get_artifacts())
        return [_artifact(one) for one in sorted(every, key=_age, reverse=True) if one.uri == uri]

    def artifact_types(self) -> list[str]:
        """Return the names of the types, sorted."""
        return sorted(kind.name for kind in self._call(lambda: self._store.get_artifact_types()))

    def events_of_executions(self, ids: Iterable[int]) -> list[Event]:
        """Return the events of executions."""
        return list(_events(self._by_ids(self._store.get_events_by_execution_ids, ids)))

    def events_of_artifacts(self, ids: Iterable[int]) -> list[Event]:
        """Return the events of artifacts."""
        return list(_events(self._by_ids(self._store.get_events_by_artifact_ids, ids)))

    def every_event(self) -> list[Event]:
        """Return all events."""
        # Artifacts are half as much to read as executions.
        every = self._call(lambda: self._store.get_artifacts())
        return self.events_of_artifacts(one.id for one in every)

    def with_nodes(self, executions: Sequence[Execution]) -> list[Execution]:
        """Return executions with the run, the pipeline and the node of each."""
        links = [
            link for ids in _batches((one.id for one in executions), MOST_NODES) for link in self._associations(ids)
        ]
        found = self._by_ids(self._store.get_contexts_by_id, (context_id for _, context_id in links))
        contexts = {context.id: context for context in found}
        told: dict[int, dict[str, Any]] = {}
        for execution_id, context_id in links:
            context = contexts[context_id]
            told.setdefault(execution_id, {})[context.type] = context
        return [_placed(one, told.get(one.id, {})) for one in executions]

    def _associations(self, ids: Sequence[int]) -> list[tuple[int, int]]:
        """Return the contexts of at most `MOST_NODES` executions, as pairs of ids."""
        from ml_metadata.proto import metadata_store_pb2 as protos

        options = protos.LineageSubgraphQueryOptions(max_num_hops=0)
        options.starting_executions.filter_query = f"id IN ({', '.join(map(str, ids))})"
        found = self._call(lambda: self._store.get_lineage_subgraph(options, ["associations"]))
        return [(link.execution_id, link.context_id) for link in found.associations]

    def _by_ids(self, ask: Callable[[list[int]], Iterable[T]], ids: Iterable[int]) -> Iterator[T]:
        for batch in _batches(dict.fromkeys(ids), MOST_IDS):
            yield from self._call(lambda batch=batch: ask(batch))  # type: ignore[misc]

    def _call(self, call: Callable[[], T]) -> T:
        return self._waiting(self._where, call)


def _batches(ids: Iterable[int], most: int) -> Iterator[list[int]]:
    every = list(ids)
    for start in range(0, len(every), most):
        yield every[start : start + most]


def _age(record: Any) -> tuple[int, int]:
    return record.create_time_since_epoch, record.id


def _time(milliseconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)


def _run(context: Any) -> Run:
    return Run(context.id, context.name, _time(context.create_time_since_epoch))


def _placed(execution: Execution, contexts: dict[str, Any]) -> Execution:
    pipeline = contexts[_PIPELINE].name if _PIPELINE in contexts else ""
    node = contexts[_NODE].name if _NODE in contexts else ""
    run = _run(contexts[_RUN]) if _RUN in contexts else None
    # TFX names a node's context <pipeline>.<node>.
    return replace(execution, run=run, pipeline=pipeline, node=node.removeprefix(f"{pipeline}."))


def _execution(proto: Any) -> Execution:
    return Execution(
        id=proto.id,
        type=proto.type,
        state=ExecutionState[proto.State.Name(proto.last_known_state)],
        created_at=_time(proto.create_time_since_epoch),
        updated_at=_time(proto.last_update_time_since_epoch),
        properties=_Values(proto.properties, proto.custom_properties),
    )


def _artifact(proto: Any) -> Artifact:
    return Artifact(
        id=proto.id,
        type=proto.type,
        uri=proto.uri,
        created_at=_time(proto.create_time_since_epoch),
        name=proto.name,
        state=proto.State.Name(proto.state).lower(),
        properties=_Values(proto.properties),
        custom_properties=_Values(proto.custom_properties),
    )


def _events(protos: Iterable[Any]) -> Iterator[Event]:
    """Yield events, one for each key: what one artifact was taken as twice, ML Metadata keeps as one event."""
    for proto in protos:
        kind = _KINDS.get(proto.type, EventKind.INTERNAL)
        key, index = "", 0
        for step in proto.path.steps:
            if not step.key:
                index = step.index
                continue
            if key:
                yield Event(proto.execution_id, proto.artifact_id, kind, key, index)
            key, index = step.key, 0
        yield Event(proto.execution_id, proto.artifact_id, kind, key, index)


class _Values(Mapping[str, Any]):
    """Properties, read when they are first asked for: of thousands of records, few are."""

    __slots__ = ("_protos", "_read")

    def __init__(self, *protos: Any) -> None:
        self._protos = protos
        self._read: dict[str, Any] | None = None

    def _all(self) -> dict[str, Any]:
        if self._read is None:
            self._read = {name: _value(value) for proto in self._protos for name, value in proto.items()}
        return self._read

    def __getitem__(self, name: str) -> Any:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(self._all())


def _value(value: Any) -> Any:
    """Return a property as a number, a text, a truth value, or JSON."""
    kind = value.WhichOneof("value")
    if kind == "struct_value":
        from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]

        return MessageToDict(value.struct_value)
    if kind == "proto_value":
        return f"<{value.proto_value.type_url or 'proto'}>"
    return getattr(value, kind) if kind else None
