"""Storing a large artifact's files in a Beam pipeline, before AssetRegistrar registers it.

The workers store through `ama_tfx.Registry.store`, the same code that registering runs: it cuts, encodes and writes
packs. Nothing that they do is visible. The executor then registers the artifact as any other and finds its content
there; what a worker did not store, it stores, so that a runner which loses data loses none here.
"""

import contextlib
import posixpath
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
from absl import logging
from tfx.dsl.io import fileio

from ama_tfx.components.tree import tree_sizes
from ama_tfx.registry import AssetRef, Ref, Registry

BATCH_BYTES = 64 << 20
"""Files of one call of a worker: enough for full packs, few enough to spread an artifact over workers."""


@dataclass(frozen=True)
class StoredFile:
    """A file of an artifact: its path in it, and its size."""

    path: str
    size_bytes: int


@dataclass(frozen=True)
class Destination:
    """What workers need to know.

    Attributes:
        registry: URL; it has to mean the same registry on every worker.
        asset: The asset's name.
        refs: Role and reference of what it was made from.
        uri: Where the artifact's files are.
    """

    registry: str
    asset: str
    refs: tuple[tuple[str, str], ...]
    uri: str


def files_of(uri: str) -> list[StoredFile]:
    """Return the files of an artifact by path; of one that is a single file, none."""
    return [StoredFile(path, size_bytes) for path, size_bytes in sorted(tree_sizes(uri).items())]


def store(pipeline: beam.Pipeline, destination: Destination, files: Iterable[StoredFile]) -> None:
    """Store files in a Beam pipeline; returns when it has run.

    Raises:
        Exception: What a worker raised, as the runner tells it.
    """
    batches = list(batched(files))
    logging.info("storing %d batches of %s in a Beam pipeline", len(batches), destination.uri)
    with pipeline:
        _ = (
            pipeline
            | "Batches" >> beam.Create(batches, reshuffle=True)
            | "Store" >> beam.ParDo(StoreBatch(destination))
        )


class StoreBatch(beam.DoFn):
    """Stores one batch of files; a batch that a runner tries again stores nothing twice."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination

    def process(self, batch: tuple[str, ...]) -> Iterator[int]:
        """Store the files with these paths; yield the bytes that were new."""
        told = self._destination
        refs = tuple(Ref(AssetRef.parse(reference), role) for role, reference in told.refs)
        with Registry(told.registry) as registry, _local_files(told.uri, batch) as files:
            yield registry.store(told.asset, files, refs)


def batched(files: Iterable[StoredFile]) -> Iterator[tuple[str, ...]]:
    """Yield paths in groups of about `BATCH_BYTES`, in order; a file that is larger alone."""
    batch: list[str] = []
    size_bytes = 0
    for file in files:
        if batch and size_bytes + file.size_bytes > BATCH_BYTES:
            yield tuple(batch)
            batch, size_bytes = [], 0
        batch.append(file.path)
        size_bytes += file.size_bytes
    if batch:
        yield tuple(batch)


@contextlib.contextmanager
def _local_files(uri: str, paths: tuple[str, ...]) -> Iterator[dict[str, Path]]:
    """Give files of an artifact as local ones: those of an object store are copied for the time of the block."""
    if "://" not in uri:
        yield {path: Path(uri, path) for path in paths}
        return
    with tempfile.TemporaryDirectory(prefix="ama-registrar-") as folder:
        local = {path: Path(folder, path) for path in paths}
        for path, target in local.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            fileio.copy(posixpath.join(uri, path), str(target))
        yield local
