"""Damage to the packs of a store in a folder, done past the store: for tests of what it promises then.

Payloads are found by the store's own index and changed in the pack's file, as a bad disk or an intruder would.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ama_tfx.storage import Digest, PackStore
from ama_tfx.storage.packs.format import Kind, pack_name
from ama_tfx.storage.packs.index_file import Place


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes of a pack's file.

    Attributes:
        pack: The file.
        offset: Where they begin in it.
        size_bytes: How many there are, at least one.
    """

    pack: Path
    offset: int
    size_bytes: int

    def read(self) -> bytes:
        """Return them."""
        return self.pack.read_bytes()[self.offset : self.offset + self.size_bytes]

    def overwrite(self, data: bytes) -> None:
        """Put other bytes, as many, in their place: in the same file, so that who has it open reads them too.

        Raises:
            ValueError: They are not as many.
        """
        if len(data) != self.size_bytes:
            raise ValueError(f"{len(data)} bytes for {self.size_bytes}")
        with writable(self.pack).open("r+b") as stream:
            stream.seek(self.offset)
            stream.write(data)

    def flip(self) -> None:
        """Flip one bit, in the last of them."""
        data = self.read()
        self.overwrite(data[:-1] + bytes([data[-1] ^ 1]))


def recipe_payloads(blobs: Path, digest: Digest) -> list[Payload]:
    """Return every copy of a blob's recipe.

    Args:
        blobs: The store's folder.
        digest: Of a blob that is there.
    """
    with _opened(blobs) as store:
        return [_payload(blobs, place) for place in store.index.copies(Kind.RECIPE, digest.raw)]


def piece_payloads(blobs: Path, digest: Digest) -> list[Payload]:
    """Return every copy of each piece of a blob, in the order of its bytes; see `recipe_payloads`."""
    with _opened(blobs) as store:
        keys = dict.fromkeys(part.key for part in store.finder.recipes([digest])[digest].parts)
        return [_payload(blobs, place) for key in keys for place in store.index.copies(Kind.PIECE, key)]


def writable(pack: Path) -> Path:
    """Let a pack's file, which is read-only, be written to; return it."""
    pack.chmod(0o644)
    return pack


@contextlib.contextmanager
def _opened(blobs: Path) -> Iterator[PackStore]:
    store = PackStore.in_folder(blobs)
    yield store
    store.index.close()


def _payload(blobs: Path, place: Place) -> Payload:
    return Payload(blobs / pack_name(place.pack), place.entry.offset, place.entry.stored_bytes)


def _replace_by_link(payload: Payload) -> None:
    moved = payload.pack.with_suffix(".moved")
    payload.pack.rename(moved)
    payload.pack.symlink_to(moved)


def _replace_by_folder(payload: Payload) -> None:
    payload.pack.unlink()
    payload.pack.mkdir()


DAMAGED_PAYLOADS: Mapping[str, Callable[[Payload], object]] = MappingProxyType(
    {
        "a bit flipped": Payload.flip,
        "inverted": lambda payload: payload.overwrite(bytes(byte ^ 0xFF for byte in payload.read())),
        "other bytes": lambda payload: payload.overwrite(b"?" * payload.size_bytes),
    }
)
"""By name, what makes one payload unreadable and leaves the others of its pack."""

DAMAGED_PACKS: Mapping[str, Callable[[Payload], object]] = MappingProxyType(
    {
        "cut": lambda payload: writable(payload.pack).write_bytes(payload.pack.read_bytes()[: payload.offset]),
        "emptied": lambda payload: writable(payload.pack).write_bytes(b""),
        "deleted": lambda payload: payload.pack.unlink(),
        "a link to the right bytes": _replace_by_link,
        "a folder in its place": _replace_by_folder,
    }
)
"""By name, what makes a pack unreadable that a payload is in; the last three for who has not opened it yet."""
