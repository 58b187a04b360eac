"""Raw trips to features and label, as one TensorFlow graph that training, evaluation and serving share."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf
import tensorflow_transform as tft

from pipelines.taxi.features import (
    AMOUNTS,
    COORDINATE_BUCKETS,
    COORDINATES,
    FARE,
    INTEGER_RANGES,
    LABEL,
    MISSING_CODE,
    TIPS,
    VOCABULARY_SIZES,
    transformed_name,
)

__all__ = ["preprocessing_fn"]


def preprocessing_fn(inputs: Mapping[str, tf.SparseTensor]) -> dict[str, tf.Tensor]:
    """Turn a batch of raw trips into features and label; TFX's Transform calls this.

    Args:
        inputs: Raw columns by name, each with at most one value per trip.

    Returns:
        Dense tensors of shape ``[batch, 1]``. Amounts: float32, z-scores of the logarithm, 0 (the mean) for
        missing.
        Coordinates, integers and texts: int64 codes from 0 to ``code_counts() - 1``, 0 for missing or unknown.
        ``LABEL``: int64, 0 or 1.
    """
    outputs = {name: _standardised(inputs[name]) for name in AMOUNTS}
    outputs |= {name: _bucket_codes(inputs[name]) for name in COORDINATES}
    outputs |= {name: _integer_codes(inputs[name], *limits) for name, limits in INTEGER_RANGES.items()}
    outputs |= {name: _term_codes(name, inputs[name], size) for name, size in VOCABULARY_SIZES.items()}
    features = {transformed_name(name): tensor for name, tensor in outputs.items()}
    return {**features, LABEL: _big_tip(inputs[FARE], inputs[TIPS])}


def _dense(column: tf.SparseTensor, default: int) -> tf.Tensor:
    """Return the values as ``[batch, 1]`` with ``default`` where a trip has none."""
    # The width is set to 1 because a batch in which no trip has the column would be of width 0.
    return tf.sparse.to_dense(tf.SparseTensor(column.indices, column.values, [column.dense_shape[0], 1]), default)


def _standardised(column: tf.SparseTensor) -> tf.Tensor:
    # In float64, because Beam sums in no fixed order: in float32 each run would give other last bits, so other models.
    logarithms = tf.math.log1p(tf.maximum(tf.cast(column.values, tf.float64), 0.0))
    return tf.cast(_dense(tft.scale_to_z_score(column.with_values(logarithms)), 0), tf.float32)


def _bucket_codes(column: tf.SparseTensor) -> tf.Tensor:
    return 1 + _dense(tft.bucketize(column, COORDINATE_BUCKETS), MISSING_CODE - 1)


def _integer_codes(column: tf.SparseTensor, low: int, high: int) -> tf.Tensor:
    code = _dense(column, low - 1) - (low - 1)
    known = tf.logical_and(code >= 1, code <= high - low + 1)
    return tf.where(known, code, tf.constant(MISSING_CODE, tf.int64))


def _term_codes(name: str, column: tf.SparseTensor, size: int) -> tf.Tensor:
    terms = tft.compute_and_apply_vocabulary(column, default_value=-1, top_k=size, vocab_filename=name)
    return 1 + _dense(terms, MISSING_CODE - 1)


def _big_tip(fare: tf.SparseTensor, tips: tf.SparseTensor) -> tf.Tensor:
    # In whole cents, because 0.2 is not a binary fraction: 2.49 on 12.45 dollars is exactly 20 %, not more.
    fare_cents, tip_cents = (tf.cast(tf.round(100.0 * _dense(dollars, 0)), tf.int64) for dollars in (fare, tips))
    return tf.cast(5 * tip_cents > fare_cents, tf.int64)
