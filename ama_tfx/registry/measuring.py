"""Metrics: numbers that versions are compared by."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ama_tfx import catalog
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.names import check_label

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ama_tfx.registry.aliases.aliasing import Actor


def check_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return metrics as names and floats, after checking them.

    Args:
        metrics: Names are labels, as in ``eval.auc`` or ``slice/en/auc``; values are finite numbers.

    Raises:
        InvalidInputError: A name that is none, or a value that is no finite number.
    """
    return {check_label(name, "metric"): _finite(name, value) for name, value in metrics.items()}


def update_metrics(
    connection: sa.Connection, version_id: int, metrics: Mapping[str, Any], actor: Actor
) -> dict[str, dict[str, float | None]]:
    """Record the metrics that are new or others than before; return those as ``{name: {"from": …, "to": …}}``."""
    if not (checked := check_metrics(metrics)):
        return {}
    known = catalog.metrics_of(connection, version_id)
    news = {name: value for name, value in checked.items() if known.get(name) != value}
    catalog.write_metrics(connection, version_id, news, now=actor.now, actor=actor.name)
    return {name: {"from": known.get(name), "to": value} for name, value in sorted(news.items())}


def _finite(name: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, numbers.Real) else float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidInputError(f"metric {name!r} is {str(value)[:60]!r}; expected a finite number")
    return number + 0.0  # one zero: databases keep two, canonical JSON one
