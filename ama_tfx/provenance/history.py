"""The history in a metadata store: open it, ask it."""

from __future__ import annotations

import contextlib
import datetime
import gc
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ama_tfx.errors import ConflictError, InvalidInputError, NotFoundError, did_you_mean
from ama_tfx.provenance.address import StoreAddress
from ama_tfx.provenance.copies import copies_of, registered_under, with_originals
from ama_tfx.provenance.graph import Graph
from ama_tfx.provenance.opening import Waiting, connect
from ama_tfx.provenance.questions import Dataset, datasets_of, evaluations_of, references_of
from ama_tfx.provenance.reading import RunReader
from ama_tfx.provenance.reasons import RESOLVER
from ama_tfx.provenance.records import Artifact, Event, EventKind, Execution, ExecutionState, Run
from ama_tfx.provenance.run_details import RunDetails, details_of
from ama_tfx.provenance.type_names import ASSET
from ama_tfx.provenance.walking import walk

if TYPE_CHECKING:
    from ama_tfx.provenance.measured import MeasuredEvaluation

__all__ = ["History", "open_history"]

LATEST = "latest"

_MOST_DIGITS = 19
"""Of an id, which has 63 bits; Python refuses to read a number of more than some thousands."""

MANY_RUNS = 200
"""From here on all executions are read in one call, instead of one call for each run."""


def open_history(url: str, *, waiting: Waiting | None = None) -> History:
    """Open a metadata store of TFX for reading; it is never made and never written to.

    Args:
        url: ``sqlite:PATH`` or a path, ``mysql://user@host/database``, ``postgresql://user@host/database`` or
            ``grpc://host:port``. A password stands in the variable ``AMA_METADATA_PASSWORD``, or in the one that
            ``?password_env=NAME`` names.
        waiting: How long a store that is being written to is waited for.

    Raises:
        InvalidInputError: Not such a URL, or one with a password in it.
        NotFoundError: No such file.
        FormatError: Not a metadata store.
        BackendError: It cannot be reached, or stays locked.
        PermissionDeniedError: It refuses this user.
        MissingExtraError: ML Metadata is not installed.
    """
    address, patience = StoreAddress.parse(url), waiting or Waiting()
    return History(RunReader(connect(address, patience), str(address), patience))


class History:
    """What a metadata store knows of runs; each question loads what it needs, in few calls.

    Every method raises what `open_history` does when the store cannot be read.

    Args:
        reader: Reads the store.
    """

    def __init__(self, reader: RunReader) -> None:
        self._reader = reader

    def runs(self, pipeline: str | None = None, *, most: int | None = None) -> list[RunDetails]:
        """Return runs, the newest first, without what their nodes took and gave; `run` tells that of one.

        Args:
            pipeline: Only of this pipeline.
            most: How many at most.
        """
        with _collecting_later():
            return self._runs(pipeline, most)

    def _runs(self, pipeline: str | None, most: int | None) -> list[RunDetails]:
        found: list[RunDetails] = []
        every = self._reader.runs()
        # A pipeline's name stands at executions, so runs of others are read too, but not many more than are wanted.
        size = len(every) if most is None else max(most, 1)
        for start in range(0, len(every), size or 1):
            if most is not None and len(found) >= most:
                break
            found += [one for one in self._details(every[start : start + size]) if pipeline in (None, one.pipeline)]
        return found if most is None else found[:most]

    def run(self, name: str = LATEST) -> RunDetails:
        """Return a run by its name or the beginning of it; ``latest`` is the newest.

        Raises:
            NotFoundError: There is none.
            ConflictError: Several begin so.
        """
        run = _chosen(name, self._reader.runs())
        executions = self._reader.executions_of_run(run)
        events = self._reader.events_of_executions(one.id for one in executions)
        cached = {one.id for one in executions if one.state is ExecutionState.CACHED}
        taken = {event.artifact_id for event in events if event.execution_id in cached}
        if taken:
            made = [event for event in self._reader.events_of_artifacts(taken) if event.kind is EventKind.OUTPUT]
            events = list(dict.fromkeys([*events, *made]))
        graph = self._graph(events, executions)
        named = {one.id: one for one in self._reader.with_nodes([*graph.executions.values()])}
        return details_of(run, [named[one.id] for one in executions], replace(graph, executions=named))

    def artifact(self, text: str) -> Artifact:
        """Return an artifact.

        Args:
            text: Its id; its URI; the reference, by digest, that it is registered under; or the name of a type, for the
                newest live artifact of it.

        Raises:
            NotFoundError: There is none.
        """
        if text.isdecimal():
            is_id = len(text) <= _MOST_DIGITS and int(text) < 1 << 63
            found = self._reader.artifacts([int(text)]) if is_id else []
        elif text.startswith("ama://"):
            found = self._registered(text)
        elif "/" in text or ":" in text:
            found = self._reader.artifacts_at(text) or self._reader.artifacts_at(text.rstrip("/"))
        else:
            found = self._newest(text)
        if not found:
            raise NotFoundError(
                f"no artifact {text!r}; expected an id, a URI, an ama:// reference by digest, or a type"
            )
        return found[0]

    def lineage(
        self, artifact_id: int, *, up: int | None = None, down: int | None = None, with_cached: bool = False
    ) -> Graph:
        """Return what an artifact was made from and what was made from it, with the executions between.

        Args:
            artifact_id: Which.
            up: How many executions to go back at most; None for all.
            down: The same in the other direction.
            with_cached: Whether to keep executions that took from the cache what another one made.
        """
        with _collecting_later():
            graph = self._graph(walk(self._reader, artifact_id, up=up, down=down), (), [artifact_id])
            found = (graph if with_cached else graph.without_cached()).around(artifact_id, up=up, down=down)
            return self._named(found)

    def datasets(self, artifact_id: int, *, types: Collection[str] = ()) -> list[Dataset]:
        """Return the datasets that a model, or anything, was made from, the nearest first.

        What was imported from the registry was made from what was registered there, as far as this store knows it.

        Args:
            artifact_id: Which.
            types: Names of types that count as datasets beside TFX's ``Examples``.
        """
        found = self.lineage(artifact_id, down=0)
        graph = with_originals(found, self._reader, lambda original: self.lineage(original, down=0))
        return datasets_of(graph, artifact_id, types)

    def metrics(self, artifact_id: int, dataset_id: int | None = None) -> list[MeasuredEvaluation]:
        """Return the evaluations of a model, and of what was imported of it, with their metrics, the newest first.

        Args:
            artifact_id: The model.
            dataset_id: Only on this dataset, or on one that was made from it.
        """
        from ama_tfx.provenance.measured import measured  # with the readers of files, which take 0.1 s

        models = self._same(artifact_id)
        events = [event for model in models for event in walk(self._reader, model, up=0, down=1)]
        if dataset_id is not None:
            events += walk(self._reader, dataset_id, up=0)
        graph = self._named(self._graph(list(dict.fromkeys(events)), (), models))
        return [measured(one) for one in evaluations_of(graph, models, dataset_id)]

    def references(
        self, artifact_ids: Iterable[int], *, until: datetime.datetime | None = None
    ) -> dict[int, tuple[str, ...]]:
        """Return the references, by digest, under which artifacts are registered; one that is not is left out.

        Args:
            artifact_ids: Which.
            until: Only what was registered by executions that began by then, so that an answer stays what it was.
        """
        wanted = set(artifact_ids)
        taken = self._reader.events_of_artifacts(wanted)
        executions = self._reader.executions(event.execution_id for event in taken)
        early = [one for one in executions if until is None or one.created_at <= until]
        events = self._reader.events_of_executions(one.id for one in early)
        found = references_of(self._graph(events, early, wanted))
        return {one: references for one, references in found.items() if one in wanted}

    def _details(self, runs: Sequence[Run]) -> list[RunDetails]:
        """Return runs without what their nodes took and gave; few are read one by one, many all at once."""
        members: dict[int, list[int]] = {run.id: [] for run in runs}
        if len(runs) > MANY_RUNS:
            every = self._reader.with_nodes(self._reader.every_execution())
            for execution in every:
                if execution.run and execution.run.id in members:
                    members[execution.run.id].append(execution.id)
        else:
            found = {run.id: self._reader.executions_of_run(run) for run in runs}
            members |= {one: [execution.id for execution in executions] for one, executions in found.items()}
            every = self._reader.with_nodes([one for executions in found.values() for one in executions])
        named = {one.id: one for one in every}
        # What became of a resolver shows in whether it is linked to anything; of others their record tells it.
        resolvers = [one.id for one in every if one.type == RESOLVER]
        graph = Graph({}, named, tuple(self._reader.events_of_executions(resolvers)))
        return [details_of(run, [named[one] for one in members[run.id]], graph) for run in runs]

    def _graph(self, events: list[Event], known: Sequence[Execution], artifacts: Iterable[int] = ()) -> Graph:
        """Return the graph of events, whose records are loaded, of executions that are known, and of artifacts."""
        executions = {one.id: one for one in known}
        missing = [event.execution_id for event in events if event.execution_id not in executions]
        executions.update((one.id, one) for one in self._reader.executions(missing))
        found = self._reader.artifacts([*artifacts, *(event.artifact_id for event in events)])
        return Graph({one.id: one for one in found}, executions, tuple(events))

    def _named(self, graph: Graph) -> Graph:
        named = self._reader.with_nodes([*graph.executions.values()])
        return replace(graph, executions={one.id: one for one in named})

    def _registered(self, reference: str) -> list[Artifact]:
        """Return what is registered under a reference: what its registrar took, else an import, else the asset."""
        assets = registered_under(self._reader, reference)
        is_known = any(one.type != ASSET for one in assets)
        return assets if is_known else copies_of(self._reader, {reference}) or assets

    def _same(self, artifact_id: int) -> list[int]:
        """Return an artifact with those of its type that hold the same registered version."""
        known = self.references([artifact_id]).get(artifact_id, ())
        if not known:
            return [artifact_id]
        kinds = {one.type for one in self._reader.artifacts([artifact_id])}
        registered = [one for reference in known for one in registered_under(self._reader, reference)]
        found = [one.id for one in (*registered, *copies_of(self._reader, known, kinds)) if one.type in kinds]
        return list(dict.fromkeys([artifact_id, *found]))

    def _newest(self, type_name: str) -> list[Artifact]:
        known = self._reader.artifact_types()
        if type_name not in known:
            hint = did_you_mean(type_name, known) or (f"; types: {', '.join(known)}" if known else "")
            raise NotFoundError(f"no artifact and no type {type_name!r}{hint}")
        live = [one for one in self._reader.artifacts_of_type(type_name) if one.state == "live"]
        return sorted(live, key=lambda one: (one.created_at, one.id), reverse=True)[:1]


@contextlib.contextmanager
def _collecting_later() -> Iterator[None]:
    """Stop Python's garbage collector for the block.

    Of ten thousand records that are made none is garbage, and looking through them again and again takes a sixth of the
    time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _chosen(name: str, runs: Sequence[Run]) -> Run:
    if not name:
        raise InvalidInputError("no run is named; expected a run's name, the beginning of one, or 'latest'")
    if not runs:
        raise NotFoundError("the metadata store holds no run")
    if name == LATEST:
        return runs[0]
    exact = [run for run in runs if run.name == name]
    found = exact or [run for run in runs if run.name.startswith(name)]
    if not found:
        raise NotFoundError(f"no run {name!r}{did_you_mean(name, [run.name for run in runs])}; see `ama runs list`")
    if len(found) > 1:
        several = ", ".join(repr(run.name) for run in found[:3])
        raise ConflictError(f"{len(found)} runs begin with {name!r}: {several}{', …' if found[3:] else ''}")
    return found[0]
