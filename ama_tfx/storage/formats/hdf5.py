"""HDF5 files: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html.

Own code for what Keras and h5py write by default (and for small groups of ``libver="latest"``): the C library follows
links to other files and is no match for hostile files, and is not part of the light installation, where the same file
has to be cut at the same places. Groups that are stored otherwise, soft and external links are passed over.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from ama_tfx.storage.formats import hdf5_header as header
from ama_tfx.storage.formats.tensor import NotParsedError, Tensor, tensor_at
from ama_tfx.storage.formats.window import Window

MAGIC = b"\x89HDF\r\n\x1a\n"
# By version, the places of the sizes of addresses and lengths; of base address, another and end of file; of the root.
_SUPERBLOCKS = {0: (13, 24, 64), 1: (13, 28, 68), 2: (9, 12, 36), 3: (9, 12, 36)}
_UNDEFINED = (1 << 64) - 1
_NODE = struct.Struct("<4sBBH16x")
_SYMBOL_BYTES = 40
_MOST_DEPTH = 64
_MOST_NAME_BYTES = 256
_GROUP_NODE, _CHUNK_NODE = 0, 1
_CONTIGUOUS, _CHUNKED = 1, 2

Link = tuple[str, int]
"""A name in a group, and the address of the object's header."""


def tensors(window: Window) -> Iterator[Tensor]:
    """Yield the datasets of an HDF5 file, and the chunks of those that are stored in chunks.

    Compressed chunks are opaque; a dataset with two names has the first.

    Raises:
        NotParsedError: Not an HDF5 file, or not one of these.
    """
    seen: set[int] = set()
    groups: list[tuple[str, Iterator[Link]]] = [("", iter([("", root_address(window))]))]
    while groups:
        prefix, links = groups[-1]
        name, address = next(links, ("", _UNDEFINED))
        if address == _UNDEFINED:
            groups.pop()
        elif address not in seen:
            seen.add(address)
            found = Object.read(window, address)
            if found.is_dataset:
                yield from tensors_of(window, prefix + name, found)
            elif len(groups) < _MOST_DEPTH:
                groups.append((f"{prefix}{name}/" if name else "", found.links(window)))


def root_address(window: Window) -> int:
    """Return the address of the root group's header, from the superblock."""
    start = window.read(0, 96)
    sizes, addresses, root = _SUPERBLOCKS.get(start[8], (0, 0, 0))
    base, _, end = struct.unpack_from("<3Q", start, addresses)
    if not start.startswith(MAGIC) or start[sizes : sizes + 2] != b"\x08\x08" or base != 0 or end > window.size_bytes:
        raise NotParsedError("not such a file")
    return int.from_bytes(start[root : root + 8], "little")


@dataclass(slots=True)
class Object:
    """What the header of a group or dataset says, as far as it matters here; messages as they are."""

    dataspace: bytes = b""
    datatype: bytes = b""
    layout: bytes = b""
    symbol_table: bytes = b""
    filtered: bool = False
    elsewhere: bool = False
    direct: list[Link] = field(default_factory=list)

    @classmethod
    def read(cls, window: Window, address: int) -> Object:
        """Return the object whose header stands at an address."""
        found = cls()
        for kind, content in header.messages(window, address):
            match kind:
                case header.DATASPACE:
                    found.dataspace = content
                case header.DATATYPE:
                    found.datatype = content
                case header.LAYOUT:
                    found.layout = content
                case header.SYMBOL_TABLE:
                    found.symbol_table = content
                case header.FILTERS:
                    found.filtered = True
                case header.EXTERNAL_FILES:
                    found.elsewhere = True
                case header.LINK:
                    found.direct += _hard_link(content)
        return found

    @property
    def is_dataset(self) -> bool:
        """Whether it is no group."""
        return bool(self.layout)

    def links(self, window: Window) -> Iterator[Link]:
        """Yield what a group holds."""
        yield from self.direct
        if len(self.symbol_table) >= 16:
            tree, heap = struct.unpack_from("<2Q", self.symbol_table)
            names = window.read(heap, 32)
            if names[:4] != b"HEAP":
                raise NotParsedError("not a heap")
            for _, leaf in _leaves(window, tree, _GROUP_NODE, 8):
                yield from _symbols(window, leaf, int.from_bytes(names[24:32], "little"))


def tensors_of(window: Window, name: str, found: Object) -> Iterator[Tensor]:
    """Yield a dataset, or its chunks, under a name."""
    if found.elsewhere or not (found.datatype and found.dataspace) or len(found.layout) < 18:
        return
    version, kind = found.layout[:2]
    if kind == _CONTIGUOUS and version in {3, 4}:
        address, size_bytes = struct.unpack_from("<2Q", found.layout, 2)
        if address != _UNDEFINED:
            window.within(address, size_bytes)
            dtype, shape = header.dtype(found.datatype), header.shape(found.dataspace)
            yield tensor_at(name, window.start + address, size_bytes, dtype, shape)
    elif kind == _CHUNKED and version == 3:
        yield from _chunks_of(window, name, found)


def _chunks_of(window: Window, name: str, found: Object) -> Iterator[Tensor]:
    sizes = found.layout[2]
    address = int.from_bytes(found.layout[3:11], "little")
    if address == _UNDEFINED:
        return
    if not 1 <= sizes <= 33 or len(found.layout) < 11 + 4 * sizes:
        raise NotParsedError("not a layout")
    shape = struct.unpack_from(f"<{sizes}L", found.layout, 11)
    for key, chunk in _leaves(window, address, _CHUNK_NODE, 8 + 8 * sizes):
        size_bytes = int.from_bytes(key[:4], "little")
        place = struct.unpack_from(f"<{sizes - 1}Q", key, 8)
        whole = not found.filtered and size_bytes == math.prod(shape)
        window.within(chunk, size_bytes)
        dtype = header.dtype(found.datatype) if whole else None
        yield tensor_at(f"{name}#{','.join(map(str, place))}", window.start + chunk, size_bytes, dtype, shape[:-1])


def _leaves(window: Window, address: int, kind: int, key_bytes: int) -> Iterator[tuple[bytes, int]]:
    """Yield keys and addresses at the lowest level of a version 1 B-tree."""
    nodes: list[tuple[int, int | None]] = [(address, None)]
    while nodes:
        address, wanted = nodes.pop()
        magic, node_kind, level, count = _NODE.unpack(window.read(address, _NODE.size))
        # Levels that fall by one at each step cannot go in circles.
        if magic != b"TREE" or node_kind != kind or wanted not in {None, level}:
            raise NotParsedError("not a node")
        entries = window.read(address + _NODE.size, count * (key_bytes + 8))
        children = []
        for position in range(0, len(entries), key_bytes + 8):
            window.step()
            key = entries[position : position + key_bytes]
            child = int.from_bytes(entries[position + key_bytes : position + key_bytes + 8], "little")
            if level == 0:
                yield key, child
            else:
                children.append((child, level - 1))
        nodes.extend(reversed(children))


def _symbols(window: Window, address: int, names: int) -> Iterator[Link]:
    """Yield the hard links of a symbol table node."""
    start = window.read(address, 8)
    if start[:4] != b"SNOD":
        raise NotParsedError("not a symbol table")
    entries = window.read(address + 8, int.from_bytes(start[6:8], "little") * _SYMBOL_BYTES)
    for position in range(0, len(entries), _SYMBOL_BYTES):
        name_offset, target = struct.unpack_from("<2Q", entries, position)
        if target != _UNDEFINED:  # as of a soft link
            name, end, _ = window.read_at_most(names + name_offset, _MOST_NAME_BYTES).partition(b"\0")
            if not end:
                raise NotParsedError("too long a name")
            yield name.decode(), target


def _hard_link(message: bytes) -> tuple[Link, ...]:
    """Return the link of a link message, when it is a hard one."""
    flags, position = (message[1], 2) if len(message) > 2 else (0, 0)
    if flags & 0x8:
        if message[position] != 0:
            return ()
        position += 1
    position += (8 if flags & 0x4 else 0) + (1 if flags & 0x10 else 0)
    length_bytes = 1 << (flags & 3)
    length = int.from_bytes(message[position : position + length_bytes], "little")
    position += length_bytes
    if length > _MOST_NAME_BYTES or position + length + 8 > len(message):
        raise NotParsedError("not a link")
    name = message[position : position + length].decode()
    return ((name, int.from_bytes(message[position + length : position + length + 8], "little")),)
