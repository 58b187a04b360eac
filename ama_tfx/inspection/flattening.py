"""Nested values as dotted keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ama_tfx.inspection.facts import JsonScalar

MOST_LEAVES = 5_000


class TooManyLeavesError(ValueError):
    """There are more than are listed."""


MOST_DEPTH = 64
MOST_KEY = 1_000


def flat(tree: Any) -> dict[str, JsonScalar]:
    """Return the leaves of nested dictionaries and lists under dotted keys, as in ``layers.0.units``.

    What is shared within the tree (an anchor of YAML) stands once for each way that leads to it.

    Raises:
        TooManyLeavesError: There are more than 5,000.
        ValueError: They are nested deeper than 64.
    """
    leaves: dict[str, JsonScalar] = {}
    for key, value in _leaves(tree, "", 0):
        leaves[key] = value
        if len(leaves) > MOST_LEAVES:
            raise TooManyLeavesError(f"more than {MOST_LEAVES:,} values")
    return leaves


def _leaves(tree: Any, key: str, depth: int) -> Iterator[tuple[str, JsonScalar]]:
    if depth > MOST_DEPTH or len(key) > MOST_KEY:
        raise ValueError(f"nested deeper than {MOST_DEPTH}")
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else None
    if pairs is None:
        yield key or "$", tree if isinstance(tree, str | int | float | bool | None) else str(tree)
    elif not tree:
        yield key or "$", "{}" if isinstance(tree, dict) else "[]"
    else:
        for name, value in pairs:
            yield from _leaves(value, f"{key}.{name}" if key else str(name), depth + 1)
