"""Files of each format, written by hand or by the libraries, and what must be true of whatever is read from them."""

import contextlib
import itertools
import json
import math
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import google_crc32c
import h5py
import numpy as np

from ama_tfx.storage.formats import Tensor, deflate, inflate, inflate_exactly, record_boundaries, tensors
from ama_tfx.storage.formats.tensor import ITEM_BYTES
from tests.effort import at_most

INDEX_NAME, DATA_NAME = "variables.index", "variables.data-00000-of-00001"


def weights() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(7)
    return {
        "dense/kernel": generator.standard_normal((20, 8)).astype("float32"),
        "dense/bias": generator.standard_normal(8).astype("float16"),
        "step": np.int64(41) * np.ones((), "int64"),
        "mask": np.array([True, False, True]),
        "größe": generator.integers(0, 200, (3, 1, 5)).astype("uint8"),
    }


def write_safetensors(path: Path, header: Any, data: bytes) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


SAFETENSORS_NAMES = {"float32": "F32", "float16": "F16", "int64": "I64", "bool": "BOOL", "uint8": "U8"}


def safetensors_header(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    ends = list(itertools.accumulate((array.nbytes for array in arrays.values()), initial=0))
    header: dict[str, Any] = {"__metadata__": {"format": 'np"}{'}}
    for (name, array), start, end in zip(arrays.items(), ends, ends[1:], strict=False):
        dtype = SAFETENSORS_NAMES[str(array.dtype)]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [start, end]}
    return header


def masked(data: bytes) -> int:
    value = google_crc32c.value(data)
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value: int) -> bytes:
    parts = []
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def message(*fields: tuple[int, int | bytes]) -> bytes:
    """A protocol buffer."""
    return b"".join(
        varint(number << 3 | 2) + varint(len(value)) + value
        if isinstance(value, bytes)
        else varint(number << 3) + varint(value)
        for number, value in fields
    )


def block_of(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    content = b"".join(varint(0) + varint(len(key)) + varint(len(value)) + key + value for key, value in entries)
    return content + struct.pack("<2L", 0, 1)


def table_of(*blocks: bytes, kind: int = 0, handles: list[tuple[int, int]] | None = None) -> bytes:
    """A LevelDB table of data blocks."""
    content, places = b"", []

    def add(block: bytes) -> tuple[int, int]:
        nonlocal content
        place = (len(content), len(block))
        trailer = bytes([kind])
        content += block + trailer + struct.pack("<L", masked(block + trailer))
        return place

    places = [add(block) for block in blocks]
    meta = add(block_of([]))
    entries = [(b"%d" % n, varint(o) + varint(s)) for n, (o, s) in enumerate(handles or places)]
    index = add(block_of(entries))
    footer = b"".join(map(varint, [*meta, *index])).ljust(40, b"\0")
    return content + footer + struct.pack("<Q", 0xDB4775248B80FB57)


def bundle_entry(dtype: int, shape: tuple[int, ...], offset: int, size: int, *more: tuple[int, int | bytes]) -> bytes:
    dimensions = message(*((2, message((1, n))) for n in shape))
    return message((1, dtype), (2, dimensions), (4, offset), (5, size), *more)


BUNDLE_HEADER = (b"", message((1, 1)))
BUNDLE_DTYPES = {"float32": 1, "float16": 19, "int64": 9, "bool": 10, "uint8": 4}


def write_bundle(folder: Path, index: bytes, data: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / INDEX_NAME).write_bytes(index)
    (folder / DATA_NAME).write_bytes(data)
    return folder / DATA_NAME


def bundle_index(arrays: Mapping[str, np.ndarray]) -> bytes:
    offset, entries = 0, [BUNDLE_HEADER]
    for name, array in sorted(arrays.items()):
        dtype = BUNDLE_DTYPES[str(array.dtype)]
        entries.append((name.encode(), bundle_entry(dtype, array.shape, offset, array.nbytes)))
        offset += array.nbytes
    return table_of(block_of(entries[:2]), block_of(entries[2:]))


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<L", masked(length)) + data + struct.pack("<L", masked(data))


def gzip_of(data: bytes, level: int = 6, memory_level: int = 9, header: bytes | None = None) -> bytes:
    deflater = zlib.compressobj(level, zlib.DEFLATED, -15, memory_level)
    start = b"\x1f\x8b\x08\0\0\0\0\0\0\3" if header is None else header
    end = struct.pack("<2L", zlib.crc32(data), len(data) & 0xFFFFFFFF)
    return start + deflater.compress(data) + deflater.flush() + end


def write_hdf5(path: Path, arrays: Mapping[str, np.ndarray], **options: Any) -> None:
    with h5py.File(path, "w", **options) as file:
        for name, array in arrays.items():
            file.create_dataset(f"layers/{name}", data=array)
        file.create_dataset("chunked", data=np.arange(60.0).reshape(6, 10), chunks=(4, 5))
        file.create_dataset("packed", data=np.zeros(1000), chunks=(300,), compression="gzip")
        file["layers"].attrs["config"] = "x" * 3000


def write_all(folder: Path) -> list[Path]:
    """Write one file of each format, small enough for fuzzing."""
    arrays = weights()
    paths = [folder / name for name in ("a.safetensors", "a.npy", "a.npz", "a.h5", "a.keras", "r.tfrecord", "r.gz")]
    write_safetensors(paths[0], safetensors_header(arrays), b"".join(a.tobytes() for a in arrays.values()))
    np.save(paths[1], arrays["dense/kernel"])
    np.savez(paths[2], **arrays)
    write_hdf5(paths[3], arrays)
    write_keras(paths[4], paths[3].read_bytes())
    records = b"".join(record(b"%d " % n * n) for n in range(60))
    paths[5].write_bytes(records)
    paths[6].write_bytes(gzip_of(records))
    data = b"".join(array.tobytes() for _, array in sorted(arrays.items()))
    return [*paths, write_bundle(folder, bundle_index(arrays), data)]


def write_keras(path: Path, hdf5: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", hdf5)


def read(path: Path, *, seconds: float = 2.0) -> tuple[Tensor, ...]:
    """Return a file's tensors, having checked everything that holds of every file; also runs the other parsers."""
    with at_most(seconds):
        found = tensors(path)
        records = list(record_boundaries(path))
        recipe = inflate_exactly(path)
    end, size_bytes = 0, path.stat().st_size
    for tensor in found:
        assert end <= tensor.offset
        assert 0 < tensor.size_bytes == tensor.item_bytes * math.prod(tensor.shape)
        assert tensor.item_bytes == ITEM_BYTES.get(tensor.dtype, 1)
        assert tensor.dtype in {*ITEM_BYTES, "opaque"}
        tensor.name.encode()
        end = tensor.offset + tensor.size_bytes
    assert end <= size_bytes
    assert len({tensor.name for tensor in found}) == len(found)
    assert records == sorted(set(records))
    assert all(0 <= offset <= size_bytes - 12 for offset in records)
    if recipe:
        assert b"".join(deflate(recipe, inflate(path, recipe))) == path.read_bytes()
    return found


def contents(path: Path) -> dict[str, np.ndarray]:
    """Return the plain tensors of a file as arrays, by name, after `read`."""
    content = path.read_bytes()
    arrays = {}
    for tensor in read(path):
        part = content[tensor.offset : tensor.offset + tensor.size_bytes]
        with contextlib.suppress(TypeError):  # bfloat16, unless ml_dtypes is imported
            arrays[tensor.name] = np.frombuffer(part, tensor.dtype if tensor.dtype != "opaque" else "V1").reshape(
                tensor.shape
            )
    return arrays


def assert_same(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> None:
    assert expected
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].tobytes() == array.tobytes(), name
        assert (str(found[name].dtype), found[name].shape) == (str(array.dtype), array.shape), name
