"""The format of safetensors, as far as it takes to write one: https://github.com/huggingface/safetensors#format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

Header = dict[str, tuple[np.dtype, tuple[int, ...]]]

_TYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "uint8": "U8", "int64": "I64", "uint32": "U32"}


def write_header(stream: BinaryIO, header: Header) -> int:
    """Write what comes before the tensors' bytes; return how long it is."""
    entries, position = {}, 0
    for name, (dtype, shape) in header.items():
        end = position + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        entries[name] = {"dtype": _TYPES[dtype.name], "shape": shape, "data_offsets": (position, end)}
        position = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return stream.write(len(text).to_bytes(8, "little")) + stream.write(text)


def write_safetensors(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write tensors to a file, the folder made when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        write_header(stream, {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()})
        for tensor in tensors.values():
            stream.write(np.ascontiguousarray(tensor).tobytes())
