"""Zip archives of arrays: ``.npz`` of numpy, ``.keras`` of Keras 3."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ama_tfx.storage.formats import hdf5, npy
from ama_tfx.storage.formats.tensor import Tensor, in_order
from ama_tfx.storage.formats.window import Window
from ama_tfx.storage.formats.zip_members import stored_members

MAGIC = b"PK\x03\x04"


def parse(window: Window) -> tuple[Tensor, ...]:
    """Return the tensors in the members of an archive that lie in it as they are; compressed members have none.

    A member that does not parse has no tensors; those of the others are returned.

    Raises:
        NotParsedError: Not an archive, or a contradictory one.
    """
    return in_order(_tensors(window), window.size_bytes)


def _tensors(window: Window) -> Iterator[Tensor]:
    for member in stored_members(window):
        content = window.within(member.offset, member.size_bytes)
        try:
            if member.name.endswith(".npy"):
                found = [npy.parse(content, member.name.removesuffix(".npy"))]
            elif member.name.endswith(".h5"):
                found = [_inside(member.name, tensor) for tensor in hdf5.tensors(content)]
            else:
                continue
        except ValueError:
            continue
        yield from found


def _inside(member: str, tensor: Tensor) -> Tensor:
    return dataclasses.replace(tensor, name=f"{member}:{tensor.name}")
