"""What a metadata store holds, as values: the records of ML Metadata, in its words."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Artifact", "Event", "EventKind", "Execution", "ExecutionState", "Run"]


class ExecutionState(enum.Enum):
    """Where an execution stands, as far as anybody wrote it down."""

    COMPLETE = "complete"
    CACHED = "cached"
    FAILED = "failed"
    CANCELED = "canceled"
    RUNNING = "running"
    """Or ended without a word: a driver or publisher that raises leaves its execution so for ever."""
    NEW = "new"
    UNKNOWN = "unknown"


class EventKind(enum.Enum):
    """How an artifact and an execution are linked."""

    INPUT = "input"
    OUTPUT = "output"
    INTERNAL = "internal"
    """A resolver chose the artifact; it neither made nor used it."""

    __hash__ = object.__hash__  # Enum's own calls Python, and events are kept in dictionaries by the ten thousand


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a pipeline.

    Attributes:
        id: Of its context; up to 63 bits.
        name: What TFX calls the run id.
        created_at: When its first node began; aware, UTC.
    """

    id: int
    name: str
    created_at: datetime.datetime


@dataclass(frozen=True)
class Artifact:
    """Something that was made or imported.

    Attributes:
        id: Unique in its store; up to 63 bits.
        type: TFX's name, ``Examples``.
        uri: Where it was written.
        name: Empty for most artifacts of TFX.
        state: ML Metadata's word in small letters: ``live``, ``abandoned``, ``deleted``, …
        properties: Those that the type declares: ``span``, ``split_names``, …
        custom_properties: Others.
        created_at: Aware, UTC.
    """

    id: int
    type: str
    uri: str
    created_at: datetime.datetime
    name: str = ""
    state: str = "live"
    properties: Mapping[str, Any] = field(default_factory=dict)
    custom_properties: Mapping[str, Any] = field(default_factory=dict)

    def fact(self, name: str) -> Any:
        """Return a property, declared or custom; None where it is not recorded."""
        return self.properties.get(name, self.custom_properties.get(name))


@dataclass(frozen=True)
class Execution:
    """One node at work.

    Attributes:
        id: Unique in its store; up to 63 bits.
        type: The component's class, as TFX names it.
        state: Where it stands.
        created_at: When it began; aware, UTC.
        updated_at: When it was last written to: its end, for one that ended.
        properties: What it was started with, and what TFX notes beside it under names that begin with ``__``.
        node: The node's id in the pipeline; empty for an execution that no pipeline made.
        pipeline: Name of the pipeline; may be empty.
        run: Of which run; None for an execution outside of any.
    """

    id: int
    type: str
    state: ExecutionState
    created_at: datetime.datetime
    updated_at: datetime.datetime
    properties: Mapping[str, Any] = field(default_factory=dict)
    node: str = ""
    pipeline: str = ""
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """That an execution took or gave an artifact.

    Attributes:
        execution_id: Which execution.
        artifact_id: Which artifact.
        kind: Took, or gave.
        key: Name of the input or output.
        index: Position where that holds several.
    """

    execution_id: int
    artifact_id: int
    kind: EventKind
    key: str = ""
    index: int = 0
