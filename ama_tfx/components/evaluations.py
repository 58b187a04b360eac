"""What a TFX ``ModelEvaluation`` says: TFMA's metrics, thresholds and own validation, as values.

TFMA keeps only the thresholds that failed. Here each threshold is compared anew with each slice that it is meant for,
so that those which held are told too; TFMA's own verdict is one more signal, and has to agree.
"""

import functools
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import DecodeError
from tensorflow_model_analysis.metrics.metric_types import MetricKey
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.slicer import slicer_lib as slicer
from tfx.dsl.io import fileio

from ama_tfx.components.bounds import Bounds, Found, compare
from ama_tfx.components.verdicts import Blessing, Signal
from ama_tfx.errors import IntegrityError

CONFIG_FILE = "eval_config.json"
"""How TFMA evaluated, and which models."""

UNREADABLE = (OSError, ValueError, RecursionError, AssertionError, DecodeError, ParseError, tf.errors.OpError)
"""What TFMA raises of files that are missing, cut off or edited."""

SliceKey = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Evaluation:
    """An evaluation as it was read.

    Attributes:
        uri: Of the artifact.
        candidate: Where the model lay that was evaluated; empty when TFMA was given predictions instead of a model.
        baseline: Where the model lay that it was compared with; empty when there was none.
        metrics: By slice and TFMA's key, candidate and baseline, and their differences.
        config: TFMA's configuration, as Evaluator used it.
        validation: TFMA's ``ValidationResult``.
    """

    uri: str
    candidate: str
    baseline: str
    metrics: dict[SliceKey, dict[MetricKey, Found]]
    config: Any
    validation: Any

    @functools.cached_property
    def baseline_name(self) -> str | None:
        """The name of the baseline in TFMA's keys; None when there was none."""
        return _baseline_name(self.config)

    def is_of(self, model_uri: str) -> bool:
        """Return whether it is of the model with this URI."""
        return _lies_in(self.candidate, model_uri)

    def was_compared_with(self, model_uri: str) -> bool:
        """Return whether the baseline is the model with this URI."""
        return _lies_in(self.baseline, model_uri)

    def found(self, metric: str) -> Found | None:
        """Return a metric of the candidate: ``auc``, or of a slice ``auc[payment_type=Cash]``."""
        return self.all_found().get(metric)

    def all_found(self) -> dict[str, Found]:
        """Return all metrics of the candidate by their names, as `found` takes them."""
        return {
            _in_slice(_name(key), slice_text(slice_key)): found
            for slice_key, metrics in self.metrics.items()
            for key, found in metrics.items()
            if not key.is_diff and key.model_name != self.baseline_name
        }


def read_evaluation(uri: str) -> Evaluation:
    """Read an evaluation.

    Raises:
        IntegrityError: Its files are missing, cut off, or not what TFMA writes.
    """
    try:
        run = _read_run(uri)
        metrics = dict(sorted((pair for pb in tfma.load_metrics(uri) for pair in _metrics_of(pb)), key=_by_slice))
        validation = tfma.load_validation_result(uri)
    except UNREADABLE as error:
        if isinstance(error, IntegrityError):
            raise
        told = str(error) or "TFMA finds a file of it missing, or twice"
        raise IntegrityError(f"no evaluation can be read from {uri!r}: {told}") from error
    if not metrics:
        raise IntegrityError(f"the evaluation in {uri!r} holds no metrics; expected metrics-*.tfrecord")
    baseline = _baseline_name(run.eval_config)
    named = {name: "" if place == "<unknown>" else place for name, place in run.model_locations.items()}
    candidate = next((place for name, place in named.items() if name != baseline), "")
    return Evaluation(uri, candidate, named.get(baseline, "") if baseline else "", metrics, run.eval_config, validation)


def _read_run(uri: str) -> Any:
    """Read TFMA's ``EvalRun``; TFMA's own reader would unpickle, and so run, a file of its first format."""
    path = posixpath.join(uri, CONFIG_FILE)
    if not fileio.exists(path):
        raise IntegrityError(f"no evaluation can be read from {uri!r}: it has no {CONFIG_FILE}")
    with fileio.open(path, "r") as stream:
        run = Parse(stream.read(), config_pb2.EvalRun())
    if not run.version:
        raise IntegrityError(f"no evaluation can be read from {uri!r}: {CONFIG_FILE} does not say which TFMA wrote it")
    return run


def evaluation_signals(
    source: str, evaluation: Evaluation, model_uri: str, *, confident: bool = False
) -> tuple[Signal, ...]:
    """Return what an evaluation says of a model: of which model it is, TFMA's verdict, and each threshold.

    Args:
        source: The id of the component that evaluated.
        evaluation: What it wrote.
        model_uri: The model in question.
        confident: Whether the whole confidence interval has to hold a bound; without intervals nothing is known then.
    """
    thresholds = tuple(_threshold_signals(source, evaluation, confident))
    of_model = _model_signal(source, evaluation, model_uri)
    return of_model, _validation_signal(source, evaluation), *thresholds, *_unexplained(source, evaluation, thresholds)


def slice_text(key: SliceKey) -> str:
    """Return a slice as verdicts name it: ``payment_type=Cash, hour=3``; empty for all of the data."""
    return ", ".join(f"{column}={value}" for column, value in key)


def _baseline_name(config: Any) -> str | None:
    return next((spec.name for spec in config.model_specs if spec.is_baseline), None)


def _by_slice(pair: tuple[SliceKey, Any]) -> str:
    return slice_text(pair[0])


def _lies_in(place: str, model_uri: str) -> bool:
    return bool(place) and f"{place}/".startswith(f"{model_uri.rstrip('/')}/")


def _in_slice(metric: str, part: str) -> str:
    return f"{metric}[{part}]" if part else metric


def _metrics_of(pb: Any) -> Iterator[tuple[SliceKey, dict[MetricKey, Found]]]:
    if pb.HasField("cross_slice_key"):  # what failed of these TFMA tells itself
        return
    values = {}
    for item in pb.metric_keys_and_values:
        if (value := _number(item.value)) is None:
            continue
        interval = item.confidence_interval if item.HasField("confidence_interval") else None
        low, high = (_number(interval.lower_bound), _number(interval.upper_bound)) if interval else (None, None)
        values[MetricKey.from_proto(item.key)] = Found(value, low, high)
    yield slicer.deserialize_slice_key(pb.slice_key), values


def _number(value: Any) -> float | None:
    if value.HasField("double_value"):
        return value.double_value.value
    return value.bounded_value.value.value if value.HasField("bounded_value") else None


def _name(key: MetricKey) -> str:
    """Return a metric's name with what else tells it apart: its output, and its class or top k."""
    output = f"{key.output_name}/" if key.output_name else ""
    return output + key.name + (f"@{key.sub_key}" if key.sub_key else "")


def _model_signal(source: str, evaluation: Evaluation, model_uri: str) -> Signal:
    name, bound = "evaluated_model", f"= {model_uri}"
    if evaluation.is_of(model_uri):
        return Signal(source, Blessing.BLESSED, "the evaluation is of this model", name, evaluation.candidate, bound)
    told = f"of another model ({evaluation.candidate})" if evaluation.candidate else "of predictions, not of a model"
    return Signal(source, Blessing.UNKNOWN, f"the evaluation is {told}", name, evaluation.candidate, bound)


def _validation_signal(source: str, evaluation: Evaluation) -> Signal:
    found, name = evaluation.validation, "validation"
    if found.missing_thresholds:
        told = "the evaluation has no thresholds to check against"
        return Signal(source, Blessing.UNKNOWN, told, name, "no thresholds", "validation_ok")
    if found.validation_ok:
        return Signal(source, Blessing.BLESSED, "TFMA's validation is ok", name, "ok", "validation_ok")
    parts = sorted({_part_of(each) or "all data" for each in found.metric_validations_per_slice})
    missing = [_spec_text(spec) for spec in found.missing_slices]
    told = [*(["thresholds failed of " + "; ".join(parts)] if parts else [])]
    told += [f"slices are missing: {'; '.join(missing)}"] if missing else []
    reason = f"TFMA's validation is not ok: {', '.join(told) or 'it gives no reason'}"
    return Signal(source, Blessing.NOT_BLESSED, reason, name, "not ok", "validation_ok")


def _threshold_signals(source: str, evaluation: Evaluation, confident: bool) -> Iterator[Signal]:
    config = evaluation.config
    thresholds = tfma.metrics.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config)
    for key, sliced in thresholds.items():
        if key.model_name == evaluation.baseline_name:  # TFMA checks the candidate alone
            continue
        for spec, threshold in sliced:
            if not hasattr(spec, "baseline_spec"):
                yield from _signals_of(source, evaluation, (key, spec, threshold), confident)


def _signals_of(
    source: str, evaluation: Evaluation, checked: tuple[Any, Any, Any], confident: bool
) -> Iterator[Signal]:
    key, spec, threshold = checked
    name = _name(key) + ("_change" if key.is_diff else "")
    bounds = _bounds(key.is_diff, threshold)
    meant = [part for part in evaluation.metrics if spec is None or _applies(spec, part)]
    if not meant:
        part = _spec_text(spec) if spec is not None else ""
        yield Signal(source, Blessing.UNKNOWN, f"no data in slice {part!r}", name, None, bounds.words, part)
    for part in meant:
        baseline = evaluation.metrics[part].get(key.make_baseline_key(evaluation.baseline_name or ""))
        wanted = replace(bounds, baseline=baseline.value if baseline else None)
        found = evaluation.metrics[part].get(key)
        yield compare(source, name, found, wanted, part=slice_text(part), confident=confident)


def _applies(spec: Any, part: SliceKey) -> bool:
    return bool(slicer.SingleSliceSpec(spec=spec).is_slice_applicable(part))


def _bounds(is_change: bool, threshold: Any) -> Bounds:
    if not is_change:
        return Bounds(
            threshold.lower_bound.value if threshold.HasField("lower_bound") else None,
            threshold.upper_bound.value if threshold.HasField("upper_bound") else None,
        )
    higher = threshold.direction == tfma.MetricDirection.HIGHER_IS_BETTER
    absolute = threshold.absolute.value if threshold.HasField("absolute") else None
    relative = threshold.relative.value if threshold.HasField("relative") else None
    least, most = (absolute, None) if higher else (None, absolute)
    return Bounds(least, most, relative, higher)


def _part_of(validation: Any) -> str:
    """Return which slice, or which two, failed thresholds are of."""
    if not validation.HasField("cross_slice_key"):
        return slice_text(slicer.deserialize_slice_key(validation.slice_key))
    pair = validation.cross_slice_key
    keys = (pair.comparison_slice_key, pair.baseline_slice_key)
    return " against ".join(slice_text(slicer.deserialize_slice_key(key)) or "all data" for key in keys)


def _spec_text(spec: Any) -> str:
    pairs = [f"{name}=*" for name in spec.feature_keys]
    return ", ".join(pairs + [f"{name}={value}" for name, value in sorted(spec.feature_values.items())])


def _unexplained(source: str, evaluation: Evaluation, told: Sequence[Signal]) -> Iterator[Signal]:
    """Yield what TFMA says failed and nothing above does: thresholds across slices, a metric that was edited."""
    against = {(signal.name, signal.slice) for signal in told if signal.blessing is not Blessing.BLESSED}
    for validation in evaluation.validation.metric_validations_per_slice:
        part = _part_of(validation)
        for failure in validation.failures:
            key = MetricKey.from_proto(failure.metric_key)
            name = _name(key) + ("_change" if key.is_diff else "")
            if (name, part) in against:
                continue
            where = f" of {part}" if part else ""
            value = _number(failure.metric_value)
            reason = f"TFMA says that the threshold of {name}{where} failed, with {value}"
            yield Signal(source, Blessing.NOT_BLESSED, reason, f"{name}_by_tfma", value, "", part)
