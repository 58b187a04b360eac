import pytest

from ama_tfx.storage.objects import ObjectStore, open_objects
from ama_tfx.testing.object_store import ObjectStoreContract


class TestS3(ObjectStoreContract):
    @pytest.fixture
    def objects(self, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
        store = open_objects(s3_url)
        monkeypatch.setattr(store, "_single_put_bytes", 8_000_000)
        return store


class TestAzure(ObjectStoreContract):
    @pytest.fixture
    def objects(self, azure_url: str, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
        store = open_objects(azure_url)
        monkeypatch.setattr(store, "_single_put_bytes", 8_000_000)
        return store
