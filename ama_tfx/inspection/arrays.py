"""Files of tensors: safetensors, ``.npy``, TensorBundles."""

from __future__ import annotations

import re

from ama_tfx.inspection import pickles
from ama_tfx.inspection.looking import Look
from ama_tfx.storage.formats import leveldb_table, npy, safetensors, tensor_bundle
from ama_tfx.storage.formats.tensor import NotParsedError
from ama_tfx.storage.formats.window import Window

_OBJECTS = re.compile(rb"['\"][|<>=]?(?:O\d*|object)['\"]")
_FIELD = rb"\('[^'\\]{0,200}', '[<>|=][a-zA-NP-Z]\d{0,9}'(?:, \([\d, ]{0,200}\))?\)"
_RECORDS = re.compile(
    rb"\{'descr': \[" + _FIELD + rb"(?:, " + _FIELD + rb"){0,1000}\], .{0,40}'shape': \(([\d, ]{0,1024})\),"
)
_MOST_HEADER_BYTES = 1 << 16
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


def read_safetensors(look: Look) -> None:
    """Read the header of a safetensors file."""
    look.is_("safetensors")
    for tensor in safetensors.parse(look.window):
        look.tensor(tensor.name, tensor.dtype, tensor.shape)


def read_npy(look: Look) -> None:
    """Read the header of an array; one of objects is a pickle."""
    look.is_("npy")
    head = look.head(10 + _MOST_HEADER_BYTES)
    length_bytes = 2 if head[6:7] == b"\x01" else 4
    end = 8 + length_bytes + int.from_bytes(head[8 : 8 + length_bytes], "little")
    if _OBJECTS.search(head[: min(end, len(head))]):
        inner = Look(look.path, look.window.within(end, look.size_bytes - end), look.found, depth=look.depth + 1)
        look.danger("an array of objects, which is a pickle", pickles.RUNS)
        pickles.read(inner)
        return
    name = look.path.rpartition("!")[2].removesuffix(".npy") if look.depth else "array"
    if records := _RECORDS.search(head, 8, end):
        look.tensor(name, "opaque", tuple(int(size) for size in records[1].replace(b" ", b"").split(b",") if size))
        return
    tensor = npy.parse(look.window, name)
    look.tensor(tensor.name, tensor.dtype, tensor.shape)


def read_bundle(look: Look) -> None:
    """Read the index of a data file of a TensorBundle, beside it."""
    match = tensor_bundle.DATA_NAME.fullmatch(look.path)
    index = look.files.get(f"{match['prefix']}.index") if match else None
    look.is_("tensor_bundle")
    if match is None or index is None:
        raise NotParsedError("its index is not beside it")
    with index.open() as stream:
        beside = Window(stream, 0, index.size_bytes)
        numbers = int(match["shard"]), int(match["shards"])
        for tensor in tensor_bundle.parse(look.window, beside, shard=numbers[0], shards=numbers[1]):
            if tensor.name != _OBJECT_GRAPH:
                look.tensor(tensor.name, tensor.dtype, tensor.shape)


def read_index(look: Look) -> None:
    """Take down the index of a TensorBundle, which is read with its data."""
    if look.window.read(max(0, look.size_bytes - 8), min(8, look.size_bytes)) != leveldb_table.MAGIC:
        return
    look.is_("tensor_bundle_index")
    prefix = look.path.removesuffix(".index")
    if not any(path.startswith(f"{prefix}.data-") for path in look.files):
        look.problem("no data file is beside this index")
