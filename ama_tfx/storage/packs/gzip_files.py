"""Gzip files of TFRecords: found out, beside other work, whether they can be kept inflated."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ama_tfx.storage.blob_store import Source
from ama_tfx.storage.digest import Digest, hash_stream
from ama_tfx.storage.files import FileState
from ama_tfx.storage.formats import GzipRecipe, RecordScanner, inflated_start, prove
from ama_tfx.storage.packs.source_files import reading

LEAST_BYTES = 1 << 14
"""A smaller one is no larger than what a recipe and a pack say of it."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of a gzip file of records.

    Attributes:
        state: In which it was.
        digest: Its own.
        gzip: How it is made again; None when that was not tried, because the store has the file.
    """

    state: FileState
    digest: Digest
    gzip: GzipRecipe | None


def may_be_records(path: Path, size_bytes: int) -> bool:
    """Return whether it is worth a look into a file; TFX and Beam name theirs so."""
    return path.suffix == ".gz" and size_bytes >= LEAST_BYTES


def prove_file(source: Source, is_known: Callable[[Digest], bool]) -> Proof | None:
    """Return what is known of a file; None when it is to be kept as it is.

    Deflates it: that takes a second for 20 MB.

    Raises:
        ContentChangedError: It was written to meanwhile.
        InvalidInputError, NotFoundError, PermissionDeniedError: It cannot be read.
    """
    with reading(source) as (stream, state):
        if not RecordScanner().feed(inflated_start(stream)):
            return None
        stream.seek(0)
        digest, _ = hash_stream(stream)
        gzip = None
        if not is_known(digest):
            gzip = prove(stream)
            if gzip is None:
                return None
    return Proof(state, digest, gzip)


@contextlib.contextmanager
def proofs(
    sources: Iterable[tuple[int, Source]], is_known: Callable[[Digest], bool]
) -> Iterator[Iterator[tuple[int, Source, Proof | None]]]:
    """Give what is known of files, in order; it is found out by threads of its own from now on, a few files ahead."""
    threads = os.cpu_count() or 2
    coming = iter(sources)
    with ThreadPoolExecutor(threads, thread_name_prefix="ama-gzip") as pool:
        under_way: deque[tuple[int, Source, Future[Proof | None]]] = deque()

        def begin(count: int) -> None:
            for number, source in itertools.islice(coming, count):
                under_way.append((number, source, pool.submit(prove_file, source, is_known)))

        def in_order() -> Iterator[tuple[int, Source, Proof | None]]:
            while under_way:
                number, source, future = under_way.popleft()
                proof = future.result()
                begin(1)
                yield number, source, proof

        begin(2 * threads)
        try:
            yield in_order()
        finally:
            pool.shutdown(cancel_futures=True)
