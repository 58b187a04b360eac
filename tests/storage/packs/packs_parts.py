"""What the tests of packs share."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np

from ama_tfx.storage import Digest
from ama_tfx.storage.objects import MemoryObjects, ObjectStore
from ama_tfx.storage.packs import PackStore
from ama_tfx.storage.packs.format import Kind, pack_name
from ama_tfx.storage.packs.index import Index


def store_on(objects: ObjectStore, folder: Path) -> PackStore:
    """Return a store whose index and scratch files are in a folder of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    return PackStore(objects, Index(folder / "index.db"), folder)


def put(store: PackStore, content: bytes) -> Digest:
    return store.put(io.BytesIO(content)).digest


def read(store: PackStore, digest: Digest) -> bytes:
    with store.open(digest) as stream:
        return stream.read()


def some_bytes(seed: int, size_bytes: int) -> bytes:
    return random.Random(seed).randbytes(size_bytes)


def npy(path: Path, seed: int, *, steps: int = 0, size: int = 40_000) -> Path:
    """Write an array; with more steps, a near-copy of it."""
    values = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    for step in range(steps):
        values = values * np.float32(1.0001 + step / 1_000_000)
    np.save(path, values)
    return path


def flip(objects: ObjectStore, name: str, position: int) -> None:
    """Flip one bit of an object, past the store."""
    content = bytearray(objects.read(name))
    content[position] ^= 1
    overwrite(objects, name, bytes(content))


def overwrite(objects: ObjectStore, name: str, content: bytes) -> None:
    if isinstance(objects, MemoryObjects):
        objects.content[name] = content
        return
    objects.delete(name)
    objects.put(name, content)


def damage_blob(store: PackStore, digest: Digest) -> None:
    """Flip one bit of the first piece of a blob, where its payload lies."""
    (part, *_) = store.finder.recipes([digest])[digest].parts
    place = store.index.find(Kind.PIECE, part.key)
    assert place is not None
    flip(store.objects, pack_name(place.pack), place.entry.offset)
