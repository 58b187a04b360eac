"""What Evaluator is asked to compare with: it forgets that in what it writes, when it finds no baseline."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from google.protobuf.json_format import Parse, ParseError
from tensorflow_model_analysis.proto import config_pb2


@dataclass(frozen=True)
class Comparison:
    """What the pipeline asked for.

    Attributes:
        names_baseline: Whether it connects a baseline to the gate.
        changes: Metrics with change thresholds in Evaluator's configuration, by TFMA's names, slices as
            ``AUC[hour=3]``.
    """

    names_baseline: bool = False
    changes: tuple[str, ...] = ()

    def to_json(self) -> str | None:
        """Return it as the parameter that TFX records; None when no comparison is asked for."""
        return json.dumps(asdict(self), sort_keys=True) if self.names_baseline or self.changes else None

    @classmethod
    def from_json(cls, text: str | None) -> "Comparison":
        """Read what `to_json` wrote."""
        found = json.loads(text) if text else {}
        return cls(found.get("names_baseline", False), tuple(found.get("changes", ())))

    def without_baseline(self, compared: Iterable[str]) -> str | None:
        """Return what an evaluation without a baseline lacks; None when it lacks nothing.

        Args:
            compared: Metrics that are compared with the champion's in the registry instead.
        """
        if self.names_baseline:
            return "the pipeline names a baseline, and none was found"
        known = {_plain(name) for name in compared}
        gone = [name for name in self.changes if _plain(name) not in known]
        return f"its change thresholds are dropped then, those of {', '.join(gone)}" if gone else None


def asked_for(evaluation: Any, baseline_model: Any) -> Comparison:
    """Return what a pipeline asks for, by the channels that it connects to the gate."""
    if evaluation is None:
        return Comparison()
    producer = getattr(evaluation, "producer_component", None)
    config = producer.exec_properties.get("eval_config") if hasattr(producer, "exec_properties") else None
    return Comparison(baseline_model is not None, changes_of(config) if isinstance(config, str) else ())


def changes_of(eval_config: str) -> tuple[str, ...]:
    """Return the metrics with change thresholds of TFMA's configuration, as JSON; none when it is something else."""
    try:
        config = Parse(eval_config, config_pb2.EvalConfig())
    except ParseError:
        return ()
    return tuple(sorted({name for spec in config.metrics_specs for name in _changes(spec)}))


def _changes(spec: Any) -> Iterator[str]:
    for metric in spec.metrics:
        yield from _of_metric(_name(metric), [metric.threshold], metric.per_slice_thresholds)
        yield from _across_slices(_name(metric), metric.cross_slice_thresholds)
    for name, threshold in spec.thresholds.items():
        yield from _of_metric(name, [threshold], ())
    for name, sliced in spec.per_slice_thresholds.items():
        yield from _of_metric(name, (), sliced.thresholds)
    for name, crossed in spec.cross_slice_thresholds.items():
        yield from _across_slices(name, crossed.thresholds)


def _of_metric(name: str, thresholds: Iterable[Any], sliced: Iterable[Any]) -> Iterator[str]:
    yield from (name for threshold in thresholds if threshold.HasField("change_threshold"))
    for each in sliced:
        if each.threshold.HasField("change_threshold"):
            yield from (f"{name}[{part}]" if (part := _slice(spec)) else name for spec in each.slicing_specs)


def _across_slices(name: str, crossed: Iterable[Any]) -> Iterator[str]:
    yield from (f"{name}[across slices]" for each in crossed if each.threshold.HasField("change_threshold"))


def _name(metric: Any) -> str:
    try:
        own = json.loads(metric.config or "{}").get("name")
    except (ValueError, AttributeError):
        own = None
    return own or metric.class_name


def _slice(spec: Any) -> str:
    return ", ".join([f"{key}=*" for key in spec.feature_keys] + [f"{k}={v}" for k, v in spec.feature_values.items()])


def _plain(name: str) -> tuple[str, str]:
    """Return a metric's name as both ``BinaryCrossEntropy`` and ``binary_crossentropy`` have it, and its slice."""
    metric, _, part = name.partition("[")
    return re.sub(r"[^a-z0-9/@]", "", metric.lower()), part
