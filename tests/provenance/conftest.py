"""Metadata stores in memory, and in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ama_tfx.provenance import History
from ama_tfx.provenance.reading import RunReader
from ama_tfx.testing.run_store import RunStoreWriter


def memory_store() -> RunStoreWriter:
    """Return a writer to ML Metadata's database in memory."""
    from ml_metadata.proto import metadata_store_pb2

    config = metadata_store_pb2.ConnectionConfig()
    config.fake_database.SetInParent()
    return RunStoreWriter(config)


def history_in(writer: RunStoreWriter) -> History:
    return History(RunReader(writer.store))


@pytest.fixture
def writer() -> RunStoreWriter:
    pytest.importorskip("ml_metadata")
    return memory_store()


@pytest.fixture
def history(writer: RunStoreWriter) -> History:
    """What `writer` wrote."""
    return history_in(writer)


@pytest.fixture
def file_store(tmp_path: Path) -> Callable[[], RunStoreWriter]:
    return lambda: RunStoreWriter(tmp_path / "metadata.db")
