"""From keys to bytes: pieces, recipes, and files as streams that can be read anywhere."""

from __future__ import annotations

import bisect
import contextlib
import hashlib
import io
from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

from ama_tfx.errors import IntegrityError, NotFoundError
from ama_tfx.storage import codecs
from ama_tfx.storage.codecs import Codec
from ama_tfx.storage.digest import Digest
from ama_tfx.storage.objects import ObjectStore
from ama_tfx.storage.packs.format import (
    CHECK_BYTES,
    MAGIC,
    TRAILER_BYTES,
    Entry,
    Kind,
    Trailer,
    check_layout,
    check_of,
    decode_footer,
    decode_trailer,
    inflate_footer,
    key_of,
    named,
    pack_name,
)
from ama_tfx.storage.packs.held import Held
from ama_tfx.storage.packs.index import Index
from ama_tfx.storage.packs.index_file import Place
from ama_tfx.storage.packs.recipe import MAX_RECIPE_BYTES, Part, Recipe, decode_recipe

_TAIL_BYTES = 1 << 16  # one request more often than not: a pack of 32 MiB has a footer of about 30 KB

MAX_DEPTH = 4
"""Of differences to differences: a restore decodes at most five pieces one after another for a piece."""

MAX_PAYLOADS = 20
"""How many pieces are decoded for one, itself included: a mean of 16 clients of one base takes 18."""


class PackReader:
    """Reads payloads out of packs, and checks all that it reads.

    Args:
        objects: Where the packs are.
        index: Which says where in them.
    """

    def __init__(self, objects: ObjectStore, index: Index) -> None:
        self._objects = objects
        self._index = index

    def end_of(self, pack: str, size_bytes: int | None = None) -> tuple[Trailer, list[Entry]]:
        """Read what a pack says of itself.

        Args:
            pack: The pack.
            size_bytes: Its size, if the caller knows it: then only its end is read, and not the eight bytes it begins
                with.

        Raises:
            NotFoundError: No such pack.
            IntegrityError, FormatError: It is damaged, or of another format.
        """
        trailer, footer, footer_start = self._footer_of(pack, size_bytes)
        entries = decode_footer(footer, trailer)
        check_layout(pack, entries, footer_start)
        return trailer, entries

    def footer_of(self, pack: str) -> bytes:
        """Return a pack's entries as its footer has them; see `end_of`."""
        trailer, footer, _ = self._footer_of(pack, self._size_of(pack))
        return inflate_footer(footer, trailer)

    def _footer_of(self, pack: str, size_bytes: int | None) -> tuple[Trailer, bytes, int]:
        """Return a pack's trailer, its footer, and where that begins."""
        name = pack_name(pack)
        known_bytes = size_bytes if size_bytes is not None else self._size_of(pack)
        tail_start = max(0, known_bytes - _TAIL_BYTES)
        tail = self._objects.read(name, tail_start, known_bytes - tail_start)
        trailer = decode_trailer(tail[-TRAILER_BYTES:], pack, known_bytes)
        if size_bytes is None and self._objects.read(name, 0, len(MAGIC)) != MAGIC:
            raise IntegrityError(f"pack {pack} does not begin as a pack does; it is damaged")
        footer_start = known_bytes - TRAILER_BYTES - trailer.footer_bytes
        if footer_start >= tail_start:
            footer = tail[footer_start - tail_start : -TRAILER_BYTES]
        else:
            footer = self._objects.read(name, footer_start, trailer.footer_bytes)
        return trailer, footer, footer_start

    def _size_of(self, pack: str) -> int:
        info = self._objects.stat(pack_name(pack))
        if info is None:
            raise NotFoundError(f"no pack {pack}")
        return info.size_bytes

    def payload(self, place: Place) -> bytes:
        """Return a payload as it lies in its pack, checked."""
        return self._checked(place, check_of, place.entry.check)

    def raw_piece(self, place: Place) -> bytes:
        """Return the payload of a piece that is the piece itself, checked: its key begins with its checksum."""
        return self._checked(place, key_of, place.entry.key)

    def _checked(self, place: Place, hash_of: Callable[[bytes], bytes], expected: bytes) -> bytes:
        data = self._objects.read(pack_name(place.pack), place.entry.offset, place.entry.stored_bytes)
        if hash_of(data) != expected:
            raise IntegrityError(f"pack {place.pack} is damaged at {place.entry.offset}: {named(place.entry)}")
        return data

    def piece(self, place: Place) -> bytes | memoryview:
        """Return a piece's raw bytes, checked against its key, as is each piece that it is a difference to."""
        if not place.entry.bases:
            return self._decoded(place, [])
        with contextlib.suppress(IntegrityError, NotFoundError):
            return self.decoded(self.chain(place))
        return self.decoded(self.chain(place, self._sound))  # of a base there may be another copy

    def chain(self, place: Place, find: Callable[[list[bytes]], dict[bytes, Place]] | None = None) -> list[Place]:
        """Return what is decoded for a piece: each piece that it is a difference to once, and itself last.

        Args:
            place: Of the piece.
            find: Says where bases are; the index by default.

        Raises:
            IntegrityError: One is missing, or cannot be one, or they are too many: it ends whatever a forged pack says.
        """
        if not place.entry.bases:
            return [place]
        found, level = {place.entry.key: place}, [place]
        while level:
            wanted = {base for each in level for base in each.entry.bases} - found.keys()
            more = (find or self._first)(list(wanted)) if wanted else {}
            found |= more
            for each in level:
                _check_bases(each.entry, found)
            if len(found) > MAX_PAYLOADS:
                raise IntegrityError(f"{named(place.entry)} needs more than {MAX_PAYLOADS} pieces to be decoded")
            level = list(more.values())
        return sorted(found.values(), key=lambda each: each.entry.depth)

    def _first(self, keys: list[bytes]) -> dict[bytes, Place]:
        return self._index.find_all(Kind.PIECE, keys)

    def _sound(self, keys: list[bytes]) -> dict[bytes, Place]:
        found = {}
        for key in keys:
            for copy in self._index.copies(Kind.PIECE, key):
                with contextlib.suppress(IntegrityError, NotFoundError):
                    self.payload(copy)
                    found[key] = copy
                    break
        return found

    def decoded(self, chain: Sequence[Place], held: Held | None = None) -> bytes | memoryview:
        """Return the raw bytes of the last piece of a chain; all that is decoded is checked against its key.

        Args:
            chain: As `chain` returned it.
            held: What was decoded before, and need not be again; what is decoded now is added.
        """
        known: dict[bytes, bytes | memoryview] = {}
        needed = {chain[-1].entry.key}
        for place in reversed(chain):
            if place.entry.key in needed:
                data = held.get(place.entry.key) if held is not None else None
                if data is None:
                    needed.update(place.entry.bases)
                else:
                    known[place.entry.key] = data
        for place in chain:
            key = place.entry.key
            if key in needed and key not in known:
                known[key] = self._decoded(place, [memoryview(known[base]) for base in place.entry.bases])
                if held is not None:
                    held.put(key, known[key])
        return known[chain[-1].entry.key]

    def _decoded(self, place: Place, bases: list[memoryview]) -> bytes | memoryview:
        entry = place.entry
        is_raw = entry.codec == Codec.RAW and entry.check == entry.key[:CHECK_BYTES]
        payload = memoryview(self.raw_piece(place) if is_raw else self.payload(place))
        raw = codecs.decode(entry.codec, payload, entry.raw_bytes, item_bytes=entry.item_bytes, bases=bases)
        if not is_raw and key_of(raw) != entry.key:
            raise IntegrityError(f"{named(entry)} in pack {place.pack} does not have the bytes that its key promises")
        return raw

    def recipe(self, place: Place) -> Recipe:
        """Return how a file is put together."""
        entry = place.entry
        if entry.raw_bytes > MAX_RECIPE_BYTES:
            raise IntegrityError(f"{named(entry)} has {entry.raw_bytes} bytes; at most {MAX_RECIPE_BYTES} are read")
        raw = codecs.decode(entry.codec, memoryview(self.payload(place)), entry.raw_bytes, item_bytes=1)
        return decode_recipe(raw, entry.stored_bytes)

    def fetch(self, kind: Kind, keys: Sequence[bytes]) -> None:
        """Take note that these are read soon; what is near needs no note."""


class FileReader(io.RawIOBase):
    """A file of the store as a stream; each piece is checked when it is decoded.

    Whoever reads it from its beginning to its end without a jump has it checked against its SHA-256 too.

    Args:
        digest: The file's.
        parts: Its pieces in order.
        load: Gives a piece's raw bytes.
    """

    def __init__(self, digest: Digest, parts: Sequence[Part], load: Callable[[Part], bytes | memoryview]) -> None:
        self._digest = digest
        self._parts = parts
        self._load = load
        self._hasher, self._hashed_bytes = hashlib.sha256(), 0
        self._ends = array("q", accumulate(part.size_bytes for part in parts))
        self._position = 0
        self._held: tuple[int, bytes | memoryview] = (-1, b"")

    @property
    def size_bytes(self) -> int:
        """Of the whole file."""
        return self._ends[-1] if self._ends else 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Return where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Choose where the next read begins."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size_bytes}[whence]
        if start + offset < 0:
            raise ValueError(f"cannot seek to {start + offset}")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read from one piece into a buffer.

        Raises:
            IntegrityError: The bytes are not the file's.
        """
        if self._position >= self.size_bytes:
            self._check_whole()
            return 0
        number = bisect.bisect_right(self._ends, self._position)
        if self._held[0] != number:
            self._held = (number, self._loaded(number))
        data = self._held[1]
        start = self._position - (self._ends[number] - self._parts[number].size_bytes)
        taken = min(len(buffer), len(data) - start)
        piece = data[start : start + taken]
        memoryview(buffer).cast("B")[:taken] = piece
        if self._position == self._hashed_bytes:
            self._hasher.update(piece)
            self._hashed_bytes += taken
            self._check_whole()
        self._position += taken
        return taken

    def _loaded(self, number: int) -> bytes | memoryview:
        try:
            return self._load(self._parts[number])
        except IntegrityError as error:
            raise IntegrityError(f"blob {self._digest} is damaged: {error}") from error

    def _check_whole(self) -> None:
        if self._hashed_bytes == self.size_bytes and self._hasher.hexdigest() != self._digest.hex:
            raise IntegrityError(f"blob {self._digest} is damaged: its pieces give sha256:{self._hasher.hexdigest()}")


def _check_bases(entry: Entry, found: Mapping[bytes, Place]) -> None:
    if entry.bases and entry.depth > MAX_DEPTH:
        raise IntegrityError(f"{named(entry)} has a chain of {entry.depth} bases, at most {MAX_DEPTH} are read")
    for base in entry.bases:
        if base not in found:
            raise IntegrityError(f"{named(entry)} is a difference to piece {base.hex()}, which is missing")
        if found[base].entry.depth >= entry.depth:
            raise IntegrityError(f"{named(entry)} is a difference to a piece of no smaller depth")
