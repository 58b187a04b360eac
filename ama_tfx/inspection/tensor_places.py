"""Where the numbers of a tensor lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ama_tfx.inspection.archives import content_of
from ama_tfx.inspection.facts import OpenableFile
from ama_tfx.storage.formats import hdf5, hdf5_header, npy, safetensors, tensor_bundle
from ama_tfx.storage.formats.tensor import NotParsedError, Tensor
from ama_tfx.storage.formats.window import Window
from ama_tfx.storage.formats.zip_members import all_members

_ZIP = b"PK\x03\x04"
_HEAD_BYTES = 128


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor lies.

    Attributes:
        window: The file, or the member of an archive, inflated where it was compressed.
        pieces: It in one piece, or each of its chunks with where the chunk begins in the tensor.
        shape: Of the whole tensor.
        is_fortran: Whether its first index runs fastest.
    """

    window: Window
    pieces: tuple[tuple[Tensor, tuple[int, ...]], ...]
    shape: tuple[int, ...]
    is_fortran: bool = False


def find(window: Window, path: str, name: str, siblings: Mapping[str, OpenableFile]) -> Place | None:
    """Return where a tensor lies, by the name that inspecting gave it; None when there is none of it.

    Raises:
        NotParsedError: The file does not parse.
    """
    if bundle := tensor_bundle.DATA_NAME.fullmatch(path):
        return _in_bundle(window, siblings.get(f"{bundle['prefix']}.index"), bundle["shard"], bundle["shards"], name)
    head = window.read_at_most(0, _HEAD_BYTES)
    if head.startswith(_ZIP):
        return _in_archive(window, name)
    if head.startswith(hdf5.MAGIC):
        return _in_hdf5(window, name)
    if head.startswith(npy.MAGIC):
        tensor = npy.parse(window, name)
        return Place(window, ((tensor, ()),), tensor.shape, b"'fortran_order': True" in head)
    if path.lower().endswith(".safetensors"):
        tensors = safetensors.parse(window)
        return _named(window, (replace(tensor, offset=window.start + tensor.offset) for tensor in tensors), name)
    return None


def _in_bundle(window: Window, index: OpenableFile | None, shard: str, shards: str, name: str) -> Place | None:
    if index is None:
        raise NotParsedError("its index is not beside it")
    with index.open() as stream:
        beside = Window(stream, 0, index.size_bytes)
        return _named(window, tensor_bundle.parse(window, beside, shard=int(shard), shards=int(shards)), name)


def _in_archive(window: Window, name: str) -> Place | None:
    for member in all_members(window):
        inside = name.removeprefix(f"{member.name}:")
        if inside != name or member.name == f"{name}.npy":
            content = content_of(window, member)
            return find(content, member.name, inside, {})
    return None


def _in_hdf5(window: Window, name: str) -> Place | None:
    address = hdf5.root_address(window)
    for part in name.split("/"):
        parent = hdf5.Object.read(window, address)
        found = next((at for key, at in parent.links(window) if key == part), None)
        if found is None:
            return None
        address = found
    dataset = hdf5.Object.read(window, address)
    shape = hdf5_header.shape(dataset.dataspace) if dataset.dataspace else ()
    pieces = tuple(
        (tensor, tuple(map(int, tensor.name[1:].split(","))) if tensor.name.startswith("#") else ())
        for tensor in hdf5.tensors_of(window, "", dataset)
    )
    return Place(window, pieces, shape)


def _named(window: Window, tensors: Iterable[Tensor], name: str) -> Place | None:
    tensor = next((tensor for tensor in tensors if tensor.name == name), None)
    return Place(window, ((tensor, ()),), tensor.shape) if tensor else None
