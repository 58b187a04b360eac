"""Gzip files (RFC 1952) as their inflated bytes and a recipe that gives the very file back.

Two gzip files of nearly the same records share nothing, their inflated bytes nearly everything. What TFX writes was
deflated by zlib, and zlib with the same parameters gives the same bytes again: that is tried, and proved for the whole
file before a recipe is returned.
"""

from __future__ import annotations

import itertools
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from ama_tfx.errors import ContentChangedError, IntegrityError
from ama_tfx.storage.digest import CHUNK_BYTES
from ama_tfx.storage.files import open_regular_file, os_errors

_MAGIC = b"\x1f\x8b\x08"
_FIXED_BYTES = 10
_TRAILER = struct.Struct("<2L")
_MOST_HEADER_BYTES = 4096
_CRC, _EXTRA, _NAME, _COMMENT, _UNKNOWN = 0x02, 0x04, 0x08, 0x10, 0xE0
_MOST_INFLATION = 64
"""Of real records 3 to 20; a file that inflates more is small as it is, or a bomb."""

_MOST_WORK = 3
"""How many times the file may be deflated in all before it is left as it is: levels often differ only late."""

# The likeliest first: zlib's default, as TensorFlow and Beam use it, then what else writers choose.
_LEVELS = (6, 9, 1, 5, 4, 7, 8, 3, 2)
_MEMORY_LEVELS = (8, 9)


@dataclass(frozen=True, slots=True)
class GzipRecipe:
    """How a gzip file is made again from its inflated bytes.

    Attributes:
        header: Of the file, verbatim.
        level: zlib's, 1 to 9.
        memory_level: zlib's ``memLevel``.
        trailer: CRC-32 and size of the inflated bytes, verbatim.
        inflated_bytes: How many there are.
        size_bytes: Of the gzip file.
        zlib_version: Of the zlib that proved it; another implementation (zlib-ng) may deflate differently.
    """

    header: bytes
    level: int
    memory_level: int
    trailer: bytes
    inflated_bytes: int
    size_bytes: int
    zlib_version: str


def inflate_exactly(path: Path) -> GzipRecipe | None:
    """Return the recipe for a gzip file, or None for any other file and for one that cannot be made again.

    Takes constant memory, and the time to deflate the file once when the first guess is right.

    Args:
        path: Any file.

    Raises:
        NotFoundError, PermissionDeniedError, BackendError: As the operating system says.
        InvalidInputError: Not a regular file.
    """
    with open_regular_file(path) as stream, os_errors("read", path):
        return prove(stream)


def prove(stream: BinaryIO) -> GzipRecipe | None:
    """Return the recipe for an open file; see `inflate_exactly`.

    It is read several times: who writes to it meanwhile is for the caller to notice.
    """
    stream.seek(0)
    header = _header(stream)
    if header is None:
        return None
    try:
        recipe = _unproved(stream, header)
        return recipe and _first_that_gives(stream, recipe)
    except zlib.error:
        return None


def inflated_start(stream: BinaryIO) -> bytes:
    """Return the first inflated bytes of an open gzip file, some hundred of them; none of any other file."""
    stream.seek(0)
    header = _header(stream)
    if header is None:
        return b""
    stream.seek(len(header))
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream.read(_MOST_HEADER_BYTES), 256)
    except zlib.error:
        return b""


def inflate(path: Path, recipe: GzipRecipe) -> Iterator[bytes]:
    """Yield the inflated bytes of the gzip file that a recipe was made from, in constant memory.

    Raises:
        ContentChangedError: It is another file by now.
        NotFoundError, PermissionDeniedError, BackendError, InvalidInputError: As of `inflate_exactly`.
    """
    with open_regular_file(path) as stream, os_errors("read", path):
        yield from inflate_open(path, stream, recipe)


def inflate_open(path: Path, stream: BinaryIO, recipe: GzipRecipe) -> Iterator[bytes]:
    """Yield the inflated bytes of an open file; see `inflate`."""
    checked = _Checked(recipe)
    try:
        for piece in _inflated(stream, len(recipe.header)):
            checked.add(piece)
            yield piece
    except zlib.error as error:
        raise _changed(path) from error
    if not checked.right:
        raise _changed(path)


def deflate(recipe: GzipRecipe, inflated: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """Yield the gzip file that a recipe was made from, in constant memory.

    Args:
        recipe: Of the file.
        inflated: Its inflated bytes, cut anywhere.

    Raises:
        IntegrityError: Those are other bytes, or this zlib deflates them to another size. One that deflates them to
            other bytes of the same size is for the caller to notice, who knows the file's SHA-256.
    """
    checked, size_bytes = _Checked(recipe), len(recipe.header) + _TRAILER.size
    yield recipe.header
    for piece in _deflated(map(checked.pass_on, inflated), recipe.level, recipe.memory_level):
        size_bytes += len(piece)
        if size_bytes <= recipe.size_bytes:  # else it is wrong, and why is found out at the end
            yield piece
    if not checked.right:
        raise IntegrityError("the inflated bytes are not the ones that the gzip file was made of; restore a copy")
    if size_bytes != recipe.size_bytes:
        raise IntegrityError(
            f"zlib {zlib.ZLIB_RUNTIME_VERSION} does not deflate as zlib {recipe.zlib_version} did; "
            "restore the file on a machine that has that one"
        )
    yield recipe.trailer


class _Checked:
    """Counts what passes, and compares it in the end with what a recipe says of the inflated bytes."""

    def __init__(self, recipe: GzipRecipe) -> None:
        self.size_bytes = 0
        self._crc = 0
        self._recipe = recipe

    def add(self, piece: bytes | memoryview) -> None:
        self.size_bytes += len(piece)
        self._crc = zlib.crc32(piece, self._crc)

    def pass_on(self, piece: bytes | memoryview) -> bytes | memoryview:
        self.add(piece)
        return piece

    @property
    def right(self) -> bool:
        trailer = _TRAILER.pack(self._crc, self.size_bytes & 0xFFFFFFFF)
        return (self.size_bytes, trailer) == (self._recipe.inflated_bytes, self._recipe.trailer)


def _changed(path: Path) -> ContentChangedError:
    return ContentChangedError(
        f"file changed while it was read: {str(path)!r}; stop whatever writes it, then try again"
    )


def _header(stream: BinaryIO) -> bytes | None:
    """Return the header of a gzip file, as it is."""
    start = stream.read(_MOST_HEADER_BYTES)
    if len(start) < _FIXED_BYTES or not start.startswith(_MAGIC) or start[3] & _UNKNOWN:
        return None
    flags, end = start[3], _FIXED_BYTES
    if flags & _EXTRA:
        end += 2 + int.from_bytes(start[end : end + 2], "little")
    for text in (_NAME, _COMMENT):
        if flags & text:
            end = start.find(b"\0", end) + 1
            if end == 0:
                return None
    end += 2 if flags & _CRC else 0
    return start[:end] if end <= len(start) else None


def _inflated(stream: BinaryIO, start: int) -> Iterator[bytes]:
    """Yield what a deflate stream holds, whatever else is read from the file in between.

    Raises:
        zlib.error: It is damaged or cut off, or something else than eight bytes follows it.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    position, stored = start, b""
    while not inflater.eof:
        stored = inflater.unconsumed_tail
        if not stored:
            stream.seek(position)
            stored = stream.read(CHUNK_BYTES)
            position += len(stored)
        piece = inflater.decompress(stored, CHUNK_BYTES)
        if piece:
            yield piece
        elif not stored:
            raise zlib.error("cut off")
    stream.seek(position - len(inflater.unused_data))
    if len(stream.read(_TRAILER.size + 1)) != _TRAILER.size:
        raise zlib.error("not one member")


def _unproved(stream: BinaryIO, header: bytes) -> GzipRecipe | None:
    """Return what a recipe has to say of a gzip file, as yet without zlib's parameters; None of a bomb.

    Raises:
        zlib.error: Its inflated bytes are not what its trailer says.
    """
    size_bytes = stream.seek(0, os.SEEK_END)
    crc, inflated_bytes = 0, 0
    for piece in _inflated(stream, len(header)):
        crc, inflated_bytes = zlib.crc32(piece, crc), inflated_bytes + len(piece)
        if inflated_bytes > _MOST_INFLATION * size_bytes + CHUNK_BYTES:
            return None
    trailer = _TRAILER.pack(crc, inflated_bytes & 0xFFFFFFFF)
    stream.seek(size_bytes - _TRAILER.size)
    if stream.read() != trailer:
        raise zlib.error("a wrong trailer")
    return GzipRecipe(header, 0, 0, trailer, inflated_bytes, size_bytes, zlib.ZLIB_RUNTIME_VERSION)


def _first_that_gives(stream: BinaryIO, recipe: GzipRecipe) -> GzipRecipe | None:
    """Return the recipe with the first parameters that give the file, all of it."""
    left = _MOST_WORK * recipe.size_bytes + CHUNK_BYTES
    for level, memory_level in itertools.product(_LEVELS, _MEMORY_LEVELS):
        guess = replace(recipe, level=level, memory_level=memory_level)
        alike = _bytes_alike(stream, guess)
        if alike == recipe.size_bytes - _TRAILER.size:
            return guess
        left -= alike
        if left < 0:
            break
    return None


def _bytes_alike(stream: BinaryIO, guess: GzipRecipe) -> int:
    """Return how much of the file a guess gives, to within a piece; at the first difference it is given up."""
    position = len(guess.header)
    for piece in _deflated(_inflated(stream, position), guess.level, guess.memory_level):
        stream.seek(position)
        if stream.read(len(piece)) != piece:
            break
        position += len(piece)
    return position


def _deflated(inflated: Iterable[bytes | memoryview], level: int, memory_level: int) -> Iterator[bytes]:
    deflater = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, memory_level)
    for piece in inflated:
        if deflated := deflater.compress(piece):
            yield deflated
    yield deflater.flush()
