"""How a piece is stored: which codec, and as a difference to which pieces that are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ama_tfx.errors import IntegrityError, NotFoundError
from ama_tfx.storage import codecs
from ama_tfx.storage.codecs import Codec
from ama_tfx.storage.digest import Digest
from ama_tfx.storage.packs.cutting import Raw
from ama_tfx.storage.packs.format import Kind, Payload
from ama_tfx.storage.packs.held import Held
from ama_tfx.storage.packs.index import Index
from ama_tfx.storage.packs.index_file import Place
from ama_tfx.storage.packs.leaning import Leaning
from ama_tfx.storage.packs.reading import MAX_DEPTH, MAX_PAYLOADS, PackReader
from ama_tfx.storage.packs.recipe import Part

if TYPE_CHECKING:
    from ama_tfx.storage.packs.matching import Matcher

_MOST_PARENTS = 32
_HELD_BYTES = 8 << 20
"""Of parents' pieces that were just decoded: what a tensor was compared with is what it is a difference to."""


@dataclass(frozen=True, slots=True)
class Hashed:
    """A piece with its key."""

    raw: Raw
    key: bytes

    @property
    def part(self) -> Part:
        """What a recipe says of it."""
        return Part(self.key, len(self.raw.data), self.raw.label)


@dataclass(frozen=True, slots=True)
class Parents:
    """What the files that a new one may be a newer version of are made of.

    Attributes:
        matcher: Of their tensors; None when they have none.
        parts: The first one's pieces in order.
    """

    matcher: Matcher | None = None
    parts: Sequence[Part] = ()


NO_PARENTS = Parents()


@dataclass(frozen=True, slots=True)
class _Base:
    """A piece that may be built upon, and the keys of all that is decoded for it."""

    place: Place
    data: memoryview
    chain: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class _Forecast:
    """What a piece is foretold to be, and what the payload has to say before the difference."""

    codec: Codec
    head: bytes
    data: memoryview
    bases: tuple[_Base, ...]


class Encoder:
    """Chooses codecs and bases for one writer; `encode` is safe to call from many threads."""

    def __init__(self, index: Index, reader: PackReader, there: Leaning) -> None:
        self._index, self._reader, self._there = index, reader, there
        self._held = Held(_HELD_BYTES)

    def parents(self, digests: Iterable[Digest]) -> Parents:
        """Read what parents are made of."""
        recipes = [
            recipe for digest in list(dict.fromkeys(digests))[:_MOST_PARENTS] if (recipe := self._recipe(digest))
        ]
        parts = recipes[0] if recipes else ()
        if not any(part.label for recipe in recipes for part in recipe):
            return Parents(None, parts)
        from ama_tfx.storage.packs import matching  # numpy, which most commands do without

        return Parents(matching.Matcher([matching.Parent(recipe) for recipe in recipes], self._data), parts)

    def same_files(self, pieces: Mapping[bytes, Sequence[Digest]]) -> dict[bytes, bytes]:
        """Return for pieces that are a file each, given its parents, the piece that the first one is or begins with."""
        first = {key: parents[0] for key, parents in pieces.items() if parents}
        wanted = {digest.raw: digest for digest in first.values()}
        there = self._index.find_all(Kind.RECIPE, list(wanted))
        self._reader.fetch(Kind.RECIPE, list(there))
        recipes = {wanted[raw]: self._recipe(wanted[raw]) for raw in there}
        return {key: recipe[0].key for key, parent in first.items() if (recipe := recipes.get(parent))}

    def encode(self, raw: Raw, parents: Parents = NO_PARENTS, base: bytes | None = None) -> Payload:
        """Return what to store of a piece; what it is a difference to is leaned on.

        Args:
            raw: The piece.
            parents: Of the file that it is part of.
            base: Key of the piece that stands in its place in a parent; of use for ordinary bytes, a tensor's or not.
        """
        if base is not None and (not raw.label or raw.item_bytes not in {2, 4, 8}):
            return self._encode_patch(raw, base)
        for forecast in self._forecasts(raw, parents):
            encoded = codecs.encode(raw.data, item_bytes=raw.item_bytes, base=forecast.data)
            if encoded.codec is not Codec.DELTA:
                break
            if not self._there.lean_on(base.place for base in forecast.bases):
                continue
            entries = [base.place.entry for base in forecast.bases]
            depth, keys = max(entry.depth for entry in entries) + 1, tuple(entry.key for entry in entries)
            payload = forecast.head + encoded.payload if forecast.head else encoded.payload
            return Payload(payload, forecast.codec, len(raw.data), raw.item_bytes, depth, keys)
        else:
            encoded = codecs.encode(raw.data, item_bytes=raw.item_bytes)
        return Payload(encoded.payload, encoded.codec, len(raw.data), raw.item_bytes)

    def _encode_patch(self, raw: Raw, key: bytes) -> Payload:
        base = self._base(key)
        encoded = codecs.encode(raw.data, item_bytes=raw.item_bytes, base=base.data if base else None)
        if base is not None and encoded.codec is Codec.PATCH and not self._there.lean_on([base.place]):
            base, encoded = None, codecs.encode(raw.data, item_bytes=raw.item_bytes)
        if base is None or encoded.codec is not Codec.PATCH:
            return Payload(encoded.payload, encoded.codec, len(raw.data), raw.item_bytes)
        entry = base.place.entry
        return Payload(encoded.payload, encoded.codec, len(raw.data), raw.item_bytes, entry.depth + 1, (entry.key,))

    def _first_of_chain(self, key: bytes) -> bytes:
        """Return what a piece at the end of a long chain goes back to: an older version, but the chain begins anew."""
        for _ in range(MAX_DEPTH):
            place = self._there.find([key]).get(key)
            if place is None or not place.entry.bases:
                break
            key = place.entry.bases[0]
        return key

    def _recipe(self, digest: Digest) -> Sequence[Part]:
        place = self._index.find(Kind.RECIPE, digest.raw)
        try:
            return self._reader.recipe(place).parts if place else ()
        except (IntegrityError, NotFoundError):  # a damaged parent is no reason not to store the child
            return ()

    def _forecasts(self, raw: Raw, parents: Parents) -> Iterator[_Forecast]:
        """Yield what may foretell a piece, the best first."""
        if parents.matcher is None:
            return
        from ama_tfx.storage.packs.matching import split_label

        for way in parents.matcher.ways(raw):
            number = split_label(raw.label)[1]
            keys = [tensor.blocks[number].key for tensor in way.tensors if number < len(tensor.blocks)]
            bases = tuple(base for key in keys if (base := self._base(key)) and len(base.data) == len(raw.data))
            chain = frozenset[bytes]().union(*(base.chain for base in bases))
            if len(bases) == len(way.tensors) and len(chain) < MAX_PAYLOADS:
                forecast = _foretell(raw, way.codec, bases)
                if forecast is not None:
                    yield forecast

    def _data(self, key: bytes) -> memoryview | None:
        base = self._base(key)
        return None if base is None else base.data

    def _base(self, key: bytes) -> _Base | None:
        """Return a piece that may be built upon: there and sound, or where a chain that is at its end goes back to."""
        place = self._there.find([key]).get(key)
        if place is not None and place.entry.depth >= MAX_DEPTH:
            first = self._first_of_chain(key)
            place = self._there.find([first]).get(first)
        if place is None or place.entry.depth >= MAX_DEPTH:
            return None
        try:
            chain = self._reader.chain(place)
            data = self._reader.decoded(chain, self._held)
        except (IntegrityError, NotFoundError):
            return None
        if not self._there.may_lean_on(chain):
            return None
        return _Base(place, memoryview(data), frozenset(each.entry.key for each in chain))


def _foretell(raw: Raw, codec: Codec, bases: tuple[_Base, ...]) -> _Forecast | None:
    if codec is Codec.DELTA:
        return _Forecast(codec, b"", bases[0].data, bases)
    from ama_tfx.storage.codecs import factors, predictors
    from ama_tfx.storage.packs.matching import NUMBER_TYPES, rows_of, type_of

    number_type = NUMBER_TYPES[type_of(raw.label)]
    if codec is Codec.MEAN:
        weights = [1] * len(bases)
        head = predictors.mean_head(number_type, weights)
        return _Forecast(
            codec, head, predictors.predict_mean([base.data for base in bases], weights, number_type), bases
        )
    found = factors.find_low_rank(raw.data, bases[0].data, number_type, rows_of(raw))
    if found is None:
        return None
    head = predictors.low_rank_head(number_type, found)
    return _Forecast(codec, head, predictors.predict_low_rank(bases[0].data, number_type, found), bases)
