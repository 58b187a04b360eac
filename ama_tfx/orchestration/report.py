"""What became of a run, node by node: rendered by front ends, raised by `RunReport.require_success`."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from ama_tfx.errors import RunFailedError

__all__ = ["NodeOutcome", "NodeProgress", "NodeState", "RunReport"]


class NodeState(enum.Enum):
    """What became of one node of a run."""

    COMPLETE = "complete"
    """Ran, and published its outputs."""
    CACHED = "cached"
    """Took the outputs of an earlier execution."""
    EMPTY = "empty"
    """A resolver that found nothing: normal in a first run; a node that needed it is FAILED on its own."""
    SKIPPED = "skipped"
    """Not run on purpose: its condition is false, or a partial run left it out."""
    NOT_RUN = "not run"
    """Should have run and never did."""
    FAILED = "failed"
    """Tried, and did not succeed."""
    UNKNOWN = "unknown"
    """ML Metadata does not say; not to be taken for a success."""

    @property
    def is_success(self) -> bool:
        """Whether a run with this node did everything that it should."""
        return self in _SUCCESSES


_SUCCESSES = frozenset({NodeState.COMPLETE, NodeState.CACHED, NodeState.EMPTY, NodeState.SKIPPED})


@dataclass(frozen=True)
class NodeOutcome:
    """What became of one node.

    Attributes:
        node_id: The node's id in the pipeline.
        state: What became of it.
        message: Why, in one line; empty where the state says all.
        seconds: How long it took; None when it was not started in this run.
    """

    node_id: str
    state: NodeState
    message: str = ""
    seconds: float | None = None

    def __str__(self) -> str:
        return f"{self.node_id}: {self.state.value}" + (f": {self.message}" if self.message else "")


@dataclass(frozen=True)
class NodeProgress:
    """A node starts (without outcome) or has ended (with it).

    Attributes:
        position: From 1, in the order of the run.
        total: How many nodes this run starts, if none fails.
        node_id: The node's id.
        outcome: None at the start.
    """

    position: int
    total: int
    node_id: str
    outcome: NodeOutcome | None = None

    def __str__(self) -> str:
        text = f"[{self.position}/{self.total}] {self.node_id} ..."
        if self.outcome is None:
            return text
        seconds = "" if self.outcome.seconds is None else f" {self.outcome.seconds:.1f} s"
        return f"{text} {self.outcome.state.value}{seconds}"


@dataclass(frozen=True)
class RunReport:
    """What became of a run.

    Attributes:
        target: Where it ran.
        pipeline_name: The pipeline's name.
        run_id: The run's name in ML Metadata.
        outcomes: One per node of the pipeline, in topological order.
        cause: What the runner raised, if it did.
    """

    target: str
    pipeline_name: str
    run_id: str
    outcomes: tuple[NodeOutcome, ...]
    cause: BaseException | None = field(default=None, compare=False, repr=False)

    @property
    def failures(self) -> tuple[NodeOutcome, ...]:
        """The nodes that failed, never ran, or about which nothing is known."""
        return tuple(outcome for outcome in self.outcomes if not outcome.state.is_success)

    @property
    def is_success(self) -> bool:
        """Whether the run did everything that its pipeline says."""
        return bool(self.outcomes) and not self.failures and self.cause is None

    def require_success(self) -> RunReport:
        """Return this report.

        Raises:
            RunFailedError: The run did not do everything; names each node that did not, and why. What the runner
                raised is its ``__cause__``.
        """
        if self.is_success:
            return self
        lines = "".join(f"\n  {outcome}" for outcome in self.failures)
        raise RunFailedError(
            f"run {self.run_id!r} of pipeline {self.pipeline_name!r} did not do everything: "
            f"{len(self.failures)} of {len(self.outcomes)} nodes did not succeed{lines}"
        ) from self.cause
