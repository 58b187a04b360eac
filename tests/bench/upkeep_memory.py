"""Peak memory and time of fsck and gc over a store of many small files: ``python -m tests.bench.upkeep_memory``.

The store is synthetic, in a folder of its own: every file is one piece of a few bytes and one recipe, so there are two
entries a file. One in ten files is garbage, so that packs are kept whole. Each step runs in a process of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ama_tfx.storage import Digest
from ama_tfx.storage.codecs import Codec
from ama_tfx.storage.packs import PackStore
from ama_tfx.storage.packs.checking import check
from ama_tfx.storage.packs.collecting import collect, plan_collection
from ama_tfx.storage.packs.format import Kind, Payload, key_of, pack_name
from ama_tfx.storage.packs.pack_file import PackFile
from ama_tfx.storage.packs.recipe import Part, Recipe, encode_recipe
from ama_tfx.testing.processes import answer_of, in_child

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def content_of(number: int) -> bytes:
    """Return a file's bytes."""
    return b"%016d" % number


def build(folder: Path, files: int) -> None:
    """Write a store, past its writer: that would take an hour."""
    store = PackStore.in_folder(folder)
    pack = PackFile(store.scratch)
    for number in range(files):
        content = content_of(number)
        raw = encode_recipe(Recipe((Part(key_of(content), len(content)),)))
        pack.add(Kind.PIECE, key_of(content), Payload(content, Codec.RAW, len(content)))
        pack.add(Kind.RECIPE, hashlib.sha256(content).digest(), Payload(raw, Codec.RAW, len(raw)))
        if pack.is_full or number == files - 1:
            key = pack.finish()
            store.objects.put(pack_name(key), pack.path)
            store.index.add(key, pack.size_bytes, pack.entries)
            pack.close()
            pack = PackFile(store.scratch)
    pack.close()
    store.index.set_complete()
    store.close()


def kept(files: int) -> Iterator[Digest]:
    """Yield the digests of the files to keep, in order, as a catalog does: in pages."""
    numbers = (number for number in range(files) if number % 10)
    yield from map(Digest.from_raw, sorted(hashlib.sha256(content_of(number)).digest() for number in numbers))


def measured(work: Callable[[], object]) -> tuple[object, float, float, float]:
    """Run work in a process of its own; return its result, seconds, and MB of memory before it and at most."""

    def run() -> tuple[object, float, float, float]:
        signal.alarm(0)  # which ends a child that takes too long for a test
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        started = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - started
        return result, seconds, before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    answer: tuple[object, float, float, float] | BaseException = answer_of(in_child(run))
    if isinstance(answer, BaseException):
        raise answer
    return answer


def main() -> None:
    """Build the store where it is missing, and print a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--steps", default="check,check-data,plan,collect")
    options = parser.parse_args()
    folder, files = options.folder / str(options.files), options.files
    if not folder.exists():
        print(f"built in {measured(lambda: build(folder, files))[1]:.0f} s", flush=True)
    keep = options.folder / f"{files}.keep"
    if not keep.exists():
        measured(lambda: keep.write_bytes(b"".join(digest.raw for digest in kept(files))))

    def needed() -> Iterator[Digest]:
        with keep.open("rb") as stream:
            while raw := stream.read(32):
                yield Digest.from_raw(raw)

    def checked(*, read_data: bool) -> object:
        report = check(PackStore.in_folder(folder), read_data=read_data)
        return report.blobs, len(report.findings), len(report.lost)

    def planned() -> object:
        plan = plan_collection(PackStore.in_folder(folder), needed())
        return len(plan.keep), len(plan.dead), len(plan.rewritten)

    def collected() -> object:
        store = PackStore.in_folder(folder)
        return len(collect(store, plan_collection(store, needed()), NOW, timedelta(1)).condemned)

    steps: dict[str, Callable[[], object]] = {
        "check": lambda: checked(read_data=False),
        "check-data": lambda: checked(read_data=True),
        "plan": planned,
        "collect": collected,
    }
    for name in options.steps.split(","):
        result, seconds, before, peak = measured(steps[name])
        print(f"{name:10} {result!s:24} {seconds:6.1f} s, {before:4.0f} MB before, {peak:4.0f} MB at most", flush=True)


if __name__ == "__main__":
    main()
