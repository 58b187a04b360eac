"""The gate, on predictions alone: which models it blesses and which it does not."""

from collections import defaultdict

import pandas as pd
import pytest
import tensorflow_model_analysis as tfma
from google.protobuf import text_format
from tensorflow_model_analysis.evaluators.metrics_validator import validate_metrics
from tensorflow_model_analysis.metrics.metric_types import MetricKey

from pipelines.taxi.evaluation import eval_config, metrics_specs, slicing_specs

# Per weekday: 200 cash trips, none with a big tip; 100 by credit card, of which a decent model tells 50 with four big
# tips in five from 50 with about one in two. Its AUC is 0.65 among credit cards and 0.95 overall.
CASH = [("Cash", 0, 0.01)] * 200
LIKELY = [("Credit Card", 1, 0.80)] * 40 + [("Credit Card", 0, 0.80)] * 10
UNLIKELY = [("Credit Card", 1, 0.54)] * 27 + [("Credit Card", 0, 0.54)] * 23
TRIPS = pd.DataFrame(
    [(day, *trip) for day in range(1, 8) for trip in [*CASH, *LIKELY, *UNLIKELY]],
    columns=["trip_start_day", "payment_type", "big_tip", "decent"],
)
BY_CARD = TRIPS["payment_type"] == "Credit Card"
SHUFFLED_LABELS = TRIPS["decent"].sample(frac=1, random_state=0, ignore_index=True)
MODELS = TRIPS.assign(knows_payment_type_only=BY_CARD * 0.67, learned_shuffled_labels=SHUFFLED_LABELS)
NAMES = list(MODELS.columns[4:])


def judge(folder, trips: pd.DataFrame, *models: str) -> tfma.ValidationResult:
    """TFMA's verdict over models whose predictions are columns of trips."""
    specs = [tfma.ModelSpec(name=name, label_key="big_tip", prediction_key=name) for name in models]
    config = tfma.EvalConfig(model_specs=specs, slicing_specs=slicing_specs(), metrics_specs=metrics_specs())
    first_run = tfma.utils.update_eval_config_with_defaults(config, has_baseline=False, rubber_stamp=True)
    tfma.analyze_raw_data(trips, first_run, output_path=str(folder))
    return tfma.load_validation_result(str(folder))


@pytest.fixture(scope="module")
def failures(tmp_path_factory) -> dict[str, set[tuple[str, str]]]:
    """By model: the slices and metrics that fail; all trips are the slice ''."""
    found = defaultdict(set)
    for one in judge(tmp_path_factory.mktemp("verdict"), MODELS, *NAMES).metric_validations_per_slice:
        slices = " ".join(key.column for key in one.slice_key.single_slice_keys)
        for failure in one.failures:
            found[failure.metric_key.model_name].add((slices, failure.metric_key.name))
    assert set(found) <= set(NAMES)
    return found


def test_a_decent_model_is_blessed(tmp_path):
    result = judge(tmp_path, TRIPS, "decent")
    assert result.validation_ok
    # All trips, the slice of credit cards, seven weekdays.
    assert sorted(one.num_matching_slices for one in result.validation_details.slicing_details) == [1, 1, 7]


def test_a_model_that_knows_only_the_payment_type_is_not_blessed(failures):
    assert failures["knows_payment_type_only"] == {("", "auc"), ("payment_type", "auc")}


def test_a_model_that_learned_from_shuffled_labels_is_not_blessed(failures):
    assert failures["learned_shuffled_labels"] == {("", "auc"), ("payment_type", "auc"), ("trip_start_day", "auc")}


def test_without_credit_card_trips_no_model_is_blessed(tmp_path):
    result = judge(tmp_path, TRIPS[~BY_CARD], "decent")
    assert not result.validation_ok
    assert [dict(one.feature_values) for one in result.missing_slices] == [{"payment_type": "Credit Card"}]


AUC, CALIBRATION = (MetricKey(name, model_name="candidate", example_weighted=False) for name in ("auc", "calibration"))
AUC_CHANGE = AUC._replace(is_diff=True)
PASSING = {AUC: 0.94, AUC_CHANGE: 0.0, CALIBRATION: 1.0}


@pytest.mark.parametrize(
    ("metrics", "blessed"),
    [
        ({}, True),
        ({AUC: 0.936}, True),
        ({AUC: 0.934}, False),
        ({AUC: float("nan")}, False),
        ({AUC_CHANGE: -0.0049}, True),
        ({AUC_CHANGE: -0.0051}, False),
        ({AUC_CHANGE: 0.1}, True),
        ({CALIBRATION: 0.84}, False),
        ({CALIBRATION: 1.16}, False),
        ({CALIBRATION: float("nan")}, False),
    ],
    ids=str,
)
def test_overall_a_model_needs_auc_also_compared_with_the_last_blessed_one_and_calibration(metrics, blessed):
    assert validates((), {**PASSING, **metrics}) is blessed


@pytest.mark.parametrize(
    ("slice_key", "auc", "blessed"),
    [
        (("trip_start_day", 3), 0.911, True),
        (("trip_start_day", 3), 0.909, False),
        (("payment_type", "Credit Card"), 0.601, True),
        (("payment_type", "Credit Card"), 0.599, False),
        (("payment_type", "Cash"), 0.0, True),
    ],
)
def test_weekdays_and_credit_cards_have_thresholds_of_their_own(slice_key, auc, blessed):
    badly_calibrated_and_far_worse_than_before = {CALIBRATION: 9.0, AUC_CHANGE: -0.5}
    assert validates((slice_key,), {AUC: auc, **badly_calibrated_and_far_worse_than_before}) is blessed


def validates(slice_key: tuple, metrics: dict[MetricKey, float]) -> bool:
    config = tfma.utils.update_eval_config_with_defaults(eval_config(), has_baseline=True)
    return validate_metrics((slice_key, metrics), config).validation_ok


def test_the_evaluator_asks_the_exported_model_for_predictions_and_label():
    (model,) = eval_config().model_specs
    expected = text_format.Parse(
        'signature_name: "serving_default" label_key: "big_tip" preprocessing_function_names: "transform_features"',
        tfma.ModelSpec(),
    )
    assert model == expected


def test_every_threshold_names_its_slices():
    """TFMA applies a threshold without slices to every slice, that of a single trip included."""
    metrics = [metric for spec in metrics_specs() for metric in spec.metrics]
    assert {metric.class_name for metric in metrics if metric.per_slice_thresholds} == {"AUC", "Calibration"}
    assert not [metric.class_name for metric in metrics if metric.HasField("threshold")]
