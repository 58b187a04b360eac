"""Archives: names that lead elsewhere, members that are damaged or bombs, and what the members are."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator

from ama_tfx.inspection.inflating import MOST_INFLATED, Inflated
from ama_tfx.inspection.looking import MOST_DEPTH, Look
from ama_tfx.inspection.safe_names import why_unsafe
from ama_tfx.storage.formats.tensor import NotParsedError
from ama_tfx.storage.formats.window import Window
from ama_tfx.storage.formats.zip_members import DEFLATED, STORED, Member, all_members

MOST_MEMBER_BYTES = 64 << 20
"""Of a compressed member that is looked into."""

MOST_CHECKED_BYTES = 512 << 20
"""Of members whose checksums are compared, in one archive."""

_MOST_RATIO = 1000
_MOST_LOOKED_INTO = 10_000
_PIECE = 1 << 20
_BLOCK = 512
_LINKS = {b"1": "hard link", b"2": "symbolic link"}
_DEVICES = {b"3", b"4", b"6"}
LEADS_OUT = "who unpacks it without a check writes outside of the folder"

Read = Callable[[Look], None]


def read_zip(look: Look, inspect: Read) -> None:
    """Look through a zip archive.

    Args:
        look: The archive.
        inspect: Looks into a member.
    """
    look.is_({".keras": "keras", ".npz": "npz"}.get(look.suffix, "zip"))
    members = all_members(look.window)
    names = {member.name for member in members}
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        look.is_("torch")
    if look.suffix == ".keras" and "config.json" not in names:
        look.problem("a .keras archive without its config.json")
    left = MOST_CHECKED_BYTES
    for count, member in enumerate(members):
        _check_name(look, member.name)
        if member.is_link:
            look.danger(f"member {member.name!r} is a symbolic link", LEADS_OUT)
        if count == _MOST_LOOKED_INTO:
            look.problem(f"members behind the first {count:,} are not looked into")
        if count < _MOST_LOOKED_INTO:
            _read_member(look, member, inspect, checked=member.size_bytes <= left)
        left -= min(left, member.size_bytes)


def _read_member(look: Look, member: Member, inspect: Read, *, checked: bool) -> None:
    if member.is_encrypted or member.method not in {STORED, DEFLATED}:
        look.problem(f"member {member.name!r} is encrypted, or compressed in a way that is not read")
        return
    stored = look.window.within(member.offset, member.stored_bytes)
    if member.method == DEFLATED and member.size_bytes > _MOST_RATIO * max(1, member.stored_bytes):
        look.danger(f"member {member.name!r} inflates {_MOST_RATIO}-fold", "unpacking it fills the disk or the memory")
        return
    if not checked and member.method == DEFLATED:
        look.problem(f"member {member.name!r} is not looked into: too much is compressed")
        return
    try:
        content, crc = _content(stored, member) if checked else (stored, member.crc)
    except (NotParsedError, zlib.error) as error:
        look.problem(f"member {member.name!r} is damaged: {error}")
        return
    if crc != member.crc:
        look.problem(f"member {member.name!r} is damaged: its checksum is wrong")
    if content is not None and look.depth < MOST_DEPTH and not member.name.endswith("/"):
        inspect(_inside(look, member.name, content))


def content_of(archive: Window, member: Member) -> Window:
    """Return what a member holds.

    Raises:
        NotParsedError: It is encrypted, compressed in a way that is not read, damaged, or too large.
    """
    if member.is_encrypted or member.method not in {STORED, DEFLATED}:
        raise NotParsedError("encrypted, or compressed in a way that is not read")
    stored = archive.within(member.offset, member.stored_bytes)
    if member.method == STORED:
        return stored
    try:
        content, crc = _content(stored, member)
    except zlib.error as error:
        raise NotParsedError(str(error)) from error
    if content is None or crc != member.crc:
        raise NotParsedError("damaged, or too large")
    return content


def _content(stored: Window, member: Member) -> tuple[Window | None, int]:
    """Return a member's bytes, when they are few enough, and their checksum."""
    if member.method == STORED:
        crc = 0
        for piece in stored.pieces(_PIECE):
            crc = zlib.crc32(piece, crc)
        return stored, crc
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces, size_bytes, crc = [], 0, 0
    for piece in _inflated(inflater, stored):
        size_bytes += len(piece)
        crc = zlib.crc32(piece, crc)
        if size_bytes > member.size_bytes:
            raise NotParsedError("it holds more than the archive says")
        if size_bytes <= MOST_MEMBER_BYTES:
            pieces.append(piece)
    if size_bytes != member.size_bytes:
        raise NotParsedError("it holds less than the archive says")
    if size_bytes > MOST_MEMBER_BYTES:
        return None, crc
    return Window(io.BytesIO(b"".join(pieces)), 0, size_bytes, stored.budget), crc


def _inflated(inflater: zlib._Decompress, stored: Window) -> Iterator[bytes]:
    for piece in stored.pieces(_PIECE):
        waiting = piece
        while waiting and not inflater.eof:
            yield inflater.decompress(waiting, _PIECE)
            waiting = inflater.unconsumed_tail


def _inside(look: Look, name: str, content: Window) -> Look:
    prefix = f"{name}:" if name.lower().endswith((".h5", ".hdf5", ".safetensors")) else ""
    return Look(f"{look.path}!{name}", content, look.found, {}, look.owner, look.prefix + prefix, look.depth + 1)


def _check_name(look: Look, name: str) -> None:
    if why := why_unsafe(name):
        look.danger(f"member {name[:200]!r}: {why}", LEADS_OUT)


def read_tar(look: Look, inspect: Read) -> None:
    """Look through a tar archive, which may be compressed; see `read_zip`."""
    look.is_("tar")
    content = Inflated.of(look.window)
    name = link = ""
    for count in range(_MOST_LOOKED_INTO):
        header = content.read(_BLOCK)
        if len(header) < _BLOCK or not header.strip(b"\0"):
            return
        size_bytes, kind = _tar_size(header), header[156:157]
        if kind in {b"L", b"K", b"x", b"g"}:
            told = _tar_names(content.read(_rounded(min(size_bytes, _PIECE)))[:size_bytes], kind)
            name, link = told.get("path", name), told.get("linkpath", link)
            if size_bytes > _PIECE:
                raise NotParsedError("too long a name")
            continue
        names = name or _tar_name(header), link or _tar_text(header[157:257])
        _take_tar_member(look, inspect, content, header, names)
        name = link = ""
        if count + 1 == _MOST_LOOKED_INTO:
            look.problem(f"members behind the first {_MOST_LOOKED_INTO:,} are not looked into")


def _take_tar_member(look: Look, inspect: Read, content: Inflated, header: bytes, names: tuple[str, str]) -> None:
    name, link = names
    size_bytes, kind = _tar_size(header), header[156:157]
    _check_name(look, name)
    if kind in _LINKS and (why_unsafe(link) or kind == b"2"):
        look.danger(f"member {name!r} is a {_LINKS[kind]} to {link!r}", LEADS_OUT)
    elif kind in _DEVICES:
        look.danger(f"member {name!r} is a device or a pipe", "who unpacks it makes one")
    if kind not in {b"0", b"\0", b"7"}:
        return
    if size_bytes <= MOST_MEMBER_BYTES and look.depth < MOST_DEPTH:
        data = content.read(size_bytes)
        if len(data) < size_bytes:
            raise NotParsedError(f"cut off in member {name!r}")
        inspect(_inside(look, name, Window(io.BytesIO(data), 0, size_bytes, look.window.budget)))
        content.skip(-size_bytes % _BLOCK)
    elif size_bytes > MOST_INFLATED or not content.skip(_rounded(size_bytes)):
        raise NotParsedError(f"cut off in member {name!r}, or that is too large")


def is_tar(head: bytes) -> bool:
    """Return whether a file that begins so is a tar archive."""
    return head[257:262] == b"ustar"


def _tar_size(header: bytes) -> int:
    digits = header[124:136]
    if digits[0] & 0x80:
        return int.from_bytes(digits[1:], "big")
    if sum(header[:148]) + 8 * 0x20 + sum(header[156:]) != _octal(header[148:156]):
        raise NotParsedError("not a header of a tar archive")
    return _octal(digits)


def _octal(digits: bytes) -> int:
    return int(digits.strip(b" \0") or b"0", 8)


def _rounded(size_bytes: int) -> int:
    return size_bytes + -size_bytes % _BLOCK


def _tar_text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "backslashreplace")


def _tar_name(header: bytes) -> str:
    prefix = _tar_text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{_tar_text(header[:100])}" if prefix else _tar_text(header[:100])


def _tar_names(content: bytes, kind: bytes) -> dict[str, str]:
    """Return the names that a header gives for the member after it."""
    if kind in {b"L", b"K"}:
        return {"path" if kind == b"L" else "linkpath": _tar_text(content)}
    found = {}
    for line in content.split(b"\n"):
        key, equals, value = line.partition(b" ")[2].partition(b"=")
        if equals and key in {b"path", b"linkpath"}:
            found[key.decode()] = value.decode("utf-8", "backslashreplace")
    return found
