import pytest

from ama_tfx.storage import PackStore


@pytest.fixture
def blob_store(tmp_path):
    return PackStore.in_folder(tmp_path / "blobs")
