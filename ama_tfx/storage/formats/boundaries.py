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


_PARSERS: dict[str, tuple[bytes, Callable[[Window], tuple[Tensor, ...]]]] = {
    ".safetensors": (b"", safetensors.parse),
    ".npy": (npy.MAGIC, _array),
    ".npz": (archive.MAGIC, archive.parse),
    ".keras": (archive.MAGIC, archive.parse),
    ".h5": (hdf5.MAGIC, _hdf5),
    ".hdf5": (hdf5.MAGIC, _hdf5),
}


def tensors(path: Path, *, siblings: Path | None = None) -> tuple[Tensor, ...]:
    """Return where the tensors of a file lie, sorted, without overlap, all inside the file.

    Memory and time are bounded whatever the content: what is larger or more than any real model's is not parsed.

    Args:
        path: The file; its name says which format it may have, its content whether it has it.
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
    magic, parse = _PARSERS.get(path.suffix.lower(), (b"", None))
    return parse(window) if parse and window.read(0, len(magic)) == magic else ()


def _of_bundle(data: Window, index: Path, shard: int, shards: int) -> tuple[Tensor, ...]:
    try:
        stream = open_regular_file(index)
    except (NotFoundError, InvalidInputError):  # a shard whose index is missing, or a link, is an ordinary file
        return ()
    with stream, os_errors("read", index):
        return tensor_bundle.parse(data, Window.of(stream), shard=shard, shards=shards)
