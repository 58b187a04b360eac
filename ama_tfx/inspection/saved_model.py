"""SavedModels: ``saved_model.pb`` and what lies beside it; tensorflow/core/protobuf/saved_model.proto."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ama_tfx.inspection.looking import Look
from ama_tfx.inspection.name_lists import names
from ama_tfx.inspection.proto_reading import entry, messages, parts, signed, text_of
from ama_tfx.inspection.safe_names import why_unsafe
from ama_tfx.inspection.tensorflow_ops import known_ops, why_dangerous
from ama_tfx.storage.formats.window import Window

_DTYPES = dict(
    enumerate(
        names(
            """
    invalid float32 float64 int32 uint8 int16 int8 string complex64 int64 bool qint8 quint8 qint32 bfloat16 qint16
    quint16 uint16 complex128 float16 resource variant uint32 uint64 float8_e5m2 float8_e4m3fn
    """
        )
    )
)
_INIT = "__saved_model_init_op"
_MOST_SIGNATURES = 1_000
_MOST_RANK = 64
_META_GRAPH, _INFO, _GRAPH, _SIGNATURE, _ASSET = 2, 1, 2, 5, 6


def read(look: Look) -> None:
    """Read the signatures of a SavedModel, and which of its operations do more than compute."""
    ops: Counter[tuple[str, str]] = Counter()
    signatures: dict[str, dict[str, str]] = {}
    graphs = 0
    for graph in messages(look.window, _META_GRAPH):
        graphs += 1
        for number, part in parts(graph):
            if isinstance(part, Window):
                _take_part(number, part, ops, signatures, look)
    if not graphs:
        raise ValueError("no SavedModel: it has no graph")
    look.is_("saved_model")
    if look.depth == 0:
        look.found.signatures[look.path] = signatures
    for (op, why), count in sorted(ops.items()):
        look.danger(f"operation {op}{f' ({count} times)' if count > 1 else ''}", f"it {why}")


def _take_part(
    number: int, part: Window, ops: Counter[tuple[str, str]], signatures: dict[str, dict[str, str]], look: Look
) -> None:
    """Take a field of a meta graph."""
    if number == _INFO:
        look.note(_versions(part))
    elif number == _GRAPH:
        _take_graph(part, ops, look)
    elif number == _ASSET:
        _check_asset(part, look)
    elif number == _SIGNATURE and len(signatures) < _MOST_SIGNATURES:
        name, definition = entry(part)
        if definition is not None and name != _INIT:
            signatures[name] = dict(_signature(definition))


def read_text(look: Look) -> None:
    """Tell of a SavedModel in text form, which TensorFlow loads too."""
    look.is_("saved_model")
    look.problem("a SavedModel as text is not looked into; save it as saved_model.pb")


def dtype_of(number: int) -> str:
    """Return the name of a ``DataType``."""
    return _DTYPES.get(number, f"dtype {number}")


def shape_of(window: Window) -> tuple[int, ...] | None:
    """Return the sizes in a ``TensorShapeProto``, -1 for an unknown one; None when not even their number is known."""
    sizes = []
    for number, value in parts(window):
        if number == 3 and value:
            return None
        if number == 2 and isinstance(value, Window):
            sizes.append(next((signed(size) for field, size in parts(value) if field == 1), 0))
            if len(sizes) > _MOST_RANK:
                raise ValueError(f"a shape of more than {_MOST_RANK} dimensions")
    return tuple(sizes)


def tensor_text(dtype: str, shape: tuple[int, ...] | None) -> str:
    """Return a type as ``float32[?,10]``; the dots say that nothing is known of the shape."""
    sizes = "..." if shape is None else ",".join("?" if size < 0 else str(size) for size in shape)
    return f"{dtype}[{sizes}]"


def _signature(definition: Window) -> Iterator[tuple[str, str]]:
    for number, part in parts(definition):
        if number in {1, 2} and isinstance(part, Window):
            name, info = entry(part)
            kind = "input" if number == 1 else "output"
            yield f"{kind} {name}", _tensor_info(info) if info is not None else "?"


def _tensor_info(info: Window) -> str:
    dtype, shape, sparse = 0, None, ""
    for number, value in parts(info):
        if number == 2 and isinstance(value, int):
            dtype = value
        elif number == 3 and isinstance(value, Window):
            shape = shape_of(value)
        elif number in {4, 5}:
            sparse = "sparse " if number == 4 else "composite "
    return sparse + tensor_text(dtype_of(dtype), shape)


def _take_graph(graph: Window, ops: Counter[tuple[str, str]], look: Look) -> None:
    """Count what is dangerous; the name of a function of the graph's own may stand where an operation stands."""
    found: Counter[tuple[str, str]] = Counter()
    functions: set[str] = set()
    for number, part in parts(graph):
        if number == 1 and isinstance(part, Window):
            _take_node(part, "", found, look)
        elif number == 2 and isinstance(part, Window):
            for function in messages(part, 1):
                _take_function(function, found, functions, look)
    ops.update({key: n for key, n in found.items() if key[0] not in functions or key[0] in known_ops()})


def _take_function(function: Window, found: Counter[tuple[str, str]], functions: set[str], look: Look) -> None:
    name = ""
    for signature in messages(function, 1):
        name = ([text_of(value) for field, value in parts(signature) if field == 1] or [""])[-1]
        functions.add(name)
    for node in messages(function, 3):
        _take_node(node, name, found, look)


def _take_node(node: Window, function: str, found: Counter[tuple[str, str]], look: Look) -> None:
    name = op = ""
    attributes = []
    for number, value in parts(node):  # to the end: of a field that stands twice the last counts
        if number == 1:
            name = text_of(value)
        elif number == 2:
            op = text_of(value)
        elif number == 5 and isinstance(value, Window):
            attributes.append(value)
    for attribute in attributes if op == "PrintV2" else ():
        _check_print(attribute, look)
    if why := why_dangerous(op, function or name):
        found[op, why] += 1


def _check_print(attribute: Window, look: Look) -> None:
    name, value = entry(attribute)
    if name == "output_stream" and value is not None:
        target = next((text_of(text) for field, text in parts(value) if field == 2), "")
        if target.startswith("file://"):
            look.danger(f"operation PrintV2 to {target}", "it writes files of the machine that runs the model")


def _check_asset(asset: Window, look: Look) -> None:
    for number, value in parts(asset):
        if number == 2 and (why := why_unsafe(text_of(value))):
            look.danger(f"asset {text_of(value)!r}", why)


def _versions(info: Window) -> str:
    version, tags = "", []
    for number, value in parts(info):
        if number == 5:
            version = text_of(value)
        elif number == 4:
            tags.append(text_of(value))
    return f"TensorFlow {version or '?'}, tags {', '.join(tags) or '-'}"
