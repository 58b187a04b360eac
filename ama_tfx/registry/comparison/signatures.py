"""What changed from one SavedModel's signatures to another's, and what of it breaks. Values only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ama_tfx.inspection import SchemaChange

Signatures = Mapping[str, Mapping[str, str]]
"""Signature -> ``input x`` or ``output y`` -> ``float32[?,10]``, as `ama_tfx.inspection.Inspected` has them."""

_TENSOR = re.compile(r"([^\[]*)(?:\[(.*)\])?", re.DOTALL)
_ANY = {"?", "-1", "None", ""}


def signature_changes(old: Signatures, new: Signatures) -> tuple[SchemaChange, ...]:
    """Return what changed, by signature, input and output.

    It breaks when who calls the one cannot call the other, or gets something else: a signature, an input or an output
    is gone, an input is new, a type is another, an input takes less shapes, an output has another shape.

    Args:
        old: Of the model before.
        new: Of the model after.
    """
    return tuple(change for name in sorted({*old, *new}) for change in _signature(name, old.get(name), new.get(name)))


def _signature(name: str, old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> Iterator[SchemaChange]:
    if old is None or new is None:
        yield SchemaChange(name, "signature removed" if new is None else "signature added", new is None)
        return
    for part in sorted({*old, *new}):
        before, after = old.get(part), new.get(part)
        if before is None:
            yield SchemaChange(f"{name} {part}", f"added as {after}", part.startswith("input"))
        elif after is None:
            yield SchemaChange(f"{name} {part}", "removed", True)
        elif before != after:
            is_input = part.startswith("input")
            fits = _takes(after, before) if is_input else _takes(before, after)
            yield SchemaChange(f"{name} {part}", f"{before} -> {after}", not fits)


def _takes(wide: str, narrow: str) -> bool:
    """Return whether every tensor of one description is one of the other; ``[?,3]`` takes ``[5,3]``."""
    (wide_type, wide_shape), (type_, shape) = _parsed(wide), _parsed(narrow)
    if wide_type != type_:
        return False
    if wide_shape is None:
        return True
    if shape is None or len(shape) != len(wide_shape):
        return False
    return all(most in _ANY or most == size for most, size in zip(wide_shape, shape, strict=True))


def _parsed(text: str) -> tuple[str, list[str] | None]:
    """Return type and sizes; None for an unknown rank, which is written without brackets or as ``[...]``."""
    match = _TENSOR.fullmatch(text)
    assert match
    if match[2] is None or match[2] in {"...", "<unknown>"}:
        return match[1], None
    return match[1], [size.strip() for size in match[2].split(",")] if match[2] else []
