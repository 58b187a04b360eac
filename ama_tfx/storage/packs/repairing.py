"""Repair of the byte layer: saves what is whole, fetches the rest from copies, deletes nothing."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

from ama_tfx.errors import AmaError, BackendError, FormatError, IntegrityError
from ama_tfx.storage.blob_store import Source
from ama_tfx.storage.codecs import Codec
from ama_tfx.storage.digest import CHUNK_BYTES, Digest
from ama_tfx.storage.files import PendingFile, os_errors
from ama_tfx.storage.packs.checking import DAMAGED, Problem, Report, check
from ama_tfx.storage.packs.checking_payloads import check_piece, check_recipe
from ama_tfx.storage.packs.format import Entry, Kind, check_of, key_of, pack_name
from ama_tfx.storage.packs.index_file import Place
from ama_tfx.storage.packs.store import PackStore
from ama_tfx.storage.packs.writing import Writer

_AT_ONCE = 1000
"""Blobs that are fetched before they are made durable."""


class BlobSource(Protocol):
    """Where lost blobs may be."""

    def open(self, digest: Digest) -> BinaryIO:
        """Return a blob's bytes; see `BlobStore.open`."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair did.

    Attributes:
        before: What was wrong.
        after: What is wrong still.
        moved: The packs that lie under ``damaged/`` now.
    """

    before: Report
    after: Report
    moved: tuple[str, ...]


def repair(store: PackStore, copies: Sequence[BlobSource] = (), *, wanted: Iterable[Digest] = ()) -> Repair:
    """Make as much of a store readable as there are bytes for; doing it twice does no more.

    Args:
        store: Nobody else repairs or collects it meanwhile.
        copies: Stores that may have the lost blobs: a cache, another remote. What they give is checked.
        wanted: Blobs that have to be there: those of which the store knows nothing any more are fetched too.
    """
    before = check(store, read_data=True)
    wrong = {finding.subject for finding in before.findings if finding.problem in _DAMAGED}
    for pack in sorted(wrong):
        _save_whole_payloads(store, pack)
        _move_away(store, pack)
    if any(finding.problem is Problem.WRONG_INDEX for finding in before.findings):
        store.index.replace()
    store.finder.unreadable.clear()
    store.refresh()
    missing = check(store, read_data=False)
    unknown = {digest for digest in wanted if store.index.find(Kind.RECIPE, digest.raw) is None}
    _fetch(store, sorted({*before.lost, *missing.lost, *unknown}), copies, before.broken | missing.broken)
    return Repair(before, check(store, read_data=True), tuple(sorted(wrong)))


_DAMAGED = {Problem.DAMAGED_PACK, Problem.DAMAGED_PAYLOAD}


def _save_whole_payloads(store: PackStore, pack: str) -> None:
    try:
        entries = store.reader.end_of(pack)[1]
    except (IntegrityError, FormatError):
        entries = store.index.entries_of(pack)  # checked below, each by its own checksum
    saved: list[Entry] = []
    with store.writer() as writer:
        writer.disregard([pack])
        for entry in entries:
            place = Place(pack, entry)
            others = [copy for copy in store.index.copies(entry.kind, entry.key) if copy.pack != pack]
            has_other = any(copy.entry.depth <= entry.depth and _is_whole(store, copy) for copy in others)
            if not has_other and _is_whole(store, place):
                writer.copy(entry, store.reader.payload(place))
                saved.append(entry)
        if saved:
            # One more entry, or a pack of which only the end is damaged would come out under its own, taken name.
            salt = f"saved from {pack}".encode()
            key = key_of(salt)
            writer.copy(Entry(Kind.PIECE, key, Codec.RAW, 1, 0, len(salt), len(salt), 0, check_of(salt)), salt)
            writer.commit()


def _is_whole(store: PackStore, place: Place) -> bool:
    try:
        if place.entry.kind is Kind.RECIPE:
            check_recipe(store, place)
        else:
            check_piece(store, place)
    except (AmaError, ValueError):
        return False
    return True


def _move_away(store: PackStore, pack: str) -> None:
    """Put a damaged pack's bytes under ``damaged/`` before the index and the store forget it."""
    name = pack_name(pack)
    info = store.objects.stat(name)
    if info is None:
        return
    with PendingFile(store.scratch) as pending:
        hasher = hashlib.sha256()
        with os_errors("write", pending.path):
            for start in range(0, info.size_bytes, CHUNK_BYTES):
                data = store.objects.read(name, start, min(CHUNK_BYTES, info.size_bytes - start))
                hasher.update(data)
                pending.stream.write(data)
            pending.stream.flush()
        # The name says which bytes these are: what lies there already is the same.
        target = f"{DAMAGED}{pack}.{hasher.hexdigest()[:16]}"
        store.objects.put(target, pending.path)
    kept = store.objects.stat(target)
    if kept is None or kept.size_bytes != info.size_bytes:
        raise BackendError(f"pack {pack} was not copied to {target!r}; it stays where it is")
    store.index.forget(pack)
    store.objects.delete(name)


def _fetch(store: PackStore, digests: Sequence[Digest], copies: Sequence[BlobSource], broken: frozenset[bytes]) -> None:
    lost = list(digests)
    for copy in copies:
        left: list[Digest] = []
        for start in range(0, len(lost), _AT_ONCE):
            with store.writer() as writer:
                left += [d for d in lost[start : start + _AT_ONCE] if not _fetch_one(store, writer, d, copy, broken)]
                writer.commit()
        lost = left


def _fetch_one(store: PackStore, writer: Writer, digest: Digest, copy: BlobSource, broken: frozenset[bytes]) -> bool:
    with PendingFile(store.scratch) as pending, os_errors("write", pending.path):
        try:
            with copy.open(digest) as source:
                shutil.copyfileobj(source, pending.stream, CHUNK_BYTES)
            pending.stream.flush()
        except AmaError:  # absent there, or damaged there too: the next one may have it
            return False
        recipe = store.index.find(Kind.RECIPE, digest.raw)
        if recipe is None:
            writer.add_files([Source(pending.path)])
            return True
        known = store.reader.recipe(recipe)
        with pending.path.open("rb") as stream:
            inflated = cast(BinaryIO, gzip.GzipFile(fileobj=stream)) if known.gzip else stream
            writer.add_broken(known.parts, inflated, broken)
        return True
