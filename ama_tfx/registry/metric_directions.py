"""Metrics by name: which way is better, and which one counts first. Names only, no numbers of anybody."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

_BY_RANK = (
    ("auc", True),
    ("roc_auc", True),
    ("auc_roc", True),
    ("accuracy", True),
    ("acc", True),
    ("balanced_accuracy", True),
    ("binary_accuracy", True),
    ("categorical_accuracy", True),
    ("sparse_categorical_accuracy", True),
    ("f1", True),
    ("f1_score", True),
    ("auc_precision_recall", True),
    ("auc_pr", True),
    ("pr_auc", True),
    ("average_precision", True),
    ("map", True),
    ("ndcg", True),
    ("mrr", True),
    ("r2", True),
    ("r2_score", True),
    ("iou", True),
    ("mean_iou", True),
    ("bleu", True),
    ("rouge", True),
    ("rougel", True),
    ("precision", True),
    ("recall", True),
    ("rmse", False),
    ("root_mean_squared_error", False),
    ("mse", False),
    ("mean_squared_error", False),
    ("mae", False),
    ("mean_absolute_error", False),
    ("mape", False),
    ("logloss", False),
    ("log_loss", False),
    ("cross_entropy", False),
    ("binary_crossentropy", False),
    ("categorical_crossentropy", False),
    ("sparse_categorical_crossentropy", False),
    ("perplexity", False),
    ("brier_score", False),
    ("wer", False),
    ("cer", False),
    ("fid", False),
    ("error", False),
    ("error_rate", False),
    ("loss", False),
)
_RANKS = {name: rank for rank, (name, _) in enumerate(_BY_RANK)}
_HIGHER = dict(_BY_RANK)
_SETS = ("test", "eval", "evaluation", "val", "validation", "valid", "dev")
_TRAINING = ("train", "training")
_PARTS = re.compile(r"[/.:\s]+")
_SLICE = re.compile(r"(?:\[[^\]]*\])+\Z")
_RELATIVE_NOISE = 1e-9
"""Two numbers nearer than this, relative to the larger, are one: sums in another order differ by as much."""


def higher_is_better(name: str) -> bool | None:
    """Return whether more of a metric is better; None for a metric whose name does not say so.

    Args:
        name: As ``auc``, ``val_loss``, ``eval/accuracy``, ``tips: auc`` or ``auc[hour=3]``; only the last part counts,
            without what stands in brackets.
    """
    return _HIGHER.get(_plain(name)[1])


def primary_metric(names: Iterable[str]) -> str | None:
    """Return the metric that counts first: of a test set before a validation set, never of the training set.

    Args:
        names: Of metrics that all sides have; those of slices, with brackets behind the name, do not count.
    """
    whole = [name for name in names if not name.endswith("]")]
    known = [name for name in whole if higher_is_better(name) is not None and _plain(name)[0] not in _TRAINING]
    return min(known, key=_order) if known else None


def is_better(name: str, old: float, new: float) -> bool | None:
    """Return whether a metric got better; None when it is the same, is no number, or its direction is not known."""
    higher = higher_is_better(name)
    if higher is None or not math.isfinite(old) or not math.isfinite(new) or same_number(old, new):
        return None
    return (new > old) is higher


def same_number(old: float, new: float) -> bool:
    """Return whether two numbers are one but for rounding; NaN is the same as NaN."""
    if math.isnan(old) or math.isnan(new):
        return math.isnan(old) and math.isnan(new)
    return math.isclose(old, new, rel_tol=_RELATIVE_NOISE)


def numbers_of(values: Mapping[str, object]) -> dict[str, float]:
    """Return the values that are numbers of metrics with a known direction: a property ``auc`` is a metric."""
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and higher_is_better(name) is not None
    }


def _order(name: str) -> tuple[int, int, str]:
    data, plain = _plain(name)
    return _RANKS[plain], _SETS.index(data) if data in _SETS else len(_SETS), name


def _plain(name: str) -> tuple[str, str]:
    """Return the data set that a metric is of, or an empty text, and the metric's name without it."""
    *outer, last = [part for part in _PARTS.split(_SLICE.sub("", name).lower().replace("-", "_")) if part] or [""]
    data, mark, rest = last.partition("_")
    if mark and (data in _SETS or data in _TRAINING):
        return data, rest
    return next((part for part in reversed(outer) if part in _SETS or part in _TRAINING), ""), last
