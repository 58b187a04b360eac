"""Which tensors of its parents a new tensor resembles, and by which arithmetic it was made of them.

Decided once for a tensor, by a thousand numbers of the first of its blocks that has to be stored.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ama_tfx.storage.codecs import Codec, factors, predictors
from ama_tfx.storage.codecs.planes import ITEM_BYTES, encode_planes
from ama_tfx.storage.codecs.predictors import NumberType
from ama_tfx.storage.packs.cutting import Raw
from ama_tfx.storage.packs.format import MAX_BASES
from ama_tfx.storage.packs.recipe import Part

Load = Callable[[bytes], memoryview | None]
"""Gives the raw bytes of a piece that may be built upon; None when there is none."""

_SAMPLED_ITEMS = 1024
_MOST_ALIKE = 64
"""Tensors of one size of one parent that are looked at by content; each once for a file, whatever there is to match."""

_GAIN_BITS = 1.0
"""Of a number, by which a tensor is nearer to another one than to the same with its numbers moved: so they belong."""

_MEAN_SHARE = 0.5
"""Of the bits of a number that the best parent alone leaves, what a mean may leave: each base costs at every read."""

NUMBER_TYPES = {
    "float16": NumberType.FLOAT16,
    "bfloat16": NumberType.BFLOAT16,
    "float32": NumberType.FLOAT32,
    "float64": NumberType.FLOAT64,
}

Sample = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A parent's tensor.

    Attributes:
        name: Its type and name: the label without the block's number.
        blocks: Its pieces in order.
    """

    name: str
    blocks: tuple[Part, ...]

    @property
    def size_bytes(self) -> int:
        """Of all blocks."""
        return sum(part.size_bytes for part in self.blocks)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to foretell a tensor.

    Attributes:
        codec: DELTA, MEAN or LOW_RANK.
        tensors: What it is foretold from, block by block.
    """

    codec: Codec
    tensors: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class _Match:
    parent: int
    tensor: Tensor
    sample: Sample
    distance: float
    is_related: bool


@dataclass(slots=True)
class _Deciding:
    lock: threading.Lock = field(default_factory=threading.Lock)
    ways: tuple[Way, ...] | None = None


class Parent:
    """The tensors of one file.

    Args:
        parts: Of its recipe.
    """

    def __init__(self, parts: Iterable[Part]) -> None:
        blocks: dict[str, list[Part]] = {}
        for part in parts:
            if part.label:
                blocks.setdefault(split_label(part.label)[0], []).append(part)
        self.tensors = {name: Tensor(name, tuple(some)) for name, some in blocks.items()}
        self._alike: dict[tuple[str, int], list[Tensor]] = {}
        for tensor in self.tensors.values():
            self._alike.setdefault((type_of(tensor.name), tensor.size_bytes), []).append(tensor)

    def named(self, name: str, size_bytes: int) -> Tensor | None:
        """Return the tensor of a name, if it has the size."""
        found = self.tensors.get(name)
        return found if found is not None and found.size_bytes == size_bytes else None

    def alike(self, name: str, size_bytes: int) -> Sequence[Tensor]:
        """Return the tensors of a name's type and of a size."""
        return self._alike.get((type_of(name), size_bytes), ())[:_MOST_ALIKE]


class Matcher:
    """Finds out for one new file how its tensors follow from its parents'; safe to use from many threads.

    Args:
        parents: What the new file may be made from.
        load: Reads their pieces.
    """

    def __init__(self, parents: Sequence[Parent], load: Load) -> None:
        self._parents, self._load = parents, load
        self._lock = threading.Lock()
        self._deciding: dict[str, _Deciding] = {}
        self._samples: dict[bytes, Sample | None] = {}
        self._averaged: frozenset[int] = frozenset()

    def ways(self, raw: Raw) -> tuple[Way, ...]:
        """Return the ways to foretell a block, the best first; none when it resembles nothing."""
        name, number = split_label(raw.label)
        if not self._parents or not name or raw.item_bytes not in ITEM_BYTES:
            return ()
        with self._lock:
            deciding = self._deciding.setdefault(name, _Deciding())
        with deciding.lock:
            if deciding.ways is None:
                deciding.ways = tuple(self._decide(raw, name, number))
            return deciding.ways

    def _decide(self, raw: Raw, name: str, number: int) -> Iterable[Way]:
        child = sample_of(raw.data, raw.item_bytes)
        found = [self._match(parent, raw, child, (name, number)) for parent in range(len(self._parents))]
        matches = sorted((match for match in found if match is not None), key=lambda match: match.distance)
        if not matches:
            return
        number_type = NUMBER_TYPES.get(type_of(name))
        if number_type is not None:
            related = list({match.tensor.blocks[number].key: match for match in matches if match.is_related}.values())
            averaged = self._averaged_of(related, child, number_type)
            if averaged:
                yield Way(Codec.MEAN, averaged)
            base = self._load(matches[0].tensor.blocks[number].key)
            if base is not None and len(base) == len(raw.data) and _is_low_rank(raw, base, number_type):
                yield Way(Codec.LOW_RANK, (matches[0].tensor,))
        yield Way(Codec.DELTA, (matches[0].tensor,))

    def _match(self, number: int, raw: Raw, child: Sample, label: tuple[str, int]) -> _Match | None:
        """Return what resembles a tensor most in one parent: by its name, or else by its content."""
        parent, (name, block) = self._parents[number], label
        tensor = parent.named(name, raw.tensor_bytes)
        named = self._compared(number, tensor, raw, child, block) if tensor is not None else None
        if named is not None and named.is_related:
            return named
        others = [other for other in parent.alike(name, raw.tensor_bytes) if other is not tensor]
        compared = [self._compared(number, other, raw, child, block) for other in others]
        alike = [match for match in compared if match is not None and match.is_related]
        return min(alike, key=lambda match: match.distance, default=named)

    def _compared(self, number: int, tensor: Tensor, raw: Raw, child: Sample, block: int) -> _Match | None:
        if block >= len(tensor.blocks) or tensor.blocks[block].size_bytes != len(raw.data):
            return None
        sample = self._sample(tensor.blocks[block].key, raw.item_bytes)
        if sample is None:
            return None
        distance = distance_of(child, sample)
        moved = distance_of(child, np.roll(sample, len(sample) // 2 + 1))
        return _Match(number, tensor, sample, distance, moved - distance > _GAIN_BITS)

    def _sample(self, key: bytes, item_bytes: int) -> Sample | None:
        if key not in self._samples:
            data = self._load(key)
            self._samples[key] = None if data is None else sample_of(data, item_bytes)
        return self._samples[key]

    def _averaged_of(self, related: list[_Match], child: Sample, number_type: NumberType) -> tuple[Tensor, ...]:
        """Return the tensors whose mean is much nearer than the best one alone, in the order of the parents."""
        some = sorted(related[:MAX_BASES], key=lambda match: match.parent)
        if len(some) < 2:
            return ()
        wanted = related[0].distance * _MEAN_SHARE
        last = [match for match in some if match.parent in self._averaged]  # as for the file's other tensors
        if len(last) < 2 or _mean_distance(last, child, number_type) > wanted:
            last = _without_strangers(some, child, number_type)
        if _mean_distance(last, child, number_type) > wanted:
            return ()
        self._averaged = frozenset(match.parent for match in last)
        return tuple(match.tensor for match in last)


def split_label(label: str) -> tuple[str, int]:
    """Return a label's tensor and the number of the block."""
    name, _, number = label.rpartition("#")
    return (name, int(number)) if number.isdecimal() else (label, 0)


def type_of(name: str) -> str:
    """Return the type of the numbers that a label begins with."""
    return name.partition(":")[0]


def sample_of(data: memoryview, item_bytes: int) -> Sample:
    """Return some numbers of a piece as unsigned integers, from all over it."""
    items: Sample = np.frombuffer(data, f"<u{item_bytes}", len(data) // item_bytes)
    return items[:: max(1, len(items) // _SAMPLED_ITEMS)][:_SAMPLED_ITEMS].copy()


def distance_of(one: Sample, other: Sample) -> float:
    """Return how many bits of a number the difference takes, on average."""
    difference = (one - other).view(f"<i{one.itemsize}")
    return float(np.log2(np.abs(difference.astype(np.float64)) + 1).mean())


def _mean_distance(matches: Sequence[_Match], child: Sample, number_type: NumberType) -> float:
    bases = [match.sample.data.cast("B") for match in matches]
    mean = predictors.predict_mean(bases, [1] * len(bases), number_type)
    return distance_of(child, np.frombuffer(mean, child.dtype))


def _without_strangers(some: list[_Match], child: Sample, number_type: NumberType) -> list[_Match]:
    """Leave out one after the other as long as the mean of the rest gets nearer: the version before, for instance."""
    distance = _mean_distance(some, child, number_type)
    while len(some) > 2:
        without = [some[:number] + some[number + 1 :] for number in range(len(some))]
        distances = [_mean_distance(rest, child, number_type) for rest in without]
        nearest = min(range(len(some)), key=distances.__getitem__)
        if distances[nearest] >= distance:
            break
        some, distance = without[nearest], distances[nearest]
    return some


def _is_low_rank(raw: Raw, base: memoryview, number_type: NumberType) -> bool:
    rows = rows_of(raw)
    if not rows or not factors.may_be_low_rank(raw.data, base, number_type, rows):
        return False
    found = factors.find_low_rank(raw.data, base, number_type, rows)
    if found is None:
        return False
    plain = encode_planes(raw.data, raw.item_bytes, base)
    structured = predictors.encode_low_rank(raw.data, number_type, base, found).payload
    return 3 * len(structured) < 2 * len(plain)  # it takes five times as long to find, and twice to read


def rows_of(raw: Raw) -> int:
    """Return how many rows of its tensor a block has; 0 when they are not whole."""
    row_bytes = raw.columns * raw.item_bytes
    return len(raw.data) // row_bytes if row_bytes and len(raw.data) % row_bytes == 0 else 0
