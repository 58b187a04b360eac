"""ONNX models: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ama_tfx.inspection.looking import Look
from ama_tfx.inspection.name_lists import names
from ama_tfx.inspection.proto_reading import messages, parts, signed, text_of
from ama_tfx.inspection.safe_names import why_unsafe
from ama_tfx.inspection.saved_model import tensor_text
from ama_tfx.storage.formats.protobuf_wire import varint
from ama_tfx.storage.formats.window import Window

_DTYPES = dict(
    enumerate(
        names(
            """
    undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 uint64 complex64
    complex128 bfloat16 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz uint4 int4 float4e2m1
    """
        )
    )
)
_STANDARD = {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "com.microsoft"}
_MOST_DEPTH = 16
_MOST_RANK = 64


@dataclass
class _Model:
    look: Look
    domains: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)


def read(look: Look) -> None:
    """Read the inputs, outputs and initializers of a model, and where its weights lie."""
    model, producer, opsets, has_graph = _Model(look), "", [], False
    for number, value in parts(look.window):
        if number == 7 and isinstance(value, Window):
            has_graph = True
            _take_graph(model, value, 0)
        elif number == 8 and isinstance(value, Window):
            opsets.append(_opset(value))
        elif number == 2:
            producer = text_of(value)
        elif number == 25 and isinstance(value, Window):
            model.functions.add(next((text_of(text) for field, text in parts(value) if field == 10), ""))
            for node in messages(value, 7):
                _take_node(model, node, 0)
    if not has_graph:
        raise ValueError("no ONNX model: it has no graph")
    look.is_("onnx")
    look.note(f"ONNX of {producer or '?'}, opset {', '.join(opsets) or '?'}")
    for domain in sorted(model.domains - _STANDARD - model.functions):
        look.danger(f"operators of {domain!r}", "they run native code of a library that has to be loaded")


def _opset(message: Window) -> str:
    domain, version = "", 0
    for number, value in parts(message):
        if number == 1:
            domain = text_of(value)
        elif number == 2 and isinstance(value, int):
            version = value
    return f"{domain} {version}".strip()


def _take_graph(model: _Model, graph: Window, depth: int) -> None:
    if depth > _MOST_DEPTH:
        raise ValueError(f"graphs nested deeper than {_MOST_DEPTH}")
    ends: dict[str, str] = {}
    initialized: set[str] = set()
    for number, value in parts(graph):
        if not isinstance(value, Window):
            continue
        if number == 1:
            _take_node(model, value, depth)
        elif number == 5:
            initialized.add(_take_tensor(model.look, value, told=depth == 0))
        elif number == 15:
            _take_sparse(model.look, value)
        elif number in {11, 12} and depth == 0:
            name, text = _value_info(value)
            ends[f"{'input' if number == 11 else 'output'} {name}"] = text
    if depth == 0:
        _take_ends(model.look, ends, initialized)


def _take_ends(look: Look, ends: dict[str, str], initialized: set[str]) -> None:
    if look.depth == 0:
        kept = {end: text for end, text in ends.items() if end.removeprefix("input ") not in initialized}
        look.found.signatures[look.path] = {"onnx": kept}


def _take_sparse(look: Look, tensor: Window) -> None:
    for number, part in parts(tensor):
        if number in {1, 2} and isinstance(part, Window):
            _take_tensor(look, part, told=False)


def _take_node(model: _Model, node: Window, depth: int) -> None:
    for number, value in parts(node):
        if number == 7:
            model.domains.add(text_of(value))
        elif number == 5 and isinstance(value, Window):
            for inner, content in parts(value):
                if inner in {6, 11} and isinstance(content, Window):
                    _take_graph(model, content, depth + 1)
                elif inner in {5, 10} and isinstance(content, Window):
                    _take_tensor(model.look, content, told=False)


def _take_tensor(look: Look, tensor: Window, *, told: bool) -> str:
    name, dtype, shape = "", 0, list[int]()
    for number, value in parts(tensor):
        if number == 1:
            shape += [signed(value)] if isinstance(value, int) else _packed(value)
            if len(shape) > _MOST_RANK:
                raise ValueError(f"a tensor of more than {_MOST_RANK} dimensions")
        elif number == 2 and isinstance(value, int):
            dtype = value
        elif number == 8:
            name = text_of(value)
        elif number == 13 and isinstance(value, Window):
            _check_external(look, value)
    if told:
        look.tensor(name, _DTYPES.get(dtype, "opaque"), tuple(shape))
    return name


def _packed(window: Window) -> list[int]:
    data, position, numbers = window.read(0, window.size_bytes), 0, list[int]()
    while position < len(data) and len(numbers) <= _MOST_RANK:
        number, position = varint(data, position)
        numbers.append(signed(number))
    return numbers


def _check_external(look: Look, pair: Window) -> None:
    key, value = _text_pair(pair)
    if key != "location":
        return
    if why := why_unsafe(value):
        look.danger(f"external data in {value!r}", why)
    else:
        look.note(f"weights lie in {value!r} beside it")


def _text_pair(pair: Window) -> tuple[str, str]:
    key = value = ""
    for number, part in parts(pair):
        if number == 1:
            key = text_of(part)
        elif number == 2:
            value = text_of(part)
    return key, value


def _value_info(info: Window) -> tuple[str, str]:
    name, text = "", "?"
    for number, value in parts(info):
        if number == 1:
            name = text_of(value)
        elif number == 2 and isinstance(value, Window):
            for tensor in messages(value, 1):
                text = _tensor_type(tensor)
    return name, text


def _tensor_type(tensor: Window) -> str:
    dtype, shape = 0, None
    for number, value in parts(tensor):
        if number == 1 and isinstance(value, int):
            dtype = value
        elif number == 2 and isinstance(value, Window):
            shape = tuple(_sizes(value))
    return tensor_text(_DTYPES.get(dtype, f"dtype {dtype}"), shape)


def _sizes(shape: Window) -> Iterator[int]:
    for count, dimension in enumerate(messages(shape, 1)):
        if count >= _MOST_RANK:
            raise ValueError(f"a shape of more than {_MOST_RANK} dimensions")
        yield next((signed(value) for number, value in parts(dimension) if number == 1), -1)
