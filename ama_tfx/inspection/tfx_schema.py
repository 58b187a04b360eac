"""Schemas of TFX: tensorflow_metadata/proto/v0/schema.proto, as text and serialized."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

from ama_tfx.inspection import text_proto
from ama_tfx.inspection.facts import FeatureFact
from ama_tfx.inspection.looking import Look
from ama_tfx.inspection.name_lists import names
from ama_tfx.inspection.text_proto import Message
from ama_tfx.storage.formats.protobuf_wire import fields

MOST_FEATURES = 20_000
MOST_VALUES = 2_000
"""Of a domain of strings that its text lists; of more it has their number and a checksum."""

_MOST_BYTES = 8 << 20
_MOST_DEPTH = 16
_TYPES = {0: "UNKNOWN", 1: "BYTES", 2: "INT", 3: "FLOAT", 4: "STRUCT", "TYPE_UNKNOWN": "UNKNOWN"}
_STAGES = dict(
    enumerate(
        names(
            """
    UNKNOWN_STAGE PLANNED ALPHA BETA PRODUCTION DEPRECATED DEBUG_ONLY DISABLED
    """
        )
    )
)
_STAGES[9] = "VALIDATION_DERIVED"
_DONE = {"PRODUCTION", "UNKNOWN_STAGE", "ALPHA", "BETA"}
_COUNTS = {1: ("min", "int"), 2: ("max", "int")}
_SHAPE = {2: ("dim", {1: ("size", "int")})}
_INTS = {1: ("name", "text"), 3: ("min", "int"), 4: ("max", "int"), 5: ("is_categorical", "int")}
_FLOATS = {1: ("name", "text"), 3: ("min", "float"), 4: ("max", "float")}
_STRINGS = {1: ("name", "text"), 2: ("value", "text")}
_FEATURE: dict[int, tuple[str, Any]] = {
    1: ("name", "text"),
    2: ("deprecated", "int"),
    14: ("presence", {1: ("min_fraction", "float"), 2: ("min_count", "int")}),
    17: ("group_presence", {1: ("required", "int")}),
    23: ("shape", _SHAPE),
    5: ("value_count", _COUNTS),
    32: ("value_counts", {1: ("value_count", _COUNTS)}),
    6: ("type", "int"),
    7: ("domain", "text"),
    9: ("int_domain", _INTS),
    10: ("float_domain", _FLOATS),
    11: ("string_domain", _STRINGS),
    13: ("bool_domain", {1: ("name", "text")}),
    24: ("natural_language_domain", {}),
    25: ("image_domain", {}),
    26: ("mid_domain", {}),
    27: ("url_domain", {}),
    28: ("time_domain", {1: ("string_format", "text")}),
    30: ("time_of_day_domain", {1: ("string_format", "text")}),
    22: ("lifecycle_stage", "int"),
}
_FEATURE[29] = ("struct_domain", {1: ("feature", _FEATURE)})
_SCHEMA: dict[int, tuple[str, Any]] = {
    1: ("feature", _FEATURE),
    4: ("string_domain", _STRINGS),
    9: ("float_domain", _FLOATS),
    10: ("int_domain", _INTS),
}


def read_text(look: Look) -> None:
    """Read a text proto; one of features is a schema."""
    look.is_("text_proto")
    tree = text_proto.parse(look.whole(text_proto.MOST_BYTES).decode())
    if "feature" in tree and all(isinstance(feature, dict) and "name" in feature for feature in tree["feature"]):
        look.is_("tfx_schema")
        look.found.schemas[look.path] = features_of(tree)


def read_serialized(look: Look) -> None:
    """Read a serialized schema."""
    tree = _message(look.whole(_MOST_BYTES), _SCHEMA, look.window.step, 0)
    if not tree.get("feature") or not all(_of(feature, "name") for feature in tree["feature"]):
        raise ValueError("no schema: it has no features")
    look.is_("tfx_schema")
    look.found.schemas[look.path] = features_of(tree)


def features_of(schema: Message) -> tuple[FeatureFact, ...]:
    """Return the features of a schema, in its order, those of a struct behind it under dotted names."""
    domains = {
        str(_of(domain, "name")): (kind, domain)
        for kind in ("string_domain", "int_domain", "float_domain")
        for domain in schema.get(kind, ())
    }
    found: list[FeatureFact] = []
    for fact in _features(schema, domains, "", 0):
        found.append(fact)
        if len(found) > MOST_FEATURES:
            raise ValueError(f"more than {MOST_FEATURES:,} features")
    return tuple(found)


def _features(parent: Any, domains: dict[str, tuple[str, Any]], prefix: str, depth: int) -> Iterator[FeatureFact]:
    if depth > _MOST_DEPTH:
        raise ValueError(f"structs nested deeper than {_MOST_DEPTH}")
    for feature in parent.get("feature", ()) if isinstance(parent, dict) else ():
        name = f"{prefix}{_of(feature, 'name') or ''}"
        kind = _of(feature, "type", 0)
        kind = _TYPES.get(kind, str(kind))
        yield FeatureFact(name, kind, _presence(feature), _shape(feature), _domain(feature, domains))
        yield from _features(_of(feature, "struct_domain"), domains, f"{name}.", depth + 1)


def _presence(feature: Any) -> str:
    presence = _of(feature, "presence")
    fraction, count = _of(presence, "min_fraction", 0), _of(presence, "min_count", 0)
    words = ["optional"]
    if fraction == 1:
        words = ["required"]
    elif fraction or count:
        words = [f"min_fraction={fraction:g}" if fraction else f"min_count={count}"]
    if _true(_of(_of(feature, "group_presence"), "required")):
        words = ["required in its group"]
    stage = _of(feature, "lifecycle_stage", 0)
    stage = str(_STAGES.get(stage, stage))
    if _true(_of(feature, "deprecated")):
        words.append("deprecated")
    elif stage not in _DONE:
        words.append(stage.lower())
    return ", ".join(words)


def _shape(feature: Any) -> str:
    if (shape := _of(feature, "shape")) is not None:
        return f"[{','.join(str(_of(dim, 'size', 0)) for dim in shape.get('dim', ()))}]"
    counts = _of(feature, "value_counts") or {"value_count": feature.get("value_count", ())}
    return " x ".join(_count(count) for count in counts.get("value_count", ()))


def _count(count: Any) -> str:
    least, most = _of(count, "min", 0), _of(count, "max", "")
    return str(least) if least == most else f"{least}..{most}"


def _domain(feature: Any, domains: dict[str, tuple[str, Any]]) -> str:
    named = _of(feature, "domain")
    kind, domain = domains.get(str(named), ("", None))
    for name in feature:
        if name.endswith("_domain") and name != "struct_domain":
            kind, domain = name, _of(feature, name)
    if kind == "string_domain":
        values = [str(value) for value in (domain or {}).get("value", ())]
        return f"strings {_values(values)}" if values else "strings"
    if kind in {"int_domain", "float_domain"}:
        least, most = _of(domain, "min", ""), _of(domain, "max", "")
        categorical = " categorical" if _true(_of(domain, "is_categorical")) else ""
        limits = f" {_plain(least)}..{_plain(most)}" if least != "" or most != "" else ""
        return f"{kind.removesuffix('_domain')}s{limits}{categorical}"
    return kind.removesuffix("_domain").replace("_", " ") or str(named or "")


def _values(values: list[str]) -> str:
    told = [json.dumps(value) if set(value) & set(',"{}') else value for value in values[:MOST_VALUES]]
    if len(values) > MOST_VALUES:
        told.append(f"… {len(values)} in all, sha256 {hashlib.sha256(json.dumps(values).encode()).hexdigest()[:12]}")
    return f"{{{', '.join(told)}}}"


def _plain(limit: Any) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


def _true(value: Any) -> bool:
    return value in {1, "true", "t", "True", "CATEGORICAL_YES"}


def _of(message: Any, name: str, default: Any = None) -> Any:
    """Return the last value of a field, as protocol buffers take it."""
    values = message.get(name) if isinstance(message, dict) else None
    return values[-1] if values else default


def _message(data: bytes, spec: dict[int, tuple[str, Any]], step: Callable[[], None], depth: int) -> Message:
    if depth > 2 * _MOST_DEPTH:
        raise ValueError("nested too deep")
    tree: Message = {}
    for number, value in fields(data, step):
        name, kind = spec.get(number, ("", None))
        if kind is not None:
            tree.setdefault(name, []).append(_value(value, kind, step, depth))
    return tree


def _value(value: int | bytes, kind: Any, step: Callable[[], None], depth: int) -> Any:
    if kind == "int" and isinstance(value, int):
        return value - (1 << 64) if value >> 63 else value
    if kind == "float" and isinstance(value, int):
        return struct.unpack("<d", value.to_bytes(8, "little"))[0] if value >> 32 else _single(value)
    if kind == "text" and isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(kind, dict) and isinstance(value, bytes):
        return _message(value, kind, step, depth + 1)
    raise ValueError("a field of another type")


def _single(bits: int) -> float:
    value: float = struct.unpack("<f", bits.to_bytes(4, "little"))[0]
    return float(f"{value:.7g}")
