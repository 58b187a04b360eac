"""HDF5 files: datasets, links to other files, and the configuration that Keras keeps in an attribute."""

from __future__ import annotations

from ama_tfx.inspection import hdf5_attributes, keras_config
from ama_tfx.inspection.looking import Look
from ama_tfx.storage.formats import hdf5, hdf5_header
from ama_tfx.storage.formats.tensor import NotParsedError

_ATTRIBUTE, _ATTRIBUTE_INFO, _LINK_INFO = 12, 21, 2
_SOFT, _EXTERNAL = 1, 64
_VIRTUAL = 3
_MOST_DEPTH = 64
_CONFIGURATIONS = {"model_config", "training_config"}
_UNDEFINED = (1 << 64) - 1
_OUTSIDE = "reading it reads that file of the machine that loads this one"


def read(look: Look) -> None:
    """Read the datasets of an HDF5 file, and what in it is not data."""
    look.is_("hdf5")
    window = look.window
    if look.head(8) != hdf5.MAGIC:
        raise NotParsedError("its first bytes are not those of HDF5")
    seen: set[int] = set()
    waiting = [("", hdf5.root_address(window), 0)]
    while waiting:
        name, address, depth = waiting.pop()
        if address in seen or depth > _MOST_DEPTH:
            continue
        seen.add(address)
        found = hdf5.Object.read(window, address)
        _check(look, name, address)
        if found.is_dataset:
            _take_dataset(look, name, found)
        else:
            inner = [(f"{name}/{part}" if name else part, at, depth + 1) for part, at in found.links(window)]
            waiting.extend(reversed(inner))


def _take_dataset(look: Look, name: str, found: hdf5.Object) -> None:
    if found.elsewhere:
        look.danger(f"dataset {name!r} in another file", _OUTSIDE)
    if len(found.layout) > 1 and found.layout[0] == 4 and found.layout[1] == _VIRTUAL:
        look.danger(f"virtual dataset {name!r}", "it is put together from parts that may lie in other files")
    shape = hdf5_header.shape(found.dataspace) if found.dataspace else ()
    look.tensor(name, hdf5_attributes.dtype_of(found.datatype), shape)


def _check(look: Look, name: str, address: int) -> None:
    """Look at the messages of an object that are no data."""
    for kind, content in hdf5_header.messages(look.window, address):
        if kind == hdf5_header.LINK:
            _check_link(look, name, content)
        elif kind == _LINK_INFO and _dense(content, 0x1, 8):
            look.problem(f"group {name or '/'!r} keeps its links in a way that is not read")
        elif kind == _ATTRIBUTE_INFO and _dense(content, 0x1, 2):
            look.problem(f"object {name or '/'!r} keeps its attributes in a way that is not read")
        elif kind == _ATTRIBUTE and not name:
            for key, text in hdf5_attributes.text_of(look.window, content, _CONFIGURATIONS):
                if look.depth == 0:
                    look.is_("keras_hdf5")
                if text is None:
                    look.problem(f"attribute {key!r} is kept in a way that is not read")
                else:
                    keras_config.read(look, text)


def _dense(message: bytes, order_flag: int, order_bytes: int) -> bool:
    """Return whether an info message says that what it tells of lies in a heap of its own."""
    if len(message) < 2:
        return False
    start = 2 + (order_bytes if message[1] & order_flag else 0)
    return int.from_bytes(message[start : start + 8].ljust(8, b"\xff"), "little") != _UNDEFINED


def _check_link(look: Look, group: str, message: bytes) -> None:
    name, kind, target = _link(message)
    if kind == _EXTERNAL:
        parts = [part.decode("utf-8", "backslashreplace") for part in target[3:].split(b"\0") if part]
        look.danger(f"external link {group}/{name} to {': '.join(parts) or '?'}", _OUTSIDE)
    elif kind not in {0, _SOFT}:
        look.danger(f"link {group}/{name} of kind {kind}", "it is followed by a plug-in of the HDF5 library")


def _link(message: bytes) -> tuple[str, int, bytes]:
    """Return a link's name, its kind and what it says of its target."""
    flags, position = (message[1], 2) if len(message) > 2 else (0, 2)
    kind = 0
    if flags & 0x8:
        kind, position = message[position], position + 1
    position += (8 if flags & 0x4 else 0) + (1 if flags & 0x10 else 0)
    length_bytes = 1 << (flags & 3)
    length = int.from_bytes(message[position : position + length_bytes], "little")
    position += length_bytes
    return message[position : position + length].decode("utf-8", "backslashreplace"), kind, message[position + length :]
