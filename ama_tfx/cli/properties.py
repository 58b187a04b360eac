"""Properties and metrics as people type them: ``KEY=VALUE``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ama_tfx.errors import InvalidInputError
from ama_tfx.storage import parse_json


def typed_properties(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the properties that arguments mean: what reads as JSON is JSON, all else is text.

    Args:
        arguments: ``lr=0.1`` (a number), ``name=bert`` (text), ``code="7"`` (text).

    Raises:
        InvalidInputError: One without ``=``.
    """
    properties = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            raise InvalidInputError(f"not a property: {argument!r}; expected KEY=VALUE")
        properties[key] = _typed(value)
    return properties


def typed_metrics(arguments: Sequence[str]) -> dict[str, float]:
    """Return the metrics that arguments mean, as in ``eval.auc=0.93``.

    Raises:
        InvalidInputError: One without ``=``, or whose value is no number.
    """
    metrics = {}
    for argument in arguments:
        name, _, value = argument.partition("=")
        try:
            metrics[name] = float(value)
        except ValueError:
            raise InvalidInputError(f"not a metric: {argument!r}; expected NAME=VALUE, as in auc=0.93") from None
    return metrics


def _typed(value: str) -> Any:
    try:
        typed = parse_json(value, "the value")
    except InvalidInputError:
        return value
    # A number of so many digits would not be the number that was typed.
    return value if isinstance(typed, float) and re.fullmatch(r"-?\d+", value.strip()) else typed
