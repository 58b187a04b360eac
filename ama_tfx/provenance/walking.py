"""Loading the part of a store that an artifact was made from and that was made from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from ama_tfx.provenance.records import Event, EventKind

__all__ = ["EventSource", "walk"]

MOST_ROUNDS = 200
"""Questions to the store before all of its events are loaded at once, which takes a store of 10,000 executions about as
long as so many questions: a chain of a hundred runs asks them."""


class EventSource(Protocol):
    """Whatever knows events: a metadata store, or a test."""

    def events_of_executions(self, ids: Iterable[int]) -> list[Event]:
        """Return the events of executions."""
        ...

    def events_of_artifacts(self, ids: Iterable[int]) -> list[Event]:
        """Return the events of artifacts."""
        ...

    def every_event(self) -> list[Event]:
        """Return all events."""
        ...


class _Asking:
    """Asks a source, and knows everything once it has asked often."""

    def __init__(self, source: EventSource) -> None:
        self._source, self._rounds = source, 0
        self._known: tuple[Mapping[int, list[Event]], Mapping[int, list[Event]]] | None = None

    def of_artifacts(self, ids: Iterable[int]) -> list[Event]:
        return self._ask(ids, 0, self._source.events_of_artifacts)

    def of_executions(self, ids: Iterable[int]) -> list[Event]:
        return self._ask(ids, 1, self._source.events_of_executions)

    def _ask(self, ids: Iterable[int], side: int, ask: Callable[[Iterable[int]], list[Event]]) -> list[Event]:
        self._rounds += 1
        if self._known is None and self._rounds > MOST_ROUNDS:
            artifacts, executions = defaultdict[int, list[Event]](list), defaultdict[int, list[Event]](list)
            for event in self._source.every_event():
                artifacts[event.artifact_id].append(event)
                executions[event.execution_id].append(event)
            self._known = artifacts, executions
        if self._known is None:
            return ask(ids)
        return [event for one in ids for event in self._known[side].get(one, ())]


def walk(source: EventSource, start: int, *, up: int | None = None, down: int | None = None) -> list[Event]:
    """Return the events of every execution on a way up or down from an artifact, each once.

    Args:
        source: Is asked for them.
        start: Id of the artifact.
        up: How many executions to go back at most; 0 for none, None for all.
        down: The same in the other direction.
    """
    asking = _Asking(source)
    ways = [
        *_way(asking, start, (EventKind.OUTPUT, EventKind.INPUT), up),
        *_way(asking, start, (EventKind.INPUT, EventKind.OUTPUT), down),
    ]
    return list(dict.fromkeys(ways))


def _way(asking: _Asking, start: int, kinds: tuple[EventKind, EventKind], most: int | None) -> Iterator[Event]:
    """Yield the events of executions in one direction: how one is entered from an artifact, and how it is left."""
    reached, crossed, frontier, steps = {start}, set[int](), [start], 0
    while frontier and (most is None or steps < most):
        steps += 1
        near = [event for event in asking.of_artifacts(frontier) if event.kind is kinds[0]]
        executions = [one for one in dict.fromkeys(event.execution_id for event in near) if one not in crossed]
        crossed.update(executions)
        # These hold the events by which the executions were found, too.
        far = asking.of_executions(executions) if executions else []
        yield from (event for event in far if event.kind is not EventKind.INTERNAL)
        ends = dict.fromkeys(event.artifact_id for event in far if event.kind is kinds[1])
        frontier = [one for one in ends if one not in reached]
        reached.update(frontier)
