import io

import pytest

from ama_tfx.errors import BackendError
from ama_tfx.testing import BlobStoreContract, MemoryBlobStore


class TestMemoryBlobStore(BlobStoreContract):
    @pytest.fixture
    def store(self):
        return MemoryBlobStore()

    def damage(self, store, digest):
        assert digest in store.content
        store.content[digest] = b"hellO"


def test_failures_are_raised_one_per_commit_and_store_nothing():
    store = MemoryBlobStore()
    store.failures += [BackendError("first"), BackendError("second")]
    for message in ("first", "second"):
        with pytest.raises(BackendError, match=message):
            store.put(io.BytesIO(b"hello"))
    assert list(store.blobs()) == []
    assert store.put(io.BytesIO(b"hello")).created
