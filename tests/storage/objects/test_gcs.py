import pytest

from ama_tfx.storage.objects import ObjectStore, open_objects
from ama_tfx.testing.object_store import ObjectStoreContract


class TestContract(ObjectStoreContract):
    @pytest.fixture
    def objects(self, gcs_url: str) -> ObjectStore:
        return open_objects(gcs_url)
