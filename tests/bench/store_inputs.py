"""Inputs of any kind, made by seeded generators: ``python -m tests.bench.store_inputs NAME FOLDER``."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.bench.store_job import describe
from tests.bench.store_safetensors import Header, write_header

FILES, FILES_BYTES = 10_000, 536_000_000
MILLION, MILLION_BYTES = 1_000_000, 100
_TENSORS, _TENSOR_BYTES = 32, 32 << 20
_CHANGES, _CHANGE_BYTES = 164, 64 << 10


def files(folder: Path) -> None:
    """Make 10,000 files of 536 MB: 40 % noise, 35 % text, 15 % weights, and 10 % copies, in 100 folders."""
    rng = np.random.default_rng(0)
    sizes = rng.lognormal(0, 1.2, FILES)
    sizes = np.maximum(1, sizes * FILES_BYTES / sizes.sum()).astype(int)
    kinds = rng.choice(["bin", "txt", "f32", "copy"], FILES, p=[0.40, 0.35, 0.15, 0.10])
    words = _words(rng)
    made: list[Path] = []
    for number, (size, kind) in enumerate(zip(sizes, kinds, strict=True)):
        parent = folder / "v1" / f"d{number % 100:02}"
        parent.mkdir(parents=True, exist_ok=True)
        path = parent / f"f{number:05}.{kind}"
        if kind == "copy" and made:
            shutil.copyfile(made[rng.integers(len(made))], path)
        else:
            path.write_bytes(_content(rng, str(kind), int(size), words))
            made.append(path)
    describe(folder, [["v1"]])


def _words(rng: np.random.Generator) -> np.ndarray:
    """Return a vocabulary, each word with what separates it from the next."""
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", np.uint8)
    ends = [b" ", b" ", b" ", b", ", b".\n"]
    words = [rng.choice(letters, rng.integers(2, 11)).tobytes() + ends[rng.integers(5)] for _ in range(4096)]
    return np.array(words, dtype=object)


def _content(rng: np.random.Generator, kind: str, size_bytes: int, words: np.ndarray) -> bytes:
    if kind == "txt":  # Zipf's law, as in any language
        ranks = rng.zipf(1.2, size_bytes // 3 + 8) % len(words)
        return b"".join(words[ranks])[:size_bytes]
    if kind == "f32":
        return (rng.standard_normal(size_bytes // 4 + 1, np.float32) * np.float32(0.02)).tobytes()[:size_bytes]
    return rng.bytes(size_bytes)


def large(folder: Path) -> None:
    """Make a safetensors file of 1 GiB, half weights and half noise; and again, with 1 % changed in 164 places."""
    rng = np.random.default_rng(1)
    dtypes = [np.dtype("<f4"), np.dtype("u1")]
    header: Header = {
        f"layers.{n}.weight": (dtypes[n % 2], (_TENSOR_BYTES // dtypes[n % 2].itemsize,)) for n in range(_TENSORS)
    }
    for version in ("v1", "v2"):
        (folder / version).mkdir()
    path = folder / "v1" / "model.safetensors"
    with path.open("wb") as stream:
        start = write_header(stream, header)
        for number in range(_TENSORS):
            stream.write(_large_content(rng, number, _TENSOR_BYTES))
    changed = shutil.copyfile(path, folder / "v2" / "model.safetensors")
    with changed.open("r+b") as stream:
        for _ in range(_CHANGES):
            offset = int(rng.integers((_TENSORS * _TENSOR_BYTES - _CHANGE_BYTES) // 4)) * 4
            stream.seek(start + offset)
            stream.write(_large_content(rng, offset // _TENSOR_BYTES, _CHANGE_BYTES))
    describe(folder, [["v1"], ["v2"]], {"v2": ["v1"]}, restored=("v2",))


def _large_content(rng: np.random.Generator, tensor: int, size_bytes: int) -> bytes:
    return _content(rng, "bin" if tensor % 2 else "f32", size_bytes, np.empty(0))


def million(folder: Path) -> None:
    """Make 1,000,000 files of about 100 bytes, no two alike."""
    rng = np.random.default_rng(2)
    for number in range(MILLION // 1000):
        parent = folder / "v1" / f"d{number:03}"
        parent.mkdir(parents=True)
        for name in range(1000):
            (parent / f"{name:03}.txt").write_bytes(
                rng.bytes(int(rng.integers(MILLION_BYTES // 2, MILLION_BYTES * 3 // 2)))
            )
    describe(folder, [["v1"]])


GENERATORS: dict[str, Callable[[Path], None]] = {"files": files, "large": large, "million": million}


if __name__ == "__main__":
    GENERATORS[sys.argv[1]](Path(sys.argv[2]))
