"""Which parser reads which file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.storage.files import open_regular_file, os_errors
from ama_tfx.storage.formats import archive, hdf5, npy, safetensors, tensor_bundle
from ama_tfx.storage.formats.tensor import Tensor, in_order
from ama_tfx.storage.formats.window import Window


def _array(window: Window) -> tuple[Tensor, ...]:
    return in_order([npy.parse(window, "array")], window.size_bytes)


def _hdf5(window: Window) -> tuple[Tensor, ...]:
    return in_order(hdf5.tensors(window), window.size_bytes)


_Parser = Callable[[Window], tuple[Tensor, ...]]
_PARSERS: tuple[tuple[bytes, _Parser], ...] = (
    (npy.MAGIC, _array),
    (hdf5.MAGIC, _hdf5),
    (archive.MAGIC, archive.parse),
)
_LENGTH_BYTES = 8
"""A safetensors file has no magic: it begins with the length of a JSON object."""


def tensors(path: Path, *, siblings: Path | None = None) -> tuple[Tensor, ...]:
    """Return where the tensors of a file lie, sorted, without overlap, all inside the file.

    Memory and time are bounded whatever the content: what is larger or more than any real model's is not parsed.

    Args:
        path: The file. Its content says which format it has, so that it is cut alike under every name; only a shard of
            a TensorBundle is known by its name.
        siblings: The folder of the files that belong to it (the index of a TensorBundle); its own when not given.

    Returns:
        Nothing when the file has no known format, or does not parse.

    Raises:
        NotFoundError, PermissionDeniedError, BackendError: As the operating system says.
        InvalidInputError: Not a regular file.
    """
    with open_regular_file(path) as stream, os_errors("read", path):
        try:
            return _parsed(path, Window.of(stream), siblings or path.parent)
        except (ValueError, RecursionError):  # NotParsedError, and what json and codecs raise
            return ()


def _parsed(path: Path, window: Window, siblings: Path) -> tuple[Tensor, ...]:
    if bundle := tensor_bundle.DATA_NAME.fullmatch(path.name):
        index = siblings / f"{bundle['prefix']}.index"
        return _of_bundle(window, index, int(bundle["shard"]), int(bundle["shards"]))
    parse = _parser_of(window)
    return parse(window) if parse else ()


def _parser_of(window: Window) -> _Parser | None:
    for magic, parse in _PARSERS:
        if window.read(0, len(magic)) == magic:
            return parse
    start = window.read(0, _LENGTH_BYTES + 1)
    is_json = start[_LENGTH_BYTES:] == b"{" and int.from_bytes(start[:_LENGTH_BYTES], "little") < window.size_bytes
    return safetensors.parse if is_json else None


def _of_bundle(data: Window, index: Path, shard: int, shards: int) -> tuple[Tensor, ...]:
    try:
        stream = open_regular_file(index)
    except (NotFoundError, InvalidInputError):  # a shard whose index is missing, or a link, is an ordinary file
        return ()
    with stream, os_errors("read", index):
        return tensor_bundle.parse(data, Window.of(stream), shard=shard, shards=shards)
