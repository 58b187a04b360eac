"""Whether payloads are right: each by itself, whatever is wrong with what it refers to."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator

from ama_tfx.errors import IntegrityError, NotFoundError
from ama_tfx.storage.packs.format import Kind
from ama_tfx.storage.packs.index_file import Place
from ama_tfx.storage.packs.recipe import Part
from ama_tfx.storage.packs.store import PackStore


def check_piece(store: PackStore, place: Place) -> None:
    """Make sure that a payload has its checksum, and gives its piece if what it is a difference to can be read.

    Raises:
        IntegrityError: It has not, or gives other bytes: no writer of ours made it.
    """
    store.reader.payload(place)
    try:
        store.reader.piece(place)
    except (IntegrityError, NotFoundError):
        if all(_raw(store, base) is not None for base in place.entry.bases):
            raise


def _raw(store: PackStore, key: bytes) -> bytes | memoryview | None:
    """Return a piece from whichever copy can be read; None when none can."""
    for place in store.index.copies(Kind.PIECE, key):
        with contextlib.suppress(IntegrityError, NotFoundError):
            return store.reader.piece(place)
    return None


def check_recipe(store: PackStore, place: Place) -> None:
    """Make sure that a recipe gives the file that its key promises, if all of its pieces can be read.

    A pack commits to its recipes, and nothing but the file's own SHA-256 says that a recipe is right.

    Raises:
        IntegrityError: It gives another file: somebody put it in.
    """
    hasher = hashlib.sha256()
    recipe = store.reader.recipe(place)
    try:
        for data in recipe.join(_pieces(store, recipe.parts)):
            hasher.update(data)
    except NotFoundError:
        return  # that is told of the piece
    if hasher.digest() != place.entry.key:
        wanted, found = place.entry.key.hex(), hasher.hexdigest()
        raise IntegrityError(f"pack {place.pack} has a recipe for file sha256:{wanted} that gives sha256:{found}")


def _pieces(store: PackStore, parts: Iterable[Part]) -> Iterator[bytes | memoryview]:
    for part in parts:
        raw = _raw(store, part.key)
        if raw is None:
            raise NotFoundError(f"no piece {part.key.hex()} that can be read")
        yield raw
