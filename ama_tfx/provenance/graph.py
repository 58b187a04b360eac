"""Artifacts and executions as a graph, in memory: pure, whoever loaded it."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ama_tfx.provenance.records import Artifact, Event, EventKind, Execution, ExecutionState

__all__ = ["Graph"]

Steps = dict[int, int]
"""Artifact id -> how many executions lie between it and where one started."""


@dataclass(frozen=True)
class Graph:
    """Records and how they are linked.

    An event may name a record that is not here: a graph is often a part of a store. An artifact has several producers
    when executions took it from the cache.

    Attributes:
        artifacts: By id.
        executions: By id.
        events: In any order.
    """

    artifacts: Mapping[int, Artifact]
    executions: Mapping[int, Execution]
    events: tuple[Event, ...]

    @functools.cached_property
    def _by_artifact(self) -> Mapping[int, list[Event]]:
        found = defaultdict[int, list[Event]](list)
        for event in self.events:
            found[event.artifact_id].append(event)
        return dict(found)

    @functools.cached_property
    def _by_execution(self) -> Mapping[int, list[Event]]:
        found = defaultdict[int, list[Event]](list)
        for event in self.events:
            found[event.execution_id].append(event)
        return dict(found)

    def producers(self, artifact_id: int) -> list[int]:
        """Return the executions that gave an artifact, the first one first."""
        return self._executions(artifact_id, EventKind.OUTPUT)

    def consumers(self, artifact_id: int) -> list[int]:
        """Return the executions that took an artifact, the first one first."""
        return self._executions(artifact_id, EventKind.INPUT)

    def inputs(self, execution_id: int) -> list[Event]:
        """Return what an execution took, by key and position."""
        return self._sorted(execution_id, EventKind.INPUT)

    def outputs(self, execution_id: int) -> list[Event]:
        """Return what an execution gave, by key and position."""
        return self._sorted(execution_id, EventKind.OUTPUT)

    def chosen(self, execution_id: int) -> list[Event]:
        """Return what an execution, a resolver, chose, by key and position."""
        return self._sorted(execution_id, EventKind.INTERNAL)

    def is_linked(self, execution_id: int) -> bool:
        """Return whether any artifact is linked to an execution, chosen ones too."""
        return execution_id in self._by_execution

    def maker(self, artifact_id: int) -> Execution | None:
        """Return the execution that really made an artifact: the first that did not take it from the cache.

        One that took it from the cache stands in where the maker is not known; None where nobody gave it.
        """
        known = [self.executions[one] for one in self.producers(artifact_id) if one in self.executions]
        made = [one for one in known if one.state is not ExecutionState.CACHED]
        return next(iter([*made, *known]), None)

    def ancestors(self, artifact_id: int, most: int | None = None) -> Steps:
        """Return what an artifact was made from, itself with 0; nothing farther than ``most`` executions."""
        return self._walk(artifact_id, self.producers, self.inputs, most)[0]

    def descendants(self, artifact_id: int, most: int | None = None) -> Steps:
        """Return what was made from an artifact, itself with 0; nothing farther than ``most`` executions."""
        return self._walk(artifact_id, self.consumers, self.outputs, most)[0]

    def around(self, artifact_id: int, *, up: int | None = None, down: int | None = None) -> Graph:
        """Return the part that an artifact was made from and that was made from it.

        That is: both, the executions on the way, and how these are linked to them; of what such an execution took
        besides to make something newer, nothing.
        """
        older, makers = self._walk(artifact_id, self.producers, self.inputs, up)
        newer, users = self._walk(artifact_id, self.consumers, self.outputs, down)
        kept = tuple(
            event
            for event in self.events
            if event.kind is not EventKind.INTERNAL
            and (
                (event.execution_id in makers and event.artifact_id in older)
                or (event.execution_id in users and event.artifact_id in newer)
            )
        )
        return Graph(
            {one: self.artifacts[one] for one in sorted({*older, *newer}) if one in self.artifacts},
            {one: self.executions[one] for one in sorted({*makers, *users}) if one in self.executions},
            kept,
        )

    def without_cached(self) -> Graph:
        """Return the graph without executions that only took from the cache what another one here made."""
        gone = {one for one, execution in self.executions.items() if self._repeats(execution)}
        return replace(
            self,
            executions={one: execution for one, execution in self.executions.items() if one not in gone},
            events=tuple(event for event in self.events if event.execution_id not in gone),
        )

    def _repeats(self, execution: Execution) -> bool:
        if execution.state is not ExecutionState.CACHED:
            return False
        makers = [self.maker(event.artifact_id) for event in self.outputs(execution.id)]
        return all(maker is not None and maker.state is not ExecutionState.CACHED for maker in makers)

    def _executions(self, artifact_id: int, kind: EventKind) -> list[int]:
        return sorted({e.execution_id for e in self._by_artifact.get(artifact_id, ()) if e.kind is kind})

    def _sorted(self, execution_id: int, kind: EventKind) -> list[Event]:
        found = [event for event in self._by_execution.get(execution_id, ()) if event.kind is kind]
        return sorted(found, key=lambda event: (event.key, event.index, event.artifact_id))

    def _walk(
        self,
        start: int,
        executions: Callable[[int], Iterable[int]],
        events: Callable[[int], Iterable[Event]],
        most: int | None,
    ) -> tuple[Steps, set[int]]:
        """Return the artifacts that are reached, and the executions that are crossed on the way."""
        reached, crossed = {start: 0}, set[int]()
        frontier, steps = [start], 0
        while frontier and (most is None or steps < most):
            steps += 1
            now = dict.fromkeys(one for artifact in frontier for one in executions(artifact) if one not in crossed)
            crossed.update(now)
            found = dict.fromkeys(event.artifact_id for one in now for event in events(one))
            frontier = [one for one in found if one not in reached]
            reached.update(dict.fromkeys(frontier, steps))
        return reached, crossed
