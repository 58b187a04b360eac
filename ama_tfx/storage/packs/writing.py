"""Writing into the store: hash, look up, encode and append, overlapped on all cores in bounded memory."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ama_tfx.errors import ContentChangedError, InvalidInputError
from ama_tfx.storage import codecs
from ama_tfx.storage.blob_store import BlobInfo, OnProgress, Progress, Source
from ama_tfx.storage.codecs import Codec, Encoded
from ama_tfx.storage.digest import Digest
from ama_tfx.storage.formats import inflate_open
from ama_tfx.storage.objects import ObjectStore
from ama_tfx.storage.packs.aligning import Alignment
from ama_tfx.storage.packs.cutting import Raw, cut_file, cut_inflated, cut_stream
from ama_tfx.storage.packs.encoding import NO_PARENTS, Encoder, Hashed, Parents
from ama_tfx.storage.packs.finding import Finder
from ama_tfx.storage.packs.format import Entry, Kind, Payload, key_of
from ama_tfx.storage.packs.gzip_files import Proof, may_be_records, proofs, prove_file
from ama_tfx.storage.packs.index import Index
from ama_tfx.storage.packs.index_file import Place
from ama_tfx.storage.packs.leaning import Leaning
from ama_tfx.storage.packs.pack_file import FULL_BYTES
from ama_tfx.storage.packs.publishing import Publisher
from ama_tfx.storage.packs.reading import PackReader
from ama_tfx.storage.packs.recipe import MAX_RECIPE_BYTES, Part, Recipe, encode_recipe
from ama_tfx.storage.packs.source_files import Numbered, WholeFile, batches, reading, told, whole_files
from ama_tfx.storage.packs.storing import Storing

_Windows = Iterable[tuple[memoryview, list[Raw]]]
_UNKNOWN = BlobInfo(Digest("0" * 64), 0)
"""Of a file whose turn has not come."""


class Writer:
    """One writer's packs: what is added becomes visible in the index when a pack is full, and at ``commit``.

    A pack that was written and not committed is removed by leaving the block; one that was published holds whole
    pieces that nobody refers to yet. Not for several threads at once.
    """

    def __init__(
        self,
        objects: ObjectStore,
        index: Index,
        reader: PackReader,
        finder: Finder,
        scratch: Path,
        *,
        rereads: bool = True,
        pack_bytes: int = FULL_BYTES,
    ) -> None:
        self._sha = ThreadPoolExecutor(1, thread_name_prefix="ama-sha256")
        self._replaced: set[bytes] = set()
        self._there = Leaning(objects, index, reader, finder, rereads=rereads)
        self._encoder = Encoder(index, reader, self._there)
        self._packs = Publisher(objects, index, reader, self._there, scratch=scratch, pack_bytes=pack_bytes)
        self._pieces = Storing(reader, self._there, self._encoder, self._packs)

    @property
    def new_bytes(self) -> int:
        """See `BlobWriter`."""
        return self._packs.grown_bytes()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._pieces.close()
        self._sha.shutdown(cancel_futures=True)
        self._packs.close()

    def add_files(self, sources: Iterable[Source], *, on_progress: OnProgress | None = None) -> list[BlobInfo]:
        """Store files; return what each is, in order.

        Raises:
            ContentChangedError: One was written to meanwhile.
            InvalidInputError, NotFoundError, PermissionDeniedError: One cannot be read.
            OutOfSpaceError, BackendError: The store failed.
        """
        results: list[BlobInfo] = []
        large: list[Numbered] = []
        gzips: list[Numbered] = []

        def numbered() -> Iterator[Numbered]:
            for number, source in enumerate(sources):
                results.append(_UNKNOWN)
                yield number, source

        def leave(left: Numbered, size_bytes: int) -> None:
            (gzips if may_be_records(left[1].path, size_bytes) else large).append(left)

        for batch in batches(whole_files(self._pieces.pool, numbered(), may_be_records, leave)):
            for number, info in self._add_whole(batch, on_progress):
                results[number] = info
        with proofs(gzips, lambda digest: digest in self._there.recipes([digest])) as proved:
            for number, source in large:
                results[number] = self._add_large(source, on_progress)
            for number, source, proof in proved:
                results[number] = self._add_gzip(source, proof, on_progress)
        return results

    def add_stream(self, stream: BinaryIO, *, expected: Digest | None = None) -> BlobInfo:
        """Store what a stream yields until its end; see `BlobStore.put`."""
        hasher = hashlib.sha256()
        parts, is_new = self._add_windows(cut_stream(stream), NO_PARENTS, hasher.update)
        digest = Digest(hasher.hexdigest())
        if expected is not None and digest != expected:
            raise ContentChangedError(
                f"content changed while it was read: expected {expected}, got {digest}; "
                "stop whatever writes it, then try again"
            )
        return self._finish_file(digest, Recipe(parts), is_new=is_new)

    def add_broken(self, parts: Sequence[Part], stream: BinaryIO, broken: frozenset[bytes]) -> None:
        """Store again those pieces of a file that cannot be read, cut as its recipe says."""
        self._there.absent = broken
        for part in parts:
            data = memoryview(stream.read(part.size_bytes))
            if self._packs.holds(Kind.PIECE, part.key):  # another file of this writer had it
                self._replaced.add(part.key)
            elif part.key in broken - self._replaced and key_of(data) == part.key:
                self._pieces.store({part.key: Hashed(Raw(data, label=part.label), part.key)})
                self._replaced.add(part.key)

    def disregard(self, packs: Iterable[str]) -> None:
        """Let packs that are about to go count as absent."""
        self._there.condemned |= set(packs)

    def copy(self, entry: Entry, payload: bytes) -> None:
        """Take a payload over from another pack as it is."""
        described = Payload(payload, entry.codec, entry.raw_bytes, entry.item_bytes, entry.depth, entry.bases)
        self._packs.append(entry.kind, entry.key, described)

    def commit(self) -> None:
        """See `Publisher.commit`."""
        self._packs.commit()

    def secure(self) -> None:
        """See `BlobWriter.secure`."""
        self._there.secure()

    # -- files that fit into memory: read and hashed by the pool, many at a time

    def _add_whole(self, batch: Sequence[WholeFile], on_progress: OnProgress | None) -> Iterator[tuple[int, BlobInfo]]:
        known = self._there.recipes([file.digest for file in batch]) if batch else {}
        missing = self._pieces.missing(piece for file in batch for piece in file.pieces)
        self._store_whole(batch, missing)
        settled: set[Digest] = set()
        for file in batch:
            if on_progress:
                on_progress(Progress(file.size_bytes, files=1))
            created = False
            if file.digest not in settled:
                recipe = Recipe(tuple(piece.part for piece in file.pieces))
                is_new = any(piece.key in missing for piece in file.pieces)
                created = self._settle_recipe(file.digest, recipe, known.get(file.digest), is_new=is_new)
                settled.add(file.digest)
            yield file.number, BlobInfo(file.digest, file.size_bytes, created=created)

    def _store_whole(self, batch: Sequence[WholeFile], missing: Mapping[bytes, Hashed]) -> None:
        """Store what is missing: of larger files with all that their parents say, of small ones with what is cheap."""
        alike: dict[bytes, Sequence[Digest]] = {}
        left = dict(missing)
        for file in batch:
            if not file.source.parents or not any(piece.key in left for piece in file.pieces):
                continue
            if len(file.pieces) == 1 and not file.pieces[0].raw.label:
                alike[file.pieces[0].key] = file.source.parents
                continue
            parents = self._encoder.parents(file.source.parents)
            own = {piece.key: left.pop(piece.key) for piece in file.pieces if piece.key in left}
            self._pieces.store(own, parents, Alignment(parents.parts).bases(piece.part for piece in file.pieces))
        self._pieces.store(left, NO_PARENTS, self._encoder.same_files(alike) if alike else {})

    # -- large files: window by window

    def _add_large(self, source: Source, on_progress: OnProgress | None) -> BlobInfo:
        hasher = hashlib.sha256()
        with reading(source) as (stream, state):
            windows = cut_file(source.path, stream, state.size_bytes)
            windows = told(windows, on_progress) if on_progress else windows
            parts, is_new = self._add_windows(windows, self._encoder.parents(source.parents), hasher.update)
        if on_progress:
            on_progress(Progress(0, files=1))
        return self._finish_file(Digest(hasher.hexdigest()), Recipe(parts), is_new=is_new)

    def _add_gzip(self, source: Source, proof: Proof | None, on_progress: OnProgress | None) -> BlobInfo:
        if proof is not None and proof.gzip is None:  # the store has it: all of it, and whole?
            place = self._there.recipes([proof.digest]).get(proof.digest)
            stored = self._there.lean_on_file(place) if place else None
            if stored is not None:
                if on_progress:
                    on_progress(Progress(stored.size_bytes, files=1))
                return BlobInfo(proof.digest, stored.size_bytes)
            proof = prove_file(source, lambda _: False)
        if proof is None or proof.gzip is None:
            return self._add_large(source, on_progress)
        with reading(replace(source, state=proof.state)) as (stream, _):
            windows = cut_inflated(inflate_open(source.path, stream, proof.gzip))
            parts, is_new = self._add_windows(windows, self._encoder.parents(source.parents))
        if on_progress:
            on_progress(Progress(proof.gzip.size_bytes, files=1))
        return self._finish_file(proof.digest, Recipe(parts, proof.gzip), is_new=is_new)

    def _add_windows(
        self, windows: _Windows, parents: Parents, on_data: Callable[[memoryview], object] = len
    ) -> tuple[tuple[Part, ...], bool]:
        """Store a file's pieces; return them, and whether any had to be stored. ``on_data`` is called by a thread."""
        parts, is_new, alignment = list[Part](), False, Alignment(parents.parts)
        under_way: deque[tuple[Future[object], list[Future[list[Hashed]]]]] = deque()

        def settle() -> bool:
            on_data_done, hashing = under_way.popleft()
            pieces = [piece for future in hashing for piece in future.result()]
            parts.extend(piece.part for piece in pieces)
            missing = self._pieces.missing(pieces)
            self._pieces.store(missing, parents, alignment.bases(piece.part for piece in pieces))
            on_data_done.result()
            return bool(missing)

        for data, raws in windows:
            under_way.append((self._sha.submit(on_data, data), self._pieces.hashing(raws)))
            if len(under_way) > 1:
                is_new |= settle()
        while under_way:
            is_new |= settle()
        return tuple(parts), is_new

    def _finish_file(self, digest: Digest, recipe: Recipe, *, is_new: bool) -> BlobInfo:
        known = self._there.recipes([digest]).get(digest)
        created = self._settle_recipe(digest, recipe, known, is_new=is_new)
        return BlobInfo(digest, recipe.size_bytes, created=created)

    def _settle_recipe(self, digest: Digest, recipe: Recipe, known: Place | None, *, is_new: bool) -> bool:
        """Build upon a recipe that is there, or add it; return whether anything of the file had to be stored."""
        if known is not None and self._there.lean_on_recipe(known, recipe):
            return is_new
        if self._packs.holds(Kind.RECIPE, digest.raw):
            return False
        raw = encode_recipe(recipe)
        if len(raw) > MAX_RECIPE_BYTES:
            raise InvalidInputError(f"a file of {recipe.size_bytes} bytes has too many pieces; cut it into several")
        # Of one part it is a hash: nothing makes that smaller, and to try takes longer than all else.
        encoded = codecs.encode(memoryview(raw)) if len(recipe.parts) > 1 else Encoded(Codec.RAW, raw)
        self._packs.append(Kind.RECIPE, digest.raw, Payload(encoded.payload, encoded.codec, len(raw)))
        return True
