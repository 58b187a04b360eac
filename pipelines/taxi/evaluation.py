"""What a taxi model must reach to be blessed, as TFMA's configuration.

Measured on the 4,966 evaluation trips with the default configuration. The margins are made of the standard errors
(bootstrap): AUC 0.003 overall, 0.015 for credit cards and 0.008 for a weekday, calibration 0.017.

==================================  =========  ==================  =====
metric                              threshold  payment type alone  model
==================================  =========  ==================  =====
AUC overall                         0.935      0.922               0.946
AUC of the 1,701 credit card trips  0.60       0.500               0.648
AUC of the worst weekday            0.91       0.907               0.932
calibration overall                 0.85-1.15  by definition 1     1.058
==================================  =========  ==================  =====
"""

from __future__ import annotations

import tensorflow_model_analysis as tfma

from pipelines.taxi.features import LABEL

__all__ = ["eval_config", "metrics_specs", "slicing_specs"]

MIN_AUC = 0.935
MIN_AUC_CREDIT_CARD = 0.60
MIN_AUC_EACH_DAY = 0.91
MAX_AUC_LOSS = 0.005
"""How far a model's AUC may be below the last blessed one's; three seeds lay within 0.0014 of each other."""
CALIBRATION_RANGE = (0.85, 1.15)
"""Sum of predicted probabilities over the number of big tips."""

OVERALL = tfma.SlicingSpec()
EACH_PAYMENT_TYPE = tfma.SlicingSpec(feature_keys=["payment_type"])
CREDIT_CARD = tfma.SlicingSpec(feature_values={"payment_type": "Credit Card"})
EACH_DAY = tfma.SlicingSpec(feature_keys=["trip_start_day"])


def eval_config() -> tfma.EvalConfig:
    """Return the configuration of Evaluator: the exported model's signatures, the slices, and the gate."""
    model = tfma.ModelSpec(
        signature_name="serving_default", preprocessing_function_names=["transform_features"], label_key=LABEL
    )
    return tfma.EvalConfig(model_specs=[model], slicing_specs=slicing_specs(), metrics_specs=metrics_specs())


def slicing_specs() -> list[tfma.SlicingSpec]:
    """Return the slices that are reported; small ones too, as those of rare payment types, which decide nothing."""
    return [OVERALL, EACH_PAYMENT_TYPE, EACH_DAY]


def metrics_specs() -> list[tfma.MetricsSpec]:
    """Return the metrics that are computed for each slice, and the thresholds that decide."""
    metrics = [
        _auc(),
        _calibration(),
        *(tfma.MetricConfig(class_name=name) for name in ("BinaryAccuracy", "BinaryCrossEntropy", "ExampleCount")),
    ]
    return [tfma.MetricsSpec(metrics=metrics)]


def _auc() -> tfma.MetricConfig:
    """Return AUC, which decides overall, also against the last blessed model, for credit cards and for each day."""
    loss = tfma.GenericChangeThreshold(
        direction=tfma.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -MAX_AUC_LOSS}
    )
    overall = tfma.MetricThreshold(value_threshold=_at_least(MIN_AUC), change_threshold=loss)
    credit_card = tfma.MetricThreshold(value_threshold=_at_least(MIN_AUC_CREDIT_CARD))
    each_day = tfma.MetricThreshold(value_threshold=_at_least(MIN_AUC_EACH_DAY))
    return tfma.MetricConfig(
        class_name="AUC",
        per_slice_thresholds=[
            _within(OVERALL, overall),
            _within(CREDIT_CARD, credit_card),
            _within(EACH_DAY, each_day),
        ],
    )


def _calibration() -> tfma.MetricConfig:
    lowest, highest = CALIBRATION_RANGE
    bounds = tfma.GenericValueThreshold(lower_bound={"value": lowest}, upper_bound={"value": highest})
    overall = tfma.MetricThreshold(value_threshold=bounds)
    return tfma.MetricConfig(class_name="Calibration", per_slice_thresholds=[_within(OVERALL, overall)])


def _at_least(value: float) -> tfma.GenericValueThreshold:
    return tfma.GenericValueThreshold(lower_bound={"value": value})


def _within(slices: tfma.SlicingSpec, threshold: tfma.MetricThreshold) -> tfma.PerSliceMetricThreshold:
    # Never MetricConfig.threshold: TFMA applies that one to every slice, the slice of a single trip included.
    return tfma.PerSliceMetricThreshold(slicing_specs=[slices], threshold=threshold)
