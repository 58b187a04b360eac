"""What is read of evaluations: thresholds are held to as TFMA holds them, on values that nobody chose."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("gate_evidence")
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.evaluators.metrics_validator import validate_metrics
from tensorflow_model_analysis.metrics.metric_types import MetricKey

from ama_tfx.components.bounds import Bounds, Found, compare, worst_told
from ama_tfx.components.choosing import Candidate, Wanted, choose
from ama_tfx.components.evaluations import Evaluation, evaluation_signals, read_evaluation
from ama_tfx.components.verdicts import Blessing, Signal, judge
from ama_tfx.errors import GateError, IntegrityError

NUMBERS = st.one_of(st.sampled_from([0.0, 0.5, -0.5, 1.0]), st.floats(-2, 2), st.just(math.nan))
BOUNDS = st.one_of(st.none(), st.sampled_from([0.0, 0.5, -0.5]), st.floats(-2, 2))
DIRECTIONS = st.sampled_from([tfma.MetricDirection.HIGHER_IS_BETTER, tfma.MetricDirection.LOWER_IS_BETTER])
SLICES = ((), (("pay", "Cash"),), (("pay", "Card"),))
SPECS = st.sampled_from(
    [
        tfma.SlicingSpec(),
        tfma.SlicingSpec(feature_keys=["pay"]),
        tfma.SlicingSpec(feature_values={"pay": "Cash"}),
        tfma.SlicingSpec(feature_keys=["hour"]),
    ]
)


def wrapped(**bounds):
    return {name: {"value": value} for name, value in bounds.items() if value is not None}


@st.composite
def thresholds(draw):
    value = tfma.GenericValueThreshold(**wrapped(lower_bound=draw(BOUNDS), upper_bound=draw(BOUNDS)))
    bounds = wrapped(absolute=draw(BOUNDS), relative=draw(BOUNDS))
    if not bounds:  # TFMA lets NaN pass a change threshold that bounds nothing; here it is unknown
        return tfma.MetricThreshold(value_threshold=value)
    change = tfma.GenericChangeThreshold(direction=draw(DIRECTIONS), **bounds)
    return tfma.MetricThreshold(value_threshold=value, change_threshold=change)


@st.composite
def cases(draw):
    """A configuration with a threshold for some slices, and the metrics of each slice."""
    part = tfma.PerSliceMetricThreshold(slicing_specs=[draw(SPECS)], threshold=draw(thresholds()))
    metric = tfma.MetricConfig(class_name="AUC", per_slice_thresholds=[part])
    candidate, baseline = (tfma.ModelSpec(name=name, is_baseline=name == "old") for name in ("new", "old"))
    config = tfma.EvalConfig(
        model_specs=[candidate, baseline],
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["pay"])],
        metrics_specs=[tfma.MetricsSpec(metrics=[metric], model_names=["new", "old"])],
    )
    keys = tfma.metrics.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config)
    plain = next(key for key in keys if not key.is_diff and key.model_name == "new")
    return config, {key: measured(plain, draw(NUMBERS), draw(NUMBERS)) for key in SLICES}


def measured(key: MetricKey, new: float, old: float) -> dict[MetricKey, float]:
    return {key: new, key.make_baseline_key("old"): old, key.make_diff_key(): new - old}


@given(cases())
def test_a_threshold_holds_for_a_slice_just_when_tfma_says_so(case):
    config, metrics = case
    for part, values in metrics.items():
        told = validate_metrics((part, values), config)
        found = Evaluation("/e", "/m", "/old", {part: {k: Found(v) for k, v in values.items()}}, config, told)
        signals = [s for s in evaluation_signals("Evaluator", found, "/m") if s.name in {"auc", "auc_change"}]
        judged = [signal for signal in signals if not signal.reason.startswith("no data in slice")]
        assert all(signal.blessing is Blessing.BLESSED for signal in judged) is told.validation_ok
        assert not [s for s in evaluation_signals("Evaluator", found, "/m") if s.name.endswith("_by_tfma")]


@given(NUMBERS, st.one_of(st.none(), st.floats(0, 1)), BOUNDS, BOUNDS)
def test_a_confident_yes_is_a_yes_and_a_no_stays_a_no(value, width, least, most):
    interval = (None, None) if width is None else (value - width, value + width)
    bounds = Bounds(least, most)
    said = compare("s", "n", Found(value), bounds).blessing
    surely = compare("s", "n", Found(value, *interval), bounds, confident=True).blessing
    assert surely is said or (said is Blessing.BLESSED and surely is Blessing.UNKNOWN)
    if width is None:
        assert surely is not Blessing.BLESSED


def test_what_evaluator_wrote_is_read_back(gate_folder):
    found = read_evaluation(str(gate_folder / "evaluations" / "candidate"))
    assert found.is_of(str(gate_folder / "models" / "candidate"))
    assert found.was_compared_with(str(gate_folder / "models" / "champion"))
    assert not found.is_of(str(gate_folder / "models" / "cand"))
    assert sorted(found.all_found()) == [
        f"{metric}{part}"
        for metric in ("auc", "binary_accuracy", "example_count")
        for part in ("", "[pay=Card]", "[pay=Cash]")
    ]
    assert found.all_found()["example_count"].value == 300
    assert found.found("auc[pay=Cheque]") is None


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, flag):
        self.flag = flag

    def __reduce__(self):
        return Path.touch, (self.flag,)


def test_reading_an_evaluation_runs_nothing_of_it(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "eval_config")) as writer:
        writer.write(pickle.dumps(Payload(tmp_path / "was_run")))
    with pytest.raises(IntegrityError, match=r"it has no eval_config\.json$"):
        read_evaluation(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["eval_config"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "does not say which TFMA wrote it"),
        (b'{"evalConfig": 1}', "no evaluation can be read"),
        (b"\xff\xfe", "no evaluation can be read"),
        (b'{"evalConfig":' + b"[" * 100_000, "no evaluation can be read"),
    ],
)
def test_a_configuration_that_tfma_did_not_write_is_refused(tmp_path, content, message):
    (tmp_path / "eval_config.json").write_bytes(content)
    with pytest.raises(IntegrityError, match=message):
        read_evaluation(str(tmp_path))


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("bounds", [Bounds(least=0.8), Bounds(most=0.8), Bounds()])
def test_what_is_not_finite_is_unknown(value, bounds):
    assert compare("s", "auc", Found(value), bounds).blessing is Blessing.UNKNOWN


def told(value, blessing=Blessing.BLESSED, part=""):
    return Signal("gate", blessing, "said", "latency_p99_ms", value, slice=part)


@pytest.mark.parametrize(
    ("signals", "worst"),
    [
        ([told(900.0), told(0.001)], 900.0),
        ([told(0.001), told(900.0)], 900.0),
        ([told(3.0), told(-5.0), told(2.0)], -5.0),
        ([told(3.0), told("inf")], math.inf),
        ([told(3.0), told(900.0, part="pay=Cash")], 3.0),
        ([told(3.0), told(900.0, Blessing.UNKNOWN)], 900.0),
        ([told(3.0, Blessing.UNKNOWN)], None),
        ([told("fast"), told(True), told(None)], None),
    ],
)
def test_the_worst_that_is_told_counts(signals, worst):
    assert worst_told("latency_p99_ms", signals) == (None if worst is None else Found(worst))


@pytest.mark.parametrize(("said", "reason"), [(0.001, "is 900; expected <= 50"), (-5.0, "less than 0 cannot be")])
def test_nobody_makes_a_slow_candidate_quick_by_saying_so(said, reason):
    verdicts = (judge("infra", "/m", [told(900.0)]), judge("box", "/m", [told(said)]))
    for found in (verdicts, verdicts[::-1]):
        slow = Candidate("/m", 1.0, {"auc": Found(0.9)}, found)
        with pytest.raises(GateError, match=reason):
            choose("selector", "/out", [slow], Wanted("auc", max_latency_ms=50))
