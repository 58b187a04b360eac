"""The store of ama, as a process: ``put STORE INPUT VERSION...`` and ``get STORE TARGET VERSION...``.

Beside the packs it keeps what a registry would: the digest of each path of each version. Files go in and out some at a
time, so that what is measured is the store's memory and not that of a list of a million paths.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ama_tfx.storage import Digest, PackStore, Source, reuse_memory
from tests.bench.store_job import Input
from tests.bench.store_running import files_in

_AT_ONCE = 10_000


def put(folder: Path, source: Input, versions: list[str]) -> None:
    """Store versions, each in a transaction of its own."""
    store = PackStore.in_folder(folder / "packs")
    for version in versions:
        with store.writer() as writer, _listing(folder, version).open("w") as listing:
            paths = files_in(source.folder / version)
            parents = [_digests(folder, parent) for parent in source.parents.get(version, ())]
            while some := list(islice(paths, _AT_ONCE)):
                names = [os.path.relpath(path, source.folder / version) for path in some]
                sources = [Source(path, _found(parents, name)) for path, name in zip(some, names, strict=True)]
                infos = writer.add_files(sources)
                listing.writelines(f"{i.digest} {name}\n" for i, name in zip(infos, names, strict=True))
            writer.commit()


def get(folder: Path, target: Path, versions: list[str]) -> None:
    """Restore versions."""
    store = PackStore.in_folder(folder / "packs")
    for version in versions:
        made: set[Path] = set()
        entries = _entries(folder, version)
        while some := [(digest, target / version / name) for digest, name in islice(entries, _AT_ONCE)]:
            for parent in {path.parent for _, path in some} - made:
                parent.mkdir(parents=True, exist_ok=True)
                made.add(parent)
            store.export(some)


def _listing(folder: Path, version: str) -> Path:
    return folder / f"{version}.txt"


def _entries(folder: Path, version: str) -> Iterator[tuple[Digest, str]]:
    with _listing(folder, version).open() as lines:
        for line in lines:
            digest, name = line.rstrip("\n").split(" ", 1)
            yield Digest.parse(digest), name


def _digests(folder: Path, version: str) -> dict[str, Digest]:
    return {name: digest for digest, name in _entries(folder, version)}


def _found(parents: list[dict[str, Digest]], name: str) -> tuple[Digest, ...]:
    return tuple(parent[name] for parent in parents if name in parent)


def main(argv: list[str]) -> None:
    """Run one of the two."""
    verb, folder, other, *versions = argv
    reuse_memory()  # as the CLI does
    Path(folder).mkdir(parents=True, exist_ok=True)
    if verb == "put":
        put(Path(folder), Input.read(Path(other)), versions)
    else:
        get(Path(folder), Path(other), versions)


if __name__ == "__main__":
    main(sys.argv[1:])
