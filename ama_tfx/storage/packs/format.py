"""The bytes of a pack: payloads, a footer that says what they are, a trailer that says where the footer is.

``docs/reference/formats.md`` is the published form of this module.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import blake3
import zstandard

from ama_tfx.errors import FormatError, IntegrityError

MAGIC = b"AMAPACK1"
END_MAGIC = b"AMAPEND1"
KEY_BYTES = 32
CHECK_BYTES = 8

MAX_ENTRIES = 1 << 20
"""Of one pack: what a reader has to hold at once stays bounded, whatever a damaged trailer claims."""

MAX_RAW_BYTES = 1 << 28
"""Of one payload once it is decoded: a recipe may be as large, a piece never is."""

_ENTRY = struct.Struct(f"<BBBBBIIQ{KEY_BYTES}s{CHECK_BYTES}s")
_COUNT_AT = 4
"""Where an entry has the number of its bases."""

_TRAILER = struct.Struct(f"<QQQ{KEY_BYTES}s8s")
TRAILER_BYTES = _TRAILER.size
MAX_BASES = 16
"""Of one piece: the clients of one federated average that are looked at; a reader holds a block of each."""


class Kind(IntEnum):
    """What a payload is."""

    PIECE = 0
    """Bytes that files are made of; its key is the BLAKE3 of the raw bytes."""
    RECIPE = 1
    """The pieces of one file in order; its key is the SHA-256 of the file."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What is stored of a piece or a recipe, and all that is needed to read it.

    Attributes:
        data: The bytes that the codec made.
        codec: Which.
        raw_bytes: Size of what it holds.
        item_bytes, depth, bases: As in `Entry`.
        check: As in `Entry`, from whoever has computed it beside other work; else empty.
    """

    data: bytes | memoryview
    codec: int
    raw_bytes: int
    item_bytes: int = 1
    depth: int = 0
    bases: tuple[bytes, ...] = ()
    check: bytes = b""


@dataclass(frozen=True, slots=True)
class Entry:
    """One payload of a pack.

    Attributes:
        kind: A piece, or a recipe.
        key: 32 bytes that name it.
        codec: How the payload was made from the raw bytes.
        item_bytes: Width of one element, for codecs that need it; else 1.
        depth: How many other pieces have to be decoded first.
        raw_bytes: Size of what it holds.
        stored_bytes: Size of the payload.
        offset: Where the payload begins in the pack.
        check: First 8 bytes of the payload's BLAKE3.
        bases: Keys of the pieces that it is a difference to, in the order in which its codec wants them.
    """

    kind: Kind
    key: bytes
    codec: int
    item_bytes: int
    depth: int
    raw_bytes: int
    stored_bytes: int
    offset: int
    check: bytes
    bases: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Trailer:
    """The end of a pack: where its footer is, and what the footer has to be."""

    footer_bytes: int
    footer_raw_bytes: int
    entry_count: int
    footer_key: bytes

    @property
    def pack_key(self) -> str:
        """The pack's name: it commits to the footer, and the footer to every payload."""
        return self.footer_key.hex()


def key_of(data: bytes | memoryview) -> bytes:
    """Return the key of a piece."""
    return blake3.blake3(data).digest()


def check_of(payload: bytes | memoryview) -> bytes:
    """Return the checksum of a payload as it lies in the pack."""
    return blake3.blake3(payload).digest(CHECK_BYTES)


PREFIX = "packs/"
"""Of the names of all packs."""


def pack_name(pack_key: str) -> str:
    """Return the object's name for a pack."""
    return f"packs/{pack_key[:2]}/{pack_key}.pack"


def pack_of(name: str) -> str | None:
    """Return the pack whose object's name this is, or None."""
    pack = name.rpartition("/")[2].removesuffix(".pack")
    return pack if re.fullmatch(r"[0-9a-f]{64}", pack) and name == pack_name(pack) else None


def encode_end(entries: Sequence[Entry]) -> tuple[bytes, Trailer]:
    """Return footer and trailer as bytes, and the trailer's values."""
    raw = b"".join(encode_entry(entry) for entry in entries)
    footer = zstandard.ZstdCompressor(level=1).compress(raw)
    trailer = Trailer(len(footer), len(raw), len(entries), blake3.blake3(footer).digest())
    packed = _TRAILER.pack(len(footer), len(raw), len(entries), trailer.footer_key, END_MAGIC)
    return footer + packed, trailer


def decode_trailer(data: bytes, pack: str, pack_bytes: int) -> Trailer:
    """Read the last bytes of a pack.

    Raises:
        FormatError: Not a pack of this format.
        IntegrityError: Cut short, or not the pack of this name.
    """
    if len(data) != TRAILER_BYTES:
        raise IntegrityError(f"pack {pack} is cut short: it has {pack_bytes} bytes")
    footer_bytes, raw_bytes, count, key, magic = _TRAILER.unpack(data)
    if magic != END_MAGIC:
        raise FormatError(f"pack {pack} ends with {magic!r}, this release reads {END_MAGIC!r}; it is damaged or newer")
    trailer = Trailer(footer_bytes, raw_bytes, count, key)
    if trailer.pack_key != pack:
        raise IntegrityError(f"pack {pack} holds the content of pack {trailer.pack_key}; they were swapped or damaged")
    fits = footer_bytes + TRAILER_BYTES + len(MAGIC) <= pack_bytes
    if not fits or count > MAX_ENTRIES or raw_bytes > count * (_ENTRY.size + MAX_BASES * KEY_BYTES):
        raise IntegrityError(f"pack {pack} claims a footer of {footer_bytes} bytes, {count} entries; it is damaged")
    return trailer


def decode_footer(data: bytes, trailer: Trailer) -> list[Entry]:
    """Read a pack's footer.

    Raises:
        IntegrityError: Its bytes are not the ones that the pack's name promises.
    """
    pack = trailer.pack_key
    raw = inflate_footer(data, trailer)
    try:
        entries = list(_decode(raw))
    except (struct.error, ValueError) as error:
        raise IntegrityError(f"pack {pack} has a malformed footer: {error}") from error
    if len(entries) != trailer.entry_count:
        raise IntegrityError(f"pack {pack} lists {len(entries)} entries, promises {trailer.entry_count}")
    return entries


def check_layout(pack: str, entries: Sequence[Entry], end: int) -> None:
    """Make sure that payloads lie one after the other from the start of a pack to its footer.

    Raises:
        IntegrityError: They do not.
    """
    position = len(MAGIC)
    for entry in entries:
        if entry.offset != position:
            raise IntegrityError(f"pack {pack}: {named(entry)} does not begin where the one before it ends")
        position += entry.stored_bytes
    if position != end:
        raise IntegrityError(f"pack {pack} has {end - position} bytes that its footer does not list")


def named(entry: Entry) -> str:
    """Return what an error says of an entry."""
    return f"{'piece' if entry.kind is Kind.PIECE else 'recipe of file'} {entry.key.hex()}"


def inflate_footer(data: bytes, trailer: Trailer) -> bytes:
    """Return the entries of a pack's footer one after the other, as `encode_entry` gives each.

    Raises:
        IntegrityError: Its bytes are not the ones that the pack's name promises.
    """
    pack = trailer.pack_key
    if blake3.blake3(data).digest() != trailer.footer_key:
        raise IntegrityError(f"pack {pack} is damaged: its footer is not what its name promises")
    try:
        return _inflate(data, trailer.footer_raw_bytes)
    except (zstandard.ZstdError, ValueError) as error:
        raise IntegrityError(f"pack {pack} has a malformed footer: {error}") from error


def split_footer(raw: bytes) -> Iterator[bytes]:
    """Yield the entries of a footer as they are; a quarter of the time that it takes to read them."""
    position, whole = 0, len(raw) - _ENTRY.size
    while position <= whole:
        end = position + _ENTRY.size + raw[position + _COUNT_AT] * KEY_BYTES
        yield raw[position:end]
        position = end


def _inflate(data: bytes, raw_bytes: int) -> bytes:
    # A frame says how much it becomes, and the library allocates that before it looks at the limit.
    if zstandard.frame_content_size(data) != raw_bytes:
        raise ValueError("it does not have the size that the trailer says")
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=raw_bytes)


def encode_entry(entry: Entry) -> bytes:
    """Return an entry as it stands in a footer."""
    fixed = _ENTRY.pack(
        entry.kind,
        entry.codec,
        entry.item_bytes,
        entry.depth,
        len(entry.bases),
        entry.raw_bytes,
        entry.stored_bytes,
        entry.offset,
        entry.key,
        entry.check,
    )
    return fixed + b"".join(entry.bases)


def _decode(raw: bytes) -> Iterator[Entry]:
    position = 0
    while position < len(raw):
        kind, codec, item, depth, count, raw_bytes, stored, offset, key, check = _ENTRY.unpack_from(raw, position)
        position += _ENTRY.size
        bases = split_keys(raw[position : position + count * KEY_BYTES])
        position += count * KEY_BYTES
        if len(bases) != count or count > MAX_BASES or raw_bytes > MAX_RAW_BYTES:
            raise ValueError("bases are cut short, or too many, or a payload claims to be huge")
        yield Entry(Kind(kind), key, codec, item, depth, raw_bytes, stored, offset, check, bases)


def split_keys(keys: bytes) -> tuple[bytes, ...]:
    """Return the keys that stand one after the other.

    Raises:
        ValueError: The last one is cut short.
    """
    if len(keys) % KEY_BYTES:
        raise ValueError("a key is cut short")
    return tuple(keys[start : start + KEY_BYTES] for start in range(0, len(keys), KEY_BYTES))
