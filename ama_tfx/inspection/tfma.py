"""What TensorFlow Model Analysis writes: tensorflow_model_analysis/proto/metrics_for_slice.proto."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

from ama_tfx.inspection.looking import Look
from ama_tfx.storage.formats.protobuf_wire import fields
from ama_tfx.storage.formats.tensor import NotParsedError

MOST_METRICS = 20_000
_SUB_KEYS = {1: "class_id", 2: "k", 3: "top_k"}
_AGGREGATIONS = {1: "micro_average", 2: "macro_average", 3: "weighted_macro_average"}
CANDIDATE = "candidate"
"""What TFMA calls the model that is evaluated when there is a baseline too."""

_VALUE_IN = {2: 3, 9: 4}
"""Where a value with its bounds, or of a distribution, has the value itself."""


def read_metrics(look: Look, record: bytes) -> None:
    """Read a ``MetricsForSlice``: each plain number of it is a metric; matrices and plots are passed over.

    Raises:
        NotParsedError: It is none.
    """
    metrics = look.found.metrics.setdefault(look.path, {})
    slices: list[str] = []
    keyed: list[tuple[str, list[str], float]] = []
    for number, value in fields(record, look.window.step):
        if number == 1:
            slices = list(_slice(_bytes(value), look))
        elif number == 3:
            slices = list(_cross_slice(_bytes(value), look))
        elif number in {2, 51}:
            keyed += _metric(_bytes(value), look, plain_key=number == 2)
    for name, words, number_ in keyed:
        every = [*words, *slices]
        metrics[f"{name}[{', '.join(every)}]" if every else name] = number_
        if len(metrics) > MOST_METRICS:
            raise NotParsedError(f"more than {MOST_METRICS:,} metrics")


def read_validations(look: Look, record: bytes) -> None:
    """Read a ``ValidationResult``: whether the thresholds were met."""
    passed = dict(fields(record, look.window.step)).get(1, 0)
    look.note(f"TFMA's validation: {'passed' if passed else 'not passed'}")


def _metric(pair: bytes, look: Look, *, plain_key: bool) -> Iterator[tuple[str, list[str], float]]:
    name, words, value = "", list[str](), None
    for number, part in fields(pair, look.window.step):
        if number == 1 and plain_key:
            name = _text(part)
        elif number == 1:
            name, words = _key(_bytes(part), look)
        elif number == 2:
            value = _value(_bytes(part), look)
    if name and value is not None and math.isfinite(value):
        yield name, words, value


def _key(key: bytes, look: Look) -> tuple[str, list[str]]:
    name, model, output, words = "", "", "", list[str]()
    for number, part in fields(key, look.window.step):
        if number == 1:
            name = _text(part)
        elif number == 2:
            output = _text(part)
        elif number == 4:
            model = _text(part)
        elif number == 3:
            words += [
                f"{_SUB_KEYS.get(kind, kind)}={_wrapped_int(_bytes(inner), look)}"
                for kind, inner in fields(_bytes(part), look.window.step)
            ]
        elif number == 6:
            words += [_AGGREGATIONS.get(kind, str(kind)) for kind, _ in fields(_bytes(part), look.window.step)]
        elif number == 5 and part:
            words.append("diff")
    return name, [*filter(None, ("" if model == CANDIDATE else model, output)), *words]


def _value(value: bytes, look: Look) -> float | None:
    for number, part in fields(value, look.window.step):
        if number == 1:
            return _double(_bytes(part), look)
        if number in _VALUE_IN:
            for inner, content in fields(_bytes(part), look.window.step):
                if inner == _VALUE_IN[number]:
                    return _double(_bytes(content), look)
    return None


def _slice(key: bytes, look: Look) -> Iterator[str]:
    for number, single in fields(key, look.window.step):
        if number == 1:
            column, value = "", "?"
            for kind, part in fields(_bytes(single), look.window.step):
                if kind == 1:
                    column = _text(part)
                elif isinstance(part, bytes):
                    value = _text(part)
                elif kind == 3:
                    value = f"{struct.unpack('<f', part.to_bytes(4, 'little'))[0]:g}"
                else:
                    value = str(part - (1 << 64) if part >> 63 else part)
            yield f"{column}={value}"


def _cross_slice(key: bytes, look: Look) -> Iterator[str]:
    for number, part in fields(key, look.window.step):
        which = {1: "baseline", 2: "comparison"}.get(number, str(number))
        yield from (f"{which} {word}" for word in _slice(_bytes(part), look) or ())


def _wrapped_int(message: bytes, look: Look) -> int:
    value = dict(fields(message, look.window.step)).get(1, 0)
    return value if isinstance(value, int) else 0


def _double(message: bytes, look: Look) -> float:
    value = dict(fields(message, look.window.step)).get(1, 0)
    if not isinstance(value, int):
        raise NotParsedError("not a number")
    return float(struct.unpack("<d", value.to_bytes(8, "little"))[0])


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise NotParsedError("a field of another type")
    return value


def _text(value: int | bytes) -> str:
    return _bytes(value).decode("utf-8", "backslashreplace")
