"""Differences to several parents, by name or content, and by the arithmetic that made a model of others."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from ama_tfx.errors import IntegrityError
from ama_tfx.storage import Digest, Source
from ama_tfx.storage.codecs import Codec
from ama_tfx.storage.objects import MemoryObjects
from ama_tfx.storage.packs import PackStore
from ama_tfx.storage.packs.format import Kind, Payload, key_of, pack_name
from ama_tfx.storage.packs.index_file import Place
from ama_tfx.storage.packs.pack_file import PackFile
from tests.storage.packs.packs_parts import store_on

Weights = Mapping[str, npt.NDArray]
TYPES = {"<f4": "F32", "<f2": "F16", "<f8": "F64", "bfloat16": "BF16"}


@pytest.fixture
def store(tmp_path: Path) -> PackStore:
    return store_on(MemoryObjects(), tmp_path / "store")


def weights(seed: int, shape: tuple[int, ...] = (256, 384)) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 0.05, shape).astype(np.float32)


def moved(values: npt.NDArray, seed: int, by: float = 1e-4) -> npt.NDArray:
    """Return what a little training makes of weights: noise everywhere."""
    noise = np.random.default_rng(seed).normal(0, by, values.shape)
    return (values.astype(np.float64) + noise).astype(values.dtype)


def write(path: Path, tensors: Weights) -> Path:
    """Write a safetensors file."""
    header, position = {}, 0
    for name, values in tensors.items():
        kind = "BF16" if values.dtype == ml_dtypes.bfloat16 else TYPES[values.dtype.str]
        header[name] = {"dtype": kind, "shape": values.shape, "data_offsets": [position, position + values.nbytes]}
        position += values.nbytes
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    path = path.with_suffix(".safetensors")
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + b"".join(values.tobytes() for values in tensors.values()))
    return path


def put(store: PackStore, path: Path, parents: Sequence[Digest] = ()) -> tuple[Digest, int]:
    """Store a file; return its digest, and how many bytes were new."""
    with store.writer() as writer:
        (info,) = writer.add_files([Source(path, tuple(parents))])
        writer.commit()
        return info.digest, writer.new_bytes


def codecs_of(store: PackStore, digest: Digest) -> Counter[Codec]:
    """Return with which codecs a file's tensors are stored."""
    parts = [part for part in store.finder.recipes([digest])[digest].parts if part.label]
    places = store.index.find_all(Kind.PIECE, [part.key for part in parts])
    return Counter(Codec(place.entry.codec) for place in places.values())


def restored(store: PackStore, digest: Digest) -> bytes:
    with store.open(digest) as stream:
        return stream.read()


def chain_of(store: PackStore, digest: Digest) -> list[Place]:
    """Return all that is decoded for a file's first tensor."""
    part = next(part for part in store.finder.recipes([digest])[digest].parts if part.label)
    place = store.index.find(Kind.PIECE, part.key)
    assert place is not None
    return store.reader.chain(place)


@pytest.mark.parametrize("dtype", ["<f4", "<f2", "<f8", "bfloat16"])
def test_a_federated_average_is_stored_as_the_mean_of_its_clients(store: PackStore, tmp_path: Path, dtype: str) -> None:
    kind = np.dtype(ml_dtypes.bfloat16) if dtype == "bfloat16" else np.dtype(dtype)
    base = {f"layer{number}": weights(number).astype(kind) for number in range(3)}
    clients = [{name: moved(v, 10 * client + 3, 1e-3) for name, v in base.items()} for client in range(4)]
    digests = [put(store, write(tmp_path / f"{n}", client))[0] for n, client in enumerate([base, *clients])]
    computed = np.float64 if dtype == "<f8" else np.float32
    mean = {n: np.mean([c[n].astype(computed) for c in clients], axis=0, dtype=computed).astype(kind) for n in base}
    path = write(tmp_path / "mean", mean)
    digest, new_bytes = put(store, path, digests)  # the base is no client: it is left out
    assert codecs_of(store, digest) == {Codec.MEAN: 3}
    assert path.stat().st_size / new_bytes > 100
    assert len(chain_of(store, digest)) == 5
    assert restored(store, digest) == path.read_bytes()


@pytest.mark.parametrize("dtype", ["<f4", "<f2"])
def test_a_merged_adapter_is_stored_as_a_product_of_low_rank(store: PackStore, tmp_path: Path, dtype: str) -> None:
    base = {f"layer{number}": weights(number, (1500, 384)) for number in range(2)}  # of several blocks each
    adapters = {name: weights(7, (1500, 8)) @ weights(8, (8, 384)) for name in base}
    merged = {name: (values + adapters[name]).astype(dtype) for name, values in base.items()}
    parent, _ = put(store, write(tmp_path / "base", {name: values.astype(dtype) for name, values in base.items()}))
    path = write(tmp_path / "merged", merged)
    digest, new_bytes = put(store, path, [parent])
    assert set(codecs_of(store, digest)) == {Codec.LOW_RANK}
    assert path.stat().st_size / new_bytes > 4
    assert restored(store, digest) == path.read_bytes()


def test_ordinary_fine_tuning_is_a_difference_to_the_nearest_parent(store: PackStore, tmp_path: Path) -> None:
    base = {"kernel": weights(1)}
    near, far = {"kernel": moved(base["kernel"], 2, 1e-4)}, {"kernel": moved(base["kernel"], 3, 1e-2)}
    digests = [put(store, write(tmp_path / name, values))[0] for name, values in (("far", far), ("near", near))]
    digest, _ = put(store, write(tmp_path / "child", {"kernel": moved(near["kernel"], 4, 1e-6)}), digests)
    assert codecs_of(store, digest) == {Codec.DELTA: 1}
    wanted = next(part.key for part in store.finder.recipes([digests[1]])[digests[1]].parts if part.label)
    assert chain_of(store, digest)[-1].entry.bases == (wanted,)


def test_tensors_are_found_by_content_when_their_names_mean_others_now(store: PackStore, tmp_path: Path) -> None:
    base = {f"_variables/{number}": weights(number) for number in range(12)}
    order = np.random.default_rng(5).permutation(12)
    child = {f"_variables/{n}": moved(base[f"_variables/{old}"], 50 + n) for n, old in enumerate(order)}
    parent, _ = put(store, write(tmp_path / "base", base))
    path = write(tmp_path / "child", child)
    digest, new_bytes = put(store, path, [parent])
    assert codecs_of(store, digest) == {Codec.DELTA: 12}
    in_order, same_bytes = put(
        store,
        write(tmp_path / "named", dict(zip(base, map(moved, base.values(), range(200, 212)), strict=False))),
        [parent],
    )
    assert new_bytes < 1.02 * same_bytes
    assert restored(store, digest) == path.read_bytes()
    assert in_order != digest


def test_an_unrelated_tensor_of_the_same_name_is_no_base(store: PackStore, tmp_path: Path) -> None:
    parent, _ = put(store, write(tmp_path / "base", {"kernel": weights(1)}))
    digest, _ = put(store, write(tmp_path / "other", {"kernel": weights(2)}), [parent])
    assert codecs_of(store, digest) == {Codec.PLANES: 1}


def test_a_chain_never_gets_longer_than_four_and_goes_on_from_its_first(store: PackStore, tmp_path: Path) -> None:
    values, digests, depths = weights(1), [], []
    for version in range(8):
        digests.append(put(store, write(tmp_path / f"{version}", {"kernel": values}), digests[-1:])[0])
        depths.append(chain_of(store, digests[-1])[-1].entry.depth)
        values = moved(values, 100 + version)
    assert depths == [0, 1, 2, 3, 4, 1, 2, 3]


def test_a_missing_parent_is_no_base(store: PackStore, tmp_path: Path) -> None:
    parent, _ = put(store, write(tmp_path / "base", {"kernel": weights(1)}))
    (pack,) = store.index.packs()
    store.objects.delete(pack_name(pack))
    path = write(tmp_path / "child", {"kernel": moved(weights(1), 2)})
    digest, _ = put(store, path, [parent, Digest("0" * 64)])
    assert codecs_of(store, digest) == {Codec.PLANES: 1}
    assert restored(store, digest) == path.read_bytes()


def test_reading_one_tensor_reads_only_its_pieces(store: PackStore, tmp_path: Path) -> None:
    tensors = {f"layer{number}": weights(number, (1024, 1024)) for number in range(8)}  # 4 MiB in 4 blocks each
    path = write(tmp_path / "model", tensors)
    digest, _ = put(store, path)
    read_bytes = 0
    original = store.objects.read

    def counted(name: str, offset: int = 0, size_bytes: int | None = None) -> bytes:
        nonlocal read_bytes
        data = original(name, offset, size_bytes)
        read_bytes += len(data)
        return data

    store.objects.read = counted  # type: ignore[method-assign]
    start = path.stat().st_size - 3 * (4 << 20)
    with store.open(digest) as stream:
        stream.seek(start)
        assert stream.read(4 << 20) == tensors["layer5"].tobytes()
    assert 3_000_000 < read_bytes < 5_500_000  # of 32 MiB: the four blocks compressed, the recipe, and one block ahead


def forge(store: PackStore, entries: Mapping[str, tuple[Codec, int, tuple[str, ...]]]) -> None:
    """Write a pack of pieces that are what no writer of ours makes of them."""
    store.scratch.mkdir(exist_ok=True)
    with_pack = PackFile(store.scratch, 1 << 20)
    for name, (codec, depth, bases) in entries.items():
        keys = tuple(key_of(base.encode()) for base in bases)
        with_pack.add(Kind.PIECE, key_of(name.encode()), Payload(name.encode(), codec, len(name), 1, depth, keys))
    key = with_pack.finish()
    store.objects.put(pack_name(key), with_pack.path)
    with_pack.close()
    store.refresh()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"a": (Codec.DELTA, 1, ("a",))}, "no smaller depth"),
        ({"a": (Codec.DELTA, 2, ("b",)), "b": (Codec.DELTA, 2, ("a",))}, "no smaller depth"),
        ({"a": (Codec.DELTA, 2, ("b",)), "b": (Codec.DELTA, 1, ("a",))}, "no smaller depth"),
        ({"a": (Codec.DELTA, 1, ("b",))}, "which is missing"),
        ({"a": (Codec.DELTA, 5, ("b",)), "b": (Codec.RAW, 4, ())}, "chain of 5 bases"),
        ({"a": (Codec.DELTA, 1, ())}, "needs the base"),
        ({"a": (Codec.DELTA, 1, ("b", "c")), "b": (Codec.RAW, 0, ()), "c": (Codec.RAW, 0, ())}, "needs the base"),
        ({"a": (Codec.MEAN, 1, ("b",)), "b": (Codec.RAW, 0, ())}, "ends before"),
        (
            {
                "a": (Codec.MEAN, 2, ("b", "c")),
                "b": (Codec.MEAN, 1, tuple(f"d{n}" for n in range(10))),
                "c": (Codec.MEAN, 1, tuple(f"e{n}" for n in range(10))),
                **{f"{letter}{n}": (Codec.RAW, 0, ()) for letter in "de" for n in range(10)},
            },
            "more than 20 pieces",
        ),
    ],
)
def test_a_forged_entry_is_refused(
    store: PackStore, entries: Mapping[str, tuple[Codec, int, tuple[str, ...]]], message: str
) -> None:
    forge(store, entries)
    place = store.index.find(Kind.PIECE, key_of(b"a"))
    assert place is not None
    with pytest.raises(IntegrityError, match=message):
        store.reader.piece(place)


def test_a_forged_pack_with_too_many_bases_is_not_indexed(store: PackStore) -> None:
    forge(store, {"a": (Codec.MEAN, 1, tuple(f"{number}" for number in range(17))), "b": (Codec.RAW, 0, ())})
    assert store.index.find(Kind.PIECE, key_of(b"a")) is None
    assert ["too many" in why for why in store.finder.unreadable.values()] == [True]


def test_a_base_is_read_from_another_copy_when_the_first_is_damaged(store: PackStore, tmp_path: Path) -> None:
    base = {"kernel": weights(1)}
    parent, _ = put(store, write(tmp_path / "base", base))
    path = write(tmp_path / "child", {"kernel": moved(base["kernel"], 2)})
    digest, _ = put(store, path, [parent])
    first = chain_of(store, digest)[0]
    payload = store.reader.payload(first)
    pack = PackFile(store.scratch, 1 << 20)
    entry = first.entry
    pack.add(entry.kind, entry.key, Payload(payload, entry.codec, entry.raw_bytes, entry.item_bytes))
    store.objects.put(pack_name(pack.finish()), pack.path)
    pack.close()
    store.refresh()
    for copy in store.index.copies(Kind.PIECE, first.entry.key)[:1]:
        content = bytearray(store.objects.read(pack_name(copy.pack)))
        content[copy.entry.offset] ^= 1
        store.objects.delete(pack_name(copy.pack))
        store.objects.put(pack_name(copy.pack), bytes(content))
    assert len(store.index.copies(Kind.PIECE, first.entry.key)) == 2
    assert restored(store, digest) == path.read_bytes()
