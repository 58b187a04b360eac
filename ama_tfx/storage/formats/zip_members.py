"""Where the members of a zip archive lie: PKWARE's APPNOTE.TXT 6.3.10.

Own code, because the standard library's takes a whole directory into memory whatever its size, and believes it:
members that overlap, local headers that say something else and names that stand twice are how archives attack readers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ama_tfx.storage.formats.tensor import MOST_TENSORS, NotParsedError
from ama_tfx.storage.formats.window import Window

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MOST_COMMENT_BYTES = 0xFFFF
_MOST_DIRECTORY_BYTES = 8 << 20
STORED, DEFLATED = 0, 8
_ENCRYPTED = 0x2041  # encrypted, strongly encrypted, masked headers: bits 0, 6 and 13
_SIZES_FOLLOW = 0x8
_LINK = 0xA  # the upper four bits of a Unix mode
_SATURATED = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an archive.

    Attributes:
        name: As the archive says; never used as a path.
        offset: Of its first byte in the archive.
        size_bytes: How many bytes it has.
        stored_bytes: How many it takes in the archive.
        method: How it is compressed: `STORED`, `DEFLATED` or another number of APPNOTE.TXT, section 4.4.5.
        crc: CRC-32 of its bytes.
        is_encrypted: Whether it is.
        is_link: Whether it says that it is a symbolic link.
    """

    name: str
    offset: int
    size_bytes: int
    stored_bytes: int
    method: int
    crc: int
    is_encrypted: bool
    is_link: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the central directory says of a member."""

    name: bytes
    flags: int
    method: int
    crc: int
    stored_bytes: int
    size_bytes: int
    header: int
    is_link: bool


def stored_members(window: Window) -> list[Member]:
    """Return the members that are neither compressed nor encrypted, by offset; see `all_members`."""
    return [member for member in all_members(window) if member.method == STORED and not member.is_encrypted]


def all_members(window: Window) -> list[Member]:
    """Return the members of an archive, by offset.

    Raises:
        NotParsedError: Not an archive; or one whose members overlap or share a name, or whose local headers contradict
            its directory.
    """
    directory, size_bytes, count = _directory(window)
    if size_bytes > _MOST_DIRECTORY_BYTES or count > MOST_TENSORS:
        raise NotParsedError("too large a directory")
    entries = sorted(_entries(window.read(directory, size_bytes), count), key=lambda entry: entry.header)
    if len({entry.name for entry in entries}) != count:
        raise NotParsedError("a name stands twice")
    members, end = [], 0
    for entry in entries:
        if entry.header < end:
            raise NotParsedError("members overlap")
        offset = _content(window, entry)
        end = offset + entry.stored_bytes
        if end > directory:
            raise NotParsedError("a member within the directory")
        members.append(_member(entry, offset))
    return members


def _member(entry: _Entry, offset: int) -> Member:
    name, encrypted = entry.name.decode("utf-8", "backslashreplace"), bool(entry.flags & _ENCRYPTED)
    sizes = entry.size_bytes, entry.stored_bytes
    return Member(name, offset, *sizes, entry.method, entry.crc, encrypted, entry.is_link)


def _directory(window: Window) -> tuple[int, int, int]:
    """Return the central directory's offset, its size and its number of entries."""
    tail_bytes = min(window.size_bytes, _END.size + _MOST_COMMENT_BYTES)
    tail_start = window.size_bytes - tail_bytes
    tail = window.read(tail_start, tail_bytes)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > tail_bytes:
        raise NotParsedError("no end of a directory")
    _, disk, first_disk, here, count, size_bytes, offset, comment_bytes = _END.unpack_from(tail, at)
    if at + _END.size + comment_bytes != tail_bytes or (disk, first_disk) != (0, 0) or here != count:
        raise NotParsedError("not one archive")
    end = tail_start + at
    if tail[:at].endswith(b"PK\x06\x07", 0, max(0, at - _END64_LOCATOR.size + 4)):
        end, offset, size_bytes, count = _directory64(window, end)
    if offset + size_bytes != end:
        raise NotParsedError("a directory elsewhere")
    return offset, size_bytes, count


def _directory64(window: Window, end: int) -> tuple[int, int, int, int]:
    locator = window.read(end - _END64_LOCATOR.size, _END64_LOCATOR.size)
    magic, disk, at, disks = _END64_LOCATOR.unpack(locator)
    if magic != b"PK\x06\x07" or disk != 0 or disks != 1:
        raise NotParsedError("no locator")
    values = _END64.unpack(window.read(at, _END64.size))
    magic, record_bytes, disk, first_disk, here, count, size_bytes, offset = values[:2] + values[4:]
    ends = at + 12 + record_bytes == end - _END64_LOCATOR.size
    if magic != b"PK\x06\x06" or not ends or (disk, first_disk) != (0, 0) or here != count:
        raise NotParsedError("not one archive")
    return at, offset, size_bytes, count


def _entries(directory: bytes, count: int) -> Iterator[_Entry]:
    position = 0
    for _ in range(count):
        if position + _CENTRAL.size > len(directory):
            raise NotParsedError("too short a directory")
        values = _CENTRAL.unpack_from(directory, position)
        magic, flags, method, (crc, stored, size) = values[0], values[3], values[4], values[7:10]
        name_bytes, extra_bytes, comment_bytes, disk = values[10:14]
        header, is_link = values[16], values[15] >> 28 == _LINK
        position += _CENTRAL.size
        name = directory[position : position + name_bytes]
        extra = directory[position + name_bytes : position + name_bytes + extra_bytes]
        position += name_bytes + extra_bytes + comment_bytes
        if magic != b"PK\x01\x02" or disk != 0 or position > len(directory):
            raise NotParsedError("not an entry")
        size, stored, header = _widened([size, stored, header], extra)
        yield _Entry(name, flags, method, crc, stored, size, header, is_link)
    if position != len(directory):
        raise NotParsedError("more than the entries")


def _widened(values: list[int], extra: bytes) -> list[int]:
    """Return values with those that 32 bits cannot hold taken from the zip64 field (0x0001), in its order."""
    if _SATURATED not in values:
        return values
    position = 0
    while position + 4 <= len(extra):
        kind, size_bytes = struct.unpack_from("<2H", extra, position)
        field = extra[position + 4 : position + 4 + size_bytes]
        position += 4 + size_bytes
        if kind == 1:
            wanted = values.count(_SATURATED)
            if len(field) < 8 * wanted:
                break
            wide = iter(struct.unpack_from(f"<{wanted}Q", field))
            return [next(wide) if value == _SATURATED else value for value in values]
    raise NotParsedError("sizes are missing")


def _content(window: Window, entry: _Entry) -> int:
    """Return where a member's bytes start, when its local header agrees with the directory."""
    header = window.read(entry.header, _LOCAL.size)
    name_bytes, extra_bytes = struct.unpack("<2H", header[-4:])
    magic, _, flags, method, _, _, crc, stored, size, *_ = _LOCAL.unpack(header)
    name_and_extra = window.read(entry.header + _LOCAL.size, name_bytes + extra_bytes)
    local = (magic, method, flags, name_and_extra[:name_bytes])
    agree = local == (b"PK\x03\x04", entry.method, entry.flags, entry.name)
    if flags & _SIZES_FOLLOW and (crc, stored, size) == (0, 0, 0):
        crc, stored, size = entry.crc, entry.stored_bytes, entry.size_bytes
    size, stored = _widened([size, stored], name_and_extra[name_bytes:])
    same_size = entry.method != STORED or stored == size
    if not agree or not same_size or (crc, stored, size) != (entry.crc, entry.stored_bytes, entry.size_bytes):
        raise NotParsedError("a local header says something else")
    return entry.header + _LOCAL.size + len(name_and_extra)
