import pytest

from ama_tfx.storage import LocalBlobStore


@pytest.fixture
def blob_store(tmp_path):
    return LocalBlobStore(tmp_path / "blobs")
