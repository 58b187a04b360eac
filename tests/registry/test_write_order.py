"""The documented order of writing (docs/reference/formats.md), read off the system calls of a registration."""

from pathlib import Path

import pytest

from ama_tfx.registry import Registry
from ama_tfx.testing.system_calls import Call, calls_of

_held: list[Registry] = []


def at(calls: list[Call], kind: str, name: str) -> list[int]:
    return [number for number, call in enumerate(calls) if call.kind == kind and name in call.text]


@pytest.mark.usefixtures("strace")
def test_pack_then_its_name_then_the_index_then_the_catalog_is_durable(tmp_path: Path) -> None:
    content, folder = tmp_path / "content", tmp_path / "registry"
    content.write_bytes(b"content")
    Registry(folder, create=True).close()

    def register() -> None:
        _held.append(Registry(folder))  # and it is never closed: that would sync too
        _held[-1].register("model", content, alias="champion")

    calls = calls_of(register, about=folder)
    (named,) = at(calls, "linkat", ".pack")
    (pack,) = folder.glob("blobs/packs/*/*.pack")
    written, bytes_synced = at(calls, "write", "/blobs/.tmp/")[-1], at(calls, "fsync", "/blobs/.tmp/")[0]
    name_synced = next(number for number in at(calls, "fsync", f"<{pack.parent}>") if number > named)
    indexed = next(number for number in at(calls, "pwrite64", "index.db-wal") if number > named)
    changes = [number for number in at(calls, "pwrite64", "catalog.db-wal") if number > bytes_synced]
    commits = at(calls, "fdatasync", "catalog.db-wal") + at(calls, "fsync", "catalog.db-wal")
    assert written < bytes_synced < named < name_synced < indexed < changes[0] <= changes[-1] < max(commits)
    assert at(calls, "pwrite64", "catalog.db-wal")[0] >= changes[0]  # nothing of the version is there before
