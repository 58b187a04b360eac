"""A file's recipe: which pieces, in which order, give its bytes, and what is to be done with them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ama_tfx.errors import IntegrityError
from ama_tfx.storage.formats import GzipRecipe, deflate
from ama_tfx.storage.packs.format import KEY_BYTES

_PART = struct.Struct(f"<{KEY_BYTES}sIH")
_GZIP = struct.Struct("<HB8sQQBB")
_AS_IT_IS, _DEFLATED = b"\0", b"\1"
_MOST_INFLATION = 1040  # RFC 1951: two bits for 258 bytes

ONE_PART_BYTES = len(_AS_IT_IS) + _PART.size
"""Of the recipe of a file that is one piece, as it is stored."""

MAX_RECIPE_BYTES = 1 << 28
"""7 M parts: of 64 KiB they are 460 GB, of 1 MiB 7 TB. What a reader has to hold stays bounded."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a file.

    Attributes:
        key: The piece's.
        size_bytes: Of its raw bytes.
        label: Names the tensor, or the part of one, that it is; empty for ordinary bytes. A later version's tensor of
            the same label may be stored as a difference to it.
    """

    key: bytes
    size_bytes: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a file is put together.

    Attributes:
        parts: Its pieces in order.
        gzip: When given, the pieces are the inflated bytes of a gzip file, and this is how it is made of them.
    """

    parts: tuple[Part, ...] = ()
    gzip: GzipRecipe | None = None

    @property
    def size_bytes(self) -> int:
        """Of the file."""
        return self.gzip.size_bytes if self.gzip else sum(part.size_bytes for part in self.parts)

    def join(self, pieces: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        """Yield the file's bytes, given those of its parts in order.

        Raises:
            IntegrityError: They do not give the gzip file.
        """
        return deflate(self.gzip, pieces) if self.gzip else iter(pieces)


def encode_recipe(recipe: Recipe) -> bytes:
    """Return a recipe's raw bytes."""
    pieces = [_DEFLATED + _encode_gzip(recipe.gzip) if recipe.gzip else _AS_IT_IS]
    for part in recipe.parts:
        label = part.label.encode(errors="replace")
        pieces.append(_PART.pack(part.key, part.size_bytes, len(label)) + label)
    return b"".join(pieces)


def decode_recipe(raw: bytes | memoryview, stored_bytes: int | None = None) -> Recipe:
    """Read a recipe, in memory that what is stored of it has to pay for: 8 bytes for a part that was there before.

    Args:
        raw: The recipe.
        stored_bytes: Of the payload that it was decoded from, when it was.

    Raises:
        IntegrityError: Malformed, of an unknown form, one that no gzip file can have, or more than its payload holds.
    """
    data = bytes(raw)
    most_keys = (len(data) if stored_bytes is None else stored_bytes) // KEY_BYTES
    try:
        if data[:1] == _AS_IT_IS:
            return Recipe(tuple(_parts(data, 1, most_keys)))
        gzip, position = _decode_gzip(data)
        return _checked(Recipe(tuple(_parts(data, position, most_keys)), gzip), gzip)
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise IntegrityError(f"a recipe is malformed: {error}") from error


def _parts(raw: bytes, start: int, most_keys: int) -> Iterator[Part]:
    """Yield the parts; equal ones as one object."""
    position, known, keys = start, dict[bytes, Part](), set[bytes]()
    while position < len(raw):
        key, size_bytes, label_bytes = _PART.unpack_from(raw, position)
        end = position + _PART.size + label_bytes
        part = known.get(raw[position:end])
        if part is None:
            label = _cut(raw, position + _PART.size, label_bytes)
            keys.add(key)
            if len(keys) > most_keys:  # a hash has no pattern: nothing makes it smaller
                raise ValueError(f"it has more keys than the {most_keys} that its payload has room for")
            if not size_bytes and len(raw) - start > end - position:
                raise ValueError("a part of several is empty")
            part = known[raw[position:end]] = Part(key, size_bytes, label.decode())
        position = end
        yield part


def _encode_gzip(gzip: GzipRecipe) -> bytes:
    version = gzip.zlib_version.encode()
    numbers = (gzip.trailer, gzip.inflated_bytes, gzip.size_bytes, gzip.level, gzip.memory_level)
    return _GZIP.pack(len(gzip.header), len(version), *numbers) + gzip.header + version


def _decode_gzip(raw: bytes) -> tuple[GzipRecipe, int]:
    position = len(_DEFLATED)
    if raw[:position] != _DEFLATED:
        raise ValueError(f"its form is {raw[:position]!r}; this release knows {_AS_IT_IS!r} and {_DEFLATED!r}")
    header_bytes, version_bytes, trailer, inflated_bytes, size_bytes, level, memory = _GZIP.unpack_from(raw, position)
    position += _GZIP.size
    header = _cut(raw, position, header_bytes)
    position += header_bytes
    version = _cut(raw, position, version_bytes).decode("ascii")
    gzip = GzipRecipe(header, level, memory, trailer, inflated_bytes, size_bytes, version)
    return gzip, position + version_bytes


def _checked(recipe: Recipe, gzip: GzipRecipe) -> Recipe:
    """Refuse what would cost more than its pieces, and the file that is promised, allow."""
    parts_bytes = sum(part.size_bytes for part in recipe.parts)
    if not (1 <= gzip.level <= 9 and 1 <= gzip.memory_level <= 9):
        raise ValueError(f"zlib has no level {gzip.level}, or no memLevel {gzip.memory_level}")
    most_bytes = parts_bytes + parts_bytes // 4 + len(gzip.header) + 64
    if gzip.inflated_bytes != parts_bytes or gzip.size_bytes > most_bytes:
        raise ValueError(f"{parts_bytes} bytes are no gzip file of {gzip.size_bytes} that holds {gzip.inflated_bytes}")
    if parts_bytes > gzip.size_bytes * _MOST_INFLATION:
        raise ValueError(f"a gzip file of {gzip.size_bytes} bytes cannot hold {parts_bytes}")
    return recipe


def _cut(raw: bytes, start: int, size_bytes: int) -> bytes:
    piece = raw[start : start + size_bytes]
    if len(piece) != size_bytes:
        raise ValueError("it is cut short")
    return piece
