"""What a model must show to be blessed."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ama_tfx.components.anomalies import Severity, parse_severity
from ama_tfx.components.bounds import check_directions, direction
from ama_tfx.errors import InvalidInputError, did_you_mean

EVIDENCE = ("evaluation", "evaluator_blessing", "infra_blessing", "verdicts", "anomalies", "baseline", "champion")
"""What `BlessingPolicy.require` may name."""

LATENCY = "latency_p99_ms"
MEMORY = "peak_memory_mib"
SIZE = "size_bytes"
"""Names of signals and of metrics in the registry that budgets are about."""

BESIDE = {LATENCY: "latency_p99_ratio", MEMORY: "model_memory_ratio"}
"""Names of signals that tell the ratio to the champion, measured beside it: better than a record of another day."""


@dataclass(frozen=True)
class BlessingPolicy:
    """Which evidence counts, and what it must show; every rule that is set is required.

    Evidence that is connected to the component is required by itself; ``require`` is for what must not be left out.

    Attributes:
        require: Evidence that has to be there, of `EVIDENCE`. ``baseline``: Evaluator compared with the very champion,
            byte for byte. ``champion``: there has to be one; without this rule the first model needs none.
        advisory: Names of signals that are told and do not decide, as ``binary_accuracy`` or ``anomalies``.
        confident: Whether the whole confidence interval of a metric has to hold its bound.
        anomalies: From which severity on an anomaly is a no: ``error`` or ``warning``.
        min_change: Metric -> the least change from the champion's, absolute, counted as an improvement: ``{"auc":
            -0.005}`` lets AUC fall, and ``{"loss": -0.01}`` lets loss rise, by as much. Slices as ``auc[hour=3]``.
        higher_is_better: Own metric -> whether more of it is better, for one whose name does not say so: ``{"gain":
            True}``; it holds for its slices too.
        max_size_bytes: Of all files of the model.
        max_size_ratio: To the champion.
        max_latency_ms: Of signal ``latency_p99_ms`` in a verdict, as InfraValidator gives; of several, of the longest.
        max_latency_ratio: To the champion: signal ``latency_p99_ratio`` of a verdict, measured beside it; where there
            is none, to the champion's metric ``latency_p99_ms`` in the registry.
        max_memory_mib: Of signal ``peak_memory_mib``; of several, of the most.
        max_memory_ratio: Likewise: signal ``model_memory_ratio``, else to the metric ``peak_memory_mib``.
        approvals: How many people have to have tagged the registered candidate ``approved-by/<name>``; nobody counts
            for another, nor who registered it.
        approvers: Whose approvals count; empty for anybody's.
        protected_alias: Whether the champion's alias has to be protected and to need a blessing, so that nobody moves
            it round the gates.
    """

    require: tuple[str, ...] = ()
    advisory: tuple[str, ...] = ()
    confident: bool = False
    anomalies: str = "error"
    min_change: Mapping[str, float] = field(default_factory=dict)
    max_size_bytes: float | None = None
    max_size_ratio: float | None = None
    max_latency_ms: float | None = None
    max_latency_ratio: float | None = None
    max_memory_mib: float | None = None
    max_memory_ratio: float | None = None
    approvals: int = 0
    approvers: tuple[str, ...] = ()
    protected_alias: bool = False
    higher_is_better: Mapping[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("require", "advisory", "approvers"):
            _check_names(name, getattr(self, name))
        for each in self.require:
            if each not in EVIDENCE:
                raise InvalidInputError(
                    f"unknown evidence {each!r}; known: {', '.join(EVIDENCE)}{did_you_mean(each, EVIDENCE)}"
                )
        parse_severity(self.anomalies)
        check_directions(self.higher_is_better)
        for metric, change in self.min_change.items():
            _check_change(metric, change, self.higher_is_better)
        for each in fields(self):
            if each.name.startswith("max_"):
                _check_budget(each.name, getattr(self, each.name))
        _check_approvals(self.approvals, self.approvers)

    @property
    def blocking(self) -> Severity:
        """From which severity on an anomaly is a no."""
        return parse_severity(self.anomalies)

    @property
    def needs_champion(self) -> bool:
        """Whether a rule speaks of the champion."""
        ratios = (self.max_size_ratio, self.max_latency_ratio, self.max_memory_ratio)
        named = {"baseline", "champion"} & set(self.require)
        return bool(self.min_change or named or self.protected_alias or any(ratio is not None for ratio in ratios))

    @property
    def needs_metrics(self) -> bool:
        """Whether a rule speaks of the champion's metrics."""
        return bool(self.min_change) or self.max_latency_ratio is not None or self.max_memory_ratio is not None

    def to_json(self) -> str:
        """Return the policy as the parameter that TFX records."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        mappings = {"min_change": dict(self.min_change), "higher_is_better": dict(self.higher_is_better)}
        return json.dumps({**told, **mappings}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "BlessingPolicy":
        """Read what `to_json` wrote."""
        found: dict[str, Any] = json.loads(text)
        for name in ("require", "advisory", "approvers"):
            found[name] = tuple(found[name])
        return cls(**found)


def _check_names(what: str, names: Any) -> None:
    if isinstance(names, str) or not all(isinstance(name, str) and name for name in names):
        raise InvalidInputError(f"{what} is {names!r}; expected names, as ('evaluation',)")


def _check_change(metric: str, change: Any, own: Mapping[str, bool]) -> None:
    if isinstance(change, bool) or not isinstance(change, int | float) or not math.isfinite(change):
        raise InvalidInputError(f"min_change of {metric!r} is {change!r}; expected a number, as -0.005")
    if direction(metric, own) is None:
        raise InvalidInputError(
            f"min_change names {metric!r}, and which way that is better is not known; expected a metric such as auc, "
            f"accuracy or loss, or higher_is_better={{{metric.partition('[')[0]!r}: True}} beside it"
        )


def _check_budget(name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise InvalidInputError(f"{name} is {value!r}; expected a number above 0")


def _check_approvals(count: Any, approvers: tuple[str, ...]) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise InvalidInputError(f"approvals is {count!r}; expected a whole number from 0")
    if approvers and not 1 <= count <= len(set(approvers)):
        raise InvalidInputError(f"approvals is {count} of {len(set(approvers))} approvers, who could never be enough")
